"""A hundred terminations at once, and how many commits they cost Panorama.

An example is applied unchanged, its group brought to a hundred firewalls in service, and all of
them are terminated in one go while a commit takes half a minute. The queue is served as AWS serves
it (``vmseries_lab.aws.lambda_.event_source_mapping``), and lab time stands while a function runs.
"""

from __future__ import annotations

import json
import math
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tf_setup import terraform_environment
from vmseries_lab.client import Lab, LabError
from vmseries_lab.core.timeline import Entry
from vmseries_scenarios.negative_control import leave_license
from vmseries_scenarios.terraform import TerraformError, Workspace

REPOSITORY = Path(__file__).resolve().parents[3]
EXAMPLE = "examples/one-arm"

TERMINATIONS = 100
COMMIT_SECONDS = 30.0
MOST_COMMITS = 4

PACE = 60.0
"""At which Terraform applies the example: lab seconds for each real second that nothing runs."""
STEP_SECONDS = 2.0
LONG_STEP_SECONDS = 3.0
"""How far the clock is moved at a time; it stands while a function is at work."""
PORTION = 25
"""Firewalls that are launched at a time: their interfaces must be there when they look for them."""
BOOT = {"bootstrap": 100.0, "license": 101.0, "register": 102.0, "content": 103.0}
PUSH_SECONDS = 5.0
"""Boot and push are shortened: how firewalls get into service is not what is looked at."""

PHASE_LIMIT_SECONDS = 16_000.0
"""Of lab time: something never comes."""


class StormError(RuntimeError):
    """Something did not come to its end."""


