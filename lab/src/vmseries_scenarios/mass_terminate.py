"""A hundred terminations at once, and how many Panorama commits they take.

An example is applied unchanged. Its group is scaled to a hundred firewalls in service, and all of
them are terminated at once while a commit takes half a minute. The lab serves the queue as AWS
does, and lab time stands still while a function works.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vmseries_lab.core.timeline import Entry
from vmseries_scenarios.deployment import Deployment, deployment_in_new_lab
from vmseries_scenarios.negative_control import leave_license
from vmseries_scenarios.program import RUN_ERRORS, open_console, stop_on_sigterm

EXAMPLE = "examples/one-arm"

TERMINATIONS = 100
COMMIT_SECONDS = 30.0
MOST_COMMITS = 4

STEP_SECONDS = 2.0
LAUNCH_STEP_SECONDS = 3.0
"""How far to advance the clock at a time."""
LAUNCHES_AT_ONCE = 25
"""The interfaces of a firewall must be attached when it looks for them."""
BOOT = {"bootstrap": 100.0, "license": 101.0, "register": 102.0, "content": 103.0}
PUSH_SECONDS = 5.0
"""Boot and push are shortened: this program does not judge launches."""

PHASE_LIMIT_MINUTES = 270.0
"""Lab time after which a phase counts as hanging."""


@dataclass(slots=True)
class Result:
    """What was observed.

    Attributes:
        commits: Description and result of each commit job.
        refused: What Panorama refused according to the terminate function's log, and commits that
            failed.
        orphans: How many resources remain, by kind.
        visits: How many visits each instance took, by instance ID.
        seconds: Lab time from the first lifecycle hook to the last.
    """

    commits: list[tuple[str, str]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    orphans: dict[str, int] = field(default_factory=dict)
    visits: Counter[str] = field(default_factory=Counter)
    seconds: float = math.nan

    @property
    def passed(self) -> bool:
        """Whether there were few commits, no refusal and no orphan."""
        return len(self.commits) <= MOST_COMMITS and not self.refused and not self.orphans


@dataclass
class MassTermination:
    """One run, on a deployment that is applied with an empty group.

    Attributes:
        deployment: The deployment.
        number: How many firewalls to terminate.
    """

    deployment: Deployment
    number: int

    def launch_all(self) -> None:
        """Bring all firewalls into service.

        Raises:
            DeploymentError: They are not in service in time.
        """
        lab, group = self.deployment.lab, self.deployment.group
        # One more address for the NAT gateway.
        lab.set_quotas(addresses=self.number + 1, licenses=self.number + 1)
        lab.firewalls.set_boot_times(**BOOT)
        lab.panorama.configure(push_seconds=PUSH_SECONDS, commit_seconds=COMMIT_SECONDS)
        size = 0
        while size < self.number:
            size = min(size + LAUNCHES_AT_ONCE, self.number)
            group.scale(size)
            with self.deployment.clock_stopped():
                self.deployment.wait_until(
                    partial(group.is_in_service, size),
                    f"{size} firewalls in service",
                    minutes=PHASE_LIMIT_MINUTES,
                    step_seconds=LAUNCH_STEP_SECONDS,
                )

    def terminate_all(self) -> Result:
        """Terminate all firewalls at once, and observe what happens.

        Raises:
            DeploymentError: They are not terminated in time.
        """
        lab, group = self.deployment.lab, self.deployment.group
        since, entries, invocations = lab.now(), len(lab.timeline()), len(lab.invocations())
        with self.deployment.clock_stopped():
            group.scale(0)
            self.deployment.wait_until(
                lambda: not group.states(),
                "all firewalls terminated",
                minutes=PHASE_LIMIT_MINUTES,
                step_seconds=STEP_SECONDS,
            )
        lab.settle()
        timeline = lab.timeline(entries)
        commits = self._commits(timeline)
        failed = [f"{description}: {result}" for description, result in commits if result != "OK"]
        waiting = [entry.at for entry in timeline if _is_of_hook(entry, "hook-waiting")]
        completed = [entry.at for entry in timeline if _is_of_hook(entry, "hook-completed")]
        return Result(
            commits=commits,
            refused=failed + self._refusals(since),
            orphans=self._orphans(timeline),
            visits=self.deployment.visits("terminate", invocations),
            seconds=max(completed, default=math.nan) - min(waiting, default=math.nan),
        )

    def _commits(self, timeline: Iterable[Entry]) -> list[tuple[str, str]]:
        """Return description and result of the commits in a timeline, as Panorama has them."""
        answer = self.deployment.lab.panorama.request(
            type="op", cmd="<show><jobs><all/></jobs></show>"
        )
        # The list may have a second entry of a job, which never ends.
        jobs = {job.findtext("id"): job for job in reversed(answer.findall("result/job"))}
        queued = [jobs[entry.subject] for entry in timeline if entry.kind == "commit-queued"]
        return [(job.findtext("description", ""), job.findtext("result", "")) for job in queued]

    def _refusals(self, since: float) -> list[str]:
        """Return what Panorama did not do, according to the terminate function's log."""
        return [
            f"{record.get('error', 'busy')}: {record['reason']}"
            for record in self.deployment.log(since)
            if "error" in record or "Panorama is busy" in str(record.get("reason"))
        ]

    def _orphans(self, timeline: list[Entry]) -> dict[str, int]:
        leftovers = self.deployment.lab.leftovers()
        completions = Counter(e.subject for e in timeline if _is_of_hook(e, "hook-completed"))
        counts = {
            "interfaces": leftovers.interfaces,
            "addresses": leftovers.addresses,
            "licenses": leftovers.licenses,
            "entries in Panorama": leftovers.panorama_entries,
            "hooks not completed once": self.number - list(completions.values()).count(1),
        }
        for kind in ("hook-expired", "dead-lettered", "dropped", "lost"):
            counts[f"times {kind}"] = len([entry for entry in timeline if entry.kind == kind])
        for queue, number in self.deployment.count_dead_letters().items():
            counts[f"messages in {queue}"] = number
        return {kind: number for kind, number in counts.items() if number}


