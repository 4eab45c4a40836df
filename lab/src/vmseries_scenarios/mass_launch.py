"""Hundreds of launches at once, then hundreds of terminations, at EC2's request rates.

An example is applied unchanged. Its group launches all its firewalls at once, and terminates them
at once when they are in service. Nothing may be lost, and the interfaces must be attached in time:
a firewall looks for them only once, when it boots.
"""

from __future__ import annotations

import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from itertools import accumulate
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vmseries_lab.aws.throttling import EC2_UNCATEGORISED
from vmseries_lab.client import Leftovers
from vmseries_lab.core.timeline import Entry
from vmseries_scenarios.deployment import Deployment, deployment_in_new_lab
from vmseries_scenarios.network_interfaces import AttachedInterface, attached_interfaces
from vmseries_scenarios.program import RUN_ERRORS, open_console, stop_on_sigterm

EXAMPLE = "examples/two-arm"
ADDRESSES_OF_THE_EXAMPLE = 3

MODIFICATIONS = 4
"""Calls of ModifyNetworkInterfaceAttribute for each launch: DeleteOnTermination on two interfaces,
and no source/destination check on two. Of all calls, these have the tightest rate limit."""

SLACK_SECONDS = 28.0
"""How much longer than the rates allow the launches may take. At the end, EC2 has more capacity
than waiting firewalls use: the backoff of the last one, up to 20 s, is idle time."""

BOOT = {"license": 160.0, "register": 162.0, "content": 165.0}
PUSH_SECONDS = 10.0
"""Lab seconds from power-on, and of Panorama's push. The check of the interfaces keeps its time of
150 s. What follows does not involve EC2 and is shortened."""

STEP_SECONDS = 0.5
LONG_STEP_SECONDS = 3.0
"""How far to advance the clock at a time: while functions compete for requests, and otherwise."""

PHASE_LIMIT_MINUTES = 60.0
"""Lab time after which a phase counts as hanging."""

CALL_LIMIT_SECONDS = 60.0
"""A call without a response after this time was cut off."""

ATTACHING = frozenset(
    {"AttachNetworkInterface", "ModifyNetworkInterfaceAttribute", "AssociateAddress"}
)
"""Calls that name the interface that they attach or configure. Those that create one come first."""

THROTTLED = frozenset({"RequestLimitExceeded", "Throttling", "ThrottlingException"})
LOST = ("hook-expired", "dead-lettered", "dropped", "lost", "traffic-to-unready")

EXPECTED_INTERFACES = (
    AttachedInterface(0, source_dest_check=False, delete_on_termination=True, public=False),
    AttachedInterface(1, source_dest_check=True, delete_on_termination=True, public=False),
    AttachedInterface(2, source_dest_check=False, delete_on_termination=True, public=True),
)
"""The interfaces of each firewall: two-arm, with a public untrust interface."""


@dataclass(slots=True)
class Wave:
    """What was observed of all launches, or of all terminations.

    Attributes:
        hook: ``launch`` or ``terminate``.
        entries: The timeline.
        calls: AWS calls with the role of the hook's function.
        visits: How many visits each instance took, by instance ID.
    """

    hook: str
    entries: list[Entry]
    calls: list[dict[str, Any]]
    visits: Counter[str]

    def of(self, kind: str) -> list[Entry]:
        """Return the entries of a kind; those about another hook are left out."""
        return [
            e for e in self.entries if e.kind == kind and e.detail.get("hook") in (None, self.hook)
        ]

    def throttled(self) -> Counter[str]:
        """Return how many calls were throttled, by action."""
        return Counter(call["action"] for call in self.calls if call["error"] in THROTTLED)

    def held(self) -> dict[str, float]:
        """Return how many lab seconds the hook held each instance, by instance ID."""
        since = {entry.subject: entry.at for entry in self.of("hook-waiting")}
        return {
            entry.subject: entry.at - since[entry.subject]
            for entry in self.of("hook-completed")
            if entry.subject in since
        }

    def most_at_once(self) -> int:
        """Return the maximum number of instances that the hook held at the same time."""
        steps = [(e.at, 1) for e in self.of("hook-waiting")]
        steps += [(e.at, -1) for e in self.of("hook-completed")]
        return max(accumulate(step for _, step in sorted(steps)), default=0)

    def problems(self, number: int) -> list[str]:
        """Return what is wrong if ``number`` instances had to pass the hook at once."""
        problems = [
            f"{self.hook}: {len(lost)} x {kind}" for kind in LOST if (lost := self.of(kind))
        ]
        if self.most_at_once() != number:
            problems.append(f"{self.hook}: {self.most_at_once()} at once instead of {number}")
        completed = Counter((e.subject, e.detail["result"]) for e in self.of("hook-completed"))
        if completed != Counter((e.subject, "CONTINUE") for e in self.of("hook-waiting")):
            problems.append(f"{self.hook}: not every hook was completed once, with CONTINUE")
        return problems


