"""Check whether firewalls publish the metrics that the scaling policies use.

The checks are pure functions of a template stack's settings. "Enable CloudWatch Monitoring on the
VM-Series Firewall" (VM-Series Deployment Guide): by default, publishing is off. The namespace is
configurable, and so is the interval (``timeout``), which is five minutes by default.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from vmseries_autoscale.preflight.findings import Findings, checked, problem, unchecked

DEFAULT_INTERVAL_MINUTES = "5"

PERIOD_MINUTES = 1
"""Period of the metric in the module's scaling policies and alarms, in minutes."""

REMEDY = (
    "enter the commands of the output panorama_set_commands in Panorama, commit, and push to the "
    "template stack"
)


def effective_settings(parts: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return the settings that a firewall receives. The first part that has a setting wins.

    Args:
        parts: Settings of the template stack, then of its templates from top to bottom.
    """
    settings: dict[str, str] = {}
    for part in parts:
        settings = {**part, **settings}
    return settings


def check_publishing(stack: str, namespace: str, settings: Mapping[str, str]) -> Findings:
    """Check the settings of a template stack.

    Args:
        stack: Name of the template stack.
        namespace: Namespace from which the scaling policies read metrics.
        settings: Effective ``aws-cloudwatch`` settings: ``enabled``, ``name`` (namespace) and
            ``timeout`` (interval in minutes).
    """
    subject = f"Template stack {stack}"
    variables = {name: value for name, value in settings.items() if value.startswith("$")}
    for name, value in variables.items():
        yield unchecked(f"{subject}: aws-cloudwatch {name} is the template variable {value}.")
    if settings.get("enabled") != "yes" and "enabled" not in variables:
        yield problem(
            f"{subject} does not let firewalls publish metrics to CloudWatch, so the group never "
            f"scales: {REMEDY}."
        )
        if not settings:
            return
    if "name" not in variables and settings.get("name") != namespace:
        yield problem(
            f"{subject} makes firewalls publish to the namespace {settings.get('name') or '(none)'}"
            f", but the scaling policies read from {namespace}: {REMEDY}, or set "
            "scaling.namespace."
        )
    interval = settings.get("timeout", DEFAULT_INTERVAL_MINUTES)
    if "timeout" not in variables and interval != str(PERIOD_MINUTES):
        yield problem(
            f"{subject} makes firewalls publish every {interval} minutes, but the scaling policies "
            f"need a value every minute: {REMEDY}."
        )
    yield checked(f"{subject}: the settings for publishing to CloudWatch.")
