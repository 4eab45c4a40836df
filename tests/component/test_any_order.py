"""Random histories: in the end nothing is left behind, and no live firewall was harmed.

Firewalls are launched, terminated and killed; events are lost or come twice; calls fail or end the
function before or after their effect, or something else happens between two of them; Panorama is
unavailable for a while. Then no more faults happen, and the queues and the schedule complete the
work. ``make prove-properties`` tries more histories than ``make test-unit``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from component.fakes import aws as account
from component.fakes.aws import TARGET_PORT, Fault
from component.fakes.driver import PLUGIN_SETTINGS, Fleet, OneByOne, configure, simulated
from component.fakes.panorama import LICENSE_MANAGER
from vmseries_autoscale.panorama import Device, Part

__all__ = ["simulated"]

faults = st.none() | st.tuples(
    st.sampled_from(
        [
            *("error before", "error after", "crash before", "crash after"),
            *("duplicate", "reconcile", "kill"),
        ]
    ),
    st.integers(0, 24),
)
mails = st.sampled_from([1, 1, 0, 2])
choices = st.integers(0, 7)
flags = st.booleans()
Drawn = tuple[str, int] | None


class AnyOrder(RuleBasedStateMachine):
    """A history of a fleet, of which Hypothesis chooses the steps."""

    def __init__(self) -> None:
        super().__init__()
        self.fleet = Fleet()
        self.aws, self.panorama = self.fleet.aws, self.fleet.panorama
        self.fault: Fault | None = None
        self._add_foreign_resources()

    def _add_foreign_resources(self) -> None:
        """Add resources of other users, which must still exist in the end."""
        self.panorama.register(Device("FOREIGN", "branch", "10.0.1.200", True, "In Sync", ""))
        self.aws.add_interface("management", {"Name": "of another user"})
        other = account.Address("eipalloc-foreign", {account.DEPLOYMENT: "another"})
        self.aws.allocated[other.allocation_id] = other
        self.aws.targets["10.9.9.9", TARGET_PORT] = "unhealthy"

    # Events of firewalls.

    @initialize(firewalls=st.integers(0, 3))
    def a_fleet(self, firewalls: int) -> None:
        self.fleet.in_service(firewalls)

    @precondition(lambda self: len(self.aws.members) < 5)
    @rule(mail=mails)
    def launch(self, mail: int) -> None:
        self.fleet.launch(mail)

    @precondition(lambda self: self.fleet.bootable())
    @rule(which=choices)
    def boot(self, which: int) -> None:
        self.fleet.boot(pick(self.fleet.bootable(), which))

    @precondition(lambda self: self.aws.in_state("InService"))
    @rule(which=choices, mail=mails)
    def scale_in(self, which: int, mail: int) -> None:
        self.fleet.scale_in(pick(self.aws.in_state("InService"), which), mail)

    @precondition(lambda self: self.fleet.living())
    @rule(which=choices)
    def kill(self, which: int) -> None:
        if living := self.fleet.living():
            self.aws.kill(pick(living, which))

    @precondition(lambda self: self.fleet.dead_members())
    @rule(which=choices, mail=mails, hook=flags)
    def group_notices(self, which: int, mail: int, hook: bool) -> None:
        self.fleet.notice(pick(self.fleet.dead_members(), which), mail, hook=hook)

    @precondition(lambda self: self.aws.in_state("InService"))
    @rule(which=choices)
    def detach_from_group(self, which: int) -> None:
        self.aws.detach_from_group(pick(self.aws.in_state("InService"), which))

    @precondition(lambda self: self.fleet.connected())
    @rule(which=choices)
    def lose_connection(self, which: int) -> None:
        self.fleet.connect(pick(self.fleet.connected(), which), connected=False)

    @rule()
    def panorama_comes_or_goes(self) -> None:
        self.fleet.away = not self.fleet.away

    @rule()
    def another_administrator_commits(self) -> None:
        self.panorama.commit_all()

    # Runs of the functions.

    @precondition(lambda self: self.aws.queues["launch"])
    @rule(drawn=faults, backwards=flags)
    def launch_visit(self, drawn: Drawn, backwards: bool) -> None:
        OneByOne.backwards = backwards
        self.fleet.visit("launch", self._fault(drawn, "launch"))

    @precondition(lambda self: self.aws.queues["terminate"])
    @rule(drawn=faults, backwards=flags)
    def terminate_visit(self, drawn: Drawn, backwards: bool) -> None:
        OneByOne.backwards = backwards
        self.fleet.visit("terminate", self._fault(drawn, "terminate"))

    @rule(drawn=faults)
    def reconcile(self, drawn: Drawn) -> None:
        self.fleet.reconcile(self._fault(drawn, "launch"))

    @rule(minutes=st.sampled_from([1, 1, 5, 10, 30, 70]))
    def time_passes(self, minutes: int) -> None:
        self.fleet.pass_time(timedelta(minutes=minutes))

    def _fault(self, drawn: Drawn, function: str) -> Fault | None:
        if drawn is None:
            return None
        kind, at = drawn
        meanwhile: dict[str, Callable[[], object]] = {
            "duplicate": lambda: self.fleet.visit_again(function),
            "reconcile": self.fleet.reconcile,
            "kill": lambda: self.kill(at),
        }
        if action := meanwhile.get(kind):
            self.fault = Fault(at, "meanwhile", action)
        else:
            self.fault = Fault(at, kind)
        return self.fault

    # Conditions after each step, and in the end.

    @invariant()
    def no_firewall_is_harmed(self) -> None:
        assert self.aws.harm == []

    def teardown(self) -> None:
        if self.aws.harm:
            return
        self.fleet.calm_down()
        self.no_firewall_is_harmed()
        assert self.aws.expired == [], "every hook is completed in time"
        assert set(self.aws.in_state("InService")) == set(self.aws.members)
        live = set(self.fleet.living())
        assert set(self.aws.members) <= live
        self._check_ec2(live)
        self._check_panorama({self.fleet.serials[key] for key in live})

    def _check_ec2(self, live: set[str]) -> None:
        attached = [interface for key in live for interface in self.aws.attached(key)[1:]]
        assert len(attached) == 2 * len(live)
        for interface in attached:
            assert interface.attachment is not None
            assert interface.attachment.delete_on_termination
            assert interface.tags[account.INSTANCE_ID] == interface.attachment.instance_id
        attached_ids = {interface.interface_id for interface in attached}

        interfaces = list(self.aws.interfaces.values())
        ours = [interface for interface in interfaces if account.INSTANCE_ID in interface.tags]
        assert {interface.interface_id for interface in ours} == attached_ids
        assert any(interface.tags == {"Name": "of another user"} for interface in interfaces)

        addresses = dict(self.aws.allocated)
        assert addresses.pop("eipalloc-foreign")
        assert {address.interface_id for address in addresses.values()} == attached_ids
        assert len(addresses) == len(attached_ids)

        untrust = {item.private_ip for item in attached if item.subnet == "untrust"}
        assert set(self.aws.targets) == {(ip, TARGET_PORT) for ip in {*untrust, "10.9.9.9"}}

    def _check_panorama(self, live: set[str]) -> None:
        for part in Part:
            assert self.panorama.named[part] == self.panorama.committed[part]
            assert self.panorama.committed[part] == live | {"FOREIGN"}
        for serial, licenses in self.panorama.licensed.items():
            if serial in live or serial == "FOREIGN":
                assert licenses
            else:
                assert not licenses or serial in self.fleet.reported


class AnyOrderByPlugin(AnyOrder):
    """A history with Panorama's plugin, which can return every license."""

    def _check_panorama(self, live: set[str]) -> None:
        super()._check_panorama(live)
        assert self.panorama.listed == {LICENSE_MANAGER: live | {"FOREIGN"}}
        assert self.fleet.reported == set()


