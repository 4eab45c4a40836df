"""Wiring decisions, applied to a model of EC2 from any state that a crash can leave."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmseries_autoscale.aws.network import wiring
from vmseries_autoscale.aws.network.addresses import Address, AssociateAddress, ReleaseAddress
from vmseries_autoscale.aws.network.interfaces import (
    AttachInterface,
    CreateInterface,
    DeleteInterface,
    DeleteWithInstance,
    Interface,
    SetSourceDestCheck,
    Status,
)
from vmseries_autoscale.aws.network.wiring import Action, Wiring, decide_connection, decide_removal
from vmseries_autoscale.aws.tags import Owner
from vmseries_autoscale.errors import EventualConsistencyError, InterfaceLayoutError
from vmseries_autoscale.settings import InterfaceSettings, Role

ID = "i-0123456789abcdef0"
ZONE = "us-east-1a"
OWNER = Owner("fw", "fw", ID, {})
PRIMARY = Interface(
    "eni-primary",
    status=Status.ATTACHED,
    instance_id=ID,
    attachment_id="attach-primary",
    device_index=0,
    delete_on_termination=True,
)


def interface(role: Role, index: int, *, public: bool = False) -> InterfaceSettings:
    return InterfaceSettings(
        role, index, False, {ZONE: f"subnet-{index}"}, ("sg-1",), public, None, ()
    )


WANTED = {
    "data": interface(Role.DATA, 0),
    "management": interface(Role.MANAGEMENT, 1, public=True),
    "untrust": interface(Role.UNTRUST, 2, public=True),
}


@dataclass
class ModelEc2:
    """The EC2 calls of the actions, answered; the state is the wiring's own."""

    numbers: Iterator[int] = field(default_factory=itertools.count)
    calls: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Callable[..., dict[str, Any]]:
        def call(**_: Any) -> dict[str, Any]:
            self.calls.append(name)
            number = next(self.numbers)
            return {
                "NetworkInterface": {"NetworkInterfaceId": f"eni-new-{number}"},
                "AttachmentId": f"attach-new-{number}",
                "AllocationId": f"eipalloc-new-{number}",
                "AssociationId": f"eipassoc-new-{number}",
            }

        return call


def settle(decide: Callable[[Wiring], list[Action]], there: Wiring) -> Wiring:
    def decide_what_ec2_accepts(state: Wiring) -> list[Action]:
        actions = decide(state)
        for action in actions:
            assert_acceptable(action, state)
        return actions

    return wiring.carry_out(ModelEc2(), decide_what_ec2_accepts, there)  # type: ignore[arg-type]


def assert_acceptable(action: Action, state: Wiring) -> None:
    """EC2 attaches and deletes what is detached only, and releases what is not associated."""
    match action:
        case AttachInterface() | DeleteInterface():
            assert state.interfaces[action.interface_id].status is Status.DETACHED
        case AssociateAddress() | ReleaseAddress():
            assert state.addresses[action.allocation_id].association_id is None


def connect(there: Wiring) -> Wiring:
    return settle(lambda state: decide_connection(OWNER, ZONE, WANTED, state), there)


@st.composite
def wirings(draw: st.DrawFn) -> Wiring:
    """What visits, crashes and other people can have left at an instance."""
    found = [replace(PRIMARY, source_dest_check=draw(st.booleans()))]
    addresses: list[Address] = []
    for name in ("management", "untrust"):
        for number in range(draw(st.integers(0, 2))):
            item = Interface(f"eni-{name}-{number}", name, source_dest_check=draw(st.booleans()))
            # Only one of a name can be attached at its device index.
            if number == 0 and draw(st.booleans()):
                item = replace(
                    item,
                    status=draw(st.sampled_from([Status.ATTACHING, Status.ATTACHED])),
                    instance_id=ID,
                    attachment_id=f"attach-{name}",
                    device_index=WANTED[name].device_index,
                    delete_on_termination=draw(st.booleans()),
                )
            found.append(item)
        for number in range(draw(st.integers(0, 2))):
            address = Address(f"eipalloc-{name}-{number}", name)
            places = [None, *(item.interface_id for item in found if item.name)]
            place = draw(st.sampled_from(places))
            if place and place not in {other.interface_id for other in addresses}:
                address = replace(address, association_id="assoc", interface_id=place)
            addresses.append(address)
    if draw(st.booleans()):
        foreign = Interface("eni-foreign", status=Status.ATTACHED, instance_id=ID)
        found.append(replace(foreign, device_index=5, attachment_id="attach-foreign"))
    return Wiring.of(found, addresses)


