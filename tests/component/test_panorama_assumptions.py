"""What nothing settles about Panorama: the product's own code holds with each answer of the lab.

The lab's tests show that it plays each answer. Here, nothing is lost, nothing is left behind and
nothing is falsely reported, whichever one it plays (docs/assumptions.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from xml.etree.ElementTree import Element

import pytest

from component.fakes import lab_panorama
from component.fakes.lab_panorama import Firewall
from vmseries_autoscale.errors import FirewallNotConnectedError
from vmseries_autoscale.firewall_records import FirewallRecord, LicenseState
from vmseries_autoscale.launch import readiness
from vmseries_autoscale.launch.readiness_gate import is_licensed
from vmseries_autoscale.licensing import by_firewall, by_panorama, by_plugin
from vmseries_autoscale.licensing.attempts import Attempt, Leaving
from vmseries_autoscale.licensing.evidence import Observations
from vmseries_autoscale.lifecycle.panorama_session import PanoramaSession
from vmseries_autoscale.outcome import Done
from vmseries_autoscale.panorama.client import PanOsPanorama
from vmseries_autoscale.panorama.removal import remove_firewalls
from vmseries_autoscale.settings import Readiness
from vmseries_lab.core.world import World
from vmseries_lab.firewalls.license import License
from vmseries_lab.licensing_api import API_KEY, AUTH_CODE
from vmseries_lab.panorama import initial_config, lab_settings, operator_session
from vmseries_lab.panorama.license_managers import LICENSE_MANAGER
from vmseries_lab.panorama.responses import ApiError, result

VISITS = 40
VISIT_SECONDS = 60


class LicensedFirewall(Firewall):
    """A firewall with the lab's license commands, which may leave once it has no license."""

    def __init__(self, site: Site, number: int, auth_code: str = AUTH_CODE) -> None:
        self.license = License(site.world, site.vendor.licensing, lambda: True)
        self.license.activate(auth_code, f"UUID-{number}", f"CPU-{number}")
        super().__init__(self.license.serial)
        self._site = site

    def operate(self, command: Any) -> Any:
        """Answer a command that Panorama forwards."""
        self.license.tick(self._site.world.clock.now())
        if command.find(".//api-key") is not None:
            return self.license.key_command(command, "")
        if command.find(".//system") is not None:
            return result(Element("system"))
        if command.find(".//info") is not None:
            return self.license.info(command, "")
        answer = self.license.deactivate(command, "")
        if self._site.world.assumptions["after-deactivation"] != "stays":
            self.license.complete()
            self._site.vendor.panorama.disconnect(self.serial)
            if self._site.world.assumptions["deactivation-moment"] == "before-answer":
                raise ApiError(f"{self.serial} not connected")
        return answer