class AnyOrderWithAdversary(AnyOrder):
    """A history in which firewalls get forged host names, and instances get forged serial tags.

    No firewall of others and no live firewall is harmed; what is in doubt is left behind.
    """

    FOREIGN: ClassVar = ["FOREIGN", "DATA-CENTER"]

    def __init__(self) -> None:
        super().__init__()
        self.panorama.register(Device("DATA-CENTER", "core", "192.168.0.1", True))

    @rule(connected=flags)
    def foreign_firewalls_come_or_go(self, connected: bool) -> None:
        for serial in self.FOREIGN:
            known = self.panorama.firewalls[serial]
            self.panorama.firewalls[serial] = replace(known, connected=connected)

    @precondition(lambda self: self.aws.instances)
    @rule(which=choices)
    def a_foreign_firewall_calls_itself_like_ours(self, which: int) -> None:
        """It also has the same address, in another VPC, but is not in our groups."""
        name = pick(list(self.aws.instances), which)
        known = self.panorama.firewalls["DATA-CENTER"]
        self.panorama.firewalls["DATA-CENTER"] = replace(
            known, hostname=name, ip_address=self.fleet.management_ip(name) or known.ip_address
        )

    @precondition(lambda self: self.fleet.serials)
    @rule(which=choices, whose=choices)
    def a_firewall_calls_itself_like_another(self, which: int, whose: int) -> None:
        serial = pick(list(self.fleet.serials.values()), which)
        name = pick(list(self.aws.instances), whose)
        known = self.panorama.firewalls[serial]
        self.panorama.firewalls[serial] = replace(known, hostname=name)

    @precondition(lambda self: self.aws.instances)
    @rule(which=choices, whose=choices)
    def a_serial_tag_is_forged(self, which: int, whose: int) -> None:
        serials = ["DATA-CENTER", *self.fleet.serials.values()]
        instance = self.aws.instances[pick(list(self.aws.instances), which)]
        instance.tags["vmseries-autoscale:serial"] = pick(serials, whose)

    @invariant()
    def no_firewall_is_harmed(self) -> None:
        assert [harm for harm in self.aws.harm if " took " in harm] == []
        for serial in self.FOREIGN:
            assert self.panorama.licensed[serial]
            assert serial in self.panorama.listed[LICENSE_MANAGER]
            for part in Part:
                assert serial in self.panorama.named[part]

    def teardown(self) -> None:
        self.fleet.away = False
        for _ in range(12):
            self.fleet.visit_all("launch")
            self.fleet.visit_all("terminate")
            self.fleet.reconcile()
            self.fleet.pass_time(timedelta(minutes=30))
            self.no_firewall_is_harmed()


