"""One pre-flight of one function: selects the checks, runs them and builds the answer."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from vmseries_autoscale import secret_store
from vmseries_autoscale.aws import clients
from vmseries_autoscale.preflight import aws_permissions, panorama_access, panorama_objects, secrets
from vmseries_autoscale.preflight.findings import Check, Finding, Severity, run_check
from vmseries_autoscale.preflight.panorama_access import PanoramaCheck
from vmseries_autoscale.settings import (
    HookSettings,
    LaunchSettings,
    PanoramaSettings,
    ReconcileSettings,
    Settings,
    TerminateSettings,
)

logger = logging.getLogger(__name__)

ACTION = "validate"


def is_preflight_request(event: Mapping[str, Any]) -> bool:
    """Whether an event requests the pre-flight."""
    return event.get("action") == ACTION


def validate(settings: Settings) -> dict[str, Any]:
    """Run all checks that this function can make. They change nothing.

    Returns:
        ``ok``, whether there are no problems; and three lists of sentences: ``problems``, what was
        ``checked``, and what is ``unchecked`` with the reason.
    """
    # Check the secrets' current content, not that of up to five minutes ago.
    secret_store.clear_cache()
    checks = _checks(settings)
    # In parallel, because without a route each service takes its full timeout.
    with ThreadPoolExecutor(len(checks)) as pool:
        results = pool.map(lambda check: list(run_check(*check)), checks.items())
    answer = _answer([finding for findings in results for finding in findings])
    level = logging.INFO if answer["ok"] else logging.WARNING
    logger.log(level, "Pre-flight", extra={"report": answer})
    return answer


def _answer(findings: list[Finding]) -> dict[str, Any]:
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
    """The checks by subject. Clients are made here, because making them is not thread-safe."""
    checks: dict[str, Check] = {
        "EC2": partial(aws_permissions.ec2_permissions, clients.ec2(), settings),
        "Auto Scaling": partial(
            aws_permissions.autoscaling_permissions, clients.autoscaling(), settings
        ),
        "Elastic Load Balancing": partial(
            aws_permissions.target_group_permissions, clients.elbv2(), settings
        ),
    }
    clients.secrets()
    if isinstance(settings, HookSettings):
        checks["SQS"] = partial(aws_permissions.queue_permissions, clients.sqs(), settings)
    if settings.panorama is not None:
        panorama_checks = list(_panorama_checks(settings, settings.panorama).items())
        checks["Panorama"] = partial(panorama_access.check, settings.panorama, panorama_checks)
    if isinstance(settings, TerminateSettings) and settings.licensing.api_key_secret_arn:
        secret_arn = settings.licensing.api_key_secret_arn
        checks["The licensing API key"] = partial(secrets.licensing_api_key, secret_arn)
    if isinstance(settings, LaunchSettings | TerminateSettings) and settings.firewall_api:
        secret_arn = settings.firewall_api.secret_arn
        checks["The firewalls' API"] = partial(secrets.firewall_administrator, secret_arn)
    return checks


def _panorama_checks(settings: Settings, panorama: PanoramaSettings) -> dict[str, PanoramaCheck]:
    """The checks of Panorama's configuration. One function makes them; the result is the same."""
    if not isinstance(settings, ReconcileSettings):
        return {}
    checks: dict[str, PanoramaCheck] = {
        "The PAN-OS version": panorama_objects.pan_os_version,
        "The right to commit": panorama_objects.commit_right,
        "Device group, template stack and log collector group": partial(
            panorama_objects.objects, panorama
        ),
    }
    if settings.license_manager is not None:
        checks["The license manager"] = partial(
            panorama_objects.license_manager, settings.license_manager
        )
    if settings.metric_namespace is not None:
        checks["Publishing to CloudWatch"] = partial(
            panorama_objects.publishing, panorama, settings.metric_namespace
        )
    return checks
