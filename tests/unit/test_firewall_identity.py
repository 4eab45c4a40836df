"""A firewall is taken for an instance's only by signals that agree; doubt touches nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

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
    OtherInstance,
    Result,
    Signal,
    Subject,
    Undecided,
    Unidentified,
    other_instances,
    tags_for,
)
from vmseries_autoscale.panorama import Device

ID = "i-0123456789abcdef0"
IP = "10.0.1.5"
OTHER = "i-0fedcba9876543210"
OTHER_IP = "10.0.1.6"
OURS = Device("001", "pa-vm", IP, True, "In Sync", "In Sync")
NAMED = replace(OURS, hostname=ID)
FOREIGN = Device("777", "dc-core-fw1", "192.168.0.1", True)
RUNNING = Subject(ID, management_ip=IP)
TAGGED = replace(RUNNING, serial="001")
GONE = Subject(ID, exists=False)
M, T, H, A = Signal.MEMBERSHIP, Signal.SERIAL_TAG, Signal.HOSTNAME, Signal.MANAGEMENT_IP


def other(
    serial: str | None = None, address: str | None = None, *, exists: bool = True
) -> OtherInstance:
    return OtherInstance(OTHER, serial, frozenset(filter(None, [address])), exists)


def identify(subject: Subject, devices: Sequence[Device], *others: OtherInstance) -> Result:
    return firewall_identity.identify(subject, devices, lambda: others)


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
        (TAGGED, [NAMED], {M, T, H, A}),
        (TAGGED, [replace(OURS, connected=False)], {M, T, A}),
        (TAGGED, [OURS, replace(OURS, serial="002", connected=False)], {M, T, A}),
        (TAGGED, [replace(NAMED, ip_address="")], {M, T, H}),
        (replace(TAGGED, management_ip=None), [NAMED], {M, T, H}),
        (replace(GONE, serial="001"), [NAMED], {M, T, H}),
        (replace(GONE, serial="001"), [replace(OURS, connected=False)], {M, T}),
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
        (replace(TAGGED, management_ip=None), [OURS]),
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
        result = identify(TAGGED, devices)
        assert isinstance(result, Unidentified)
        assert result.unlisted_serial == "001"


@pytest.mark.documents(id="readiness/identity/one-signal")
@pytest.mark.parametrize(
    ("subject", "devices", "reason"),
    [
        (RUNNING, [replace(NAMED, ip_address="")], "shows no management address of 001, and only"),
        (RUNNING, [replace(NAMED, ip_address="unknown")], "only its host name names"),
        (RUNNING, [replace(NAMED, ip_address="::")], "only its host name names"),
        (TAGGED, [replace(OURS, hostname="", ip_address="")], "only its serial number names"),
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
        (TAGGED, [replace(OURS, hostname=OTHER)], f"has the host name {OTHER}"),
        (TAGGED, [replace(NAMED, ip_address=OTHER_IP)], f"the management address {OTHER_IP}"),
        (TAGGED, [OURS, replace(NAMED, serial="002")], "several firewalls in Panorama match"),
        (replace(RUNNING, serial="777"), [FOREIGN], "not in the configured device group"),
        (replace(RUNNING, serial="777"), [FOREIGN, NAMED], "several firewalls in Panorama match"),
        (replace(RUNNING, serial="404"), [NAMED], "names 404, which Panorama does not list"),
        (replace(RUNNING, serial="404"), [OURS], "names 404, which Panorama does not list"),
        (replace(GONE, serial="777"), [replace(FOREIGN, connected=False)], "device group"),
        (replace(GONE, serial="777"), [replace(FOREIGN, hostname=ID)], "device group"),
        (replace(TAGGED, doubted=True), [NAMED], "an earlier visit"),
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
        (RUNNING, OURS, other("001")),
        (RUNNING, OURS, other("001", exists=False)),
        (RUNNING, NAMED, other("001")),
        (TAGGED, OURS, other("001")),
        (replace(GONE, serial="001"), replace(OURS, connected=False), other("001", exists=False)),
        (replace(GONE, serial="001"), OURS, other("001")),
        (GONE, NAMED, other("001")),
    ],
)
def test_a_firewall_that_is_tagged_on_another_instance_is_ambiguous(
    subject: Subject, device: Device, rival: OtherInstance
) -> None:
    result = identify(subject, [device], rival)
    assert isinstance(result, Ambiguous)
    assert f"belongs to {OTHER} by its serial tag" in result.reason


def test_a_tag_on_another_instance_does_not_affect_a_firewall_with_all_signals() -> None:
    """Otherwise, anyone who can write tags could keep the license of any firewall."""
    assert isinstance(identify(TAGGED, [NAMED], other("001")), Identity)


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
        (TAGGED, [NAMED]),
        (TAGGED, []),
        (RUNNING, []),
        (RUNNING, [replace(FOREIGN, hostname=ID)]),
        (replace(TAGGED, doubted=True), [OURS]),
    ):
        firewall_identity.identify(subject, known, others)
    assert asked == []
    for subject, known in ((TAGGED, [OURS]), (RUNNING, [NAMED])):
        firewall_identity.identify(subject, known, others)
    assert asked == [""] * 2


def test_the_tags_of_an_identity_are_read_by_later_visits() -> None:
    written = tags_for(Identity("001", frozenset({M, H, A})))
    assert written == {tags.SERIAL: "001", tags.SERIAL_EVIDENCE: "hostname management-ip"}
    instance = Instance(ID, "us-east-1a", "running", written, ())
    assert Subject.of(ID, instance, written, IP) == TAGGED
    assert Subject.of(ID, None, {}, None) == GONE


def test_ambiguity_is_remembered_in_a_tag() -> None:
    doubted = {tags.SERIAL_EVIDENCE: tags.EVIDENCE_AMBIGUOUS}
    assert Subject.of(ID, None, doubted).doubted


@pytest.mark.parametrize("text", ["", "1' or '1'='1", "0" * 65, "00\n1", "ü"])
def test_a_tag_that_cannot_be_a_serial_number_is_ignored(text: str) -> None:
    assert Subject.of(ID, None, {tags.SERIAL: text}).serial is None


def test_only_instances_in_our_vpc_claim_an_address() -> None:
    interfaces = (Interface("eni-1", private_ip=IP), Interface("eni-2"))
    ours, theirs = (
        Instance(ID, "z", "running", {tags.DEPLOYMENT: name, tags.SERIAL: "001"}, interfaces)
        for name in ("fw", "another")
    )
    assert other_instances([ours, theirs], "fw") == [
        OtherInstance(ID, "001", frozenset({IP}), exists=True),
        OtherInstance(ID, "001", frozenset(), exists=True),
    ]


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
        ("another address", [replace(OURS, ip_address=NAT)]),
        ("never registered", [Device("001")]),
        ("a serial in two entries", [NAMED, replace(OURS, serial="002")] * 2),
    ],
)
def test_a_similar_firewall_is_not_matched(situation: str, known: list[Device]) -> None:
    assert not isinstance(identify(RUNNING, known), Identity), situation


@pytest.mark.documents(id="readiness/identity/leftovers")
@pytest.mark.parametrize("subject", [RUNNING, TAGGED])
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
        ([OURS, replace(OURS, serial="002", connected=False)], [other("001")]),
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
    assert isinstance(identify(RUNNING, [replace(NAMED, ip_address=NAT)]), Ambiguous)


# Random worlds with an adversary.


@dataclass(frozen=True)
class Machine:
    """An own instance and its true firewall.

    Attributes:
        registered: Whether its firewall is in Panorama.
        tag: Serial number in its tag, true or forged; ``None`` without one.
        says: Host name of its firewall.
    """

    number: int
    exists: bool
    registered: bool
    connected: bool
    tag: str | None
    says: str

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
    def subject(self) -> Subject:
        address = self.address if self.exists else None
        return Subject(self.instance_id, self.tag, address, self.exists)

    @property
    def rival(self) -> OtherInstance:
        addresses = frozenset([self.address] if self.exists else [])
        return OtherInstance(self.instance_id, self.tag, addresses, self.exists)


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


def fleets(
    tag: st.SearchStrategy[str | None], *, honest_names: bool
) -> st.SearchStrategy[list[Machine]]:
    """Fleets of own instances; ``tag`` draws forged tags, else tags are true."""

    def machine(number: int) -> st.SearchStrategy[Machine]:
        own = [f"i-{number:017x}", f"i-{number:017x}", "PA-VM"]
        return st.builds(
            Machine,
            number=st.just(number),
            exists=flags,
            registered=flags,
            connected=flags,
            tag=st.just(f"S{number}") | st.none() | tag,
            says=st.sampled_from(own) if honest_names else names,
        )

    return st.tuples(*(machine(number) for number in NUMBERS)).map(list)


def identities(fleet: list[Machine], foreign: list[Device]) -> dict[str, str]:
    """The serial numbers of all identified firewalls, by instance id."""
    devices = [machine.device for machine in fleet if machine.registered] + foreign
    rivals = [machine.rival for machine in fleet]
    results = {
        machine.instance_id: firewall_identity.identify(machine.subject, devices, lambda: rivals)
        for machine in fleet
    }
    return {key: result.serial for key, result in results.items() if isinstance(result, Identity)}


forged = st.sampled_from(["F0", "F1", *(f"S{number}" for number in NUMBERS), "X"])


@pytest.mark.documents(id="security/identity/foreign")
@pytest.mark.properties
@given(fleets(forged, honest_names=False), foreigners)
def test_no_forgery_makes_a_firewall_outside_our_groups_ours(
    fleet: list[Machine], foreign: list[Device]
) -> None:
    """Neither any host name and address of its own, nor any tag of any instance."""
    assert not {"F0", "F1", "F2"} & set(identities(fleet, foreign).values())


@pytest.mark.documents(id="security/identity/serial-tag")
@pytest.mark.documents(id="security/identity/foreign")
@pytest.mark.properties
@given(fleets(forged, honest_names=False), foreigners)
def test_no_forgery_makes_the_firewall_of_a_live_instance_anothers(
    fleet: list[Machine], foreign: list[Device]
) -> None:
    """Neither the host names of all firewalls, nor the tags of all instances."""
    live = {machine.serial: machine.instance_id for machine in fleet if machine.exists}
    for instance_id, serial in identities(fleet, foreign).items():
        assert live.get(serial, instance_id) == instance_id


@pytest.mark.documents(id="readiness/identity/unique")
@pytest.mark.documents(id="security/identity/host-name")
@pytest.mark.documents(id="failure-modes/D2")
@pytest.mark.properties
@given(fleets(st.none(), honest_names=False), foreigners)
def test_no_host_name_makes_a_firewall_another_instances(
    fleet: list[Machine], foreign: list[Device]
) -> None:
    """Whatever firewalls call themselves: an instance gets its own firewall, or none."""
    live = {machine.serial: machine.instance_id for machine in fleet if machine.exists}
    found = identities(fleet, foreign)
    for instance_id, serial in found.items():
        assert live.get(serial, instance_id) == instance_id
    assert len(set(found.values())) == len(found)


@pytest.mark.documents(id="readiness/identity/unique")
@given(fleets(st.none(), honest_names=True))
def test_every_registered_firewall_is_identified_without_an_adversary(
    fleet: list[Machine],
) -> None:
    found = identities(fleet, [])
    for machine in fleet:
        if machine.registered and machine.exists and machine.connected:
            assert machine.instance_id in found
        assert found.get(machine.instance_id, machine.serial) == machine.serial
