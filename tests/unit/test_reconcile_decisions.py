"""Random fleets: the reconcile function removes every orphan and touches no live firewall.

``make prove-properties`` tries ten thousand fleets.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmseries_autoscale.aws import tags
from vmseries_autoscale.aws.autoscaling_group import Activity, ActivityType
from vmseries_autoscale.aws.instances import Instance
from vmseries_autoscale.aws.network.state import Address, Interface, NetworkState, Status
from vmseries_autoscale.firewall_records import FirewallRecord
from vmseries_autoscale.lifecycle.events import Transition
from vmseries_autoscale.panorama import Device
from vmseries_autoscale.reconcile.decisions import Limits, plan_cleanup, stalled_hooks
from vmseries_autoscale.reconcile.inventory import Inventory

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FLOOR = timedelta(minutes=25)
EC2_SHOWS = 3600
"""Seconds for which EC2 shows a terminated instance at least."""


@dataclass(frozen=True)
class Firewall:
    """The true state of a firewall, from which the inventories below are derived.

    Attributes:
        ours: Whether it belongs to this deployment, not to another user of the device group.
        died: How many seconds ago it was terminated; ``None`` while it lives.
        shown: Whether EC2 still shows it after its termination.
        says_when: Whether EC2 shows the time of the termination.
        remembered: Whether Auto Scaling still shows the activity that terminated it.
        state: Its lifecycle state in the group; ``None`` if it is not a member.
        moved: Whether its interface or address is now used elsewhere.
    """

    ours: bool
    died: int | None
    shown: bool
    says_when: bool
    remembered: bool
    state: str | None
    interface: bool
    address: bool
    moved: bool
    in_panorama: bool
    connected: bool
    has_record: bool
    named: bool

    @property
    def visible(self) -> bool:
        """Whether EC2 shows it as an instance of this deployment."""
        return self.ours and (self.died is None or self.died < EC2_SHOWS or self.shown)

    @property
    def recorded(self) -> bool:
        """Whether the record of its instance has its serial number."""
        return self.ours and self.has_record

    @property
    def known_by_serial(self) -> bool:
        return self.in_panorama and (self.named or self.recorded)

    @property
    def traceable(self) -> bool:
        """Whether any resource of this deployment still names it."""
        has_network = self.interface or self.address
        return self.ours and (self.visible or self.remembered or has_network or self.recorded)

    @property
    def has_resources(self) -> bool:
        has_network = self.interface or self.address
        return self.traceable and (has_network or self.known_by_serial)

    @property
    def removable(self) -> bool:
        """Whether all conditions for a removal are met."""
        return (
            self.has_resources
            and self.died is not None
            and self.state is None
            and not ((self.interface or self.address) and self.moved)
            and not (self.known_by_serial and self.connected)
        )

    @property
    def age_is_known(self) -> bool:
        return not self.visible or self.says_when or self.remembered


flag = st.booleans()
firewalls = st.builds(
    Firewall,
    ours=st.sampled_from([True, True, True, False]),
    died=st.none() | st.integers(0, 20_000) | st.integers(1500, 9_000),
    shown=flag,
    says_when=st.sampled_from([True, True, False]),
    remembered=flag,
    state=st.sampled_from([None] * 6 + ["InService", "Pending:Wait", "Terminating:Wait"]),
    interface=flag,
    address=flag,
    moved=st.sampled_from([False] * 5 + [True]),
    in_panorama=flag,
    connected=st.sampled_from([False] * 4 + [True]),
    has_record=flag,
    named=flag,
)
fleets = st.lists(firewalls, max_size=12)
limits = st.builds(
    Limits,
    age_floor=st.just(FLOOR),
    firewalls=st.integers(1, 8),
    share=st.sampled_from([0.01, 0.1, 0.5, 1.0]),
)


def instance_id(number: int) -> str:
    return f"i-{number:017x}"


def address(number: int) -> str:
    """The management address, which Panorama lists and a live instance has."""
    return f"10.0.1.{number}"


def instance(number: int, firewall: Firewall) -> Instance:
    died = None if firewall.died is None else NOW - timedelta(seconds=firewall.died)
    return Instance(
        instance_id(number),
        "us-east-1a",
        "running" if died is None else "terminated",
        {tags.DEPLOYMENT: "fw"},
        (Interface(f"eni-m{number}", private_ip=address(number)),) if died is None else (),
        terminated=died if firewall.says_when else None,
    )


def network(number: int, firewall: Firewall) -> NetworkState:
    attachment: dict[str, Any] = {}
    if firewall.moved:
        attachment = {"status": Status.ATTACHED, "instance_id": "i-0000000000000ffff"}
    elif firewall.died is None:
        attachment = {"status": Status.ATTACHED, "instance_id": instance_id(number)}
    association = ("eipassoc-1", "eni-of-a-user") if firewall.moved else ()
    interface = Interface(f"eni-{number}", "management", **attachment)
    return NetworkState.of(
        [interface] if firewall.interface else [],
        [Address(f"eipalloc-{number}", "untrust", *association)] if firewall.address else [],
    )


def inventory(fleet: list[Firewall]) -> Inventory:
    numbered = list(enumerate(fleet))
    return Inventory(
        deployment="fw",
        members={
            instance_id(n): firewall.state
            for n, firewall in numbered
            if firewall.ours and firewall.state is not None
        },
        instances={
            instance_id(n): instance(n, firewall) for n, firewall in numbered if firewall.visible
        },
        activities={
            instance_id(n): Activity(
                ActivityType.TERMINATING,
                NOW - timedelta(seconds=firewall.died + 60),
                NOW - timedelta(seconds=firewall.died),
            )
            for n, firewall in numbered
            if firewall.ours and firewall.died is not None and firewall.remembered
        },
        networks={
            instance_id(n): network(n, firewall)
            for n, firewall in numbered
            if firewall.ours and (firewall.interface or firewall.address)
        },
        devices=tuple(
            Device(
                f"S{n}",
                instance_id(n) if firewall.named else "branch-office",
                address(n),
                connected=firewall.connected,
                policy_status="In Sync",
                template_status="In Sync",
            )
            for n, firewall in numbered
            if firewall.in_panorama
        ),
        targets=(),
        records={
            instance_id(n): FirewallRecord(instance_id(n), version=1, serial=f"S{n}")
            for n, firewall in numbered
            if firewall.recorded
        },
    )


@pytest.mark.properties
@given(fleet=fleets, limit=limits)
def test_no_live_firewall_is_touched_and_every_orphan_is_removed(
    fleet: list[Firewall], limit: Limits
) -> None:
    plan = plan_cleanup(inventory(fleet), limit, NOW)
    by_id = {instance_id(n): firewall for n, firewall in enumerate(fleet)}

    for orphan in plan.orphans:
        firewall = by_id[orphan.instance_id]
        assert firewall.removable
        assert firewall.died is not None
        assert firewall.died >= FLOOR.total_seconds()
        assert (orphan.serial is not None) == firewall.known_by_serial

    due = {
        key
        for key, firewall in by_id.items()
        if firewall.removable
        and firewall.age_is_known
        and firewall.died is not None
        and firewall.died >= FLOOR.total_seconds()
    }
    acted_on = {orphan.instance_id for orphan in plan.orphans}
    assert acted_on | set(plan.postponed) == due

    known = [
        firewall
        for firewall in fleet
        if firewall.has_resources or (firewall.ours and firewall.state is not None)
    ]
    cap = max(1, min(limit.firewalls, math.ceil(limit.share * len(known))))
    assert len(acted_on) == min(cap, len(due))


forged_tags = st.dictionaries(
    st.integers(0, 11).map(instance_id),
    st.sampled_from(["F0", "F1", *(f"S{number}" for number in range(12))]),
    max_size=6,
)
foreigners = st.lists(
    st.builds(
        Device,
        serial=st.sampled_from(["F0", "F1"]),
        hostname=st.integers(0, 11).map(instance_id) | st.just("dc-core-fw1"),
        ip_address=st.sampled_from(["10.0.1.5", ""]),
        connected=flag,
        policy_status=st.none() | st.just("In Sync"),
    ),
    max_size=2,
    unique_by=lambda device: device.serial,
)


@pytest.mark.documents(id="security/identity/foreign")
@pytest.mark.properties
@given(fleets, limits, forged_tags, foreigners)
def test_no_forgery_makes_the_firewall_of_others_or_of_a_live_instance_an_orphan(
    fleet: list[Firewall], limit: Limits, forged: dict[str, str], foreign: list[Device]
) -> None:
    """Foreign firewalls have any host name, and the instances any serial tag."""
    true = inventory(fleet)
    grouped = {f"S{n}" for n, firewall in enumerate(fleet) if firewall.ours}
    known = replace(
        true,
        instances={
            key: replace(known, tags={**known.tags, tags.SERIAL: forged[key]})
            if key in forged
            else known
            for key, known in true.instances.items()
        },
        devices=(
            *(
                device if device.serial in grouped else replace(device, template_status=None)
                for device in true.devices
            ),
            *foreign,
        ),
    )
    plan = plan_cleanup(known, limit, NOW)
    live = {f"S{n}" for n, firewall in enumerate(fleet) if firewall.died is None}
    removed = {orphan.serial for orphan in plan.orphans}
    assert removed - {None} <= grouped - live
    assert set(plan.doubted) <= plan.ambiguous.keys()


def test_the_oldest_orphans_are_removed_first() -> None:
    template: dict[str, Any] = {
        "ours": True, "shown": False, "says_when": True, "remembered": True, "state": None,
        "interface": True, "address": False, "moved": False, "in_panorama": False,
        "connected": False, "has_record": False, "named": False,
    }  # fmt: skip
    fleet = [Firewall(died=died, **template) for died in (4000, 9000, 6000)]
    plan = plan_cleanup(inventory(fleet), Limits(FLOOR, 2, 1.0), NOW)
    assert [orphan.instance_id for orphan in plan.orphans] == [instance_id(1), instance_id(2)]
    assert plan.postponed == (instance_id(0),)


@pytest.mark.documents(id="readiness/identity/registered-since")
@pytest.mark.parametrize(
    ("ended", "found"),
    [(None, True), (timedelta(hours=2), True), (timedelta(days=2), False)],
    ids=str,
)
def test_a_firewall_that_gets_the_address_of_a_dead_instance_days_later_is_not_its_own(
    ended: timedelta | None, found: bool
) -> None:
    """With ``licensing.mode = "none"``, nothing else ends the search: it may only restart."""
    looked = NOW - timedelta(days=3)
    record = FirewallRecord(
        instance_id(0),
        version=1,
        management_ip=address(0),
        looked=looked,
        ended=None if ended is None else NOW - ended,
    )
    device = Device("S0", "PA-VM", address(0), policy_status="", template_status="")
    empty = inventory([])
    world = replace(empty, devices=(device,), records={record.instance_id: record})
    plan = plan_cleanup(world, Limits(FLOOR, 10, 1.0), NOW)
    assert [orphan.serial for orphan in plan.orphans] == (["S0"] if found else [])
    assert ("S0" in plan.ambiguous) is not found


@pytest.mark.parametrize(
    ("firewalls", "share", "known", "cap"),
    [(25, 0.5, 3, 2), (25, 0.5, 1, 1), (25, 0.5, 100, 25), (1, 1.0, 9, 1), (5, 0.01, 0, 1)],
)
def test_the_cap_is_limited_by_number_and_share_and_is_at_least_one(
    firewalls: int, share: float, known: int, cap: int
) -> None:
    assert Limits(FLOOR, firewalls, share).cap(known) == cap


def waiting(
    state: str,
    began_ago: int,
    visited_ago: int | None,
    owner: dict[str, str] | None = None,
    ec2_state: str = "running",
) -> Inventory:
    visited = {} if visited_ago is None else {
        tags.LAST_VISIT: (NOW - timedelta(seconds=visited_ago)).isoformat()
    }  # fmt: skip
    owned = {tags.DEPLOYMENT: "fw"} if owner is None else owner
    known = Instance(instance_id(1), "us-east-1a", ec2_state, owned | visited, ())
    began = NOW - timedelta(seconds=began_ago)
    return Inventory(
        deployment="fw",
        members={instance_id(1): state},
        instances={instance_id(1): known},
        activities={instance_id(1): Activity(ActivityType.LAUNCHING, began, None)},
        networks={},
        devices=(),
        targets=(),
    )


@pytest.mark.parametrize(
    ("state", "began_ago", "visited_ago", "expected"),
    [
        ("Pending:Wait", 1500, None, Transition.LAUNCHING),
        ("Terminating:Wait", 1500, None, Transition.TERMINATING),
        ("Terminating:Wait", 1499, None, None),
        ("Pending:Wait", 9000, 1499, None),
        ("Pending:Wait", 9000, 1500, Transition.LAUNCHING),
        ("InService", 9000, None, None),
        ("Pending:Proceed", 9000, None, None),
    ],
)
def test_a_hook_is_stalled_after_a_long_time_without_a_visit(
    state: str, began_ago: int, visited_ago: int | None, expected: Transition | None
) -> None:
    stalled = stalled_hooks(waiting(state, began_ago, visited_ago), FLOOR, NOW)
    assert [hook.transition for hook in stalled] == ([] if expected is None else [expected])


@pytest.mark.parametrize("owner", [{}, {tags.DEPLOYMENT: "another"}])
def test_an_event_that_the_terminate_function_would_reject_is_not_resent(
    owner: dict[str, str],
) -> None:
    """Otherwise, each run would send another message to the dead-letter queue."""
    assert stalled_hooks(waiting("Terminating:Wait", 9000, None, owner), FLOOR, NOW) == []
    (launch,) = stalled_hooks(waiting("Pending:Wait", 9000, None, owner), FLOOR, NOW)
    assert launch.transition is Transition.LAUNCHING


def test_the_event_of_a_terminated_instance_whose_tags_ec2_has_removed_is_resent() -> None:
    gone = waiting("Terminating:Wait", 9000, None, {}, "terminated")
    (stalled,) = stalled_hooks(gone, FLOOR, NOW)
    assert stalled.transition is Transition.TERMINATING
