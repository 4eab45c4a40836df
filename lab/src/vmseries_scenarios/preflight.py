"""The pre-flight check of an example: without a fault, and with eight faults at once."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vmseries_lab.client import SECRETS
from vmseries_lab.panorama import initial_config
from vmseries_scenarios.deployment import MINUTE, REPOSITORY, Deployment, deployment_in_new_lab
from vmseries_scenarios.program import RUN_ERRORS, open_console, stop_on_sigterm

EXAMPLE = "examples/two-arm"
IN_SERVICE_MINUTES = 60
"""Limit of lab time; a firewall boots in 25 minutes at most."""
FIREWALLS = 3
COMMIT_MINUTES = 10
"""Lab time in which an operator's commit and push are completed."""

FAULTS = (
    "panorama.hostnames names a second Panorama that DNS does not know",
    "panorama.device_group has a typing error",
    "the log collector group is deleted",
    "the template stack publishes into another namespace",
    "the template stack publishes every five minutes",
    "Panorama's secret holds the key of an administrator who may only read",
    "the secret with the licensing API key has another key in its JSON",
    "a permissions boundary denies the launch function's role to allocate addresses",
)
"""What :func:`inject_faults` breaks, in this order."""


@dataclass(frozen=True, slots=True)
class Report:
    """The pre-flight report of one function.

    Attributes:
        function: ``launch``, ``terminate`` or ``reconcile``.
        ok: Whether there are no problems.
        problems: What is wrong.
        checked: What was checked and is right.
        unchecked: What could not be checked.
    """

    function: str
    ok: bool
    problems: tuple[str, ...]
    checked: tuple[str, ...]
    unchecked: tuple[str, ...]


def run(
    *,
    broken: bool = False,
    repository: Path = REPOSITORY,
    example: str = EXAMPLE,
    console: Console | None = None,
) -> int:
    """Apply the example, and run the pre-flight check of its functions.

    Args:
        broken: Break eight things, and check again.
        repository: The checkout whose module is applied, which stays as it is.
        example: The root module to apply.
        console: Where to print.

    Returns:
        The exit status: 0 only if the last reports have no problems.
    """
    console = open_console(console)
    start = time.monotonic()
    stop_on_sigterm()
    try:
        with deployment_in_new_lab(example, repository=repository) as deployment:
            deployment.apply()
            deployment.configure_panorama()
            deployment.wait_until_in_service(FIREWALLS, minutes=IN_SERVICE_MINUTES)
            reports = validate(deployment)
            show(console, f"{example}, unchanged", reports)
            if broken:
                inject_faults(deployment)
                reports = validate(deployment)
                show(console, f"{example}, with {len(FAULTS)} faults", reports)
    except RUN_ERRORS as error:
        console.print(Text(str(error), "red"))
        return 1
    console.print(f"duration: {time.monotonic() - start:.0f} s")
    return 0 if all(report.ok for report in reports) else 1


def validate(deployment: Deployment) -> list[Report]:
    """Invoke each function with ``{"action": "validate"}``, as an operator would.

    Raises:
        DeploymentError: A function failed.
    """
    return [
        _report(function, deployment.invoke(function, "validate"))
        for function in deployment.outputs["functions"]
    ]


def _report(function: str, answer: Mapping[str, Any]) -> Report:
    sentences = (tuple(answer[kind]) for kind in ("problems", "checked", "unchecked"))
    return Report(function, answer["ok"], *sentences)


def inject_faults(deployment: Deployment) -> None:
    """Break what :data:`FAULTS` says."""
    lab = deployment.lab
    secrets, iam = lab.aws.client("secretsmanager"), lab.aws.client("iam")
    deployment.workspace.variables["panorama"] = {
        "hostnames": ["panorama.example.com", "panorama-2.example.com"],
        "device_group": "autoscaling",
    }
    deployment.apply()
    stack = f"set template-stack {initial_config.TEMPLATE_STACK}"
    plugin = f"{stack} config devices localhost.localdomain deviceconfig plugins vm_series"
    lab.panorama.run_commands(
        [
            f"delete log-collector-group {initial_config.COLLECTOR_GROUP}",
            f"{plugin} aws-cloudwatch name VMseries-other",
            f"{plugin} aws-cloudwatch timeout 5",
        ]
    )
    lab.advance(COMMIT_MINUTES * MINUTE)
    secret = json.loads(secrets.get_secret_value(SecretId=f"{SECRETS}/panorama")["SecretString"])
    reader = {"username": initial_config.READER.name, "api_key": initial_config.READER.key}
    _store(secrets, "panorama", secret | reader)
    _store(secrets, "licensing-api-key", {"licensing_api_key": "as in another tool"})
    boundary = iam.create_policy(
        PolicyName="no-addresses", PolicyDocument=json.dumps(_all_but("ec2:AllocateAddress"))
    )["Policy"]["Arn"]
    iam.put_role_permissions_boundary(
        RoleName=deployment.outputs["functions"]["launch"]["role_name"],
        PermissionsBoundary=boundary,
    )


def _store(secrets: Any, name: str, content: Mapping[str, str]) -> None:
    secrets.put_secret_value(SecretId=f"{SECRETS}/{name}", SecretString=json.dumps(content))


def _all_but(action: str) -> dict[str, Any]:
    """Return a policy that allows everything except one action."""
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    return {
        "Version": "2012-10-17",
        "Statement": [everything, {"Effect": "Deny", "Action": action, "Resource": "*"}],
    }


def show(console: Console, title: str, reports: Iterable[Report]) -> None:
    """Print the reports; a sentence of several functions is printed once."""
    reports = list(reports)
    console.rule(title)
    for report in reports:
        verdict = "ok" if report.ok else f"{len(report.problems)} problems"
        line = f"{report.function}: {verdict}, {len(report.checked)} things checked"
        console.print(Text(line, "green" if report.ok else "red"))
    for kind, style in (("problems", "red"), ("unchecked", "yellow")):
        functions = by_sentence({report.function: getattr(report, kind) for report in reports})
        if not functions:
            continue
        table = Table("", kind, "reported by", show_lines=True, header_style=style, expand=True)
        for number, (sentence, names) in enumerate(functions.items(), start=1):
            table.add_row(str(number), Text(sentence), ", ".join(names))
        console.print(table)


def by_sentence(sentences: Mapping[str, tuple[str, ...]]) -> dict[str, list[str]]:
    """Return the functions that report each sentence, in the order of the first report."""
    functions: dict[str, list[str]] = {}
    for function, reported in sentences.items():
        for sentence in reported:
            functions.setdefault(sentence, []).append(function)
    return functions