@dataclass(slots=True)
class Evidence:
    """What was observed in a run.

    Attributes:
        number: Number of firewalls.
        attached: When the last interface of each firewall was ready, in lab seconds since the first
            launch event: the end of the last call that attached it, configured it or associated an
            address with it. By instance ID.
        interfaces: The interfaces of each firewall when all were in service, by instance ID.
        dead_letters: Number of messages in each dead-letter queue.
        leftovers: What remained of the firewalls at the end.
        errors: Errors of the lab itself.
    """

    number: int
    launched: Wave
    attached: Mapping[str, float]
    interfaces: Mapping[str, tuple[AttachedInterface, ...]]
    terminated: Wave
    dead_letters: Mapping[str, int]
    leftovers: Leftovers
    errors: list[str]

    @property
    def seconds(self) -> float:
        """Lab seconds from the first launch event to the last interface of all."""
        return max(self.attached.values(), default=math.inf)

    def problems(self, limit_seconds: float) -> list[str]:
        """Return what is wrong, in sentences; an empty list if the run proves what it should."""
        problems = self.launched.problems(self.number) + self.terminated.problems(self.number)
        if set(self.attached) != set(self.interfaces) or len(self.interfaces) != self.number:
            problems.append(
                f"{len(self.attached)} of {self.number} firewalls have all their interfaces"
            )
        problems += [
            f"{instance} has unexpected interfaces: {interfaces}"
            for instance, interfaces in self.interfaces.items()
            if interfaces != EXPECTED_INTERFACES
        ]
        if self.seconds > limit_seconds:
            problems.append(
                f"the launch part took {self.seconds:.0f} s, more than {limit_seconds:.0f} s"
            )
        problems += [f"{n} messages in {queue}" for queue, n in self.dead_letters.items() if n]
        if self.leftovers:
            problems.append(f"left behind: {self.leftovers}")
        return problems + self.errors


@dataclass
class MassLaunch:
    """One run, on a two-arm deployment that is applied with an empty group.

    Attributes:
        deployment: The deployment.
        number: How many firewalls to launch at once.
        share: The part of EC2's request rates that other users of the account leave.
    """

    deployment: Deployment
    number: int
    share: float = 1.0
    _entries: int = field(default=0, init=False)
    _calls: int = field(default=0, init=False)
    _invocations: int = field(default=0, init=False)

    def perform(self, report: Callable[[str], None] = lambda _: None) -> Evidence:
        """Launch all firewalls, then terminate them.

        Args:
            report: Called with a line of progress when all are in service.

        Raises:
            DeploymentError: A phase hangs.
        """
        lab, group = self.deployment.lab, self.deployment.group
        lab.set_quotas(addresses=self.number + ADDRESSES_OF_THE_EXAMPLE, licenses=self.number)
        lab.firewalls.set_boot_times(**BOOT)
        lab.panorama.configure(push_seconds=PUSH_SECONDS)
        lab.aws.enforce_request_rates(share=self.share)
        wait = partial(
            self.deployment.wait_until, minutes=PHASE_LIMIT_MINUTES, step_seconds=LONG_STEP_SECONDS
        )
        with self.deployment.clock_stopped():
            self._skip()
            group.scale(self.number)
            wait(self._all_attached(), "all interfaces attached", step_seconds=STEP_SECONDS)
            wait(partial(group.is_in_service, self.number), "all firewalls in service")
            launched, instances = self._wave("launch"), self.deployment.instances()
            report(f"{self.number} firewalls are in service")
            group.scale(0)
            wait(lambda: not group.states(), "all firewalls terminated")
            terminated = self._wave("terminate")
        # From here on, calls only observe, so that rates do not matter.
        lab.aws.enforce_request_rates(enforced=False)
        return Evidence(
            number=self.number,
            launched=launched,
            attached=_attached(launched, instances),
            interfaces={key: attached_interfaces(value) for key, value in instances.items()},
            terminated=terminated,
            dead_letters=self.deployment.count_dead_letters(),
            leftovers=lab.leftovers(),
            errors=lab.errors(),
        )

    def _all_attached(self) -> Callable[[], bool]:
        """Return a check whether all interfaces can be attached, which reads each call once."""
        done: Counter[str] = Counter()
        position = self._calls

        def enough_calls() -> bool:
            nonlocal position
            calls = self.deployment.lab.calls(position)
            # Calls that may still get a response are read again.
            pending = (
                n
                for n, call in enumerate(calls)
                if not call["status"] and call["at"] > calls[-1]["at"] - CALL_LIMIT_SECONDS
            )
            end = next(pending, len(calls))
            position += end
            done.update(call["action"] for call in calls[:end] if call["status"] == HTTPStatus.OK)
            return (
                done["ModifyNetworkInterfaceAttribute"] >= MODIFICATIONS * self.number
                and done["AssociateAddress"] >= self.number
            )

        return enough_calls

    def _skip(self) -> None:
        """Skip what has happened so far: it belongs to no wave."""
        lab = self.deployment.lab
        self._entries += len(lab.timeline(self._entries))
        self._calls += len(lab.calls(self._calls))
        self._invocations += len(lab.invocations(self._invocations))

    def _wave(self, hook: str) -> Wave:
        """Return what has happened since the wave before."""
        lab, role = self.deployment.lab, self.deployment.outputs["functions"][hook]["role_name"]
        entries, calls = lab.timeline(self._entries), lab.calls(self._calls)
        visits = self.deployment.visits(hook, self._invocations)
        self._entries += len(entries)
        self._calls += len(calls)
        self._invocations += len(lab.invocations(self._invocations))
        own = [call for call in calls if call["role"] == role and not call["via"]]
        return Wave(hook, entries, own, visits)


