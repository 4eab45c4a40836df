"""A firewall is taken for an instance's only by signals that agree; doubt touches nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmseries_autoscale import firewall_identity
from vmseries_autoscale.aws import tags
from vmseries_autoscale.aws.instances import Instance
from vmseries_autoscale.aws.network.state import Interface
from vmseries_autoscale.firewall_identity import (
    Ambiguous,
    Identity,
    Misplaced,
    OtherInstance,
    Result,
    Signal,
    Subject,
    Undecided,
    Unidentified,
    other_instances,
)
from vmseries_autoscale.firewall_records import FirewallRecord
from vmseries_autoscale.pan_os.system_info import SystemInfo
from vmseries_autoscale.panorama import Device

ID = "i-0123456789abcdef0"
IP = "10.0.1.5"
OTHER = "i-0fedcba9876543210"
OTHER_IP = "10.0.1.6"
NAT_ADDRESS = "203.0.113.9"
OUR_MAC, OTHER_MAC = "06:00:00:00:00:01", "06:00:00:00:00:02"
OURS = Device("001", "pa-vm", IP, True, "In Sync", "In Sync")
NAMED = replace(OURS, hostname=ID)
FOREIGN = Device("777", "dc-core-fw1", "192.168.0.1", True)
RUNNING = Subject(ID, management_ip=IP, macs=frozenset({OUR_MAC}))
KNOWN = replace(RUNNING, serial="001")
GONE = Subject(ID, exists=False)
M, R, H, A = Signal.MEMBERSHIP, Signal.RECORD, Signal.HOSTNAME, Signal.MANAGEMENT_IP
MAC, CPU = Signal.MAC, Signal.CPU_ID


def other(
    serial: str | None = None,
    address: str | None = None,
    *,
    exists: bool = True,
    recorded: bool = True,
) -> OtherInstance:
    addresses = frozenset(filter(None, [address]))
    return OtherInstance(OTHER, serial, addresses, exists, frozenset({OTHER_MAC}), recorded)


def identify(
    subject: Subject, devices: Sequence[Device], *others: OtherInstance, **says: SystemInfo
) -> Result:
    """Identify with what each firewall says about itself, by "S" and its serial number."""
    return firewall_identity.identify(
        subject, devices, lambda: others, lambda serial: says.get(f"S{serial}")
    )


def says(mac: str = "", cpu_id: str = "") -> SystemInfo:
    return SystemInfo(None, mac=mac, cpu_id=cpu_id)


@pytest.mark.documents(id="readiness/identity/evidence")
@pytest.mark.parametrize(
    ("subject", "devices", "signals"),
    [
        (RUNNING, [NAMED], {M, H, A}),
        (RUNNING, [replace(NAMED, hostname=f"{ID.upper()}.ec2.internal")], {M, H, A}),
        (RUNNING, [replace(NAMED, connected=False)], {M, H, A}),
        (RUNNING, [OURS, replace(OURS, serial="002", ip_address=OTHER_IP)], {M, A}),
        (RUNNING, [replace(OURS, hostname="")], {M, A}),
        (RUNNING, [NAMED, Device("002", "x", IP)], {M, H, A}),
        (RUNNING, [NAMED, replace(OURS, serial="002", connected=False)], {M, H, A}),
        (KNOWN, [NAMED], {M, R, H, A}),
        (KNOWN, [replace(OURS, connected=False)], {M, R, A}),
        (KNOWN, [OURS, replace(OURS, serial="002", connected=False)], {M, R, A}),
        (KNOWN, [replace(NAMED, ip_address="")], {M, R, H}),
        (replace(KNOWN, management_ip=None), [NAMED], {M, R, H}),
        (replace(GONE, serial="001"), [NAMED], {M, R, H}),
        (replace(GONE, serial="001"), [replace(OURS, connected=False)], {M, R}),
        (GONE, [replace(NAMED, connected=False)], {M, H}),
    ],
)
def test_signals_that_agree_identify_the_firewall(
    subject: Subject, devices: list[Device], signals: set[Signal]
) -> None:
    assert identify(subject, devices) == Identity("001", frozenset(signals))


@pytest.mark.documents(id="readiness/identity/never-registered")
@pytest.mark.parametrize(
    ("subject", "devices"),
    [
        (RUNNING, []),
        (RUNNING, [Device("001")]),
        (RUNNING, [FOREIGN]),
        (RUNNING, [replace(OURS, ip_address=OTHER_IP)]),
        (RUNNING, [replace(OURS, policy_status=None, template_status=None)]),
        (RUNNING, [replace(OURS, hostname=OTHER)]),
        (replace(RUNNING, management_ip=None), [replace(OURS, ip_address="")]),
        (replace(RUNNING, management_ip=None), [NAMED]),
        (replace(KNOWN, management_ip=None), [OURS]),
    ],
    ids=str,
)
def test_an_instance_whose_firewall_is_not_in_panorama_is_no_reason_for_doubt(
    subject: Subject, devices: list[Device]
) -> None:
    result = identify(subject, devices)
    assert isinstance(result, Unidentified)
    assert result.unlisted_serial is None


def test_a_tag_whose_firewall_panorama_does_not_list_is_no_identity() -> None:
    """Such as after its removal, when an older entry with the same address may exist."""
    old = replace(OURS, serial="002", connected=False)
    for devices in ([], [FOREIGN], [old]):
        result = identify(KNOWN, devices)
        assert isinstance(result, Unidentified)
        assert result.unlisted_serial == "001"


@pytest.mark.documents(id="readiness/identity/one-signal")
@pytest.mark.parametrize(
    ("subject", "devices", "reason"),
    [
        (RUNNING, [replace(NAMED, ip_address="")], "shows no management address of 001, and only"),
        (RUNNING, [replace(NAMED, ip_address="unknown")], "only its host name names"),
        (RUNNING, [replace(NAMED, ip_address="::")], "only its host name names"),
        (KNOWN, [replace(OURS, hostname="", ip_address="")], "only its serial number names"),
        (
            replace(GONE, serial="001"),
            [Device("001", "", "", False, "", "")],
            "no management address",
        ),
        (GONE, [NAMED], "connected to Panorama although the instance has terminated"),
        (replace(GONE, serial="001"), [OURS], "only its serial number names the instance"),
    ],
)
def test_one_signal_waits_for_a_second_one_that_panorama_may_show_later(
    subject: Subject, devices: list[Device], reason: str
) -> None:
    result = identify(subject, devices)
    assert isinstance(result, Undecided)
    assert reason in result.reason


@pytest.mark.documents(id="readiness/identity/same-name")
@pytest.mark.documents(id="readiness/identity/contradiction")
@pytest.mark.documents(id="security/identity/host-name")
@pytest.mark.documents(id="security/identity/serial-tag")
@pytest.mark.parametrize(
    ("subject", "devices", "reason"),
    [
        (RUNNING, [NAMED, replace(NAMED, serial="002")], "several firewalls in Panorama match"),
        (RUNNING, [OURS, replace(OURS, serial="002")], "several firewalls in Panorama match"),
        (RUNNING, [NAMED, replace(NAMED)], "several firewalls in Panorama match"),
        (RUNNING, [replace(NAMED, ip_address=OTHER_IP)], f"the management address {OTHER_IP}"),
        (RUNNING, [replace(FOREIGN, hostname=ID)], "not in the configured device group"),
        (RUNNING, [replace(NAMED, template_status=None)], "not in the configured template stack"),
        (RUNNING, [replace(OURS, connected=False)], "but is not connected"),
        (KNOWN, [replace(OURS, hostname=OTHER)], f"has the host name {OTHER}"),
        (KNOWN, [replace(NAMED, ip_address=OTHER_IP)], f"the management address {OTHER_IP}"),
        (KNOWN, [OURS, replace(NAMED, serial="002")], "several firewalls in Panorama match"),
        (replace(RUNNING, serial="777"), [FOREIGN], "not in the configured device group"),
        (replace(RUNNING, serial="777"), [FOREIGN, NAMED], "several firewalls in Panorama match"),
        (replace(RUNNING, serial="404"), [NAMED], "names 404, which Panorama does not list"),
        (replace(RUNNING, serial="404"), [OURS], "names 404, which Panorama does not list"),
        (replace(GONE, serial="777"), [replace(FOREIGN, connected=False)], "device group"),
        (replace(GONE, serial="777"), [replace(FOREIGN, hostname=ID)], "device group"),
        (replace(KNOWN, doubted=True), [NAMED], "an earlier visit"),
    ],
)
def test_a_contradiction_is_ambiguous(subject: Subject, devices: list[Device], reason: str) -> None:
    result = identify(subject, devices)
    assert isinstance(result, Ambiguous)
    assert reason in result.reason


@pytest.mark.documents(id="readiness/identity/reused-address")
@pytest.mark.documents(id="security/identity/serial-tag")
@pytest.mark.parametrize(
    ("subject", "device", "rival"),
    [
        (RUNNING, OURS, other("001", recorded=False)),
        (RUNNING, OURS, other("001", exists=False, recorded=False)),
        (RUNNING, NAMED, other("001", recorded=False)),
        (RUNNING, NAMED, other("001")),
        (
            replace(GONE, serial="001"),
            replace(OURS, connected=False),
            other("001", exists=False, recorded=False),
        ),
        (replace(GONE, serial="001"), OURS, other("001")),
        (GONE, NAMED, other("001", recorded=False)),
    ],
)
def test_a_firewall_that_another_instance_claims_is_ambiguous(
    subject: Subject, device: Device, rival: OtherInstance
) -> None:
    result = identify(subject, [device], rival)
    assert isinstance(result, Ambiguous)
    source = "record" if rival.recorded else "serial tag"
    assert f"belongs to {OTHER} by its {source}" in result.reason


@pytest.mark.documents(id="readiness/identity/reused-address")
@pytest.mark.parametrize("exists", [True, False])
def test_a_firewall_with_the_address_that_is_anothers_by_its_record_is_not_considered(
    exists: bool,
) -> None:
    """Panorama takes minutes to notice that the firewall with the address before is gone."""
    gone = other("001", exists=exists)
    assert isinstance(identify(RUNNING, [OURS], gone), Unidentified)
    ours = replace(OURS, serial="002")
    assert identify(RUNNING, [OURS, ours], gone) == Identity("002", frozenset({M, A}))


def test_a_tag_on_another_instance_does_not_affect_a_firewall_that_is_recorded() -> None:
    """Otherwise, anyone who can write tags could keep the license of any firewall."""
    for device in (NAMED, OURS):
        assert isinstance(identify(KNOWN, [device], other("001", recorded=False)), Identity)


def test_a_serial_number_may_be_used_again_by_a_firewall_with_the_right_host_name() -> None:
    assert isinstance(identify(RUNNING, [NAMED], other("001", exists=False)), Identity)


@pytest.mark.parametrize(
    ("subject", "device"),
    [(GONE, NAMED), (replace(GONE, serial="001"), OURS), (replace(GONE, serial="001"), NAMED)],
    ids=["named", "tagged", "both"],
)
def test_an_address_that_another_instance_has_waits_until_panorama_lists_its_firewall(
    subject: Subject, device: Device
) -> None:
    """The address was reused, or a live firewall calls itself like the terminated instance."""
    device = replace(device, connected=False)
    rival = other("002", IP)
    assert isinstance(identify(subject, [device], rival), Undecided)
    for second in (
        replace(OURS, serial="002"),
        replace(OURS, serial="003", hostname=OTHER),
    ):
        assert isinstance(identify(subject, [device, second], rival), Identity)
    for second in (
        replace(OURS, serial="004"),
        replace(OURS, serial="002", policy_status=None),
        replace(OURS, serial="002", ip_address=OTHER_IP),
    ):
        assert isinstance(identify(subject, [device, second], rival), Undecided)
    data = replace(rival, addresses=frozenset({IP, OTHER_IP}))
    own = replace(OURS, serial="002", ip_address=OTHER_IP)
    assert isinstance(identify(subject, [device, own], data), Identity)


def test_other_instances_are_described_only_if_they_can_decide() -> None:
    asked: list[str] = []

    def others() -> list[OtherInstance]:
        asked.append("")
        return []

    for subject, known in (
        (KNOWN, [NAMED]),
        (KNOWN, []),
        (RUNNING, []),
        (RUNNING, [replace(FOREIGN, hostname=ID)]),
        (replace(KNOWN, doubted=True), [OURS]),
        (KNOWN, [OURS]),
    ):
        firewall_identity.identify(subject, known, others)
    assert asked == []
    for subject, known in ((RUNNING, [OURS]), (RUNNING, [NAMED])):
        firewall_identity.identify(subject, known, others)
    assert asked == [""] * 2


def test_what_is_known_of_an_instance_is_in_ec2_and_in_its_record() -> None:
    interfaces = (Interface("eni-1", private_ip=IP, mac=OUR_MAC),)
    instance = Instance(ID, "us-east-1a", "running", {tags.SERIAL: "999"}, interfaces)
    record = FirewallRecord(ID, serial="001")
    assert Subject.of(record, instance, IP) == KNOWN
    later = FirewallRecord(
        ID, serial="001", management_ip=IP, macs=frozenset({OUR_MAC}), evidence=frozenset({"mac"})
    )
    gone = Subject.of(later, None)
    assert gone == replace(KNOWN, exists=False, evidence=frozenset({"mac"}))
    assert Subject.of(FirewallRecord(ID), None) == GONE


def test_the_evidence_of_an_identity_is_what_its_record_keeps() -> None:
    assert Identity("001", frozenset({M, R, H, A})).evidence == {
        "membership",
        "hostname",
        "management-ip",
    }


def test_ambiguity_is_remembered_in_the_record() -> None:
    assert Subject.of(FirewallRecord(ID, ambiguous="two match"), None).doubted


@pytest.mark.parametrize("text", ["", "1' or '1'='1", "0" * 65, "00\n1", "ü"])
def test_a_tag_that_cannot_be_a_serial_number_is_ignored(text: str) -> None:
    theirs = Instance(ID, "z", "running", {tags.SERIAL: text}, ())
    assert [rival.serial for rival in other_instances([theirs], {}, "fw")] == [None]


def test_only_instances_in_our_vpc_claim_an_address() -> None:
    interfaces = (Interface("eni-1", private_ip=IP, mac=OUR_MAC), Interface("eni-2"))
    ours, theirs = (
        Instance(key, "z", "running", {tags.DEPLOYMENT: name, tags.SERIAL: "001"}, interfaces)
        for key, name in ((ID, "fw"), (OTHER, "another"))
    )
    macs = frozenset({OUR_MAC})
    assert other_instances([ours, theirs], {}, "fw") == [
        OtherInstance(ID, None, frozenset({IP}), exists=True, macs=macs),
        OtherInstance(
            OTHER,
            "001",
            frozenset(),
            exists=True,
            macs=macs,
            recorded=False,
            foreign_addresses=frozenset({IP}),
        ),
    ]


@pytest.mark.documents(id="security/identity/serial-tag")
def test_the_tag_of_an_own_instance_claims_nothing_and_its_record_does() -> None:
    tagged = Instance(ID, "z", "running", {tags.DEPLOYMENT: "fw", tags.SERIAL: "777"}, ())
    known = {
        key: FirewallRecord(key, serial=serial, macs=frozenset({OTHER_MAC}))
        for key, serial in ((ID, "001"), (OTHER, "002"))
    }
    assert other_instances([tagged], known, "fw") == [
        OtherInstance(ID, "001", frozenset(), exists=True, macs=frozenset({OTHER_MAC})),
        OtherInstance(OTHER, "002", frozenset(), exists=False, macs=frozenset({OTHER_MAC})),
    ]


AWS_CPU = f"AWSMP:{ID.removeprefix('i-')}:6njl1pau431dv1qxipg63mvah:us-east-1"
OTHER_CPU = AWS_CPU.replace(ID.removeprefix("i-"), OTHER.removeprefix("i-"))
PLAIN = replace(OURS, hostname="ip-10-0-1-5")


@pytest.mark.documents(id="readiness/identity/overlapping")
@pytest.mark.parametrize("name", ["ip-10-0-1-5", "PA-VM", ""])
@pytest.mark.parametrize(
    ("info", "signal"), [(says(OUR_MAC), MAC), (says(cpu_id=AWS_CPU), CPU)], ids=["mac", "cpu"]
)
def test_of_several_connected_firewalls_the_one_that_names_the_instance_is_its(
    name: str, info: SystemInfo, signal: Signal
) -> None:
    """Another VPC has the same addresses, and its firewalls are in our groups."""
    ours, theirs = replace(OURS, hostname=name), replace(OURS, serial="002", hostname=name)
    for known in ([ours, theirs], [theirs, ours]):
        assert identify(RUNNING, known, S001=info, S002=says("0a:00:00:00:00:09")) == Identity(
            "001", frozenset({M, A, signal})
        )
    assert isinstance(identify(RUNNING, [ours, theirs], S001=info, S002=info), Ambiguous)


@pytest.mark.documents(id="readiness/identity/nat")
@pytest.mark.parametrize("listed", [NAT_ADDRESS, OTHER_IP, ""])
def test_behind_nat_the_mac_address_identifies_a_firewall(listed: str) -> None:
    ours = replace(PLAIN, ip_address=listed)
    theirs = replace(PLAIN, serial="002", ip_address=listed)
    found = identify(RUNNING, [theirs, ours], S001=says(OUR_MAC), S002=says(OTHER_MAC))
    assert found == Identity("001", frozenset({M, MAC}))
    # Later visits believe the record, also when the firewall no longer answers.
    later = replace(KNOWN, evidence=frozenset({"mac"}))
    assert identify(later, [ours, theirs]) == Identity("001", frozenset({M, R}))
    assert isinstance(identify(KNOWN, [replace(ours, ip_address=NAT_ADDRESS)]), Ambiguous)


def test_a_firewall_with_another_name_of_an_instance_is_not_asked_for() -> None:
    known = [replace(PLAIN, hostname=OTHER, ip_address=NAT_ADDRESS)]
    assert isinstance(identify(RUNNING, known, S001=says(OUR_MAC)), Unidentified)


@pytest.mark.documents(id="readiness/identity/contradiction")
@pytest.mark.parametrize(
    ("device", "info", "reason"),
    [
        (OURS, says(OTHER_MAC), f"has a MAC address of {OTHER}"),
        (OURS, says(cpu_id=OTHER_CPU), f"its CPU id names {OTHER}"),
        (OURS, says(OUR_MAC, OTHER_CPU), f"its CPU id names {OTHER}"),
        (replace(NAMED, ip_address=""), says(OTHER_MAC), f"has a MAC address of {OTHER}"),
    ],
)
def test_a_firewall_that_says_it_is_anothers_is_ambiguous(
    device: Device, info: SystemInfo, reason: str
) -> None:
    result = identify(RUNNING, [device], other(), S001=info)
    assert isinstance(result, Ambiguous)
    assert reason in result.reason


@pytest.mark.parametrize("info", [says(), says("0a:00:00:00:00:09"), says(cpu_id="KVM:1:2")])
def test_a_firewall_that_says_nothing_known_is_identified_by_its_address(info: SystemInfo) -> None:
    assert identify(RUNNING, [PLAIN], other(), S001=info) == Identity("001", frozenset({M, A}))


def test_a_name_and_a_mac_address_agree_without_an_address() -> None:
    known = [replace(NAMED, ip_address="")]
    assert identify(RUNNING, known, S001=says(OUR_MAC)) == Identity("001", frozenset({M, H, MAC}))


def test_only_firewalls_whose_other_signals_are_not_enough_are_asked() -> None:
    asked: list[str] = []

    def ask(serial: str) -> None:
        asked.append(serial)

    for subject, known in (
        (RUNNING, [NAMED]),
        (KNOWN, [PLAIN]),
        (RUNNING, [replace(PLAIN, connected=False)]),
        (replace(RUNNING, exists=False, serial="001"), [PLAIN]),
        (RUNNING, [FOREIGN]),
        (RUNNING, [replace(FOREIGN, ip_address=IP, connected=False)]),
    ):
        firewall_identity.identify(subject, known, list, ask)
    assert asked == []
    many = [replace(PLAIN, serial=f"{n}", ip_address=NAT_ADDRESS) for n in range(30)]
    firewall_identity.identify(RUNNING, many, list, ask)
    assert len(asked) == len(set(asked)) == 10


@pytest.mark.parametrize("device", [NAMED, replace(NAMED, ip_address="")])
def test_a_firewall_that_registered_in_another_group_is_misplaced(device: Device) -> None:
    wrong = replace(device, policy_status=None, device_group="autoscale")
    result = identify(RUNNING, [wrong], S001=says(OUR_MAC))
    assert isinstance(result, Misplaced)
    assert "it is registered in device group autoscale" in result.reason
    assert "dgname" in result.reason


ELSEWHERE = replace(OURS, policy_status=None, template_status=None)


@pytest.mark.documents(id="readiness/identity/wrong-group")
@pytest.mark.parametrize("hostname", ["PA-VM", "ip-10-0-1-5", ID])
@pytest.mark.parametrize(
    ("mac", "address", "misplaced"),
    [(OUR_MAC, IP, True), (OTHER_MAC, IP, False), ("", IP, False)],
)
def test_b4_a_firewall_in_no_group_of_ours_is_misplaced_only_if_it_says_that_it_is_ours(
    hostname: str, mac: str, address: str, *, misplaced: bool
) -> None:
    """Whoever manages it chooses its host name, and other VPCs have the same addresses."""
    device = replace(ELSEWHERE, hostname=hostname, ip_address=address)
    result = identify(RUNNING, [device], S001=says(mac))
    assert isinstance(result, Misplaced) is misplaced
    assert not isinstance(result, Identity)


@pytest.mark.documents(id="readiness/identity/wrong-group")
@pytest.mark.parametrize(
    ("subject", "mac", "rivals", "proven"),
    [
        (replace(RUNNING, serial="001"), OUR_MAC, [], True),
        (RUNNING, OUR_MAC, [], False),
        (replace(RUNNING, serial="001"), "", [], False),
        (replace(RUNNING, serial="001"), OTHER_MAC, [], False),
        (replace(RUNNING, serial="001"), OUR_MAC, [other("001")], False),
    ],
)
def test_b4_a_misplaced_firewall_is_proven_by_the_record_and_by_what_it_says(
    subject: Subject, mac: str, rivals: list[OtherInstance], *, proven: bool
) -> None:
    result = identify(subject, [ELSEWHERE], *rivals, S001=says(mac))
    assert (isinstance(result, Misplaced) and result.proven) is proven


@pytest.mark.parametrize(
    ("evidence", "address", "proven"),
    [({"mac"}, IP, True), ({"hostname"}, IP, False), ({"mac"}, OTHER_IP, False)],
)
def test_b4_a_misplaced_firewall_that_is_gone_is_proven_by_what_it_has_said(
    evidence: set[str], address: str, *, proven: bool
) -> None:
    """Its license may be deactivated, so that it dropped off. The record alone is not enough."""
    subject = replace(RUNNING, serial="001", evidence=frozenset(evidence))
    device = replace(ELSEWHERE, connected=False, ip_address=address)
    result = identify(subject, [device])
    assert (isinstance(result, Misplaced) and result.proven) is proven


def test_a_host_name_alone_makes_no_firewall_misplaced() -> None:
    """Otherwise, any firewall of the Panorama could end each launch."""
    for device in (
        replace(FOREIGN, hostname=ID),
        replace(NAMED, policy_status=None, connected=False),
    ):
        result = identify(RUNNING, [device], S777=says(OTHER_MAC))
        assert isinstance(result, Ambiguous)
        assert not isinstance(result, Misplaced)


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
        ("another address", [replace(OURS, ip_address=NAT_ADDRESS)]),
        ("never registered", [Device("001")]),
        ("a serial in two entries", [NAMED, replace(OURS, serial="002")] * 2),
    ],
)
def test_a_similar_firewall_is_not_matched(situation: str, known: list[Device]) -> None:
    assert not isinstance(identify(RUNNING, known), Identity), situation


@pytest.mark.documents(id="readiness/identity/leftovers")
@pytest.mark.parametrize("subject", [RUNNING, KNOWN])
def test_disconnected_firewalls_with_the_address_are_leftovers(subject: Subject) -> None:
    """Without instance IDs as host names, each reuse of an address would end a launch."""
    named = replace(OURS, hostname="ip-10-0-1-5")
    old = [replace(named, serial=serial, connected=False) for serial in ("0042", "0043")]
    for known in ([named, *old], [*old, named]):
        result = identify(subject, known)
        assert isinstance(result, Identity)
        assert result.serial == "001"


@pytest.mark.documents(id="readiness/identity/leftovers")
@pytest.mark.documents(id="readiness/identity/overlapping")
@pytest.mark.parametrize(
    ("known", "rivals"),
    [
        ([OURS, replace(OURS, serial="002")], []),
        ([OURS, replace(OURS, serial="002", connected=False)], [other("001", recorded=False)]),
        ([replace(OURS, connected=False), replace(OURS, serial="002", connected=False)], []),
        ([replace(OURS, connected=False)], []),
        ([replace(OURS, template_status=None), replace(OURS, serial="2", connected=False)], []),
    ],
    ids=["two connected", "tagged elsewhere", "none connected", "one, gone", "another stack"],
)
def test_a_leftover_never_makes_another_firewall_ours(
    known: list[Device], rivals: list[OtherInstance]
) -> None:
    """A leftover is no evidence: what is connected has to be ours by the other rules."""
    assert isinstance(identify(RUNNING, known, *rivals), Ambiguous)


@pytest.mark.documents(id="readiness/identity/nat")
def test_nat_between_firewall_and_panorama_makes_no_difference() -> None:
    """Panorama lists the firewall's own management address."""
    known = [NAMED, replace(NAMED, serial="002", hostname=OTHER, ip_address=OTHER_IP)]
    assert identify(RUNNING, known) == Identity("001", frozenset({M, H, A}))