@dataclass
class Site:
    """The lab's Panorama with firewalls, and what earlier visits know of them."""

    world: World
    vendor: Any
    panorama: PanOsPanorama
    firewalls: dict[str, LicensedFirewall] = field(default_factory=dict)
    records: dict[str, FirewallRecord] = field(default_factory=dict)

    def join(self, *, dead: bool = False) -> str:
        """Add a firewall with a license, which is gone or not; return its serial number."""
        number = len(self.firewalls) + 1
        firewall = LicensedFirewall(self, number)
        self.vendor.panorama.register(
            firewall,
            initial_config.VM_AUTH_KEY,
            group=initial_config.DEVICE_GROUP,
            stack=initial_config.TEMPLATE_STACK,
            logs=None,
        )
        if dead:
            self.vendor.panorama.disconnect(firewall.serial)
        return self.known(firewall.serial, firewall)

    def join_without_license(self) -> str:
        """Add a firewall that takes no license and does not leave; return its serial number."""
        serial = self.join()
        self.firewalls.pop(serial).license.active = False
        del self.records[serial]
        self.vendor.licensing.return_license(serial)
        return serial

    def join_by_plugin(self) -> str:
        """Add a firewall that the plugin licenses; return its serial number."""
        plugin = self.vendor.plugin
        plugin.configure(installed=True)
        (manager,) = plugin.managers()
        firewall = LicensedFirewall(self, len(self.firewalls) + 1, manager.auth_code)
        plugin.admit(firewall, manager.auth_key)
        return self.known(firewall.serial, firewall)

    def known(self, serial: str, firewall: LicensedFirewall | None = None) -> str:
        """Record a firewall; return its serial number."""
        if firewall is not None:
            self.firewalls[serial] = firewall
        self.records[serial] = FirewallRecord(f"i-{len(self.records)}", serial=serial)
        return serial

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.world.clock.now(), UTC)

    def connected(self, serial: str) -> bool:
        return self.vendor.panorama.devices.connected(serial) is not None

    def leaving(self) -> list[Leaving]:
        return [Leaving(self.records[one], one, self.connected(one)) for one in self.records]

    def visit(self) -> dict[str, Attempt]:
        """Return licenses through Panorama, as one visit does."""
        for firewall in self.firewalls.values():
            firewall.license.tick(self.world.clock.now())
        attempts = by_panorama.return_licenses(self.panorama, self.leaving(), self.now)
        self._remember({serial: attempt.record for serial, attempt in attempts.items()})
        return attempts

    def visit_the_firewall(self, serial: str) -> None:
        """Return a license through the firewall, by Panorama's target, as one visit does."""
        observed = Observations(self.now, connected=self.connected(serial))
        try:
            decision = by_firewall.return_license(
                self.panorama.firewall(serial),
                serial,
                lambda: API_KEY,
                self.records[serial],
                observed,
            )
        except FirewallNotConnectedError:
            self.world.advance(VISIT_SECONDS)
            return
        self._remember({serial: decision.record})

    def visit_the_plugin(self) -> None:
        """Return licenses through the plugin, as one visit does."""
        attempts = by_plugin.return_licenses(
            self.panorama, LICENSE_MANAGER, self.leaving(), "fw", self.now
        )
        self._remember({serial: attempt.record for serial, attempt in attempts.items()})

    def remove(self, serial: str, meanwhile: Callable[[], str] = str) -> str:
        """Remove a firewall from Panorama; return what happens after the first visit."""
        jobs: dict[str, str] = {}
        happened = ""
        for number in range(VISITS):
            progress = remove_firewalls(
                self.panorama, frozenset({serial}), "fw", self.now, lambda: True, jobs=jobs
            )
            if progress.outcomes == {serial: Done()}:
                return happened
            jobs = dict(progress.jobs)
            happened = meanwhile() if number == 0 else happened
            self.world.advance(VISIT_SECONDS)
        pytest.fail(f"still not removed: {progress}")

    def states(self) -> list[LicenseState]:
        return [record.license for record in self.records.values()]

    def used(self) -> int:
        used: int = self.vendor.licensing.used()
        return used

    def _remember(self, records: dict[str, FirewallRecord]) -> None:
        for serial, record in records.items():
            if record.license is LicenseState.RETURNED:
                assert self.vendor.licensing.returned(serial), "falsely counted as returned"
        self.records |= records
        self.world.advance(VISIT_SECONDS)


@pytest.fixture
def site() -> Iterator[Site]:
    world = World()
    with lab_panorama.installed(world) as vendor:
        lab_settings.configure(vendor.panorama, licensing_api_key=API_KEY)
        yield Site(world, vendor, lab_panorama.connect(vendor))


@pytest.mark.parametrize("result", ["whole-job", "per-device"])
@pytest.mark.parametrize("answer", ["request-refused", "device-fails", "returned"])
def test_a_dead_firewall_keeps_no_other_license_from_being_returned(
    site: Site, answer: str, result: str
) -> None:
    site.world.assumptions.set(batch_license_disconnected=answer, batch_license_result=result)
    alive, dead, also_alive = site.join(), site.join(dead=True), site.join()
    for _ in range(VISITS):
        attempts = site.visit()
    returned = LicenseState.RETURNED
    assert [site.records[one].license for one in (alive, also_alive)] == [returned, returned]
    assert (site.records[dead].license is returned) is (answer == "returned")
    assert site.used() == (0 if answer == "returned" else 1)
    told = attempts[dead].error
    assert isinstance(told, FirewallNotConnectedError) is (answer != "returned")


@pytest.mark.parametrize("dead", [False, True])
@pytest.mark.parametrize("answer", ["stale", "current"])
def test_a_list_that_is_out_of_date_holds_no_firewall_for_ever(
    site: Site, answer: str, *, dead: bool
) -> None:
    site.world.assumptions.set(batch_license_info=answer, batch_license_disconnected="returned")
    serial = site.join(dead=dead)
    visits = 0
    while site.states() != [LicenseState.RETURNED]:
        site.visit()
        visits += 1
        assert visits < VISITS, site.records[serial]
    assert site.used() == 0


