"""Report for how many of the group's firewalls there are Software NGFW credits."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from vmseries_autoscale import secret_store, telemetry
from vmseries_autoscale.credit_pool import CreditPoolClient, Headroom, headroom
from vmseries_autoscale.outcome import Failed, Retry, reason_of, run_step
from vmseries_autoscale.reconcile.inventory import Inventory
from vmseries_autoscale.reconcile.report import Observations
from vmseries_autoscale.settings import CreditPoolSettings, ReconcileSettings
from vmseries_autoscale.telemetry import Metric
from vmseries_autoscale.time_budget import TimeBudget

logger = logging.getLogger(__name__)

SUBJECT = "license credits"
"""What the report calls credits that could not be read."""

WITHOUT_LICENSE = ("Pending",)
"""The first words of the lifecycle states in which a firewall may not have its license yet."""


def report_license_headroom(
    observations: Observations,
    settings: ReconcileSettings,
    inventory: Inventory,
    maximum: int,
    now: datetime,
    time_budget: TimeBudget,
) -> None:
    """Read the credit pool, if there is one, write its metrics, and add it to the observations.

    The metrics are written in each run, so that their alarms end with their cause.

    Args:
        observations: Receives the headroom, or why it is not known.
        settings: Settings of the function.
        inventory: The full inventory.
        maximum: Maximum size of the group.
        now: Current time, timezone-aware.
        time_budget: Time that is left of the invocation.
    """
    if (pool := settings.credit_pool) is None:
        return
    found = observations.find_out(
        SUBJECT, lambda: _read(observations, pool, inventory, maximum, now), None, time_budget
    )
    if found is None:
        telemetry.count(Metric.LICENSE_CREDITS_UNKNOWN)
        return
    observations.license_headroom = found
    telemetry.count(Metric.LICENSE_CREDITS_UNKNOWN, 0)
    telemetry.gauge(Metric.LICENSE_CREDITS_AVAILABLE, found.available)
    telemetry.gauge(Metric.FIREWALLS_WITHOUT_CREDITS, found.short)
    if found.days_left is not None:
        telemetry.gauge(Metric.LICENSE_CREDITS_DAYS_LEFT, found.days_left)
    if found.short:
        logger.warning(
            "There are no credits for the maximum size of the group",
            extra={"license_headroom": found.as_json()},
        )


def _read(
    observations: Observations,
    settings: CreditPoolSettings,
    inventory: Inventory,
    maximum: int,
    now: datetime,
) -> Headroom:
    credentials = secret_store.credit_pool_credentials(settings.secret_arn)
    client = CreditPoolClient(credentials)
    pool = client.pool(settings.id)
    members = licensed_members(inventory)
    places, licensed = settings.profile_firewalls or 0, members
    if credentials.auth_code is not None:
        licensed = len(client.serials(credentials.auth_code))
        if settings.profile_firewalls is None:
            places = _places(observations, client, credentials.auth_code)
    return headroom(
        pool,
        credits_per_firewall=settings.credits_per_firewall,
        profile_firewalls=places,
        licensed=licensed,
        members=members,
        maximum=maximum,
        today=now.astimezone(UTC).date(),
    )


def _places(observations: Observations, client: CreditPoolClient, auth_code: str) -> int:
    """Return for how many firewalls the profile is made; 0 if the API does not say it."""
    subject = "license credits: deployment profile"
    profile = run_step(lambda: client.profile(auth_code))
    if isinstance(profile, Retry | Failed):
        observations.note(subject, reason_of(profile))
        return 0
    if profile.firewalls is None:
        observations.note(
            subject,
            "the API does not say for how many firewalls the deployment profile is made; set "
            "licensing.credit_pool.profile_firewalls",
        )
    return profile.firewalls or 0


def licensed_members(inventory: Inventory) -> int:
    """Return how many members of the group have a license, as far as visits know. Pure.

    A firewall has a serial number from the moment that it has its license. Those that leave still
    have theirs, and return it.
    """
    return sum(
        1
        for key, state in inventory.members.items()
        if not state.startswith(WITHOUT_LICENSE) or inventory.record(key).serial is not None
    )