@pytest.mark.documents(id="readiness/identity/nat")
def test_a_firewall_at_another_address_is_not_identified_by_its_host_name() -> None:
    """If Panorama listed the address after NAT, no launch would be identified by its host name."""
    assert isinstance(identify(RUNNING, [replace(NAMED, ip_address=NAT_ADDRESS)]), Ambiguous)


# A firewall that died between two visits: its address, and that it was not listed at the launch.


LOOKED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SEEN = replace(RUNNING, looked=LOOKED)
DEAD = replace(SEEN, exists=False)
LEFT = replace(OURS, connected=False)


@pytest.mark.documents(id="readiness/identity/registered-since")
@pytest.mark.parametrize("subject", [SEEN, DEAD], ids=["exists", "terminated"])
def test_a_disconnected_firewall_that_has_registered_since_the_launch_is_the_instances(
    subject: Subject,
) -> None:
    old = replace(LEFT, serial="002")
    assert identify(subject, [LEFT]) == Identity("001", frozenset({M, A}))
    known = replace(subject, strangers=frozenset({"002"}))
    assert identify(known, [LEFT, old]) == Identity("001", frozenset({M, A}))
    assert isinstance(identify(subject, [LEFT, old]), Ambiguous)


@pytest.mark.documents(id="readiness/identity/registered-since")
@pytest.mark.parametrize(
    ("subject", "device"),
    [
        (DEAD, replace(LEFT, ip_address=OTHER_IP)),
        (DEAD, replace(LEFT, template_status=None)),
        (DEAD, replace(LEFT, hostname=OTHER)),
        (replace(DEAD, looked=None), LEFT),
        (replace(DEAD, management_ip=None), LEFT),
        (replace(DEAD, strangers=frozenset({"001"})), LEFT),
        (replace(SEEN, strangers=frozenset({"001"})), LEFT),
    ],
)
def test_one_that_may_have_had_the_address_before_is_not(subject: Subject, device: Device) -> None:
    assert isinstance(identify(subject, [device]), Unidentified)


