"""One pre-flight of one function: its checks, and the answer."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from vmseries_autoscale import secret_store
from vmseries_autoscale.aws import clients
from vmseries_autoscale.preflight import aws_permissions, panorama_access, panorama_objects, secrets
from vmseries_autoscale.preflight.findings import Check, Finding, Kind, guarded
from vmseries_autoscale.preflight.panorama_access import Question
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


def is_asked(event: Mapping[str, Any]) -> bool:
    """Whether an event asks for the pre-flight."""
    return event.get("action") == ACTION


def validate(settings: Settings) -> dict[str, Any]:
    """Check everything that this function can check, and change nothing.

    Returns:
        ``ok``, whether there is no problem; and sentences: ``problems``, what was ``checked``, and
        what is ``unchecked`` with the reason.
    """
    # As it is now, not as it was five minutes ago.
    secret_store.forget()
    checks = _checks(settings)
    # Side by side: without a route each service takes its own time to be given up.
    with ThreadPoolExecutor(len(checks)) as pool:
        found = pool.map(lambda check: list(guarded(*check)), checks.items())
    answer = _answer([finding for findings in found for finding in findings])
    level = logging.INFO if answer["ok"] else logging.WARNING
    logger.log(level, "Pre-flight", extra={"report": answer})
    return answer


def _answer(findings: list[Finding]) -> dict[str, Any]:
    def of(kind: Kind) -> list[str]:
        return list(dict.fromkeys(one.text for one in findings if one.kind is kind))

    problems = of(Kind.PROBLEM)
    return {
        "ok": not problems,
        "problems": problems,
        "checked": of(Kind.CHECKED),
        "unchecked": of(Kind.UNCHECKED),
    }


def _checks(settings: Settings) -> dict[str, Check]:
    """The checks by what they are about. Clients are made here: making them is not thread-safe."""
    checks: dict[str, Check] = {
        "EC2": partial(aws_permissions.in_ec2, clients.ec2(), settings),
        "Auto Scaling": partial(aws_permissions.with_group, clients.autoscaling(), settings),
        "Elastic Load Balancing": partial(
            aws_permissions.with_target_groups, clients.elbv2(), settings
        ),
    }
    clients.secrets()
    if isinstance(settings, HookSettings):
        checks["SQS"] = partial(aws_permissions.with_queue, clients.sqs(), settings)
    if settings.panorama is not None:
        questions = list(_questions(settings, settings.panorama).items())
        checks["Panorama"] = partial(panorama_access.check, settings.panorama, questions)
    if isinstance(settings, TerminateSettings) and settings.licensing.api_key_secret_arn:
        secret_arn = settings.licensing.api_key_secret_arn
        checks["The licensing API key"] = partial(secrets.licensing_api_key, secret_arn)
    if isinstance(settings, LaunchSettings | TerminateSettings) and settings.firewall_api:
        secret_arn = settings.firewall_api.secret_arn
        checks["The firewalls' API"] = partial(secrets.of_firewalls, secret_arn)
    return checks


def _questions(settings: Settings, where: PanoramaSettings) -> dict[str, Question]:
    """What is asked of Panorama: by one function, since the others would hear the same."""
    if not isinstance(settings, ReconcileSettings):
        return {}
    questions: dict[str, Question] = {
        "The release of PAN-OS": panorama_objects.release,
        "The right to commit": panorama_objects.commit,
        "Device group, template stack and log collector group": partial(
            panorama_objects.objects, where
        ),
    }
    if settings.license_manager is not None:
        questions["The license manager"] = partial(
            panorama_objects.license_manager, settings.license_manager
        )
    if settings.metric_namespace is not None:
        questions["Publishing to CloudWatch"] = partial(
            panorama_objects.publishes, where, settings.metric_namespace
        )
    return questions
