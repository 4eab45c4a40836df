"""Run the pre-flight of one function: select the checks, run them and build the report."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any

from vmseries_autoscale import secret_store
from vmseries_autoscale.aws import clients
from vmseries_autoscale.preflight import (
    aws_permissions,
    credit_pool_access,
    launches,
    panorama_access,
    panorama_objects,
    panorama_rights,
    secrets,
    strata_cloud_manager_access,
)
from vmseries_autoscale.preflight.findings import Check, Finding, Severity, run_check
from vmseries_autoscale.preflight.panorama_access import PanoramaCheck
from vmseries_autoscale.settings import (
    HookSettings,
    LaunchSettings,
    LicensingMode,
    PanoramaSettings,
    ReconcileSettings,
    Settings,
    TerminateSettings,
)

logger = logging.getLogger(__name__)

ACTION = "validate"


def is_preflight_request(event: object) -> bool:
    """Return whether an event requests the pre-flight."""
    return isinstance(event, Mapping) and event.get("action") == ACTION


def validate(settings: Settings) -> dict[str, Any]:
    """Run all checks that this function can make, without changing anything.

    Returns:
        ``ok``: whether there are no problems. ``problems``, ``checked`` and ``unchecked``: lists of
        sentences about problems, passed checks, and checks that could not be made.
    """
    # Check the current content of the secrets, not the cached content.
    secret_store.clear_cache()
    checks = _checks(settings)
    # In parallel, because each unreachable service takes its full timeout.
    with ThreadPoolExecutor(len(checks)) as pool:
        results = pool.map(lambda check: list(run_check(*check)), checks.items())
    report = _report([finding for findings in results for finding in findings])
    level = logging.INFO if report["ok"] else logging.WARNING
    logger.log(level, "Completed the pre-flight", extra={"report": report})
    return report


def _report(findings: list[Finding]) -> dict[str, Any]:
    def texts(severity: Severity) -> list[str]:
        return list(dict.fromkeys(item.text for item in findings if item.severity is severity))

    problems = texts(Severity.PROBLEM)
    return {
        "ok": not problems,
        "problems": problems,
        "checked": texts(Severity.CHECKED),
        "unchecked": texts(Severity.UNCHECKED),
    }


def _checks(settings: Settings) -> dict[str, Check]:
    """Return the checks by subject.

    The clients are created here and not in the checks, because that is not thread-safe.
    """
    checks: dict[str, Check] = {
        "EC2": partial(aws_permissions.check_ec2_permissions, clients.ec2(), settings),
        "Auto Scaling": partial(
            aws_permissions.check_autoscaling_permissions, clients.autoscaling(), settings
        ),
        "Elastic Load Balancing": partial(
            aws_permissions.check_target_group_permissions, clients.elbv2(), settings
        ),
    }
    clients.secrets()
    if isinstance(settings, ReconcileSettings):
        checks["The launches of the group"] = partial(
            launches.check, clients.autoscaling(), settings.auto_scaling_group_name
        )
        if settings.credit_pool is not None:
            checks["License credits"] = partial(credit_pool_access.check, settings.credit_pool)
    if isinstance(settings, HookSettings):
        checks["SQS"] = partial(aws_permissions.check_queue_permissions, clients.sqs(), settings)
    if settings.panorama is not None:
        panorama_checks = list(_panorama_checks(settings, settings.panorama).items())
        checks["Panorama"] = partial(panorama_access.check, settings.panorama, panorama_checks)
    if settings.strata_cloud_manager is not None:
        checks["Strata Cloud Manager"] = partial(
            strata_cloud_manager_access.check, settings.strata_cloud_manager
        )
    if isinstance(settings, TerminateSettings) and settings.licensing.api_key_secret_arn:
        secret_arn = settings.licensing.api_key_secret_arn
        checks["The licensing API key"] = partial(secrets.check_licensing_api_key, secret_arn)
    if isinstance(settings, LaunchSettings | TerminateSettings) and settings.firewall_api:
        secret_arn = settings.firewall_api.secret_arn
        checks["The firewalls' API"] = partial(secrets.check_firewall_administrator, secret_arn)
    return checks


def _panorama_checks(settings: Settings, panorama: PanoramaSettings) -> dict[str, PanoramaCheck]:
    """Return the checks of Panorama's configuration.

    Only the reconcile function makes them, because every function would get the same result.
    """
    if not isinstance(settings, ReconcileSettings):
        return {}
    checks: dict[str, PanoramaCheck] = {
        "The PAN-OS version": panorama_objects.report_pan_os_version,
        "What the key could do": partial(
            panorama_rights.report_power, settings.licensing_mode is LicensingMode.PLUGIN
        ),
        "The rights to push, commit and revert": panorama_rights.check_change_rights,
        "The right to run commands on firewalls": panorama_rights.check_firewall_commands,
        "Device group, template stack and log collector group": partial(
            panorama_objects.check_objects, panorama
        ),
    }
    checks["The host names of firewalls"] = partial(panorama_objects.check_host_names, panorama)
    if settings.licensing_mode is not LicensingMode.NONE:
        checks["Licenses through Panorama"] = panorama_rights.check_batch_licenses
    if settings.licensing_mode is not LicensingMode.PLUGIN:
        now = datetime.now(UTC)
        checks["VM auth keys"] = partial(panorama_rights.check_vm_auth_keys, now)
    if settings.license_manager is not None:
        checks["The rights for the license plugin"] = partial(
            panorama_rights.check_plugin_rights, settings.license_manager
        )
        checks["The license manager"] = partial(
            panorama_objects.check_license_manager, settings.license_manager
        )
    if settings.metric_namespace is not None:
        checks["Publishing to CloudWatch"] = partial(
            panorama_objects.check_publishing, panorama, settings.metric_namespace
        )
    return checks