def assert_connected(state: Wiring) -> None:
    own = {item.name: item for item in state.own_interfaces}
    assert len(own) == len(state.own_interfaces) == 2
    assert len(state.addresses) == 2
    for name, item in own.items():
        assert item.status in (Status.ATTACHING, Status.ATTACHED)
        assert (item.instance_id, item.device_index) == (ID, WANTED[name or ""].device_index)
        assert item.delete_on_termination
        assert item.source_dest_check is False
        (address,) = [a for a in state.addresses.values() if a.interface_id == item.interface_id]
        assert address.name == name
        assert address.association_id
    assert state.interfaces["eni-primary"].source_dest_check is False


@given(wirings())
def test_from_any_state_to_the_wanted_one(there: Wiring) -> None:
    after = connect(there)
    assert_connected(after)
    assert decide_connection(OWNER, ZONE, WANTED, after) == []
    assert after.interfaces.get("eni-foreign") == there.interfaces.get("eni-foreign")


@given(wirings())
def test_what_is_there_is_used(there: Wiring) -> None:
    """Nothing is made whose like was there."""
    after = connect(there)
    for name in ("management", "untrust"):
        before = {i.interface_id for i in there.own_interfaces if i.name == name}
        now = {i.interface_id for i in after.own_interfaces if i.name == name}
        assert now <= before or not before
        before = {a.allocation_id for a in there.addresses.values() if a.name == name}
        now = {a.allocation_id for a in after.addresses.values() if a.name == name}
        assert now <= before or not before


def detached(state: Wiring) -> Wiring:
    """EC2 finishes all detachments."""
    for item in state.own_interfaces:
        if item.status is Status.DETACHING:
            state = state.changed_interface(item.interface_id, status=Status.DETACHED)
    return state


@given(wirings())
def test_removal_leaves_nothing_of_ours_and_all_of_others(there: Wiring) -> None:
    state = there
    for _ in range(2):
        state = detached(settle(lambda now: decide_removal(now, detach=True), state))
    assert state.own_interfaces == []
    assert state.addresses == {}
    kept = {key: item for key, item in there.interfaces.items() if item.name is None}
    assert state.interfaces == kept


@given(wirings())
def test_undoing_leaves_what_goes_with_the_instance(there: Wiring) -> None:
    state = settle(lambda now: decide_removal(now, detach=False), there)
    assert state.addresses == {}
    for item in state.own_interfaces:
        assert item.status in (Status.ATTACHING, Status.ATTACHED)
        assert item.delete_on_termination
    for key, item in there.interfaces.items():
        if item.name is None:
            assert state.interfaces[key] == item


@given(wirings(), st.data())
def test_a_crash_between_any_two_actions_changes_nothing(
    there: Wiring, data: st.DataObject
) -> None:
    """Some of a round's actions happen, in any order; the next visit starts from there."""
    state, ec2 = there, ModelEc2()
    for _ in range(100):
        actions = decide_connection(OWNER, ZONE, WANTED, state)
        if not actions:
            break
        happened = data.draw(st.lists(st.sampled_from(actions), unique_by=id, max_size=3))
        for action in happened or actions[:1]:
            state = action.carry_out(ec2)(state)  # type: ignore[arg-type]
    assert_connected(state)


@given(wirings())
def test_nothing_is_modified_before_everything_is_there(there: Wiring) -> None:
    """A firewall that boots looks for its interfaces; that EC2 throttles modifications waits."""

    def decide(state: Wiring) -> list[Action]:
        actions = decide_connection(OWNER, ZONE, WANTED, state)
        modifying = [
            isinstance(action, DeleteWithInstance | SetSourceDestCheck) for action in actions
        ]
        assert all(modifying) or not any(modifying)
        if any(modifying):
            assert_attached_with_addresses(state)
        return actions

    assert_connected(settle(decide, there))


def assert_attached_with_addresses(state: Wiring) -> None:
    """What a firewall can see, or others of it, is as it is wanted."""
    assert sorted(item.name or "" for item in state.own_interfaces) == ["management", "untrust"]
    for item in state.own_interfaces:
        assert item.status in (Status.ATTACHING, Status.ATTACHED)
        assert item.device_index == WANTED[item.name or ""].device_index
    places = [address.interface_id for address in state.addresses.values()]
    assert sorted(map(str, places)) == sorted(item.interface_id for item in state.own_interfaces)