@pytest.mark.documents(id="readiness/identity/one-signal")
def test_a_terminated_instances_firewall_is_waited_for_until_it_is_disconnected() -> None:
    result = identify(DEAD, [OURS])
    assert isinstance(result, Undecided)
    assert "only its management address names the instance" in result.reason


@pytest.mark.documents(id="readiness/identity/registered-since")
@pytest.mark.parametrize(
    ("record", "found"),
    [
        (FirewallRecord(OTHER, management_ip=IP, looked=LOOKED + timedelta(minutes=5)), False),
        (FirewallRecord(OTHER, management_ip=IP), False),
        (FirewallRecord(OTHER, management_ip=IP, looked=LOOKED - timedelta(minutes=5)), True),
        (FirewallRecord(OTHER, management_ip=OTHER_IP), True),
        (
            FirewallRecord(
                OTHER,
                management_ip=IP,
                looked=LOOKED + timedelta(minutes=5),
                strangers=frozenset({"001"}),
            ),
            True,
        ),
    ],
    ids=["later", "never looked", "earlier", "another address", "later, and saw it"],
)
def test_of_two_dead_instances_with_one_address_the_later_one_may_have_registered(
    record: FirewallRecord, found: bool
) -> None:
    (rival,) = other_instances([], {OTHER: record}, "fw")
    result = identify(DEAD, [LEFT], rival)
    assert isinstance(result, Identity if found else Unidentified)