@dataclass(slots=True)
class Result:
    """What was seen.

    Attributes:
        commits: what each was for, and the result of its job.
        refused: what Panorama refused, as the terminate function's log tells it; and commits that
            failed.
        left: how much is left, by what it is.
        visits: by instance, how many visits it took.
        seconds: lab time from the first hook to the last.
    """

    commits: list[tuple[str, str]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    left: dict[str, int] = field(default_factory=dict)
    visits: Counter[str] = field(default_factory=Counter)
    seconds: float = math.nan

    @property
    def passed(self) -> bool:
        """Whether it went as it should."""
        return len(self.commits) <= MOST_COMMITS and not self.refused and not self.left


@dataclass
class Storm:
    """One run.

    Attributes:
        outputs: of the example.
        number: how many terminations.
    """

    lab: Lab
    outputs: dict[str, Any]
    number: int

    @property
    def _group(self) -> str:
        return str(self.outputs["autoscaling_group"]["name"])

    def gather(self) -> None:
        """Bring all firewalls into service."""
        self.lab.set_quotas(addresses=self.number, licenses=self.number + 1)
        self.lab.firewalls.set_boot_times(**BOOT)
        self.lab.panorama.configure(push_seconds=PUSH_SECONDS, commit_seconds=COMMIT_SECONDS)
        self.lab.stop_clock()
        for portion in range(PORTION, self.number + PORTION, PORTION):
            wanted = min(portion, self.number)
            self._scale(wanted)
            self._until(partial(self._are_in_service, wanted), LONG_STEP_SECONDS)

    def _are_in_service(self, wanted: int) -> bool:
        return self._states() == {"InService": wanted}

    def strike(self) -> Result:
        """Terminate all at once, and look at what becomes of it."""
        since, entries = self.lab.now(), len(self.lab.timeline())
        invocations = len(self.lab.invocations())
        self._scale(0)
        self._until(lambda: not self._states(), STEP_SECONDS)
        self.lab.settle()
        timeline = self.lab.timeline(entries)
        result = Result(commits=self._commits(timeline))
        failed = [f"{what}: {end}" for what, end in result.commits if end != "OK"]
        result.refused = failed + self._refusals(since)
        result.left = self._left(timeline)
        result.visits = self._visits(invocations)
        waiting = [one.at for one in timeline if _is(one, "hook-waiting")]
        completed = [one.at for one in timeline if _is(one, "hook-completed")]
        result.seconds = max(completed, default=math.nan) - min(waiting, default=math.nan)
        return result

    def _scale(self, number: int) -> None:
        self.lab.aws.client("autoscaling").set_desired_capacity(
            AutoScalingGroupName=self._group, DesiredCapacity=number
        )

    def _states(self) -> Counter[str]:
        groups = self.lab.aws.client("autoscaling").describe_auto_scaling_groups(
            AutoScalingGroupNames=[self._group]
        )["AutoScalingGroups"]
        return Counter(instance["LifecycleState"] for instance in groups[0]["Instances"])

    def _until(self, reached: Callable[[], bool], step: float) -> None:
        """Let time pass until it is reached, ``step`` lab seconds at a time.

        Raises:
            StormError: if it takes too long.
        """
        end = self.lab.now() + PHASE_LIMIT_SECONDS
        while not reached():
            if self.lab.now() > end:
                raise StormError(
                    f"not reached within {PHASE_LIMIT_SECONDS:.0f} s: {self._states()}"
                )
            self.lab.advance(step)

    def _commits(self, timeline: Iterable[Entry]) -> list[tuple[str, str]]:
        """What Panorama says of all commits since then."""
        answer = self.lab.panorama.request(type="op", cmd="<show><jobs><all/></jobs></show>")
        jobs = {job.findtext("id"): job for job in answer.findall("result/job")}
        return [
            (job.findtext("description", ""), job.findtext("result", ""))
            for job in (jobs[one.subject] for one in timeline if one.kind == "commit-queued")
        ]

    def _refusals(self, since: float) -> list[str]:
        """What the terminate function's log says that Panorama did not do."""
        pages = (
            self.lab.aws.client("logs")
            .get_paginator("filter_log_events")
            .paginate(
                logGroupName=self.outputs["functions"]["terminate"]["log_group_name"],
                startTime=int(since * 1000),
            )
        )
        lines = [event["message"] for page in pages for event in page["events"]]
        records = [json.loads(line) for line in lines if line.startswith("{")]
        return [
            f"{record.get('error', 'busy')}: {record['reason']}"
            for record in records
            if "error" in record or "Panorama is busy" in str(record.get("reason"))
        ]

    def _left(self, timeline: list[Entry]) -> dict[str, int]:
        counted = self.lab.leftovers()
        completed = Counter(_subjects(timeline, "hook-completed"))
        found = {
            "interfaces": counted.interfaces,
            "addresses": counted.addresses,
            "licenses": counted.licenses,
            "entries in Panorama": counted.panorama_entries,
            "hooks not completed once": self.number - list(completed.values()).count(1),
        }
        for kind in ("hook-expired", "dead-lettered", "dropped", "lost"):
            found[f"times {kind}"] = len([one for one in timeline if one.kind == kind])
        for url in self.outputs["dead_letter_queues"].values():
            attributes = self.lab.aws.client("sqs").get_queue_attributes(
                QueueUrl=url["url"], AttributeNames=["All"]
            )["Attributes"]
            found[f"messages in {url['url'].rpartition('/')[2]}"] = int(
                attributes["ApproximateNumberOfMessages"]
            )
        return {what: number for what, number in found.items() if number}

    def _visits(self, since: int) -> Counter[str]:
        return Counter(
            str(record["instance"])
            for invocation in self.lab.invocations(since)
            if invocation["function"] == f"{self._group}-terminate"
            for record in invocation["event"].get("records", ())
        )


def _is(entry: Entry, kind: str) -> bool:
    return entry.kind == kind and entry.detail.get("hook") == "terminate"


def _subjects(timeline: Iterable[Entry], kind: str) -> list[str]:
    return [one.subject for one in timeline if _is(one, kind)]


def run(
    number: int = TERMINATIONS, *, negative_control: bool = False, console: Console | None = None
) -> int:
    """Do it, and say how it went.

    Args:
        number: how many terminations.
        negative_control: leave a license behind, so that the run has to fail.
        console: where to print.

    Returns:
        The exit status: 0 only if there were few commits, and nothing was refused or is left.
    """
    console = console or Console()
    started = time.monotonic()
    with Lab() as lab, tempfile.TemporaryDirectory(prefix="vmseries-storm-") as scratch:
        try:
            storm = Storm(lab, _apply(lab, Path(scratch), number), number)
            console.print(f"applied after {time.monotonic() - started:.0f} s")
            storm.gather()
            console.print(f"in service after {time.monotonic() - started:.0f} s")
            if negative_control:
                leave_license(lab)
            result = storm.strike()
        except (LabError, StormError, TerraformError) as error:
            console.print(f"FAILED: {error}", soft_wrap=True, style="bold red")
            return 1
        errors = lab.errors()
    _print(console, result, number)
    left = [f"left: {amount} {what}" for what, amount in result.left.items()]
    for problem in [*result.refused[:10], *left, *errors]:
        console.print(f"FAILED: {problem}", soft_wrap=True, style="bold red")
    console.print(f"duration: {time.monotonic() - started:.0f} s of real time")
    console.print(
        f"{number} terminations: {len(result.commits)} commits, {len(result.refused)} refused, "
        f"{sum(result.left.values())} left",
        soft_wrap=True,
    )
    return 0 if result.passed and not errors else 1


def _apply(lab: Lab, scratch: Path, number: int) -> dict[str, Any]:
    """Apply the example with an empty group; its outputs."""
    tools = terraform_environment()
    workspace = Workspace.copy(
        REPOSITORY,
        EXAMPLE,
        scratch / "copy",
        binary=tools.binary,
        environment={**tools.environment, **lab.aws.environment()},
        variables={"capacity": {"min": 0, "max": number}},
    )
    workspace.init()
    lab.pace(PACE)
    workspace.apply()
    lab.pace(0)
    return dict(workspace.output())


def _print(console: Console, result: Result, number: int) -> None:
    table = Table("commit", "result")
    for what, end in result.commits:
        table.add_row(what, end)
    console.print(table)
    visits = sorted(result.visits.values()) or [0]
    console.print(
        f"visits of an instance: {visits[len(visits) // 2]} (median), {visits[-1]} (most)"
    )
    console.print(
        f"from the first hook to the last: {result.seconds:.0f} s of lab time; "
        f"one commit each would take Panorama {number * COMMIT_SECONDS:.0f} s",
        soft_wrap=True,
    )