def rounds(there: Wiring) -> list[list[str]]:
    """The names of the actions of each round."""
    seen: list[list[str]] = []

    def decide(state: Wiring) -> list[Action]:
        actions = decide_connection(OWNER, ZONE, WANTED, state)
        seen.append(sorted(type(action).__name__ for action in actions))
        return actions

    settle(decide, there)
    return seen


def test_each_round_does_at_once_what_the_one_before_it_made_possible() -> None:
    assert rounds(Wiring.of([PRIMARY], [])) == [
        ["AllocateAddress", "AllocateAddress", "CreateInterface", "CreateInterface"],
        ["AssociateAddress", "AssociateAddress", "AttachInterface", "AttachInterface"],
        ["DeleteWithInstance"] * 2 + ["SetSourceDestCheck"] * 3,
        [],
    ]


def test_the_calls_of_a_launch() -> None:
    ec2 = ModelEc2()
    decide = lambda state: decide_connection(OWNER, ZONE, WANTED, state)  # noqa: E731
    wiring.carry_out(ec2, decide, Wiring.of([PRIMARY], []))  # type: ignore[arg-type]
    assert len(ec2.calls) == 13


def own(name: str, **fields: Any) -> Interface:
    attached = {"status": Status.ATTACHED, "attachment_id": "attach", **fields}
    return Interface(f"eni-{name}", name, **attached)


@pytest.mark.parametrize(
    ("found", "error", "sentence"),
    [
        ([], EventualConsistencyError, "does not show its primary interface"),
        (
            [PRIMARY, Interface("eni-x", None, None, True, Status.ATTACHED, ID, "attach", 1)],
            InterfaceLayoutError,
            r"device index 1 is taken by eni-x \(not made by this module\)",
        ),
        (
            [PRIMARY, own("untrust", instance_id=ID, device_index=1)],
            InterfaceLayoutError,
            r"device index 1 is taken by eni-untrust \(untrust\), wanted for management",
        ),
        (
            [PRIMARY, own("management", instance_id="i-0another", device_index=1)],
            InterfaceLayoutError,
            "attached to i-0another at device index 1",
        ),
        (
            [PRIMARY, own("management", instance_id=ID, device_index=3)],
            InterfaceLayoutError,
            "at device index 3",
        ),
        (
            [
                PRIMARY,
                own("management", instance_id=ID, device_index=1, status=Status.DETACHING),
            ],
            EventualConsistencyError,
            "being detached",
        ),
    ],
)
def test_what_cannot_be_wired(
    found: list[Interface], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        decide_connection(OWNER, ZONE, WANTED, Wiring.of(found, []))


def test_what_is_no_longer_wanted_goes_once_it_is_detached() -> None:
    attached = own("old", instance_id=ID, device_index=3)
    after = connect(Wiring.of([PRIMARY, attached], []))
    assert after.interfaces["eni-old"] == attached
    after = connect(Wiring.of([PRIMARY, Interface("eni-old", "old")], [Address("eipalloc", "old")]))
    assert "eni-old" not in after.interfaces
    assert "eipalloc" not in after.addresses


def test_removal_spends_no_call_on_disassociating() -> None:
    address = Address("eipalloc", "management", "eipassoc", "eni-management")
    there = Wiring.of([Interface("eni-management", "management")], [address])
    ec2 = ModelEc2()
    wiring.carry_out(ec2, lambda now: decide_removal(now, detach=True), there)  # type: ignore[arg-type]
    assert ec2.calls == ["delete_network_interface", "release_address"]


def test_a_zone_without_subnet() -> None:
    with pytest.raises(InterfaceLayoutError, match="management has no subnet in us-east-1b"):
        decide_connection(OWNER, "us-east-1b", WANTED, Wiring.of([PRIMARY], []))


def test_a_contradiction_ends() -> None:
    def decide(_: Wiring) -> list[Action]:
        return [CreateInterface(OWNER, "management", 1, "subnet-1", ("sg-1",))]

    with pytest.raises(EventualConsistencyError, match="still something to do"):
        settle(decide, Wiring.of([], []))
