"""Whether firewalls publish the metrics that the scaling policies use.

Pure decisions on a template stack's settings. "Enable CloudWatch Monitoring on the VM-Series
Firewall" (VM-Series Deployment Guide): publishing is off unless configured, into a namespace of the
user's choice, every five minutes unless ``timeout`` says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from vmseries_autoscale.preflight.findings import Findings, checked, problem, unchecked

DEFAULT_INTERVAL_MINUTES = "5"

PERIOD_MINUTES = 1
"""Period of the metric in this module's scaling policies and alarms."""

REMEDY = (
    "enter the commands of the output panorama_set_commands in Panorama, commit, and push to the "
    "template stack"
)


def effective(parts: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The settings that a firewall receives: each from the first part that has it.

    Args:
        parts: the settings of the template stack itself, then of its templates from the top.
    """
    settings: dict[str, str] = {}
    for part in parts:
        settings = {**part, **settings}
    return settings


def check_publishing(stack: str, namespace: str, settings: Mapping[str, str]) -> Findings:
    """Check a template stack's settings.

    Args:
        stack: the template stack's name.
        namespace: the namespace in which the scaling policies look for metrics.
        settings: the effective ``aws-cloudwatch`` settings: ``enabled``, ``name`` (the namespace),
            and ``timeout`` (the interval in minutes).
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
            f"{subject} has firewalls publish into the namespace {settings.get('name') or '(none)'}"
            f", but the scaling policies look into {namespace}: {REMEDY}, or set "
            "scaling.namespace."
        )
    interval = settings.get("timeout", DEFAULT_INTERVAL_MINUTES)
    if "timeout" not in variables and interval != str(PERIOD_MINUTES):
        yield problem(
            f"{subject} has firewalls publish every {interval} minutes, but the scaling policies "
            f"need a value every minute: {REMEDY}."
        )
    yield checked(f"{subject}: settings for publishing to CloudWatch.")