def pick(items: list[str], which: int) -> str:
    """Return an item by any number."""
    return items[which % len(items)]


@pytest.mark.documents(id="failure-modes/any-history")
@pytest.mark.documents(id="licensing/panorama/any-history")
@pytest.mark.properties
def test_any_history_ends_without_orphans_and_without_harm(simulated: None) -> None:
    run_histories(AnyOrder)


@pytest.mark.documents(id="licensing/plugin/any-history")
@pytest.mark.properties
def test_any_history_ends_with_every_license_returned_by_the_plugin(
    simulated: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(monkeypatch, PLUGIN_SETTINGS)
    run_histories(AnyOrderByPlugin, part=5)


@pytest.mark.documents(id="security/identity/foreign")
@pytest.mark.properties
def test_no_history_with_forged_names_and_tags_harms_a_firewall(simulated: None) -> None:
    run_histories(AnyOrderWithAdversary, part=2)


@pytest.mark.documents(id="security/identity/foreign")
@pytest.mark.properties
def test_no_history_with_forged_names_and_tags_harms_a_firewall_of_the_plugin(
    simulated: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(monkeypatch, PLUGIN_SETTINGS)
    run_histories(AnyOrderWithAdversary, part=2)


def run_histories(machine: type[AnyOrder], part: int = 1) -> None:
    examples = settings().max_examples // part
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples, stateful_step_count=15)
    )