def _is_of_hook(entry: Entry, kind: str) -> bool:
    return entry.kind == kind and entry.detail.get("hook") == "terminate"


def run(
    number: int = TERMINATIONS, *, negative_control: bool = False, console: Console | None = None
) -> int:
    """Apply the example, launch, terminate, and print the result.

    Args:
        number: How many firewalls to terminate.
        negative_control: Leave a license behind, so that the run must fail.
        console: Where to print.

    Returns:
        The exit status: 0 only if there were few commits, no refusal and no orphan.
    """
    console = open_console(console)
    started = time.monotonic()
    stop_on_sigterm()
    try:
        with deployment_in_new_lab(EXAMPLE, capacity={"min": 0, "max": number}) as deployment:
            deployment.apply()
            console.print(f"applied after {time.monotonic() - started:.0f} s")
            scenario = MassTermination(deployment, number)
            scenario.launch_all()
            console.print(f"in service after {time.monotonic() - started:.0f} s")
            if negative_control:
                leave_license(deployment.lab)
            result = scenario.terminate_all()
            errors = deployment.lab.errors()
    except RUN_ERRORS as error:
        console.print(Text(f"FAILED: {error}", "bold red"), soft_wrap=True)
        return 1
    _print(console, result, number)
    orphans = [f"orphans: {amount} {kind}" for kind, amount in result.orphans.items()]
    for problem in [*result.refused[:10], *orphans, *errors]:
        console.print(Text(f"FAILED: {problem}", "bold red"), soft_wrap=True)
    console.print(f"duration: {time.monotonic() - started:.0f} s of real time")
    console.print(
        f"{number} terminations: {len(result.commits)} commits, {len(result.refused)} refused, "
        f"{sum(result.orphans.values())} orphans",
        soft_wrap=True,
    )
    return 0 if result.passed and not errors else 1


def _print(console: Console, result: Result, number: int) -> None:
    table = Table("commit", "result")
    for commit in result.commits:
        table.add_row(*commit)
    console.print(table)
    visits = sorted(result.visits.values()) or [0]
    console.print(
        f"visits per instance: {visits[len(visits) // 2]} (median), {visits[-1]} (maximum)"
    )
    console.print(
        f"from the first hook to the last: {result.seconds:.0f} s of lab time; "
        f"one commit per firewall would take Panorama {number * COMMIT_SECONDS:.0f} s",
        soft_wrap=True,
    )
