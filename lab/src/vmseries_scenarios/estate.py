"""A large estate: what the functions ask of a Panorama that has thousands of other firewalls.

Ten deployments share one Panorama, which also manages 2,500 firewalls of the operator, and whose
management plane is busy: each answer takes a while, and the list of all devices much longer while
a commit runs. Two facts that nothing settles decide how much the functions ask and read, so one
deployment is measured with both answers. The requests come from Panorama's own log, the time is
that of the lab and the same on every machine, and the memory is that of the functions' processes.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vmseries_lab.client import Lab
from vmseries_lab.licensing_api import API_KEY
from vmseries_scenarios.deployment import Deployment, deployment_in_new_lab
from vmseries_scenarios.program import RUN_ERRORS, open_console, stop_on_sigterm

ROOT = "tests/fixtures/estate"
DEVICES = 2500
DEPLOYMENTS = 10
AT_ONCE = 20
LEAVING_EACH = 2
"""How many firewalls of each deployment terminate while all deployments work."""

MOST_FOR_ONE = 20
"""Requests to Panorama for one termination alone, in all its visits."""
MOST_FOR_TWENTY = {"better": 40, "worse": 60}
"""Requests to Panorama for twenty terminations at once, by its answers. While its own list of
licenses is out of date, each firewall is asked itself."""
MOST_CALLS_AT_ONCE = 5
"""Requests that Panorama serves at the same time, of all deployments.