def allowed_seconds(number: int, share: float = 1.0) -> float:
    """Return how many seconds EC2's request rates need at least to attach all interfaces."""
    rate = EC2_UNCATEGORISED["ModifyNetworkInterfaceAttribute"].part(share)
    return max(0.0, (MODIFICATIONS * number - rate.capacity) / rate.refill)


def run(number: int, limit_seconds: float | None = None, console: Console | None = None) -> int:
    """Apply the example, launch, terminate, and print the result.

    Args:
        number: How many firewalls to launch at once.
        limit_seconds: Limit in lab time, from the first launch event to the last interface; by
            default what EC2's rates allow plus :data:`SLACK_SECONDS`.
        console: Where to print.

    Returns:
        The exit status: 0 only if nothing is wrong.
    """
    console = open_console(console)
    started = time.monotonic()
    allowed = allowed_seconds(number)
    limit = allowed + SLACK_SECONDS if limit_seconds is None else limit_seconds

    def report(text: str) -> None:
        console.print(f"{text} after {time.monotonic() - started:.0f} s")

    stop_on_sigterm()
    try:
        with deployment_in_new_lab(EXAMPLE, capacity={"min": 0, "max": number}) as deployment:
            deployment.apply()
            report(f"{EXAMPLE} is applied")
            evidence = MassLaunch(deployment, number).perform(report)
    except RUN_ERRORS as error:
        console.print(Text(f"FAILED: {error}", "bold red"), soft_wrap=True)
        return 1
    console.print(table(evidence))
    console.print(f"EC2's rates allow all interfaces to be attached in {allowed:.0f} s")
    console.print(f"left behind: {evidence.leftovers}", soft_wrap=True)
    console.print(f"duration: {time.monotonic() - started:.0f} s")
    problems = evidence.problems(limit)
    for problem in problems:
        console.print(Text(f"FAILED: {problem}", "bold red"), soft_wrap=True)
    console.print(f"launch part: {evidence.seconds:.0f} s of lab time (limit {limit:.0f} s)")
    return 1 if problems else 0


def table(evidence: Evidence) -> Table:
    """Return the figures of a run as a table."""
    waves = evidence.launched, evidence.terminated
    shown = Table("", "launches", "terminations")
    rows: list[tuple[str, Callable[[Wave], object]]] = [
        ("at the hook at the same time", Wave.most_at_once),
        ("seconds at the hook: p50, p95, max", lambda wave: _spread(wave.held().values())),
        ("visits per instance: p50, p95, max", lambda wave: _spread(wave.visits.values())),
        ("commits in Panorama", lambda wave: len(wave.of("commit-finished"))),
        ("calls to AWS", lambda wave: len(wave.calls)),
        ("of them throttled", lambda wave: sum(wave.throttled().values())),
    ]
    for name, figure in rows:
        shown.add_row(name, *(str(figure(wave)) for wave in waves))
    shown.add_row(
        "seconds to the last interface: p50, p95, max", _spread(evidence.attached.values())
    )
    shown.add_section()
    calls = [Counter(call["action"] for call in wave.calls) for wave in waves]
    throttled = [wave.throttled() for wave in waves]
    for action in sorted(set().union(*calls)):
        figures = zip(calls, throttled, strict=True)
        shown.add_row(action, *(_count(c[action], t[action]) for c, t in figures))
    return shown


def _count(number: int, throttled: int) -> str:
    return f"{number - throttled} (+ {throttled} throttled)" if throttled else str(number or "")


def _spread(values: Iterable[float]) -> str:
    """Return the 50th and 95th percentile and the maximum, as text."""
    ordered = sorted(values)
    if not ordered:
        return ""
    quantiles = [ordered[math.ceil(share * len(ordered)) - 1] for share in (0.5, 0.95, 1.0)]
    return ", ".join(f"{value:.0f}" for value in quantiles)


def _attached(wave: Wave, instances: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Return when the last interface of each instance was ready; see :class:`Evidence`."""
    owners = {
        interface["NetworkInterfaceId"]: instance_id
        for instance_id, instance in instances.items()
        for interface in instance["NetworkInterfaces"]
    }
    first = min((entry.at for entry in wave.of("hook-waiting")), default=0.0)
    attached: dict[str, float] = defaultdict(float)
    for call in wave.calls:
        owner = owners.get(call["parameters"].get("NetworkInterfaceId", ""))
        if owner and call["action"] in ATTACHING and call["status"] == HTTPStatus.OK:
            attached[owner] = max(attached[owner], call["at"] + call["seconds"] - first)
    return dict(attached)