def a_launch(machine: AnyOrder, drawn: Drawn) -> None:
    machine.launch(mail=1)
    machine.launch_visit(drawn, backwards=False)


def a_last_launch_visit(machine: AnyOrder, drawn: Drawn) -> None:
    machine.launch(mail=1)
    machine.launch_visit(None, backwards=False)
    machine.boot(0)
    machine.time_passes(1)
    machine.launch_visit(drawn, backwards=False)


def a_termination(machine: AnyOrder, drawn: Drawn) -> None:
    machine.scale_in(0, mail=1)
    machine.terminate_visit(None, backwards=False)
    machine.time_passes(5)
    machine.terminate_visit(drawn, backwards=False)


def a_last_termination_visit(machine: AnyOrder, drawn: Drawn) -> None:
    a_termination(machine, None)
    machine.time_passes(5)
    machine.terminate_visit(drawn, backwards=False)


def a_reconciliation(machine: AnyOrder, drawn: Drawn) -> None:
    machine.kill(0)
    machine.group_notices(0, mail=1, hook=False)
    machine.time_passes(30)
    machine.reconcile(drawn)
    machine.another_administrator_commits()


@pytest.mark.documents(id="failure-modes/any-call")
@pytest.mark.parametrize("kind", ["error before", "error after", "crash after"])
@pytest.mark.parametrize(
    "program",
    [a_launch, a_last_launch_visit, a_termination, a_last_termination_visit, a_reconciliation],
)
def test_a_fault_at_any_call_does_no_harm(
    simulated: None, program: Callable[[AnyOrder, Drawn], None], kind: str
) -> None:
    fail_at_each_call(AnyOrder, program, kind)


@pytest.mark.documents(id="licensing/plugin/any-call")
@pytest.mark.parametrize("kind", ["error before", "error after", "crash after"])
@pytest.mark.parametrize("program", [a_termination, a_reconciliation])
def test_a_fault_at_any_call_does_no_harm_where_the_plugin_manages_licenses(
    simulated: None,
    monkeypatch: pytest.MonkeyPatch,
    program: Callable[[AnyOrder, Drawn], None],
    kind: str,
) -> None:
    configure(monkeypatch, PLUGIN_SETTINGS)
    fail_at_each_call(AnyOrderByPlugin, program, kind)


def fail_at_each_call(
    machine_type: type[AnyOrder], program: Callable[[AnyOrder, Drawn], None], kind: str
) -> None:
    for number in range(60):
        machine = machine_type()
        machine.a_fleet(1)
        program(machine, (kind, number))
        machine.no_firewall_is_harmed()
        machine.teardown()
        if machine.fault is not None and not machine.fault.tripped:
            assert number > 5
            return
    pytest.fail("a run had more than 60 calls")


def test_a_hook_may_be_completed_while_its_event_is_resent(simulated: None) -> None:
    """The launch is abandoned after reconcile described the group: the resent event finds its hook
    closed, and the termination has a hook of its own."""
    for number in range(10):
        machine = AnyOrder()
        machine.a_fleet(0)
        machine.launch(mail=1)
        machine.time_passes(30)
        machine.reconcile(("duplicate", number))
        machine.no_firewall_is_harmed()
        machine.teardown()


def test_an_address_may_be_used_again_while_its_old_target_is_removed(simulated: None) -> None:
    """A launch gets the address of a dead firewall just before reconcile deregisters its target.

    The target was registered for the dead firewall. The launch registers its own target when it is
    ready, and waits while the old one drains.
    """
    for number in range(16):
        machine = AnyOrder()
        machine.a_fleet(1)
        machine.launch(mail=1)
        machine.kill(0)
        machine.reconcile(("duplicate", number))
        machine.no_firewall_is_harmed()
        machine.teardown()