def foreign(serial: str | None = None, address: str = IP) -> Instance:
    """An instance of another deployment, in this VPC or in one with the same addresses."""
    own = {tags.DEPLOYMENT: "other", **({} if serial is None else {tags.SERIAL: serial})}
    interface = Interface("eni-1", mac=OTHER_MAC, private_ip=address)
    return Instance(OTHER, "eu-central-1a", "running", own, (interface,))


@pytest.mark.documents(id="readiness/identity/overlapping")
@pytest.mark.parametrize("subject", [SEEN, DEAD], ids=["exists", "terminated"])
def test_a_disconnected_firewall_may_be_that_of_another_deployment(subject: Subject) -> None:
    """It restarts after it has registered, and its own deployment has not identified it yet."""
    (rival,) = other_instances([foreign()], {}, "fw")
    assert isinstance(identify(subject, [LEFT], rival), Unidentified)
    (rival,) = other_instances([foreign("001")], {}, "fw")
    assert isinstance(identify(subject, [LEFT], rival), Ambiguous)
    for instance in (foreign("002"), foreign(address=OTHER_IP)):
        (rival,) = other_instances([instance], {}, "fw")
        assert identify(subject, [LEFT], rival) == Identity("001", frozenset({M, A}))


def test_a_live_instance_with_the_address_is_waited_for() -> None:
    assert isinstance(identify(DEAD, [LEFT], other(None, IP)), Undecided)
    assert isinstance(identify(DEAD, [LEFT], other("001", IP)), Unidentified)


