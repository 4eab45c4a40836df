"""Network plans, executed on a model of EC2 from any state that a crash can leave."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmseries_autoscale.aws.network import converge as network_converge
from vmseries_autoscale.aws.network import ec2_actions
from vmseries_autoscale.aws.network.ec2_actions import (
    Action,
    AssociateAddress,
    AttachInterface,
    CreateInterface,
    DeleteInterface,
    DeleteWithInstance,
    ReleaseAddress,
    SetSourceDestCheck,
    WaitUntilAttached,
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


plan_wanted = partial(plan_attachment, OWNER, ZONE, WANTED, settled=True)


@pytest.fixture(autouse=True, scope="module")
def _no_pauses() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ec2_actions, "pause", lambda _: None)
        yield


@dataclass
class ModelEc2:
    """A model of EC2 that responds to the calls of all actions, without state.

    Attributes:
        questions: How often EC2 shows an attachment as incomplete.
    """

    questions: int = 0

    numbers: Iterator[int] = field(default_factory=itertools.count)
    calls: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Callable[..., dict[str, Any]]:
        def call(**_: Any) -> dict[str, Any]:
            self.calls.append(name)
            number = next(self.numbers)
            shown = Status.ATTACHED if self.calls.count(name) > self.questions else "attaching"
            return {
                "NetworkInterfaces": [{"Attachment": {"Status": str(shown)}}],
                "NetworkInterface": {"NetworkInterfaceId": f"eni-new-{number}"},
                "AttachmentId": f"attach-new-{number}",
                "AllocationId": f"eipalloc-new-{number}",
                "AssociationId": f"eipassoc-new-{number}",
            }

        return call


def execute(
    plan: Callable[[NetworkState], list[Action]], state: NetworkState, ec2: Any
) -> NetworkState:
    return network_converge.converge(ec2, plan, state, ec2_once=ec2)


def converge(plan: Callable[[NetworkState], list[Action]], state: NetworkState) -> NetworkState:
    def checked_plan(state: NetworkState) -> list[Action]:
        actions = plan(state)
        for action in actions:
            assert_acceptable(action, state)
        return actions

    return execute(checked_plan, state, ModelEc2())


def assert_acceptable(action: Action, state: NetworkState) -> None:
    """EC2 attaches and deletes only detached interfaces, releases only unassociated addresses."""
    match action:
        case AttachInterface() | DeleteInterface():
            assert state.interfaces[action.interface_id].status is Status.DETACHED
        case AssociateAddress() | ReleaseAddress():
            assert state.addresses[action.allocation_id].association_id is None


def attach(state: NetworkState) -> NetworkState:
    return converge(plan_wanted, state)


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
    assert plan_wanted(after) == []
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


@given(network_states())
def test_removal_leaves_attached_interfaces_to_ec2_and_removes_everything_else(
    before: NetworkState,
) -> None:
    state = converge(plan_removal, before)
    assert state.addresses == {}
    for item in state.own_interfaces:
        assert item.status in (Status.ATTACHING, Status.ATTACHED)
        assert item.delete_on_termination
    for key, item in before.interfaces.items():
        if item.name is None:
            assert state.interfaces[key] == item


def test_a_detachment_that_never_ends_delays_no_removal() -> None:
    leaving = own("untrust", instance_id=ID, device_index=2, status=Status.DETACHING)
    address = Address("eipalloc", "untrust", "eipassoc", "eni-untrust")
    ec2 = ModelEc2()
    state = execute(plan_removal, NetworkState.of([leaving], [address]), ec2)
    assert ec2.calls == ["disassociate_address", "release_address"]
    assert state == NetworkState.of([leaving], [])


@given(network_states(), st.data())
def test_a_crash_between_any_two_actions_does_not_change_the_result(
    before: NetworkState, data: st.DataObject
) -> None:
    """Some actions of a round are executed, in any order; the next visit continues."""
    state, ec2 = before, ModelEc2()
    for _ in range(100):
        actions = plan_wanted(state)
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
        actions = plan_wanted(state)
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
        actions = plan_wanted(state)
        seen.append(sorted(type(action).__name__ for action in actions))
        return actions

    converge(plan, state)
    return seen


def test_each_round_executes_all_actions_that_the_previous_round_made_possible() -> None:
    assert rounds(NetworkState.of([PRIMARY], [])) == [
        ["AllocateAddress", "AllocateAddress", "CreateInterface", "CreateInterface"],
        ["AssociateAddress", "AssociateAddress", "AttachInterface"],
        ["WaitUntilAttached"],
        ["AttachInterface"],
        ["DeleteWithInstance"] * 2 + ["SetSourceDestCheck"] * 3,
        [],
    ]


def test_a_launch_needs_fourteen_ec2_calls() -> None:
    ec2 = ModelEc2()
    execute(plan_wanted, NetworkState.of([PRIMARY], []), ec2)
    assert len(ec2.calls) == 14


def test_interfaces_are_attached_in_the_order_of_their_device_indexes() -> None:
    """Attached in parallel, management and untrust changed places at random."""
    order: list[int] = []

    def plan(state: NetworkState) -> list[Action]:
        actions = plan_wanted(state)
        order.extend(a.device_index for a in actions if isinstance(a, AttachInterface))
        return actions

    converge(plan, NetworkState.of([PRIMARY], []))
    assert order == [1, 2]


def desired(indexes: Iterable[int]) -> dict[str, InterfaceSettings]:
    """Return desired interfaces at these indexes, listed in this order, beside the primary one."""
    rest = {
        f"nic{index}": interface(Role.UNTRUST, index, public=index % 2 == 1) for index in indexes
    }
    return {**rest, "data": interface(Role.DATA, 0)}


@st.composite
def partial_states(draw: st.DrawFn) -> tuple[dict[str, InterfaceSettings], NetworkState]:
    """Desired interfaces, and a state in which any of them exist, in any attachment status."""
    indexes = draw(st.permutations(range(1, draw(st.integers(1, 5)) + 1)))
    wanted = desired(indexes)
    interfaces = [PRIMARY]
    for index in indexes:
        status = draw(st.sampled_from([None, Status.DETACHED, Status.ATTACHING, Status.ATTACHED]))
        if status is Status.DETACHED:
            interfaces.append(Interface(f"eni-{index}", f"nic{index}"))
        elif status is not None:
            name = f"nic{index}"
            interfaces.append(
                Interface(
                    f"eni-{index}", name, None, None, True, status, ID, f"attach-{index}", index
                )
            )
    return wanted, NetworkState.of(interfaces, [])


@given(partial_states(), st.integers(0, 2))
def test_no_interface_is_attached_while_a_lower_one_is_not_attached(
    case: tuple[dict[str, InterfaceSettings], NetworkState], questions: int
) -> None:
    wanted, state = case

    def plan(state: NetworkState) -> list[Action]:
        actions = plan_attachment(OWNER, ZONE, wanted, state, settled=True)
        attached = {
            item.device_index
            for item in state.interfaces.values()
            if item.status is Status.ATTACHED
        }
        for action in actions:
            if isinstance(action, AttachInterface):
                assert set(range(action.device_index)) <= attached
            if isinstance(action, WaitUntilAttached):
                assert state.interfaces[action.interface_id].status is Status.ATTACHING
        return actions

    after = execute(plan, state, ModelEc2(questions=questions))
    own_indexes = {item.device_index for item in after.own_interfaces}
    assert own_indexes == {settings.device_index for settings in wanted.values()} - {0}
    assert all(item.status is not Status.DETACHED for item in after.own_interfaces)


def test_an_attachment_that_ec2_never_completes_is_left_to_the_next_visit() -> None:
    ec2 = ModelEc2(questions=1000)
    with pytest.raises(EventualConsistencyError, match="actions remain"):
        execute(plan_wanted, NetworkState.of([PRIMARY], []), ec2)
    assert ec2.calls.count("attach_network_interface") == 1


def test_an_interface_whose_tags_ec2_does_not_show_yet_is_no_layout_error() -> None:
    """Two reads of EC2 disagreed, and a healthy launch was abandoned."""
    unnamed = Interface("eni-x", None, None, None, True, Status.ATTACHED, ID, "attach", 1)
    state = NetworkState.of([PRIMARY, unnamed], [])
    with pytest.raises(EventualConsistencyError, match="does not show yet"):
        plan_attachment(OWNER, ZONE, WANTED, state, settled=False)
    with pytest.raises(InterfaceLayoutError, match="not created by this module"):
        plan_attachment(OWNER, ZONE, WANTED, state, settled=True)


def test_no_action_that_is_not_idempotent_is_executed_by_a_client_with_retries() -> None:
    retrying, once = ModelEc2(), ModelEc2()
    network_converge.converge(
        retrying,  # type: ignore[arg-type]
        plan_wanted,
        NetworkState.of([PRIMARY], []),
        ec2_once=once,  # type: ignore[arg-type]
    )
    assert set(once.calls) == {"allocate_address"}
    assert "allocate_address" not in retrying.calls
    with pytest.raises(ValueError, match="AllocateAddress needs a client without retries"):
        network_converge.converge(ModelEc2(), plan_wanted, NetworkState.of([PRIMARY], []))  # type: ignore[arg-type]


def own(name: str, **fields: Any) -> Interface:
    attached = {"status": Status.ATTACHED, "attachment_id": "attach", **fields}
    return Interface(f"eni-{name}", name, **attached)


@pytest.mark.parametrize(
    ("interfaces", "error", "message"),
    [
        ([], EventualConsistencyError, "does not show the primary interface"),
        (
            [PRIMARY, Interface("eni-x", None, None, None, True, Status.ATTACHED, ID, "attach", 1)],
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
        plan_wanted(NetworkState.of(interfaces, []))


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
    execute(plan_removal, state, ec2)
    assert ec2.calls == ["delete_network_interface", "release_address"]


def test_a_zone_without_a_subnet_is_a_layout_error() -> None:
    with pytest.raises(InterfaceLayoutError, match="management has no subnet in us-east-1b"):
        plan_attachment(OWNER, "us-east-1b", WANTED, NetworkState.of([PRIMARY], []), settled=True)


def test_a_plan_that_never_becomes_empty_is_an_error() -> None:
    def plan(_: NetworkState) -> list[Action]:
        return [CreateInterface(OWNER, "management", 1, "subnet-1", ("sg-1",))]

    with pytest.raises(EventualConsistencyError, match="actions remain after 16 rounds"):
        converge(plan, NetworkState.of([], []))