@pytest.mark.parametrize("survivors", ["none", "logging-service"])
@pytest.mark.parametrize("text", ["msg-line", "result-text"])
def test_only_the_capacity_license_and_any_text_decide(
    site: Site, survivors: str, text: str
) -> None:
    site.world.assumptions.set(
        after_deactivation="stays", features_after_deactivation=survivors, deactivation_text=text
    )
    serial = site.join()
    for _ in range(4):
        site.visit_the_firewall(serial)
    assert site.states() == [LicenseState.RETURNED]
    assert site.used() == 0


@pytest.mark.parametrize("moment", ["before-answer", "after-answer"])
@pytest.mark.parametrize("after", ["stays", "reboots", "drops-off"])
def test_a_firewall_that_leaves_with_its_license_is_believed_only_with_evidence(
    site: Site, after: str, moment: str
) -> None:
    site.world.assumptions.set(after_deactivation=after, deactivation_moment=moment)
    serial = site.join()
    for number in range(8):
        site.visit_the_firewall(serial)
        if number == 3 and after == "reboots":
            site.vendor.panorama.connect(site.firewalls[serial])
    assert site.used() == 0
    silent = after == "drops-off" and moment == "before-answer"
    assert (site.states() == [LicenseState.RETURNED]) is not silent


@pytest.mark.parametrize("moment", ["before-answer", "after-answer"])
@pytest.mark.parametrize("after", ["stays", "reboots", "drops-off"])
def test_panorama_returns_a_license_whatever_the_firewall_does_then(
    site: Site, after: str, moment: str
) -> None:
    site.world.assumptions.set(after_deactivation=after, deactivation_moment=moment)
    serial = site.join()
    for _ in range(VISITS):
        site.visit()
        if after != "stays" and site.vendor.licensing.returned(serial):
            site.vendor.panorama.disconnect(serial)
    assert (site.states(), site.used()) == ([LicenseState.RETURNED], 0)


@pytest.mark.parametrize("answer", ["none", "logging-service"])
def test_panoramas_own_list_decides_by_the_capacity_license(site: Site, answer: str) -> None:
    site.world.assumptions.set(features_after_deactivation=answer, batch_license_info="current")
    site.join()
    for _ in range(6):
        site.visit()
    assert (site.states(), site.used()) == ([LicenseState.RETURNED], 0)


@pytest.mark.parametrize("alive", [False, True])
@pytest.mark.parametrize("stays", [0, 1])
@pytest.mark.parametrize("empty", ["no-container", "container"])
@pytest.mark.parametrize("listed", ["removed", "kept"])
def test_the_plugins_list_holds_no_firewall_for_ever(
    site: Site, listed: str, empty: str, stays: int, *, alive: bool
) -> None:
    site.world.assumptions.set(plugin_list_after_deactivation=listed, plugin_empty_list=empty)
    leaving = site.join_by_plugin()
    for _ in range(stays):
        del site.records[site.join_by_plugin()]
    if not alive:
        site.vendor.panorama.disconnect(leaving)
    for _ in range(VISITS):
        site.visit_the_plugin()
    assert (site.vendor.licensing.returned(leaving), site.used()) == (True, stays)
    # A list that keeps a firewall that is gone leaves nothing by which its license can be known.
    known = alive or listed == "removed"
    assert (site.states() == [LicenseState.RETURNED]) is known


@pytest.mark.parametrize("answer", ["honored", "ignored"])
def test_firewalls_of_other_groups_are_never_members(site: Site, answer: str) -> None:
    site.world.assumptions.set(group_name_filter=answer)
    ours = site.join()
    operator_session.run_commands(
        site.vendor.panorama, ["set device-group data-center description x"]
    )
    site.world.advance(VISIT_SECONDS)
    other = Firewall("DC", "dc-core-fw1", ip_address="192.168.0.1")
    site.vendor.panorama.register(
        other, initial_config.VM_AUTH_KEY, group="data-center", stack=None, logs=None
    )
    assert [device.serial for device in site.panorama.members()] == [ours]