@dataclass(frozen=True)
class Life:
    """One of several instances that had the same address, one after the other; all are gone.

    Attributes:
        looked: Whether a visit had the firewalls listed before this one could register.
        registered: Whether its firewall has registered.
        identified: Whether a visit has identified it.
        removed: After how many later instances its entry was removed from Panorama.
    """

    looked: bool
    registered: bool
    identified: bool
    removed: int


lives = st.lists(
    st.builds(Life, st.booleans(), st.booleans(), st.booleans(), st.integers(0, 4)), max_size=4
)


@pytest.mark.documents(id="readiness/identity/unique")
@pytest.mark.properties
@given(lives)
def test_of_dead_instances_with_one_address_none_gets_the_firewall_of_another(
    history: list[Life],
) -> None:
    def listed(moment: int) -> list[Device]:
        return [
            replace(LEFT, serial=f"S{number}")
            for number, life in enumerate(history[:moment])
            if life.registered and moment <= number + 1 + life.removed
        ]

    records = {
        f"i-{number:017x}": FirewallRecord(
            f"i-{number:017x}",
            management_ip=IP,
            serial=f"S{number}" if life.identified and life.registered else None,
            looked=LOOKED + timedelta(minutes=number) if life.looked else None,
            strangers=frozenset(device.serial for device in listed(number) if life.looked),
        )
        for number, life in enumerate(history)
    }
    rivals = other_instances([], records, "fw")
    for number, record in enumerate(records.values()):
        subject = Subject.of(record, None)
        result = identify(subject, listed(len(history)), *rivals)
        assert not isinstance(result, Identity) or result.serial == f"S{number}"


