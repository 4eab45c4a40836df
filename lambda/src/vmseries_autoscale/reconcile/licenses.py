"""Return the licenses of firewalls that are gone, and report those that nobody can return.

Panorama and its plugin return a license without the firewall, so that a firewall which died without
its lifecycle hook is treated as a visit treats it. What every run sees of a license is kept in the
firewall's record, so that two runs agree on an absence.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from vmseries_autoscale import telemetry
from vmseries_autoscale.errors import FirewallNotConnectedError, LicensingKeyError
from vmseries_autoscale.firewall_records import FirewallRecord, FirewallRecords, LicenseState
from vmseries_autoscale.licensing import by_panorama, by_plugin, evidence, reporting
from vmseries_autoscale.licensing.attempts import Attempt, Leaving
from vmseries_autoscale.licensing.evidence import (
    GiveUp,
    Observations,
    Request,
    Returned,
    Seen,
    Wait,
)
from vmseries_autoscale.outcome import (
    Done,
    Failed,
    Outcome,
    Retry,
    Unfinished,
    run_if_time,
    run_step,
)
from vmseries_autoscale.panorama import Panorama, PluginFirewall
from vmseries_autoscale.reconcile.decisions import UNKNOWN_TIME, Orphan
from vmseries_autoscale.reconcile.report import collect_unfinished
from vmseries_autoscale.settings import LicensingMode, ReconcileSettings
from vmseries_autoscale.telemetry import Metric
from vmseries_autoscale.time_budget import TimeBudget

logger = logging.getLogger(__name__)

GIVE_UP = timedelta(days=1)
"""How long after the termination of a firewall its license is reported, if it is not returned.

