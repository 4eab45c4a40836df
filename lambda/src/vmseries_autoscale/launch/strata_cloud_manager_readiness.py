"""Decide whether a firewall is ready according to Strata Cloud Manager, and why it is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from vmseries_autoscale.settings import Readiness
from vmseries_autoscale.strata_cloud_manager import ConfigurationJob, ManagedFirewall

CAUSES = (
    "it is booting, or does not reach Strata Cloud Manager, or has no device certificate because "
    "its registration PIN is missing or has expired, or dgname names no folder"
)
NOT_CONNECTED = f"not connected to Strata Cloud Manager; {CAUSES}"

_PUSH = "push the folder to it in Strata Cloud Manager"


def not_ready_reason(
    required: Readiness,
    firewall: ManagedFirewall | None,
    folder: str,
    running: Callable[[], Mapping[str, int]],
    jobs: Callable[[], Sequence[ConfigurationJob]],
) -> str | None:
    """Return why a firewall is not ready according to Strata Cloud Manager; ``None`` if it is.

    A connected firewall is not necessarily ready: until the configuration of its folder was pushed
    to it, it passes no traffic, or passes it without its policy. The list of running configurations
    says what reached it: a version of its own, which is not older than that of the folder if the
    list has one (docs/assumptions.md).

    Args:
        required: Readiness of the settings.
        firewall: Firewall in the list; ``None`` if it is not listed.
        folder: Name of our folder.
        running: Returns the versions of the running configurations, by serial number and folder.
        jobs: Returns the newest configuration jobs, newest first.
    """
    if required in (Readiness.OFF, Readiness.HEALTHY):
        return None
    if firewall is None or not firewall.connected:
        return NOT_CONNECTED
    if required is Readiness.CONNECTED:
        return None
    versions = running()
    version, wanted = versions.get(firewall.serial), versions.get(folder)
    if version is None:
        return f"no configuration has reached it yet; {_PUSH}{_last_job(firewall, jobs())}"
    if wanted is not None and version < wanted:
        return (
            f"it runs version {version} of the configuration, and its folder {wanted}; "
            f"{_PUSH}{_last_job(firewall, jobs())}"
        )
    return None


def _last_job(firewall: ManagedFirewall, jobs: Sequence[ConfigurationJob]) -> str:
    """Return what the newest job about a firewall says. It explains, and decides nothing."""
    for job in jobs:
        if job.device_name in firewall.names:
            if not job.finished:
                return f"; job {job.job_id} is under way"
            return f"; job {job.job_id} failed: {job.text}" if job.failed else ""
    return ""