# Random worlds with an adversary.


@dataclass(frozen=True)
class Machine:
    """An own instance and its true firewall.

    Attributes:
        registered: Whether its firewall is in Panorama.
        recorded: Whether an earlier visit has identified its firewall.
        says: Host name of its firewall.
        mac: Number of the machine whose MAC address its firewall says it has; ``None`` for none.
        cpu: Number of the machine that the CPU id of its firewall names; ``None`` for none.
    """

    number: int
    exists: bool
    registered: bool
    connected: bool
    recorded: bool
    says: str
    mac: int | None
    cpu: int | None

    @property
    def instance_id(self) -> str:
        return f"i-{self.number:017x}"

    @property
    def serial(self) -> str:
        return f"S{self.number}"

    @property
    def address(self) -> str:
        return f"10.0.1.{self.number}"

    @property
    def device(self) -> Device:
        """Its firewall in Panorama, which lists the address of a disconnected firewall too."""
        connected = self.connected and self.exists
        return Device(self.serial, self.says, self.address, connected, "In Sync", "In Sync")

    @property
    def info(self) -> SystemInfo:
        mac = "" if self.mac is None else mac_of(self.mac)
        cpu = "" if self.cpu is None else f"AWSMP:{self.cpu:017x}:code:us-east-1"
        return SystemInfo(self.serial, self.says, self.address, mac=mac, cpu_id=cpu)

    @property
    def subject(self) -> Subject:
        address = self.address if self.exists or self.recorded else None
        return Subject(
            self.instance_id,
            self.serial if self.recorded else None,
            address,
            frozenset({mac_of(self.number)}),
            exists=self.exists,
        )

    @property
    def rival(self) -> OtherInstance:
        addresses = frozenset([self.address] if self.exists else [])
        serial = self.serial if self.recorded else None
        macs = frozenset({mac_of(self.number)})
        return OtherInstance(self.instance_id, serial, addresses, self.exists, macs)