In mode ``firewall``, the firewall is then removed from Panorama. In mode ``plugin``, it stays until
the plugin has done its work, or an operator removes it: the plugin finds it by its entry."""


@dataclass(frozen=True, slots=True)
class LicenseReturns:
    """The licenses of one run.

    Attributes:
        panorama: Connection to Panorama; ``None`` without one.
        settings: Settings of the function.
        now: Current time, timezone-aware.
        time_budget: Time that is left of the invocation.
        store: Writes records.
        records: Records by instance id, as this run has read and written them.
    """

    panorama: Panorama | None
    settings: ReconcileSettings
    now: datetime
    time_budget: TimeBudget
    store: FirewallRecords
    records: dict[str, FirewallRecord] = field(default_factory=dict)

    def return_listed(self, orphans: Sequence[Orphan]) -> dict[str, Unfinished]:
        """Have Panorama or its plugin return the licenses of firewalls that Panorama lists.

        Returns:
            The outcomes of the firewalls that stay in Panorama, by instance id.
        """
        if self.panorama is None or self.settings.licensing_mode is LicensingMode.NONE:
            return {}
        leaving = {
            orphan.instance_id: self._leaving(orphan, orphan.serial)
            for orphan in orphans
            if orphan.serial is not None
            and self._record(orphan).license is not LicenseState.RETURNED
        }
        if not leaving:
            return {}
        request = partial(self._request, self.panorama, list(leaving.values()))
        attempts = run_if_time(request, self.time_budget)
        if isinstance(attempts, Unfinished):
            return collect_unfinished((key, attempts) for key in leaving)
        return collect_unfinished(
            (
                orphan.instance_id,
                run_step(
                    partial(self._conclude, item, attempts[item.serial], late=self._is_late(orphan))
                ),
            )
            for orphan in orphans
            if (item := leaving.get(orphan.instance_id)) is not None
        )

    def report_gone(self, gone: Collection[str], listed: Collection[str]) -> None:
        """Report the licenses of instances that are gone and that Panorama does not list.

        Args:
            gone: Ids of instances that terminated long enough ago.
            listed: Ids of the instances whose firewalls Panorama lists.
        """
        if self.settings.licensing_mode is LicensingMode.NONE:
            return
        known = [
            self.records.get(key) or FirewallRecord(key) for key in sorted(set(gone) - set(listed))
        ]
        records = [record for record in known if record.readable]
        manager = self.settings.license_manager
        if self.panorama is not None and manager is not None:
            self._look_in_list(records, self.panorama, manager)
            return
        for record in (r for r in records if not r.license.settled):
            outcome = run_step(partial(self._report_gone, record))
            collect_unfinished([(record.instance_id, outcome)] if outcome is not None else [])

    def _record(self, orphan: Orphan) -> FirewallRecord:
        return self.records.get(orphan.instance_id) or FirewallRecord(
            orphan.instance_id, serial=orphan.serial
        )

    def _leaving(self, orphan: Orphan, serial: str) -> Leaving:
        record = self._record(orphan)
        last_look = ""
        if self._is_late(orphan) and record.license_requested is not None:
            last_look = "Panorama did not return the license within a day"
        return Leaving(record, serial, connected=False, last_look=last_look)

    def _is_late(self, orphan: Orphan) -> bool:
        """Return whether a day has passed since the termination, or since a run first found it."""
        since = orphan.since
        if since == UNKNOWN_TIME:
            since = self._record(orphan).ended or self.now
        return self.now - since >= GIVE_UP

    def _request(self, panorama: Panorama, leaving: Sequence[Leaving]) -> Mapping[str, Attempt]:
        manager = self.settings.license_manager
        if manager is None:
            return by_panorama.return_licenses(panorama, leaving, self.now)
        name = self.settings.name
        return by_plugin.return_licenses(panorama, manager, leaving, name, self.now)

    def _conclude(self, item: Leaving, attempt: Attempt, *, late: bool) -> Outcome:
        """Save what is known of a license; return why its firewall stays in Panorama, if it does.

        The firewall is gone, so that a license which Panorama cannot return, for want of a key or
        of a connection, is reported at once: nothing else can return it. One that was not requested
        within a day, as while Panorama was away, is requested before it is given up.
        """
        record, step = attempt.record, attempt.decision.step
        with telemetry.log_context(serial=item.serial):
            before = item.record.license
            impossible = self.settings.license_manager is None and isinstance(
                attempt.error, LicensingKeyError | FirewallNotConnectedError
            )
            refused = impossible or (late and attempt.error is not None)
            if refused and not isinstance(step, Returned):
                record = replace(record, license=LicenseState.NOT_RETURNED)
                step = GiveUp(str(attempt.error))
            if isinstance(step, GiveUp) and before is not LicenseState.NOT_RETURNED:
                # Before the record says so: a run that ends in between is followed by one that
                # reports the license again.
                reporting.report_not_returned(record, step.unknown)
            self.save(item.record, replace(record, serial=record.serial or item.serial))
            match step:
                case Returned():
                    telemetry.count(Metric.LICENSE_RETURNED)
                    return Done()
                case GiveUp() if self.settings.licensing_mode is LicensingMode.FIREWALL:
                    return Done()
                case GiveUp(reason) | Request(reason) | Wait(reason):
                    return Failed(attempt.error) if attempt.error else Retry(reason)

    def _report_gone(self, record: FirewallRecord) -> None:
        if _never_existed(record):
            self.save(record, replace(record, license=LicenseState.RETURNED))
            return
        lost = replace(record, license=LicenseState.NOT_RETURNED)
        reason = "the firewall is gone, and Panorama does not list it"
        if self.panorama is None:
            reason = "the firewall is gone, and only it could return its license"
        reporting.report_not_returned(lost, reason)
        self.save(record, lost)

    def _look_in_list(
        self, records: Sequence[FirewallRecord], panorama: Panorama, manager: str
    ) -> None:
        """Look for firewalls in the license manager's list, by their serial numbers.

        Also for those whose license counts as returned because the list was missing for a while: a
        plugin may take longer to start.
        """
        looked_for = [
            record
            for record in records
            if record.license is not LicenseState.RETURNED or record.empty_since is not None
        ]
        if not looked_for:
            return
        listed = run_if_time(partial(panorama.plugin_firewalls, manager), self.time_budget)
        if isinstance(listed, Unfinished):
            collect_unfinished([(manager, listed)])
        elif listed is not None:
            ours = functools.cache(partial(panorama.serves_our_groups, manager))
            for record in looked_for:
                outcome = run_step(partial(self._look_for, record, listed, ours))
                collect_unfinished([(record.instance_id, outcome)] if outcome else [])

    def _look_for(
        self,
        record: FirewallRecord,
        firewalls: Mapping[str, PluginFirewall],
        ours: Callable[[], bool],
    ) -> None:
        """Look for one firewall in the license manager's list, and report it if it is not known.

        The absence of an address shows nothing, and a serial number in doubt may be that of another
        firewall. Neither a serial number nor an address alone takes a license.
        """
        if _never_existed(record):
            self.save(record, replace(record, license=LicenseState.RETURNED))
            return
        listed = _listed(record, firewalls, ours)
        if record.license is LicenseState.RETURNED:
            if listed is Seen.NOT_SEEN:
                return
            record, before = replace(record, empty_since=None), record
            if listed is Seen.ABSENT:
                self.save(before, record)
                return
            record = replace(record, license=LicenseState.HELD)
        seen = Observations(
            self.now,
            listed=listed,
            can_request=False,
            last_look="" if listed is Seen.ABSENT else "Panorama does not list the firewall",
        )
        decision = evidence.decide(record, seen)
        if isinstance(decision.step, GiveUp) and record.license is not LicenseState.NOT_RETURNED:
            reason = (
                "the license manager lists it, or another one with its address"
                if listed is Seen.LISTED
                else "nothing shows which firewall of the license manager's list it is"
            )
            reporting.report_not_returned(decision.record, reason)
        self.save(record, decision.record)

    def save(self, before: FirewallRecord, after: FirewallRecord) -> None:
        """Write a record if it has changed, and keep what was written for the rest of the run."""
        if after != before:
            self.records[after.instance_id] = self.store.save(after)


def _listed(
    record: FirewallRecord, firewalls: Mapping[str, PluginFirewall], ours: Callable[[], bool]
) -> Seen:
    """Return what the license manager's list shows of a firewall that Panorama does not list."""
    if record.serial is not None and record.serial in firewalls:
        return Seen.LISTED
    if record.serial is not None and record.ambiguous is None:
        return Seen.ABSENT if by_plugin.says_something(record, ours) else Seen.NOT_SEEN
    address = record.management_ip
    listed = address is not None and any(item.address == address for item in firewalls.values())
    return Seen.LISTED if listed else Seen.NOT_SEEN


def _never_existed(record: FirewallRecord) -> bool:
    """Return whether no visit has seen anything of a firewall, or of a request or a doubt.

    An instance without a record was in service before there were records, or its record could not
    be written: nothing is known of it.
    """
    if not record.stored:
        return False
    seen = record.serial, record.management_ip, record.ambiguous, record.license_requested
    nothing = not any(seen) and not record.macs
    return nothing and record.license is LicenseState.UNKNOWN
