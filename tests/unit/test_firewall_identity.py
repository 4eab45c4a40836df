"""Firewalls are identified by the strongest evidence, and never if it is ambiguous."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmseries_autoscale import firewall_identity
from vmseries_autoscale.aws import tags
from vmseries_autoscale.firewall_identity import Evidence, Identity, Unidentified, tags_for
from vmseries_autoscale.panorama import Device

ID = "i-0123456789abcdef0"
IP = "10.0.1.5"
OTHER = "i-0fedcba9876543210"
OURS = Device("001", "pa-vm", IP, True, "In Sync", "In Sync")

identify = partial(firewall_identity.identify, other_instance_with_serial=lambda _serial: None)


@pytest.mark.documents(id="readiness/identity/evidence")
@pytest.mark.parametrize(
    ("own_tags", "devices", "expected"),
    [
        ({tags.SERIAL: "777"}, [replace(OURS, hostname=ID)], ("777", Evidence.SERIAL_TAG)),
        ({}, [replace(OURS, hostname=ID)], ("001", Evidence.HOSTNAME)),
        ({}, [replace(OURS, hostname=f"{ID.upper()}.ec2.internal")], ("001", Evidence.HOSTNAME)),
        ({}, [replace(OURS, hostname=ID, connected=False)], ("001", Evidence.HOSTNAME)),
        ({}, [replace(OURS, hostname=ID), Device("002", "x", IP)], ("001", Evidence.HOSTNAME)),
        ({}, [OURS, Device("002", "x", "10.0.1.6")], ("001", Evidence.MANAGEMENT_IP)),
        ({tags.SERIAL: "1' or '1'='1"}, [OURS], ("001", Evidence.MANAGEMENT_IP)),
    ],
)
def test_the_strongest_evidence_identifies_the_firewall(
    own_tags: dict[str, str], devices: list[Device], expected: tuple[str, Evidence]
) -> None:
    assert identify(ID, own_tags, IP, devices) == Identity(*expected)


@pytest.mark.parametrize(
    ("devices", "reason"),
    [
        ([], "lists no firewall"),
        ([Device("001")], "lists no firewall"),
        ([replace(OURS, hostname=ID), Device("002", ID)], "several firewalls have the host name"),
        ([OURS, Device("002", "x", IP)], "several firewalls have the management address"),
        ([replace(OURS, hostname=OTHER)], f"has the host name {OTHER}"),
        ([replace(OURS, policy_status=None)], "not in the configured device group"),
        ([replace(OURS, template_status=None)], "not in the configured template stack"),
        ([replace(OURS, connected=False)], "is not connected"),
    ],
)
def test_without_evidence_the_reason_is_given(devices: list[Device], reason: str) -> None:
    identity = identify(ID, {}, IP, devices)
    assert isinstance(identity, Unidentified)
    assert reason in identity.reason


def test_no_address_matches_no_address() -> None:
    assert isinstance(identify(ID, {}, None, [replace(OURS, ip_address="")]), Unidentified)


def test_a_firewall_tagged_for_another_instance_is_not_matched() -> None:
    identity = identify(ID, {}, IP, [OURS], other_instance_with_serial={"001": OTHER}.get)
    assert isinstance(identity, Unidentified)
    assert identity.reason.endswith(f"but belongs to {OTHER} by its serial tag")


def test_other_instances_are_checked_only_if_the_address_is_the_only_evidence() -> None:
    checked: list[str] = []
    for own_tags, known in (
        ({tags.SERIAL: "001"}, [OURS]),
        ({}, [replace(OURS, hostname=ID)]),
        ({}, [replace(OURS, connected=False)]),
        ({}, []),
    ):
        identify(ID, own_tags, IP, known, other_instance_with_serial=checked.append)
    assert checked == []
    identify(ID, {}, IP, [OURS], other_instance_with_serial=checked.append)
    assert checked == ["001"]


def test_later_visits_read_the_serial_number_from_the_tag() -> None:
    identity = Identity("001", Evidence.HOSTNAME)
    assert identify(ID, tags_for(identity), None, []) == Identity("001", Evidence.SERIAL_TAG)
    assert tags_for(identity)[tags.SERIAL_EVIDENCE] == "hostname"


serials = st.sampled_from([f"00{n}" for n in range(6)])
devices = st.builds(
    Device,
    serial=serials,
    hostname=st.sampled_from([ID, f"{ID}.local", OTHER, "pa-vm", ""]),
    ip_address=st.sampled_from([IP, "10.0.1.6", ""]),
    connected=st.booleans(),
    policy_status=st.sampled_from(["In Sync", "Out of Sync", None]),
    template_status=st.sampled_from(["In Sync", "Out of Sync", None]),
)


@pytest.mark.documents(id="readiness/identity/unique")
@given(
    st.lists(devices, unique_by=lambda device: device.serial),
    st.sampled_from([IP, None]),
    st.dictionaries(serials, st.just(OTHER)),
)
def test_a_match_is_always_the_only_one(
    known: list[Device], ip: str | None, others: dict[str, str]
) -> None:
    identity = identify(ID, {}, ip, known, other_instance_with_serial=others.get)
    if isinstance(identity, Unidentified):
        return
    (device,) = [device for device in known if device.serial == identity.serial]
    named = [other for other in known if other.hostname.split(".")[0] == ID]
    if identity.evidence is Evidence.HOSTNAME:
        assert named == [device]
    else:
        assert named == []
        assert [other for other in known if other.ip_address == ip] == [device]
        assert device.connected
        assert device.serial not in others
        assert None not in (device.policy_status, device.template_status)
        assert not device.hostname.startswith("i-")


@pytest.mark.documents(id="failure-modes/D2")
@given(st.lists(devices, unique_by=lambda device: device.serial))
def test_two_instances_never_match_the_same_firewall(known: list[Device]) -> None:
    first, second = identify(ID, {}, IP, known), identify(OTHER, {}, "10.0.1.6", known)
    if isinstance(first, Identity) and isinstance(second, Identity):
        assert first.serial != second.serial


NAT = "203.0.113.9"


@pytest.mark.documents(id="panorama/shared/same-address")
@pytest.mark.documents(id="readiness/identity/overlapping")
@pytest.mark.parametrize(
    ("situation", "known"),
    [
        ("a reused address", [replace(OURS, hostname=OTHER)]),
        (
            "a reused address, old firewall disconnected",
            [replace(OURS, hostname=OTHER, connected=False)],
        ),
        ("an old firewall with another name", [replace(OURS, connected=False)]),
        ("another VPC, another group", [replace(OURS, policy_status=None, template_status=None)]),
        ("another VPC, another stack", [replace(OURS, template_status=None)]),
        ("both VPCs", [OURS, Device("002", "pa-vm", IP, True, "In Sync", "In Sync")]),
        ("both VPCs, one disconnected", [OURS, replace(OURS, serial="002", connected=False)]),
        ("behind NAT", [replace(OURS, ip_address=NAT)]),
        ("two behind NAT", [replace(OURS, ip_address=NAT), Device("002", "", NAT, True)]),
        ("never registered", [Device("001")]),
        ("a serial in two entries", [replace(OURS, hostname=ID), replace(OURS, serial="002")] * 2),
    ],
)
def test_a_similar_firewall_is_not_matched(situation: str, known: list[Device]) -> None:
    assert isinstance(identify(ID, {}, IP, known), Unidentified), situation


@pytest.mark.documents(id="readiness/identity/nat")
@pytest.mark.parametrize("address", [NAT, "", IP])
def test_behind_nat_the_host_name_identifies_the_firewall(address: str) -> None:
    """All firewalls behind NAT may have the same address."""
    known = [
        replace(OURS, hostname=ID, ip_address=address),
        replace(OURS, serial="002", hostname=OTHER, ip_address=address),
    ]
    assert identify(ID, {}, IP, known) == Identity("001", Evidence.HOSTNAME)
    assert identify(OTHER, {}, IP, known) == Identity("002", Evidence.HOSTNAME)