def mac_of(number: int) -> str:
    return f"06:00:00:00:00:{number:02x}"


NUMBERS = range(4)
IDS = [f"i-{number:017x}" for number in NUMBERS]
ADDRESSES = [f"10.0.1.{number}" for number in NUMBERS]
names = st.sampled_from([*IDS, "PA-VM", "ip-10-0-1-0", ""])
flags = st.booleans()
foreigners = st.lists(
    st.builds(
        Device,
        serial=st.sampled_from(["F0", "F1", "F2"]),
        hostname=names,
        ip_address=st.sampled_from([*ADDRESSES, "192.168.0.1", ""]),
        connected=flags,
        policy_status=st.none() | st.just("In Sync"),
        template_status=st.none(),
    ),
    max_size=3,
    unique_by=lambda device: device.serial,
)
forged_tags = st.lists(
    st.builds(
        OtherInstance,
        instance_id=st.sampled_from(["i-0f", "i-1f"]),
        serial=st.sampled_from(["F0", *(f"S{number}" for number in NUMBERS), "X"]),
        addresses=st.just(frozenset()),
        exists=flags,
        recorded=st.just(False),
    ),
    max_size=2,
)
"""Instances of other deployments with any serial tags."""


def fleets(*, honest: bool) -> st.SearchStrategy[list[Machine]]:
    """Fleets of own instances, whose firewalls say the truth or nothing, or also lie."""

    def machine(number: int) -> st.SearchStrategy[Machine]:
        own = [f"i-{number:017x}", f"i-{number:017x}", "PA-VM"]
        numbers = st.just(number) if honest else st.sampled_from(NUMBERS)
        return st.builds(
            Machine,
            number=st.just(number),
            exists=flags,
            registered=flags,
            connected=flags,
            recorded=flags,
            says=st.sampled_from(own) if honest else names,
            mac=st.none() | numbers,
            cpu=st.none() | numbers,
        )

    return st.tuples(*(machine(number) for number in NUMBERS)).map(list)


