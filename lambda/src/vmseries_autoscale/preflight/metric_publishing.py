"""Whether firewalls will publish what the scaling policies look at: pure, on a template stack.

"Enable CloudWatch Monitoring on the VM-Series Firewall" (VM-Series Deployment Guide): publishing is
off unless it is configured, into a namespace of the user's choice, every five minutes unless
``timeout`` says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from vmseries_autoscale.preflight.findings import Findings, checked, problem, unchecked

DEFAULT_INTERVAL_MINUTES = "5"

PERIOD_MINUTES = 1
"""Of the metric in the policies and alarms that this module makes."""

TODO = "enter what the output panorama_set_commands says, commit, and push to the stack"


def effective(parts: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The settings that a firewall gets: of each, that of the first part that has it.

    Args:
        parts: what the stack itself sets, then each of its templates from the top.
    """
    found: dict[str, str] = {}
    for part in parts:
        found = {**part, **found}
    return found


def judge(stack: str, namespace: str, found: Mapping[str, str]) -> Findings:
    """What is wrong with a template stack's settings.

    Args:
        stack: its name.
        namespace: in which the scaling policies look for metrics.
        found: its settings of ``aws-cloudwatch``: ``enabled``, ``name``, ``timeout`` in minutes.
    """
    what = f"Template stack {stack}"
    variables = {name: value for name, value in found.items() if value.startswith("$")}
    for name, value in variables.items():
        yield unchecked(f"{what}: aws-cloudwatch {name} is the template variable {value}.")
    if found.get("enabled") != "yes" and "enabled" not in variables:
        yield problem(
            f"{what} does not let firewalls publish metrics to CloudWatch, so that nothing ever "
            f"scales: {TODO}."
        )
        if not found:
            return
    if "name" not in variables and found.get("name") != namespace:
        yield problem(
            f"{what} has firewalls publish into the namespace {found.get('name') or '(none)'}, "
            f"but the scaling policies look into {namespace}: {TODO}, or set scaling.namespace."
        )
    interval = found.get("timeout", DEFAULT_INTERVAL_MINUTES)
    if "timeout" not in variables and interval != str(PERIOD_MINUTES):
        yield problem(
            f"{what} has firewalls publish every {interval} minutes, but the scaling policies "
            f"want a value each minute: {TODO}."
        )
    yield checked(f"{what}: what it says about publishing to CloudWatch.")
