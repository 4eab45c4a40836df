"""The pre-flight as a command: an example's functions are asked what is wrong with it."""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tf_setup import SetupError, terraform_environment
from vmseries_lab.client import SECRETS, Lab, LabError
from vmseries_lab.panorama import initial_config
from vmseries_scenarios.terraform import TerraformError, Workspace

REPOSITORY = Path(__file__).resolve().parents[3]
EXAMPLE = "examples/two-arm"
WIDTH = 140
APPLY_PACE = 60.0
MINUTE = 60.0
UNTIL_IN_SERVICE = 60
"""Minutes of lab time; a firewall boots in 25 at most."""
FIREWALLS = 3
COMMITTED = 10
"""Minutes of lab time in which an operator's commit and push come to their end."""

BROKEN = (
    "panorama.hostnames names a second Panorama that is in no DNS",
    "panorama.device_group has a typing error",
    "the log collector group is deleted",
    "the template stack publishes into another namespace",
    "the template stack publishes every five minutes",
    "Panorama's secret holds the key of an administrator who may only read",
    "the secret with the licensing API key has another key in its JSON",
    "a permissions boundary keeps the launch function's role from allocating addresses",
)
"""What is wrong at once, in the order in which it is broken."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one function says."""

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
    """Apply the example, and ask its functions.

    Args:
        broken: break eight things, and ask once more.
        repository: the checkout whose module is tried; stays as it is.
        example: the root module to apply.
        console: where to print.

    Returns:
        The exit status: 0 only if no function has a problem in the last answers.
    """
    console = console or Console(width=None if sys.stdout.isatty() else WIDTH)
    start = time.monotonic()
    # A supervisor's polite end is to stop Terraform and the lab just as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        tools = terraform_environment()
        with tempfile.TemporaryDirectory(prefix="vmseries-preflight-") as scratch, Lab() as lab:
            workspace = Workspace.copy(
                repository,
                example,
                Path(scratch) / "repository",
                binary=tools.binary,
                environment={**tools.environment, **lab.aws.environment()},
            )
            deploy(lab, workspace)
            answers = ask(lab, workspace)
            show(console, f"{example}, as it is", answers)
            if broken:
                break_everything(lab, workspace)
                answers = ask(lab, workspace)
                show(console, f"{example}, with {len(BROKEN)} things broken", answers)
    except (SetupError, LabError, TerraformError) as error:
        console.print(Text(str(error), "red"))
        return 1
    console.print(f"duration: {time.monotonic() - start:.0f} s")
    return 0 if all(answer.ok for answer in answers) else 1


def deploy(lab: Lab, workspace: Workspace) -> None:
    """Apply, enter in Panorama what the outputs say, and wait for the firewalls."""
    workspace.init()
    apply(lab, workspace)
    lab.panorama.run_commands(workspace.output()["panorama_set_commands"])
    for _ in range(UNTIL_IN_SERVICE):
        group = lab.aws.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"][0]
        states = [instance["LifecycleState"] for instance in group["Instances"]]
        if states == ["InService"] * FIREWALLS:
            return
        lab.advance(MINUTE)
    raise LabError(f"the firewalls did not get into service: {states}")


def apply(lab: Lab, workspace: Workspace) -> None:
    """Apply, with time passing quickly."""
    lab.pace(APPLY_PACE)
    try:
        workspace.apply()
    finally:
        lab.pace(0)


def break_everything(lab: Lab, workspace: Workspace) -> None:
    """Break what ``BROKEN`` says."""
    secrets, iam = lab.aws.client("secretsmanager"), lab.aws.client("iam")
    workspace.variables["panorama"] = {
        "hostnames": ["panorama.example.com", "panorama-2.example.com"],
        "device_group": "autoscaling",
    }
    apply(lab, workspace)
    stack = (
        f"set template-stack {initial_config.TEMPLATE_STACK} config deviceconfig plugins vm_series"
    )
    lab.panorama.run_commands(
        [
            f"delete log-collector-group {initial_config.COLLECTOR_GROUP}",
            f"{stack} aws-cloudwatch name VMseries-other",
            f"{stack} aws-cloudwatch timeout 5",
        ]
    )
    lab.advance(COMMITTED * MINUTE)
    held = json.loads(secrets.get_secret_value(SecretId=f"{SECRETS}/panorama")["SecretString"])
    reader = {"username": initial_config.READER.name, "api_key": initial_config.READER.key}
    _store(secrets, "panorama", held | reader)
    _store(secrets, "licensing-api-key", {"licensing_api_key": "as in another tool"})
    boundary = iam.create_policy(
        PolicyName="no-addresses", PolicyDocument=json.dumps(_all_but("ec2:AllocateAddress"))
    )["Policy"]["Arn"]
    iam.put_role_permissions_boundary(
        RoleName=workspace.output()["functions"]["launch"]["role_name"],
        PermissionsBoundary=boundary,
    )


def _store(secrets: Any, name: str, content: Mapping[str, str]) -> None:
    secrets.put_secret_value(SecretId=f"{SECRETS}/{name}", SecretString=json.dumps(content))


def _all_but(action: str) -> dict[str, Any]:
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    return {
        "Version": "2012-10-17",
        "Statement": [everything, {"Effect": "Deny", "Action": action, "Resource": "*"}],
    }


def ask(lab: Lab, workspace: Workspace) -> list[Answer]:
    """Invoke each function with ``{"action": "validate"}``, as an operator would.

    Raises:
        LabError: if one fails.
    """
    answers = []
    for function, facts in workspace.output()["functions"].items():
        answer = lab.aws.client("lambda").invoke(
            FunctionName=facts["name"], Payload=json.dumps({"action": "validate"})
        )
        content = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise LabError(f"{facts['name']} failed: {content}")
        sentences = (tuple(content[kind]) for kind in ("problems", "checked", "unchecked"))
        answers.append(Answer(function, content["ok"], *sentences))
    return answers


def show(console: Console, title: str, answers: list[Answer]) -> None:
    """Print the answers: what several functions say, once."""
    console.rule(title)
    for answer in answers:
        verdict = "ok" if answer.ok else f"{len(answer.problems)} problems"
        line = f"{answer.function}: {verdict}, {len(answer.checked)} things checked"
        console.print(Text(line, "green" if answer.ok else "red"))
    for kind, style in (("problems", "red"), ("unchecked", "yellow")):
        said = by_sentence({answer.function: getattr(answer, kind) for answer in answers})
        if not said:
            continue
        table = Table("", kind, "said by", show_lines=True, header_style=style, expand=True)
        for number, (sentence, functions) in enumerate(said.items(), start=1):
            table.add_row(str(number), Text(sentence), ", ".join(functions))
        console.print(table)


def by_sentence(said: Mapping[str, tuple[str, ...]]) -> dict[str, list[str]]:
    """Who says each sentence, in the order in which they are first said."""
    found: dict[str, list[str]] = {}
    for function, sentences in said.items():
        for sentence in sentences:
            found.setdefault(sentence, []).append(function)
    return found
