"""The firewalls and groups that the Panorama client reads."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from defusedxml.ElementTree import fromstring

from component.fakes.panorama_api import (
    LOCALHOST,
    OTHER,
    SERIAL,
)
from component.fakes.xml_server import Answer, XmlApi, error, success
from vmseries_autoscale.errors import (
    DeviceRefusedError,
)
from vmseries_autoscale.panorama import Device, Part, Place
from vmseries_autoscale.panorama.client import PanOsPanorama

# Devices.


DEVICES = f"""<response status="success"><result><devices>
<entry name="{SERIAL}"><serial>{SERIAL}</serial><connected>yes</connected>
<hostname>i-0abc</hostname><ip-address>10.0.1.5</ip-address></entry>
<entry name="007951000000099"><serial>007951000000099</serial><connected>no</connected>
<deactivated>yes</deactivated></entry>
</devices></result></response>"""


GROUPS = f"""<response status="success"><result><devicegroups><entry name="DG"><devices>
<entry name="{SERIAL}"><serial>{SERIAL}</serial><connected>yes</connected>
<hostname>i-0abc</hostname><ip-address>10.0.1.5</ip-address>
<vsys><entry name="vsys1"><shared-policy-status>In Sync</shared-policy-status></entry></vsys>
</entry></devices></entry></devicegroups></result></response>"""


STACKS = f"""<response status="success"><result><template-stack><entry name="TS"><devices>
<entry name="{SERIAL}"><serial>{SERIAL}</serial><connected>yes</connected>
<hostname>i-0abc</hostname><ip-address>10.0.1.5</ip-address>
<template-status>Out of Sync</template-status></entry>
</devices></entry></template-stack></result></response>"""


OURS = Device(SERIAL, "i-0abc", "10.0.1.5", True, "In Sync", "Out of Sync", "DG", "TS")


def lists(groups: str = GROUPS, stacks: str = STACKS) -> Callable[[dict[str, str]], Answer]:
    """Respond with these lists, whatever name a request has."""
    bodies = {"devices": DEVICES, "devicegroups": groups, "template-stack": stacks}
    bodies["log-collector-group"] = success(
        f"<log-collector-group><entry name='LCG 7'><device-list><entry name='{SERIAL}'/>"
        "</device-list></entry></log-collector-group>"
    )
    return lambda fields: Answer(bodies[fromstring(fields["cmd"])[0].tag])


def test_devices_are_joined_from_three_lists(api: XmlApi, panorama: PanOsPanorama) -> None:
    api.reply = lists()
    assert panorama.devices() == [OURS, Device("007951000000099")]
    assert {request["cmd"] for request in api.requests} == {
        "<show><devices><all /></devices></show>",
        "<show><devicegroups><name>DG</name></devicegroups></show>",
        "<show><template-stack><name>TS</name></template-stack></show>",
    }


@pytest.mark.documents(id="panorama/contention/one-list")
def test_launches_and_terminations_read_two_group_answers_only(
    api: XmlApi, panorama: PanOsPanorama
) -> None:
    """F9: the list of all devices grows with other people's firewalls."""
    api.reply = lists()
    members = panorama.members()
    assert members == [OURS]
    assert [fromstring(request["cmd"])[0].tag for request in api.requests] == [
        "devicegroups",
        "template-stack",
    ]
    panorama.devices(members)
    assert len(api.requests) == 3, "the members are not read again"


def foreign(answer: str, name: str) -> str:
    """A response with another group besides ours, whose live firewall has our address."""
    other = (
        f'<entry name="{name}"><devices><entry name="007951000000077"><serial>007951000000077'
        "</serial><connected>yes</connected><hostname>prod-1</hostname><ip-address>10.0.1.5"
        "</ip-address><shared-policy-status>In Sync</shared-policy-status><template-status>In Sync"
        "</template-status></entry></devices></entry>"
    )
    kind = "devicegroups" if "<devicegroups>" in answer else "template-stack"
    return answer.replace(f"<{kind}>", f"<{kind}>{other}")


@pytest.mark.documents(id="panorama/contention/group-missing")
def test_an_answer_with_all_groups_does_not_make_a_stranger_ours(
    api: XmlApi, panorama: PanOsPanorama
) -> None:
    """F4: some releases ignore the name of the group (Azure-Transit-VNet, monitor.py)."""
    api.reply = lists(foreign(GROUPS, "DG2"), foreign(STACKS, "production"))
    assert [device.serial for device in panorama.members()] == [SERIAL]