@pytest.mark.parametrize("devices", ["absent", "present"])
@pytest.mark.parametrize("entries", ["one-per-job", "two-per-job"])
def test_pushes_are_known_by_their_descriptions_and_stop_after_three_failures(
    site: Site, entries: str, devices: str
) -> None:
    site.world.assumptions.set(job_list_entries=entries, push_devices_in_job_list=devices)
    alive, dead = site.join(), site.join(dead=True)
    for number in range(1, readiness.MAXIMUM_FAILED_PUSHES + 1):
        assert readiness.serials_to_push({dead}, site.panorama.pushes("fw")) == {dead}
        site.panorama.push({dead}, "fw")
        assert not readiness.serials_to_push({dead}, site.panorama.pushes("fw")), "in progress"
        site.world.advance(5 * VISIT_SECONDS)
        assert len(readiness.push_failures(dead, site.panorama.pushes("fw"))) == number
    assert readiness.serials_to_push({alive, dead}, site.panorama.pushes("fw")) == {alive}
    site.panorama.push({alive}, "fw")
    site.world.advance(5 * VISIT_SECONDS)
    pushes = site.panorama.pushes("fw")
    assert not readiness.push_failures(alive, pushes)
    assert all(push.finished for push in pushes)
    assert site.panorama.pushes("another") == []


@pytest.mark.parametrize("devices", ["absent", "present"])
@pytest.mark.parametrize("entries", ["one-per-job", "two-per-job"])
@pytest.mark.parametrize("commit", ["none", "commit-job"])
def test_a_removal_ends_beside_commits_of_panoramas_own(
    site: Site, commit: str, entries: str, devices: str
) -> None:
    site.world.assumptions.set(
        registration_commit=commit, job_list_entries=entries, push_devices_in_job_list=devices
    )
    leaving = site.join()
    staying = site.join()
    joining = site.remove(leaving, meanwhile=site.join)
    assert [device.serial for device in site.panorama.members()] == [staying, joining]


@pytest.mark.parametrize("answer", ["others-in-sync", "others-out-of-sync"])
def test_the_others_can_be_brought_in_sync_after_a_removal(site: Site, answer: str) -> None:
    site.world.assumptions.set(removal_commit_status=answer)
    leaving, staying = site.join(), site.join()
    site.panorama.push({leaving, staying}, "fw")
    site.world.advance(5 * VISIT_SECONDS)
    site.remove(leaving)
    (device,) = site.panorama.members()
    out_of_sync = readiness.is_out_of_sync(Readiness.IN_SYNC, device)
    assert out_of_sync is (answer == "others-out-of-sync")
    site.panorama.push({staying}, "fw")
    site.world.advance(5 * VISIT_SECONDS)
    (device,) = site.panorama.members()
    assert not readiness.is_out_of_sync(Readiness.IN_SYNC, device)
    assert device.connected


@pytest.mark.parametrize("answer", ["never", "set"])
def test_no_flag_of_panorama_returns_a_license(site: Site, answer: str) -> None:
    site.world.assumptions.set(deactivated_flag=answer)
    leaving, staying = site.join(), site.join()
    del site.records[staying]
    for _ in range(VISITS):
        site.visit()
    assert (site.states(), site.used()) == ([LicenseState.RETURNED], 1)
    assert {device.serial for device in site.panorama.members()} == {leaving, staying}


@pytest.mark.parametrize("info", ["stale", "current"])
@pytest.mark.parametrize("answer", ["allowed", "refused"])
def test_licenses_are_returned_without_the_right_to_send_commands_to_firewalls(
    site: Site, answer: str, info: str
) -> None:
    site.world.assumptions.set(
        target_by_custom_role=answer,
        batch_license_info="current",
        batch_license_disconnected="returned",
    )
    alive = site.join()
    site.join(dead=True)
    assert is_licensed(site.panorama, alive)
    assert not is_licensed(site.panorama, site.join_without_license())
    site.world.assumptions.set(batch_license_info=info)
    # A list that is out of date is outweighed by a job after a quarter of an hour.
    for _ in range(18 if info == "stale" else 6):
        site.visit()
    assert (site.states(), site.used()) == ([LicenseState.RETURNED] * 2, 0)
    told = PanoramaSession(site.panorama, {}).ask(alive)
    assert (told is None) is (answer == "refused")


@pytest.mark.parametrize("answer", ["allowed", "refused"])
def test_the_plugin_returns_licenses_without_that_right(site: Site, answer: str) -> None:
    site.world.assumptions.set(
        target_by_custom_role=answer, plugin_list_after_deactivation="removed"
    )
    site.join_by_plugin()
    for _ in range(VISITS):
        site.visit_the_plugin()
    assert (site.states(), site.used()) == ([LicenseState.RETURNED], 0)
