"""The Panorama history: joined and removed firewalls, and commits, from Panorama's responses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from xml.etree.ElementTree import Element

import pytest
from defusedxml.ElementTree import fromstring

from vmseries_scenarios.demo import panorama
from vmseries_scenarios.demo.model import Device, Job
from vmseries_scenarios.demo.panorama_history import PanoramaHistory, lines

START = 1_800_000_000.0  # 08:00:00
SERIAL, INSTANCE = "007951000000123", "i-0aaaaaaaaaaaaaaaa"
NEW = Device(SERIAL, INSTANCE, connected=True, connected_at=START, group="out", stack="out")
SYNCED = replace(NEW, group="in sync", stack="in sync")
PUSH = Job(8, "CommitAll", "", "", "OK", START, START + 240, frozenset({SERIAL}))
TAGS = {INSTANCE: SERIAL}


def commit(number: int, queued: float, finished: float | None = None, result: str = "OK") -> Job:
    what = "edge: remove 1 firewalls"
    return Job(number, "Commit", "autoscale", what, result, START + queued, finished)


class Answers:
    """A lab that responds to Panorama's commands."""

    def __init__(self, **answers: str) -> None:
        self.answers = answers
        self.panorama = self

    def request(self, **parameters: str) -> Element:
        command = fromstring(parameters["cmd"])[0].tag
        text = f"<response status='success'><result>{self.answers[command]}</result></response>"
        answer: Element = fromstring(text)
        return answer


def test_devices_are_read_from_panoramas_responses() -> None:
    """Panorama knows only the serial number of a firewall that has never connected."""
    answers: dict[str, Any] = {
        "devicegroups": "<devicegroups><entry name='autoscale'><devices><entry name='1'>"
        "<serial>1</serial><shared-policy-status>In Sync</shared-policy-status></entry>"
        "<entry name='2'><serial>2</serial></entry></devices></entry>"
        "<entry name='empty'/></devicegroups>",
        "template-stack": "<template-stack><entry name='stack'><devices><entry name='1'>"
        "<serial>1</serial><template-status>Out of Sync</template-status></entry></devices></entry>"
        "</template-stack>",
        "devices": "<devices><entry name='1'><serial>1</serial><connected>yes</connected>"
        "<hostname>i-1</hostname><connected-at>2027/01/15 08:00:00</connected-at></entry>"
        "<entry name='2'><serial>2</serial><connected>no</connected></entry></devices>",
    }
    lab: Any = Answers(**answers)
    assert panorama.devices(lab) == {
        "1": Device("1", "i-1", connected=True, connected_at=START, group="in sync", stack="out"),
        "2": Device("2"),
    }


def test_jobs_are_read_from_panoramas_responses() -> None:
    jobs = (
        "<job><id>10</id><type>CommitAll</type><user/><result>FAIL</result>"
        "<tenq>2027/01/15 08:00:10</tenq><tfin>2027/01/15 08:04:10</tfin><description/><devices>"
        "<entry><serial-no>1</serial-no><result>OK</result></entry>"
        "<entry><serial-no>2</serial-no><result>FAIL</result></entry></devices></job>"
        "<job><id>9</id><type>Commit</type><user>autoscale</user><result>PEND</result>"
        "<tenq>2027/01/15 08:00:00</tenq><tfin>Still Active</tfin>"
        "<description>x</description></job>"
    )
    lab: Any = Answers(jobs=jobs)
    assert panorama.jobs(lab) == [
        Job(9, "Commit", "autoscale", "x", "PEND", START),
        Job(10, "CommitAll", "", "", "FAIL", START + 10, START + 250, frozenset({"1"})),
    ]


def test_a_firewall_joins_is_tagged_and_is_removed() -> None:
    history = PanoramaHistory()
    devices = {SERIAL: NEW}
    assert history.add(START + 10, devices, [], {}, {SERIAL}) == [
        (START, f"{INSTANCE} joined Panorama: serial {SERIAL}")
    ]
    membership = history.of(INSTANCE)
    assert membership is not None
    assert (membership.connection, membership.license, membership.synced) == (
        "connected",
        "used",
        None,
    )
    half = {SERIAL: replace(SYNCED, stack="out")}
    assert history.add(START + 90, half, [PUSH], TAGS, {SERIAL}) == [
        (START + 90, f"{INSTANCE} is tagged: serial {SERIAL}")
    ]
    assert history.add(START + 300, {SERIAL: SYNCED}, [PUSH], TAGS, {SERIAL}) == [
        (START + 240, f"{INSTANCE} is in sync: device group and template stack")
    ]
    waiting = commit(12, 900, result="PEND")
    assert history.add(START + 910, {SERIAL: SYNCED}, [PUSH, waiting], TAGS, set()) == [
        (START + 900, "commit 12 of autoscale is queued on Panorama: edge: remove 1 firewalls")
    ]
    assert history.add(START + 990, {}, [PUSH, commit(12, 900, START + 930)], TAGS, set()) == [
        (START + 930, "commit 12 is finished: OK"),
        (START + 930, f"{INSTANCE} left Panorama by commit 12: serial {SERIAL}"),
    ]
    assert (membership.connection, membership.device.group, membership.license) == (
        "removed",
        "-",
        "returned",
    )
    assert history.add(START + 999, {}, [commit(12, 900, START + 930)], {}, set()) == []
    assert [" ".join(line.split()) for line in lines(history)] == [
        "Panorama's firewalls:",
        "serial instance joined in sync after left license",
        f"{SERIAL} {INSTANCE} 08:00:00 4 min 00 s 08:15:30 (commit 12) returned",
        "Panorama's commits:",
        "job queued finished by result description",
        "12 08:15:00 08:15:30 autoscale OK edge: remove 1 firewalls",
    ]
    headings, row = lines(history)[1:3]
    assert headings.index("left") == row.index("08:15:30")


@pytest.mark.parametrize(
    "jobs",
    [
        pytest.param([], id="none"),
        pytest.param([commit(1, 0, START + 9)], id="an old one"),
        pytest.param([commit(1, 20, START + 40, "FAIL")], id="a failed one"),
        pytest.param([commit(1, 20, START + 40), commit(2, 30, START + 70)], id="two"),
    ],
)
def test_an_ambiguous_commit_is_not_named(jobs: list[Job]) -> None:
    history = PanoramaHistory()
    history.add(START + 10, {SERIAL: NEW}, [], {}, set())
    history.add(START + 80, {}, jobs, {}, set())
    membership = history.memberships[SERIAL]
    assert (membership.left, membership.commit) == (START + 80, None)


def test_what_was_not_observed_is_marked() -> None:
    history = PanoramaHistory()
    history.add(START, {SERIAL: Device(SERIAL)}, [commit(3, 0, result="PEND")], {}, set())
    assert [" ".join(line.split()) for line in lines(history)[2::3]] == [
        f"{SERIAL} not observed (not tagged) never still there -",
        "3 08:00:00 not observed autoscale PEND edge: remove 1 firewalls",
    ]
    assert history.memberships[SERIAL].connection == "disconnected"


def test_an_empty_history_has_headings() -> None:
    assert len(lines(PanoramaHistory())) == 4