"For performance considerations, limit the number of concurrent API calls to five." "PAN-OS XML API
Use Cases", https://docs.paloaltonetworks.com/pan-os/11-1/pan-os-panorama-api
"""

ANSWERS = {
    "better": {"group_name_filter": "honored", "batch_license_info": "current"},
    "worse": {"group_name_filter": "ignored", "batch_license_info": "stale"},
}
"""Panorama's answers to what no document settles (docs/assumptions.md): whether the list of a group
has the firewalls of other groups, too, and whether the list of licenses is up to date."""

ANSWER_SECONDS = 0.5
SLOW_COMMANDS = ({"command": "op show devices all", "seconds": 6.0, "while_committing": True},)
COMMIT_SECONDS = 30.0
BOOT = {"bootstrap": 100.0, "license": 160.0, "register": 162.0, "content": 165.0}
"""Lab seconds from power-on: boots are shortened."""
UNLIMITED = "Calls to Panorama are not limited together with other deployments"
"""What a function logs that cannot use the shared table (``vmseries_autoscale.call_slots``)."""
STEP_SECONDS = 5.0
LIMIT_MINUTES = 120.0
PARALLELISM = 200
"""How many resources Terraform creates at a time: the provider waits half a minute for a queue."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a phase may take; ``None`` for no bound.

    Attributes:
        requests: Requests to Panorama.
        at_once: Requests at the same time.
    """

    requests: int | None = None
    at_once: int | None = None


@dataclass(frozen=True, slots=True)
class Phase:
    """What happened in one phase.

    Attributes:
        name: What was done.
        requests: Number of requests to Panorama by kind.
        size: Bytes of Panorama's responses.
        visits: Number of invocations of the functions.
        seconds: Lab seconds that the functions worked, together.
        memory: Most memory of one function's process, in MiB; ``None`` if it is not known.
        at_once: Most requests that Panorama served at the same time until the end of the phase.
        bounds: What the phase may take.
    """

    name: str
    requests: Counter[str]
    size: int
    visits: int
    seconds: float
    memory: int | None
    at_once: int
    bounds: Bounds = field(default_factory=Bounds)

    def problems(self, memory_mib: int) -> list[str]:
        """Return each bound that the phase exceeds, as a sentence.

        Args:
            memory_mib: Memory of the functions.
        """
        found = []
        total, most, at_once = self.requests.total(), self.bounds.requests, self.bounds.at_once
        if total == 0:
            found.append(f"{self.name}: no request to Panorama, so that nothing was measured")
        if most is not None and total > most:
            found.append(f"{self.name}: {total} requests to Panorama, at most {most}")
        if at_once is not None and self.at_once > at_once:
            found.append(f"{self.name}: {self.at_once} requests at once, at most {at_once}")
        if self.memory is not None and self.memory > memory_mib:
            found.append(f"{self.name}: {self.memory} MiB of memory, at most {memory_mib}")
        return found


class Estate:
    """The deployments, and the phases that are measured.

    Args:
        root: The root module, applied.
        devices: Number of the operator's own firewalls.
    """

    def __init__(self, root: Deployment, devices: int) -> None:
        self.lab: Lab = root.lab
        self.deployments = {
            name: Deployment(root.lab, root.workspace, outputs)
            for name, outputs in root.outputs["deployments"].items()
        }
        self.first = next(iter(self.deployments.values()))
        self.lab.licensing.configure(pool_size=1000)
        self.lab.firewalls.set_boot_times(**BOOT)
        self.lab.panorama.configure(
            licensing_api_key=API_KEY,
            estate=devices,
            commit_seconds=COMMIT_SECONDS,
            delay_seconds=ANSWER_SECONDS,
            slow_commands=list(SLOW_COMMANDS),
        )
        events = self.lab.aws.client("events")
        for name in self.deployments:
            events.disable_rule(Name=f"{name}-reconcile")

    def memory_mib(self) -> int:
        """Return the memory of the functions."""
        functions = self.lab.aws.client("lambda")
        name = self.first.outputs["functions"]["terminate"]["name"]
        return int(functions.get_function_configuration(FunctionName=name)["MemorySize"])

    def measure(self) -> Iterator[Phase]:
        """Run all phases, and yield each when it has ended.

        The larger answers come last, because a process never needs less memory than before.
        """
        yield from self._measure_one("better")
        yield self._measure_all()
        yield from self._measure_one("worse")

    def _measure_one(self, answers: str) -> Iterator[Phase]:
        """Measure one deployment, from the first launch to the last termination."""
        self.lab.assume(**ANSWERS[answers])
        yield self._phase(f"one launch ({answers})", lambda: self._scale(1))
        self._scale(AT_ONCE + 1)
        yield self._phase(
            f"one reconcile run, {AT_ONCE + 1} firewalls ({answers})",
            lambda: self.first.invoke("reconcile", "reconcile"),
        )
        yield self._phase(
            f"one termination alone ({answers})",
            lambda: self._leave(self.first.group.terminate_one()),
            Bounds(requests=MOST_FOR_ONE),
        )
        yield self._phase(
            f"{AT_ONCE} terminations at once ({answers})",
            lambda: self._scale(0),
            Bounds(requests=MOST_FOR_TWENTY[answers]),
        )

    def _measure_all(self) -> Phase:
        for deployment in self.deployments.values():
            deployment.group.scale(LEAVING_EACH)
        self._wait(lambda: self._all_have(LEAVING_EACH), "all deployments in service")
        return self._phase(
            f"{len(self.deployments)} deployments, {LEAVING_EACH} terminations each",
            self._all_leave,
            Bounds(at_once=MOST_CALLS_AT_ONCE),
        )

    def unlimited_calls(self) -> list[str]:
        """Return a problem if functions called Panorama without a slot of the shared table."""
        texts = [line for run in self.lab.invocations() for line in run["log"]]
        unlimited = sum(UNLIMITED in text for text in texts)
        return [f"{unlimited} invocations made calls without a slot"] if unlimited else []

    def _phase(self, name: str, act: Callable[[], object], bounds: Bounds | None = None) -> Phase:
        requests, invocations = len(self.lab.panorama.requests()), len(self.lab.invocations())
        act()
        made = self.lab.panorama.requests(requests)
        runs = self.lab.invocations(invocations)
        return Phase(
            name=name,
            requests=Counter(request["kind"] for request in made),
            size=sum(request["size"] for request in made),
            visits=len(runs),
            seconds=sum(run["seconds"] for run in runs),
            memory=max((run["memory_mib"] for run in runs if run["memory_mib"]), default=None),
            at_once=self.lab.panorama.state()["most_requests_at_once"],
            bounds=bounds or Bounds(),
        )

    def _scale(self, number: int) -> None:
        group = self.first.group
        group.scale(number)
        self._wait(lambda: group.is_in_service(number), f"{number} firewalls in service")

    def _leave(self, instance_id: str) -> None:
        states = self.first.group.states
        self._wait(lambda: instance_id not in states(), f"{instance_id} terminated")

    def _all_leave(self) -> None:
        for deployment in self.deployments.values():
            deployment.group.scale(0)
        self._wait(lambda: self._all_have(0), "all firewalls terminated")

    def _all_have(self, number: int) -> bool:
        return all(item.group.is_in_service(number) for item in self.deployments.values())

    def _wait(self, reached: Callable[[], Any], description: str) -> None:
        self.first.wait_until(
            reached, description, minutes=LIMIT_MINUTES, step_seconds=STEP_SECONDS
        )


@contextmanager
def estate(devices: int = DEVICES, number: int = DEPLOYMENTS) -> Iterator[Estate]:
    """Apply the root module in a new lab, and yield its deployments with its Panorama."""
    names = [f"estate-{index}" for index in range(number)]
    with deployment_in_new_lab(ROOT, names=names) as root:
        root.apply(parallelism=PARALLELISM)
        with root.clock_stopped():
            yield Estate(root, devices)


def table(phases: list[Phase]) -> Table:
    """Return the figures of the phases."""
    shown = Table(
        "", "phase", "requests", "bound", "MiB read", "visits", "lab s", "peak MiB", "at once"
    )
    for number, phase in enumerate(phases, start=1):
        bounds = [
            f"{limit} {what}"
            for limit, what in ((phase.bounds.requests, ""), (phase.bounds.at_once, "at once"))
            if limit is not None
        ]
        shown.add_row(
            str(number),
            phase.name,
            str(phase.requests.total()),
            ", ".join(bounds).strip(),
            f"{phase.size / 2**20:.1f}",
            str(phase.visits),
            f"{phase.seconds:.0f}",
            "unknown" if phase.memory is None else str(phase.memory),
            str(phase.at_once),
        )
    return shown


def table_of_kinds(phases: list[Phase]) -> Table:
    """Return the number of requests by kind, and by the number of the phase."""
    kinds = sorted({kind for phase in phases for kind in phase.requests})
    shown = Table("request", *(str(number) for number in range(1, len(phases) + 1)))
    for kind in kinds:
        shown.add_row(kind, *(str(phase.requests[kind] or "") for phase in phases))
    return shown


def run(
    devices: int = DEVICES, number: int = DEPLOYMENTS, *, console: Console | None = None
) -> int:
    """Apply, measure and print.

    Args:
        devices: Number of the operator's own firewalls on Panorama.
        number: Number of deployments.
        console: Where to print.

    Returns:
        The exit status: 0 only if no bound is exceeded.
    """
    console = open_console(console)
    started = time.monotonic()
    stop_on_sigterm()
    phases: list[Phase] = []
    try:
        with estate(devices, number) as large:
            console.print(f"{number} deployments applied after {time.monotonic() - started:.0f} s")
            memory_mib = large.memory_mib()
            for phase in large.measure():
                phases.append(phase)
                console.print(f"{time.monotonic() - started:4.0f} s  {phase.name}")
            errors = [*large.lab.errors(), *large.unlimited_calls()]
    except RUN_ERRORS as error:
        console.print(Text(f"FAILED: {error}", "bold red"), soft_wrap=True)
        return 1
    console.print(table(phases))
    console.print(table_of_kinds(phases))
    problems = [problem for phase in phases for problem in phase.problems(memory_mib)] + errors
    for problem in problems:
        console.print(Text(f"FAILED: {problem}", "bold red"), soft_wrap=True)
    console.print(
        f"{devices} devices of others, {number} deployments: {len(problems)} bounds exceeded; "
        f"{time.monotonic() - started:.0f} s",
        soft_wrap=True,
    )
    return 1 if problems else 0
