"""Recordings of Panorama's answers have the form of an answer, and none of its values."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st

from vmseries_autoscale.recording import vocabulary
from vmseries_autoscale.recording.neutral import Neutralizer
from vmseries_autoscale.recording.shape import MAXIMUM_PATHS, MAXIMUM_SAMPLE, describe

TAGS = ("response", "result", "entry", "serial", "hostname", "ip-address", "id", "type", "devices")
HEX = "0123456789abcdef"
ANY_LETTER = st.characters(categories=("L", "N"))

SECRETS: dict[str, st.SearchStrategy[str]] = {
    "serial": st.text("0123456789", min_size=12, max_size=15),
    "address": st.ip_addresses().map(str),
    "mac": st.lists(st.text(HEX, min_size=2, max_size=2), min_size=6, max_size=6).map(":".join),
    "instance": st.text(HEX, min_size=17, max_size=17).map("i-{}".format),
    "ip-name": st.ip_addresses(v=4).map(lambda one: f"ip-{str(one).replace('.', '-')}"),
    "cpu-id": st.text(HEX, min_size=17, max_size=17).map("AWSMP:{}:e9yfvyj3uag5uo:eu-a".format),
    "uuid": st.uuids().map(str),
    "key": st.text(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=",
        min_size=24,
        max_size=60,
    ),
    "name": st.text(st.characters(categories=("L", "N")), min_size=6, max_size=20).map(
        "Zq{}".format
    ),
    "sentence": st.text(st.characters(categories=("L",)), min_size=6).map("push to {}: Zq1".format),
    "xpath": st.text("abcdefgh", min_size=8, max_size=12).map(
        "/config/devices/entry[@name='Zq{}']".format
    ),
    "number": st.integers(10**8, 10**11 - 1).map(str),
}
"""Values of every kind that says something about a deployment."""

Draw = Callable[[st.SearchStrategy[Any]], Any]
values = st.one_of(*SECRETS.values())


def tree(
    draw: Callable[[st.SearchStrategy[Any]], Any], texts: st.SearchStrategy[str]
) -> ET.Element:
    root = ET.Element("response", status="success")
    places = [root]
    for _ in range(draw(st.integers(1, 12))):
        parent = draw(st.sampled_from(places))
        child = ET.SubElement(parent, draw(st.sampled_from(TAGS)))
        if draw(st.booleans()):
            child.text = draw(texts)
        if draw(st.booleans()):
            child.set("name", draw(texts))
        places.append(child)
    return root


@st.composite
def answers(draw: Any) -> ET.Element:
    return tree(draw, values)


def pieces(value: str) -> set[str]:
    """The value, and the parts of it that identify something."""
    parts = re.findall(r"[^\s/:'\"\[\]@=]{6,}", value)
    return {value, *parts} - {"config", "devices"}


@given(st.lists(answers(), min_size=1, max_size=3))
def test_no_value_of_an_answer_survives(several: list[ET.Element]) -> None:
    neutralizer = Neutralizer({})
    recorded = json.dumps([describe(one, neutralizer) for one in several], ensure_ascii=False)
    for answer in several:
        for element in answer.iter():
            for value in (element.text or "", *element.attrib.values()):
                if value and not vocabulary.is_known(element.tag, value):
                    for piece in pieces(value):
                        assert piece not in recorded


@st.composite
def twins(draw: Any) -> tuple[ET.Element, ET.Element]:
    """Two answers of one form, whose values have the same kinds and lengths and nothing else."""
    kinds = [draw(st.sampled_from(("serial", "address", "mac", "instance"))) for _ in range(3)]
    pairs = []
    for kind in kinds:
        one = draw(SECRETS[kind])
        other = draw(SECRETS[kind].filter(lambda found, one=one: len(found) == len(one)))
        pairs.append((one, other))
    firsts, seconds = {one for one, _ in pairs}, {other for _, other in pairs}
    if len(firsts) < len(pairs) or len(seconds) < len(pairs):
        pairs = pairs[:1]
    template = tree(draw, st.integers(0, len(pairs) - 1).map("@{}".format))

    def filled(side: int) -> ET.Element:
        copy = fromstring(ET.tostring(template))
        for element in copy.iter():
            if element.text:
                element.text = pairs[int(element.text[1:])][side]
            for name, value in element.attrib.items():
                if value.startswith("@"):
                    element.set(name, pairs[int(value[1:])][side])
        return copy

    return filled(0), filled(1)


@given(twins())
def test_answers_that_differ_in_their_values_only_have_one_recording(
    pair: tuple[ET.Element, ET.Element],
) -> None:
    first, second = (describe(one, Neutralizer({})) for one in pair)
    assert first == second


def recorded(text: str, known: dict[str, str] | None = None) -> dict[str, Any]:
    return describe(fromstring(text), Neutralizer(known or {}))


def test_one_value_has_one_placeholder_in_all_answers() -> None:
    neutralizer = Neutralizer({"fw-prod": "our-device-group"})
    assert neutralizer.value("serial", "007951000012345") == "serial-1"
    assert neutralizer.value("name", "fw-prod") == "our-device-group"
    assert neutralizer.value("serial", "007951000012346") == "serial-2"
    assert neutralizer.value("@name", "007951000012345") == "serial-1"


@pytest.mark.parametrize(
    ("owner", "text", "placeholder"),
    [
        ("serial", "unknown", "unknown"),
        ("serial", "ABC", "serial-1"),
        ("hostname", "i-0123456789abcdef0", "instance-1"),
        ("hostname", "i-0123456789abcdef0.ec2.internal", "instance-1.domain"),
        ("hostname", "ip-10-0-0-7", "ip-name-of-address-1"),
        ("hostname", "PA-VM", "PA-VM"),
        ("vm-cpuid", "AWSMP:0123456789abcdef0:e9yf:us-east-1", "AWSMP:instance-1:text:text"),
        ("vm-license", "VM-SERIES-4", "VM-SERIES-4"),
        ("hostname", "VM-SERIES-4", "text-1"),
        ("sw-version", "11.2.15-h1", "11.2.15-h1"),
        ("hostname", "11.2.15", "text-1"),
        ("uptime", "3 days, 4:05:06", "time-1"),
        ("time", "2026/11/30 04:05:06", "time-1"),
        ("address", "1111:2222:3333::4444", "address-1"),
        ("mac-address", "0A:11:22:33:44:55", "mac-1"),
        ("ip", "2001:db8::1", "address-1"),
        ("ip", "10.0.0.0/8", "network-1"),
        ("progress", "100", "number-1"),
        ("xpath", "/config/shared/entry[@name='fw']", "/config/shared/entry[text-1]"),
        ("status", "FIN", "FIN"),
        ("x", "", ""),
    ],
)
def test_kinds_and_known_words_stay(owner: str, text: str, placeholder: str) -> None:
    assert Neutralizer({}).value(owner, text) == placeholder


def test_a_value_of_ec2_is_recognized_in_an_answer() -> None:
    known = {
        "i-0123456789abcdef0": "ec2-instance-1",
        "10.0.0.7": "address-of-ec2-instance-1-interface-1",
        "0a:11:22:33:44:55": "mac-of-ec2-instance-1-interface-1",
    }
    neutralizer = Neutralizer(known)
    assert neutralizer.value("hostname", "i-0123456789abcdef0.local") == "ec2-instance-1.domain"
    assert neutralizer.value("hostname", "ip-10-0-0-7") == (
        "ip-name-of-address-of-ec2-instance-1-interface-1"
    )
    assert neutralizer.value("mac", "0A-11-22-33-44-55") == "mac-of-ec2-instance-1-interface-1"
    assert (
        neutralizer.value("cpu", "AWSMP:0123456789abcdef0:a:b") == "AWSMP:ec2-instance-1:text:text"
    )


@pytest.mark.parametrize(
    "tag", ["fw-prod", "x-fw-prod-x", "a007951000012345", "x" * 49, "i-0a1b.c"]
)
def test_an_element_that_is_called_like_a_value_is_hidden(tag: str) -> None:
    known = {"fw-prod": "our-device-group", "i-0a1b.c": "ec2-instance-1"}
    answer = recorded(f"<response><{tag}>yes</{tag}></response>", known)
    assert tag not in json.dumps(answer)
    assert "yes" in json.dumps(answer)


def test_an_element_that_is_called_like_a_value_of_its_answer_is_hidden() -> None:
    answer = recorded("<response><finance/><name>finance</name><xpath>/finance</xpath></response>")
    assert "finance" not in json.dumps(answer)


JOBS = """<response status="success"><result>
<job><id>57</id><type>Commit</type><status>FIN</status></job>
<job><id>57</id><type>Commit</type><status>ACT</status></job>
<job><id>56</id><type>CommitAll</type><status>FIN</status></job>
{more}</result></response>"""


def test_f3_a_recording_shows_an_id_that_occurs_twice_and_pushes_without_devices() -> None:
    more = "".join(
        f"<job><id>{n}</id><type>Commit</type><status>FIN</status></job>" for n in range(20)
    )
    answer = recorded(JOBS.format(more=more))
    ids = answer["elements"]["response/result/job/id"]
    assert (ids["count"], ids["different"]) == (23, 22)
    assert answer["elements"]["response/result/job/type"]["kinds"] == {"Commit": 22, "CommitAll": 1}
    assert not any("devices" in path for path in answer["elements"])
    sample = fromstring(answer["sample"])
    shown = [tuple(child.text for child in job) for job in sample.iterfind("result/job")]
    assert shown == [
        ("number-1", "Commit", "FIN"),
        ("number-1", "Commit", "ACT"),
        ("number-2", "CommitAll", "FIN"),
        ("number-3", "Commit", "FIN"),
        ("number-4", "Commit", "FIN"),
    ]
    assert "<!-- 18 more -->" in answer["sample"]


def test_a_long_answer_has_a_bounded_recording() -> None:
    rows = "".join(f"<e{n % 700}x><serial>{n}</serial></e{n % 700}x>" for n in range(4000))
    answer = recorded(f"<response>{rows}</response>")
    assert len(answer["elements"]) == MAXIMUM_PATHS
    assert answer["paths_left_out"] > 1000
    assert sum(1 for _ in fromstring(answer["sample"]).iter()) <= MAXIMUM_SAMPLE
