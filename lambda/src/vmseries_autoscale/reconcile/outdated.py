"""Report which running firewalls differ from the current settings.

A firewall gets its image, type, user data, interfaces and bootstrap configuration when it is
launched, and keeps them. What a later apply or a new version of the bootstrap configuration changes
reaches it only by a replacement, for example an instance refresh.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from vmseries_autoscale import telemetry
from vmseries_autoscale.aws import clients
from vmseries_autoscale.aws.instances import Instance
from vmseries_autoscale.reconcile.inventory import Inventory
from vmseries_autoscale.reconcile.report import Observations
from vmseries_autoscale.settings import BootstrapSettings, ReconcileSettings
from vmseries_autoscale.telemetry import Metric
from vmseries_autoscale.time_budget import TimeBudget

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient

PACKAGE_PAGES = 10
"""Maximum number of pages of a bootstrap package that are listed, of 1,000 objects each."""

CURRENT = "AWSCURRENT"
"""Staging label of the version of a secret that is used."""

SECRET, PACKAGE = "bootstrap secret", "bootstrap package"

OTHER_SETTINGS = "launched with other settings"
NO_GENERATION = "has no generation tag, so that its settings are not known"


@dataclass(frozen=True, slots=True)
class Current:
    """What firewalls that are launched now get.

    Attributes:
        generation: Value of their generation tag.
        bootstrap: Times of the newest bootstrap configuration, by where it is; timezone-aware.
    """

    generation: str
    bootstrap: Mapping[str, datetime]


def report_outdated_firewalls(
    observations: Observations,
    settings: ReconcileSettings,
    inventory: Inventory,
    time_budget: TimeBudget,
) -> None:
    """Count the firewalls that differ from the settings, and add them to the observations."""
    running = inventory.in_service()
    if not running:
        return
    bootstrap = _bootstrap_times(observations, settings.bootstrap, time_budget)
    current = Current(settings.generation, bootstrap)
    for firewall in running:
        if reasons := differences(firewall, current):
            observations.outdated[firewall.instance_id] = reasons
        if firewall.generation is None:
            observations.not_checked[firewall.instance_id] = NO_GENERATION
    telemetry.count(Metric.FIREWALLS_OUTDATED, len(observations.outdated))


def differences(firewall: Instance, current: Current) -> list[str]:
    """Return how a firewall differs from what would be launched now. A pure function.

    A firewall without a generation tag was launched by an earlier version of the module: whether
    it has other settings is not known.
    """
    reasons = []
    if firewall.generation not in (None, current.generation):
        reasons.append(OTHER_SETTINGS)
    reasons += [
        f"launched before the {source} was changed"
        for source, changed in current.bootstrap.items()
        if firewall.launched is not None and firewall.launched < changed
    ]
    return reasons


def _bootstrap_times(
    observations: Observations, bootstrap: BootstrapSettings, time_budget: TimeBudget
) -> dict[str, datetime]:
    times: dict[str, datetime | None] = {}
    if (arn := bootstrap.secret_arn) is not None:
        times[SECRET] = observations.find_out(
            SECRET, lambda: _secret_time(clients.secrets(), arn), None, time_budget
        )
    if (bucket := bootstrap.bucket) is not None:
        times[PACKAGE] = observations.find_out(
            PACKAGE,
            lambda: _package_time(clients.s3(), bucket, bootstrap.prefix),
            None,
            time_budget,
        )
    return {source: time for source, time in times.items() if time is not None}


def _secret_time(secrets: SecretsManagerClient, arn: str) -> datetime | None:
    """Return when the current version of a secret was created, without reading its value.

    DescribeSecret shows only when anything of the secret was changed, also its tags
    (``LastChangedDate``, API_DescribeSecret). Versions without a staging label are not listed, so
    that there are at most twenty.
    """
    listed = secrets.list_secret_version_ids(SecretId=arn)
    current = (
        version for version in listed["Versions"] if CURRENT in version.get("VersionStages", ())
    )
    return _newest(version.get("CreatedDate") for version in current)


def _package_time(s3: S3Client, bucket: str, prefix: str | None) -> datetime | None:
    """Return when the newest object of a bootstrap package was written.

    An object that was deleted does not show.
    """
    paginator = s3.get_paginator("list_objects_v2")
    pages = (
        # The folder of the package. The role may list nothing else.
        paginator.paginate(Bucket=bucket, Prefix=f"{prefix}/")
        if prefix
        else paginator.paginate(Bucket=bucket)
    )
    return _newest(
        item["LastModified"]
        for page in islice(pages, PACKAGE_PAGES)
        for item in page.get("Contents", ())
    )


def _newest(times: Iterable[datetime | None]) -> datetime | None:
    return max((time for time in times if time is not None), default=None)