@pytest.mark.documents(id="panorama/contention/group-missing")
@pytest.mark.parametrize(
    ("groups", "stacks", "missing"),
    [
        (success("<devicegroups/>"), STACKS, "device group DG"),
        (GROUPS.replace('"DG"', '"dg"'), STACKS, "device group DG"),
        (success(""), STACKS, "device group DG"),
        (GROUPS, STACKS.replace('"TS"', '"TS "'), "template stack TS"),
    ],
)
def test_an_answer_without_our_group_is_refused(
    api: XmlApi, panorama: PanOsPanorama, groups: str, stacks: str, missing: str
) -> None:
    """F4: nothing is concluded from a response about other groups."""
    api.reply = lists(groups, stacks)
    with pytest.raises(DeviceRefusedError, match=f"does not list the {missing}: create and commit"):
        panorama.members()


def test_an_empty_device_group_has_no_devices_element(api: XmlApi, panorama: PanOsPanorama) -> None:
    api.reply = lists(success('<devicegroups><entry name="DG"/></devicegroups>'))
    (device,) = panorama.members()
    assert (device.device_group, device.policy_status) == (None, None)
    assert (device.template_stack, device.template_status) == ("TS", "Out of Sync")


def test_the_groups_that_hold_a_firewall_are_named(api: XmlApi, panorama: PanOsPanorama) -> None:
    api.reply = lists(GROUPS.replace('"DG"', '"branch offices"'))
    places = panorama.groups_of([SERIAL, "007951000000098"], list(Part))
    assert places == {
        SERIAL: [
            Place(Part.TEMPLATE_STACK, "TS"),
            Place(Part.DEVICE_GROUP, "branch offices"),
            Place(Part.LOG_COLLECTOR_GROUP, "LCG 7"),
        ]
    }
    assert panorama.groups_of([], list(Part)) == {}
    assert len(api.requests) == 3


# Odd values.


@pytest.mark.documents(id="panorama/contention/odd-values")
def test_devices_without_a_serial_number_are_left_out(api: XmlApi, panorama: PanOsPanorama) -> None:
    long_name = "h" * 5000
    entries = [
        f"<entry name='{SERIAL}'><hostname>{long_name}\u202e</hostname></entry>",
        "<entry name='&quot;] | //*'/>",
        "<entry><serial>../..</serial></entry>",
        f"<entry name='{SERIAL}'><serial>{'1' * 5000}</serial></entry>",
        "<entry/>",
    ]
    api.answers(success(f"<devices>{''.join(entries)}</devices>"))
    (device,) = panorama.devices([])
    assert device.serial == SERIAL
    assert device.hostname == "h" * 1000 + "…"
    assert panorama.running_members()[Part.MANAGED_DEVICES] == {SERIAL}


# Any group that holds a firewall.


@pytest.mark.parametrize("running", [True, False], ids=["running", "candidate"])
def test_a_firewall_is_looked_for_in_the_groups_of_any_name(
    api: XmlApi, panorama: PanOsPanorama, running: bool
) -> None:
    """B4: with four small requests, however many firewalls Panorama manages."""

    def reply(fields: dict[str, str]) -> Answer:
        found = "template-stack" in fields["xpath"] or "mgt-config" in fields["xpath"]
        entry = f"<entry name='{SERIAL}'/><entry name='STRANGER'/>" if found else ""
        return Answer(success(entry) if found or not running else error("No such node"))

    api.reply = reply
    read = panorama.running_parts if running else panorama.candidate_parts
    parts = read([OTHER, SERIAL, "'] | //*[@name='x"])
    assert {part for part, serials in parts.items() if serials} == {
        Part.TEMPLATE_STACK,
        Part.MANAGED_DEVICES,
    }
    assert parts[Part.MANAGED_DEVICES] == {SERIAL}
    assert {request["action"] for request in api.requests} == {"show" if running else "get"}
    step = f"entry[@name='{OTHER}' or @name='{SERIAL}']"
    assert [request["xpath"] for request in api.requests] == [
        f"{LOCALHOST}/template-stack/entry/devices/{step}",
        f"{LOCALHOST}/device-group/entry/devices/{step}",
        f"{LOCALHOST}/log-collector-group/entry/logfwd-setting/devices/{step}",
        f"/config/mgt-config/devices/{step}",
    ]
    assert read([]) == {}
    assert len(api.requests) == 4