def identities(
    fleet: list[Machine], foreign: list[Device], tagged: Sequence[OtherInstance] = ()
) -> dict[str, str]:
    """The serial numbers of all identified firewalls, by instance id."""
    devices = [machine.device for machine in fleet if machine.registered] + foreign
    rivals = [*(machine.rival for machine in fleet), *tagged]
    infos = {machine.serial: machine.info for machine in fleet}
    results = {
        machine.instance_id: firewall_identity.identify(
            machine.subject, devices, lambda: rivals, infos.get
        )
        for machine in fleet
    }
    return {key: result.serial for key, result in results.items() if isinstance(result, Identity)}


@pytest.mark.documents(id="security/identity/foreign")
@pytest.mark.properties
@given(fleets(honest=False), foreigners, forged_tags)
def test_no_forgery_makes_a_firewall_outside_our_groups_ours(
    fleet: list[Machine], foreign: list[Device], tagged: list[OtherInstance]
) -> None:
    """Neither any host name and address of its own, nor any tag of any instance."""
    assert not {"F0", "F1", "F2"} & set(identities(fleet, foreign, tagged).values())


@pytest.mark.documents(id="security/identity/serial-tag")
@pytest.mark.documents(id="security/identity/foreign")
@pytest.mark.documents(id="readiness/identity/unique")
@pytest.mark.documents(id="security/identity/host-name")
@pytest.mark.documents(id="failure-modes/D2")
@pytest.mark.properties
@given(fleets(honest=False), foreigners, forged_tags)
def test_no_forgery_makes_the_firewall_of_a_live_instance_anothers(
    fleet: list[Machine], foreign: list[Device], tagged: list[OtherInstance]
) -> None:
    """Whatever firewalls call themselves or say about themselves, and whatever tags there are."""
    live = {machine.serial: machine.instance_id for machine in fleet if machine.exists}
    found = identities(fleet, foreign, tagged)
    for instance_id, serial in found.items():
        assert live.get(serial, instance_id) == instance_id
    assert len(set(found.values())) == len(found)


@pytest.mark.documents(id="security/identity/serial-tag")
@pytest.mark.properties
@given(fleets(honest=False), foreigners, forged_tags)
def test_a_forged_tag_of_another_deployment_can_only_block(
    fleet: list[Machine], foreign: list[Device], tagged: list[OtherInstance]
) -> None:
    without, with_tags = identities(fleet, foreign), identities(fleet, foreign, tagged)
    assert with_tags.items() <= without.items()


@pytest.mark.documents(id="readiness/identity/unique")
@pytest.mark.properties
@given(fleets(honest=True))
def test_every_registered_firewall_is_identified_without_an_adversary(
    fleet: list[Machine],
) -> None:
    found = identities(fleet, [])
    for machine in fleet:
        if machine.registered and machine.exists and machine.connected:
            assert machine.instance_id in found
        assert found.get(machine.instance_id, machine.serial) == machine.serial
