"""Network plans, executed on a model of EC2 from any state that a crash can leave."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmseries_autoscale.aws.network import converge as network_converge
from vmseries_autoscale.aws.network.ec2_actions import (
    Action,
    AssociateAddress,
    AttachInterface,
    CreateInterface,
    DeleteInterface,
    DeleteWithInstance,
    ReleaseAddress,
    SetSourceDestCheck,
)
from vmseries_autoscale.aws.network.plan import plan_attachment, plan_removal
from vmseries_autoscale.aws.network.state import Address, Interface, NetworkState, Status
from vmseries_autoscale.aws.tags import ResourceTags
from vmseries_autoscale.errors import EventualConsistencyError, InterfaceLayoutError
from vmseries_autoscale.settings import InterfaceSettings, Role

ID = "i-0123456789abcdef0"
ZONE = "us-east-1a"
OWNER = ResourceTags("fw", "fw", ID, {})
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
    """A model of EC2 that responds to the calls of all actions, without state."""

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


def converge(plan: Callable[[NetworkState], list[Action]], state: NetworkState) -> NetworkState:
    def checked_plan(state: NetworkState) -> list[Action]:
        actions = plan(state)
        for action in actions:
            assert_acceptable(action, state)
        return actions

    return network_converge.converge(ModelEc2(), checked_plan, state)  # type: ignore[arg-type]


def assert_acceptable(action: Action, state: NetworkState) -> None:
    """EC2 attaches and deletes only detached interfaces, releases only unassociated addresses."""
    match action:
        case AttachInterface() | DeleteInterface():
            assert state.interfaces[action.interface_id].status is Status.DETACHED
        case AssociateAddress() | ReleaseAddress():
            assert state.addresses[action.allocation_id].association_id is None


def attach(state: NetworkState) -> NetworkState:
    return converge(partial(plan_attachment, OWNER, ZONE, WANTED), state)


@st.composite
def network_states(draw: st.DrawFn) -> NetworkState:
    """A state that visits, crashes and other users can leave behind."""
    interfaces = [replace(PRIMARY, source_dest_check=draw(st.booleans()))]
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
            interfaces.append(item)
        for number in range(draw(st.integers(0, 2))):
            address = Address(f"eipalloc-{name}-{number}", name)
            interface_ids = [None, *(item.interface_id for item in interfaces if item.name)]
            interface_id = draw(st.sampled_from(interface_ids))
            if interface_id and interface_id not in {other.interface_id for other in addresses}:
                address = replace(address, association_id="assoc", interface_id=interface_id)
            addresses.append(address)
    if draw(st.booleans()):
        foreign = Interface("eni-foreign", status=Status.ATTACHED, instance_id=ID)
        interfaces.append(replace(foreign, device_index=5, attachment_id="attach-foreign"))
    return NetworkState.of(interfaces, addresses)


def assert_attached(state: NetworkState) -> None:
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


@given(network_states())
def test_every_state_converges_to_the_wanted_network(state: NetworkState) -> None:
    after = attach(state)
    assert_attached(after)
    assert plan_attachment(OWNER, ZONE, WANTED, after) == []
    assert after.interfaces.get("eni-foreign") == state.interfaces.get("eni-foreign")


@given(network_states())
def test_existing_interfaces_and_addresses_are_reused(state: NetworkState) -> None:
    """Nothing is created while an existing object fits."""
    after = attach(state)
    for name in ("management", "untrust"):
        before = {i.interface_id for i in state.own_interfaces if i.name == name}
        now = {i.interface_id for i in after.own_interfaces if i.name == name}
        assert now <= before or not before
        before = {a.allocation_id for a in state.addresses.values() if a.name == name}
        now = {a.allocation_id for a in after.addresses.values() if a.name == name}
        assert now <= before or not before


def detached(state: NetworkState) -> NetworkState:
    """Return the state after EC2 completed all detachments."""
    for item in state.own_interfaces:
        if item.status is Status.DETACHING:
            state = state.changed_interface(item.interface_id, status=Status.DETACHED)
    return state


@given(network_states())
def test_removal_removes_all_own_objects_and_no_others(before: NetworkState) -> None:
    state = before
    for _ in range(2):
        state = detached(converge(lambda now: plan_removal(now, detach=True), state))
    assert state.own_interfaces == []
    assert state.addresses == {}
    kept = {key: item for key, item in before.interfaces.items() if item.name is None}
    assert state.interfaces == kept


@given(network_states())
def test_removal_without_detaching_leaves_attached_interfaces_to_ec2(
    before: NetworkState,
) -> None:
    state = converge(lambda now: plan_removal(now, detach=False), before)
    assert state.addresses == {}
    for item in state.own_interfaces:
        assert item.status in (Status.ATTACHING, Status.ATTACHED)
        assert item.delete_on_termination
    for key, item in before.interfaces.items():
        if item.name is None:
            assert state.interfaces[key] == item


@given(network_states(), st.data())
def test_a_crash_between_any_two_actions_does_not_change_the_result(
    before: NetworkState, data: st.DataObject
) -> None:
    """Some actions of a round are executed, in any order; the next visit continues."""
    state, ec2 = before, ModelEc2()
    for _ in range(100):
        actions = plan_attachment(OWNER, ZONE, WANTED, state)
        if not actions:
            break
        happened = data.draw(st.lists(st.sampled_from(actions), unique_by=id, max_size=3))
        for action in happened or actions[:1]:
            state = action.execute(ec2)(state)  # type: ignore[arg-type]
    assert_attached(state)


@given(network_states())
def test_attributes_are_modified_only_after_everything_is_attached(state: NetworkState) -> None:
    """A booting firewall needs its interfaces first; EC2 throttles modifications first."""

    def plan(state: NetworkState) -> list[Action]:
        actions = plan_attachment(OWNER, ZONE, WANTED, state)
        modifying = [
            isinstance(action, DeleteWithInstance | SetSourceDestCheck) for action in actions
        ]
        assert all(modifying) or not any(modifying)
        if any(modifying):
            assert_attached_with_addresses(state)
        return actions

    assert_attached(converge(plan, state))


def assert_attached_with_addresses(state: NetworkState) -> None:
    """All interfaces are attached and have their addresses."""
    assert sorted(item.name or "" for item in state.own_interfaces) == ["management", "untrust"]
    for item in state.own_interfaces:
        assert item.status in (Status.ATTACHING, Status.ATTACHED)
        assert item.device_index == WANTED[item.name or ""].device_index
    interface_ids = [address.interface_id for address in state.addresses.values()]
    assert sorted(map(str, interface_ids)) == sorted(
        item.interface_id for item in state.own_interfaces
    )


def rounds(state: NetworkState) -> list[list[str]]:
    """Return the names of the actions of each round."""
    seen: list[list[str]] = []

    def plan(state: NetworkState) -> list[Action]:
        actions = plan_attachment(OWNER, ZONE, WANTED, state)
        seen.append(sorted(type(action).__name__ for action in actions))
        return actions

    converge(plan, state)
    return seen


def test_each_round_executes_all_actions_that_the_previous_round_made_possible() -> None:
    assert rounds(NetworkState.of([PRIMARY], [])) == [
        ["AllocateAddress", "AllocateAddress", "CreateInterface", "CreateInterface"],
        ["AssociateAddress", "AssociateAddress", "AttachInterface", "AttachInterface"],
        ["DeleteWithInstance"] * 2 + ["SetSourceDestCheck"] * 3,
        [],
    ]


def test_a_launch_needs_thirteen_ec2_calls() -> None:
    ec2 = ModelEc2()
    plan = partial(plan_attachment, OWNER, ZONE, WANTED)
    network_converge.converge(ec2, plan, NetworkState.of([PRIMARY], []))  # type: ignore[arg-type]
    assert len(ec2.calls) == 13


def own(name: str, **fields: Any) -> Interface:
    attached = {"status": Status.ATTACHED, "attachment_id": "attach", **fields}
    return Interface(f"eni-{name}", name, **attached)


@pytest.mark.parametrize(
    ("interfaces", "error", "message"),
    [
        ([], EventualConsistencyError, "does not show the primary interface"),
        (
            [PRIMARY, Interface("eni-x", None, None, True, Status.ATTACHED, ID, "attach", 1)],
            InterfaceLayoutError,
            r"device index 1, needed for management, has eni-x \(not created by this module\)",
        ),
        (
            [PRIMARY, own("untrust", instance_id=ID, device_index=1)],
            InterfaceLayoutError,
            r"device index 1, needed for management, has eni-untrust \(untrust\)",
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
def test_a_state_that_cannot_become_the_wanted_network_raises_its_own_error(
    interfaces: list[Interface], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        plan_attachment(OWNER, ZONE, WANTED, NetworkState.of(interfaces, []))


def test_an_interface_that_is_no_longer_wanted_is_deleted_once_it_is_detached() -> None:
    attached = own("old", instance_id=ID, device_index=3)
    after = attach(NetworkState.of([PRIMARY, attached], []))
    assert after.interfaces["eni-old"] == attached
    after = attach(
        NetworkState.of([PRIMARY, Interface("eni-old", "old")], [Address("eipalloc", "old")])
    )
    assert "eni-old" not in after.interfaces
    assert "eipalloc" not in after.addresses


def test_removal_makes_no_separate_call_to_disassociate_an_address() -> None:
    address = Address("eipalloc", "management", "eipassoc", "eni-management")
    state = NetworkState.of([Interface("eni-management", "management")], [address])
    ec2 = ModelEc2()
    network_converge.converge(ec2, lambda now: plan_removal(now, detach=True), state)  # type: ignore[arg-type]
    assert ec2.calls == ["delete_network_interface", "release_address"]


def test_a_zone_without_a_subnet_is_a_layout_error() -> None:
    with pytest.raises(InterfaceLayoutError, match="management has no subnet in us-east-1b"):
        plan_attachment(OWNER, "us-east-1b", WANTED, NetworkState.of([PRIMARY], []))


def test_a_plan_that_never_becomes_empty_is_an_error() -> None:
    def plan(_: NetworkState) -> list[Action]:
        return [CreateInterface(OWNER, "management", 1, "subnet-1", ("sg-1",))]

    with pytest.raises(EventualConsistencyError, match="actions remain after 8 rounds"):
        converge(plan, NetworkState.of([], []))
