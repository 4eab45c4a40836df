"""Hundreds of launches in flight, then hundreds of terminations, at the request rates of EC2.

An example is applied unchanged, its group is made to launch all its firewalls in one go, and to
terminate them all once they are in service. Nothing may be lost on the way, and the interfaces have
to be there in time: a firewall looks for them once, when it boots.
"""

from __future__ import annotations

import math
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import accumulate
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tf_setup import SetupError, terraform_environment
from vmseries_lab.aws.throttling import EC2_UNCATEGORISED
from vmseries_lab.client import Lab, LabError, Leftovers
from vmseries_lab.core.timeline import Entry
from vmseries_scenarios.network_interfaces import Nic, nics
from vmseries_scenarios.terraform import TerraformError, Workspace

REPOSITORY = Path(__file__).resolve().parents[3]
EXAMPLE = "examples/two-arm"
ADDRESSES_OF_THE_EXAMPLE = 3

MODIFICATIONS = 4
"""Calls of ModifyNetworkInterfaceAttribute for each launch: DeleteOnTermination on two interfaces,
and no source/destination check on two. No other call keeps a burst of launches waiting longer."""

SLACK_SECONDS = 28.0
"""How much longer than these rates allow the wiring may take. In the end there are more turns than
firewalls that wait for one: the last one's pause, of up to 20 s, is time that nobody uses."""

BOOT = {"license": 160.0, "register": 162.0, "content": 165.0}
PUSH_SECONDS = 10.0
"""Lab seconds from power-on, and of Panorama's push. The look at the interfaces keeps its time of
150 s; what follows has nothing to do with EC2 and is shortened."""

PACE = 60.0
"""At which Terraform applies the example: lab seconds for each real second that nothing runs."""

STEP_SECONDS = 0.5
LONG_STEP_SECONDS = 3.0
"""How far the clock is moved at a time: while functions compete for requests, and at other times.
It stands while a function is at work, so that the machine's speed changes no figure."""

PHASE_LIMIT_SECONDS = 3600.0
"""Of lab time: something never comes."""

CALL_LIMIT_SECONDS = 60.0
"""A call that has no answer by then was cut off."""

WIRING = frozenset(
    {"AttachNetworkInterface", "ModifyNetworkInterfaceAttribute", "AssociateAddress"}
)
"""The calls that name the interface that they wire. Those that make one come before them."""

THROTTLED = frozenset({"RequestLimitExceeded", "Throttling", "ThrottlingException"})
LOST = ("hook-expired", "dead-lettered", "dropped", "lost", "traffic-to-unready")
WIDTH = 120


class BurstError(RuntimeError):
    """Something did not come to its end."""


WANTED = (
    Nic(0, source_dest_check=False, delete_on_termination=True, public=False),
    Nic(1, source_dest_check=True, delete_on_termination=True, public=False),
    Nic(2, source_dest_check=False, delete_on_termination=True, public=True),
)
"""The interfaces of each firewall: two-arm, with a public untrust interface."""


@dataclass(slots=True)
class Wave:
    """What was seen of all launches, or of all terminations.

    Attributes:
        hook: ``launch`` or ``terminate``.
        entries: the timeline.
        calls: calls to AWS under the role of the hook's function.
        visits: by instance, how many visits it took.
    """

    hook: str
    entries: list[Entry]
    calls: list[dict[str, Any]]
    visits: Counter[str]

    def of(self, kind: str) -> list[Entry]:
        """The entries of a kind; of this hook, if they are about a hook."""
        return [
            e for e in self.entries if e.kind == kind and e.detail.get("hook") in (None, self.hook)
        ]

    def throttled(self) -> Counter[str]:
        """How many tries of each action were refused for coming too fast."""
        return Counter(call["action"] for call in self.calls if call["error"] in THROTTLED)

    def held(self) -> dict[str, float]:
        """For how many lab seconds the hook held each instance."""
        since = {entry.subject: entry.at for entry in self.of("hook-waiting")}
        return {
            entry.subject: entry.at - since[entry.subject]
            for entry in self.of("hook-completed")
            if entry.subject in since
        }

    def most_at_once(self) -> int:
        """How many instances the hook held at the same time, at most."""
        steps = [(e.at, 1) for e in self.of("hook-waiting")]
        steps += [(e.at, -1) for e in self.of("hook-completed")]
        return max(accumulate(step for _, step in sorted(steps)), default=0)

    def problems(self, number: int) -> list[str]:
        """What is wrong with it, if ``number`` instances had to go through the hook at once."""
        problems = [f"{self.hook}: {len(found)} x {k}" for k in LOST if (found := self.of(k))]
        if self.most_at_once() != number:
            problems.append(f"{self.hook}: {self.most_at_once()} at once instead of {number}")
        completed = Counter((e.subject, e.detail["result"]) for e in self.of("hook-completed"))
        if completed != Counter((e.subject, "CONTINUE") for e in self.of("hook-waiting")):
            problems.append(f"{self.hook}: not every hook was completed once, with CONTINUE")
        return problems


@dataclass(slots=True)
class Evidence:
    """What a run has shown.

    Attributes:
        number: of firewalls.
        wired: when the last interface of each was wired, in lab seconds since the first launch
            event: the end of the last call that attached or changed one, or gave it its address.
        nics: the interfaces of each once all were in service.
        dead_letters: messages in the dead-letter queues, by the queue's URL.
        left: what was left of the firewalls in the end.
        errors: of the lab itself.
    """

    number: int
    launched: Wave
    wired: Mapping[str, float]
    nics: Mapping[str, tuple[Nic, ...]]
    terminated: Wave
    dead_letters: Mapping[str, int]
    left: Leftovers
    errors: list[str]

    @property
    def seconds(self) -> float:
        """Lab seconds from the first launch event to the last interface of all."""
        return max(self.wired.values(), default=math.inf)

    def problems(self, limit_seconds: float) -> list[str]:
        """What is wrong, in sentences; nothing if the run has shown what it should."""
        problems = self.launched.problems(self.number) + self.terminated.problems(self.number)
        if set(self.wired) != set(self.nics) or len(self.nics) != self.number:
            problems.append(f"wired {len(self.wired)} of {self.number} firewalls")
        problems += [
            f"{instance} is not wired as it should be: {nics}"
            for instance, nics in self.nics.items()
            if nics != WANTED
        ]
        if self.seconds > limit_seconds:
            problems.append(
                f"the launch part took {self.seconds:.0f} s, more than {limit_seconds:.0f} s"
            )
        problems += [f"{n} messages in {url}" for url, n in self.dead_letters.items() if n]
        if self.left:
            problems.append(f"left behind: {self.left}")
        return problems + self.errors


@dataclass
class Burst:
    """One run, in a lab to which a two-arm root has been applied, with an empty group.

    Attributes:
        group: the Auto Scaling group's name.
        number: how many firewalls at once.
        share: the part of EC2's rates that the account's other users leave.
    """

    lab: Lab
    group: str
    number: int
    share: float = 1.0
    _entries: int = field(default=0, init=False)
    _calls: int = field(default=0, init=False)
    _invocations: int = field(default=0, init=False)

    def perform(self, say: Callable[[str], None] = lambda _: None) -> Evidence:
        """Launch all, terminate all.

        Args:
            say: told when the first half is over.

        Raises:
            BurstError: if something hangs.
        """
        self.lab.set_quotas(addresses=self.number + ADDRESSES_OF_THE_EXAMPLE, licenses=self.number)
        self.lab.firewalls.set_boot_times(**BOOT)
        self.lab.panorama.configure(push_seconds=PUSH_SECONDS)
        self.lab.aws.enforce_request_rates(share=self.share)
        self.lab.stop_clock()
        self._skip()
        self._scale(self.number)
        self._until(self._wiring())
        self._until(lambda: self._states() == {"InService": self.number}, LONG_STEP_SECONDS)
        launched, instances = self._wave("launch"), self._instances()
        say(f"{self.number} firewalls are in service")
        self._scale(0)
        self._until(lambda: not self._states(), LONG_STEP_SECONDS)
        terminated = self._wave("terminate")
        self.lab.pace(0)
        # Looking at what there is takes no turns from anybody any more.
        self.lab.aws.enforce_request_rates(enforced=False)
        return Evidence(
            number=self.number,
            launched=launched,
            wired=_wired(launched, instances),
            nics={key: nics(instance) for key, instance in instances.items()},
            terminated=terminated,
            dead_letters=self.dead_letters(),
            left=self.lab.leftovers(),
            errors=self.lab.errors(),
        )

    def _scale(self, number: int) -> None:
        self.lab.aws.client("autoscaling").set_desired_capacity(
            AutoScalingGroupName=self.group, DesiredCapacity=number
        )

    def _states(self) -> Counter[str]:
        """How many instances of the group are in each state."""
        groups = self.lab.aws.client("autoscaling").describe_auto_scaling_groups(
            AutoScalingGroupNames=[self.group]
        )["AutoScalingGroups"]
        return Counter(instance["LifecycleState"] for instance in groups[0]["Instances"])

    def _instances(self) -> dict[str, dict[str, Any]]:
        """The group's instances as EC2 describes them."""
        pages = (
            self.lab.aws.client("ec2", attempts=5)
            .get_paginator("describe_instances")
            .paginate(Filters=[{"Name": "tag:aws:autoscaling:groupName", "Values": [self.group]}])
        )
        return {
            instance["InstanceId"]: instance
            for page in pages
            for reservation in page["Reservations"]
            for instance in reservation["Instances"]
        }

    def dead_letters(self) -> dict[str, int]:
        """How many messages each of the dead-letter queues holds."""
        sqs = self.lab.aws.client("sqs")
        name = "ApproximateNumberOfMessages"
        return {
            url: int(
                sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name]
            )
            for url in sqs.list_queues(QueueNamePrefix=self.group)["QueueUrls"]
            if url.endswith("-dead-letters")
        }

    def _until(self, reached: Callable[[], bool], step: float = STEP_SECONDS) -> None:
        """Let time pass until it is reached, ``step`` lab seconds at a time.

        Raises:
            BurstError: if it takes too long.
        """
        end = self.lab.now() + PHASE_LIMIT_SECONDS
        while not reached():
            if self.lab.now() > end:
                states = ", ".join(f"{n} {state}" for state, n in self._states().items())
                raise BurstError(f"not reached within {PHASE_LIMIT_SECONDS:.0f} s: {states}")
            self.lab.advance(step)

    def _wiring(self) -> Callable[[], bool]:
        """What tells whether all can be wired, reading each call once."""
        done: Counter[str] = Counter()
        position = self._calls

        def enough_calls() -> bool:
            nonlocal position
            calls = self.lab.calls(position)
            # What may still be answered is read again.
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
        """What happened until now belongs to no wave."""
        self._entries += len(self.lab.timeline(self._entries))
        self._calls += len(self.lab.calls(self._calls))
        self._invocations += len(self.lab.invocations(self._invocations))

    def _wave(self, hook: str) -> Wave:
        function = f"{self.group}-{hook}"
        entries = self.lab.timeline(self._entries)
        calls, invocations = self.lab.calls(self._calls), self.lab.invocations(self._invocations)
        self._entries += len(entries)
        self._calls += len(calls)
        self._invocations += len(invocations)
        return Wave(
            hook,
            entries,
            [call for call in calls if call["role"] == function and not call["via"]],
            Counter(
                str(record["instance"])
                for invocation in invocations
                if invocation["function"] == function
                for record in invocation["event"].get("records", ())
            ),
        )


def allowed_seconds(number: int, share: float = 1.0) -> float:
    """How soon EC2's rates allow that many firewalls to be wired, at best."""
    rate = EC2_UNCATEGORISED["ModifyNetworkInterfaceAttribute"].part(share)
    return max(0.0, (MODIFICATIONS * number - rate.capacity) / rate.refill)


def _apply(lab: Lab, destination: Path, number: int) -> str:
    """Apply the example with an empty group for up to ``number`` firewalls; the group's name."""
    tools = terraform_environment()
    workspace = Workspace.copy(
        REPOSITORY,
        EXAMPLE,
        destination,
        binary=tools.binary,
        environment={**tools.environment, **lab.aws.environment()},
        variables={"capacity": {"min": 0, "max": number}},
    )
    workspace.init()
    lab.pace(PACE)
    workspace.apply()
    lab.pace(0)
    return str(workspace.output()["autoscaling_group"]["name"])


def run(number: int, limit_seconds: float | None = None, console: Console | None = None) -> int:
    """Do it, and say how it went.

    Args:
        number: how many firewalls at once.
        limit_seconds: in lab time, from the first launch event to the last interface; by default
            what EC2's rates allow and :data:`SLACK_SECONDS`.
        console: where to print.

    Returns:
        The exit status: 0 only if nothing is wrong.
    """
    console = console or Console(width=None if sys.stdout.isatty() else WIDTH)
    started = time.monotonic()
    allowed = allowed_seconds(number)
    limit = allowed + SLACK_SECONDS if limit_seconds is None else limit_seconds

    def say(text: str) -> None:
        console.print(f"{text} after {time.monotonic() - started:.0f} s")

    # A supervisor's polite end is to stop Terraform and the lab just as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with Lab() as lab, tempfile.TemporaryDirectory(prefix="vmseries-burst-") as scratch:
            group = _apply(lab, Path(scratch) / "copy", number)
            say(f"{EXAMPLE} is applied")
            evidence = Burst(lab, group, number).perform(say)
    except (SetupError, LabError, TerraformError, BurstError) as error:
        console.print(Text(f"FAILED: {error}", "bold red"), soft_wrap=True)
        return 1
    console.print(table(evidence))
    console.print(f"EC2's rates allow the wiring in {allowed:.0f} s")
    console.print(f"left behind: {evidence.left}", soft_wrap=True)
    console.print(f"duration: {time.monotonic() - started:.0f} s")
    problems = evidence.problems(limit)
    for problem in problems:
        console.print(Text(f"FAILED: {problem}", "bold red"), soft_wrap=True)
    console.print(f"launch part: {evidence.seconds:.0f} s of lab time (limit {limit:.0f} s)")
    return 1 if problems else 0


def table(evidence: Evidence) -> Table:
    """The figures of a run."""
    waves = evidence.launched, evidence.terminated
    shown = Table("", "launches", "terminations")
    rows: list[tuple[str, Callable[[Wave], object]]] = [
        ("at the hook at the same time", Wave.most_at_once),
        ("seconds at the hook: p50, p95, max", lambda wave: _spread(wave.held().values())),
        ("visits of an instance: p50, p95, max", lambda wave: _spread(wave.visits.values())),
        ("commits in Panorama", lambda wave: len(wave.of("commit-finished"))),
        ("calls to AWS", lambda wave: len(wave.calls)),
        ("of them throttled", lambda wave: sum(wave.throttled().values())),
    ]
    for name, figure in rows:
        shown.add_row(name, *(str(figure(wave)) for wave in waves))
    shown.add_row("seconds to the last interface: p50, p95, max", _spread(evidence.wired.values()))
    shown.add_section()
    tried = [Counter(call["action"] for call in wave.calls) for wave in waves]
    refused = [wave.throttled() for wave in waves]
    for action in sorted(set().union(*tried)):
        figures = zip(tried, refused, strict=True)
        shown.add_row(action, *(_calls(t[action], r[action]) for t, r in figures))
    return shown


def _calls(number: int, throttled: int) -> str:
    return f"{number - throttled} (+ {throttled} throttled)" if throttled else str(number or "")


def _spread(values: Iterable[float]) -> str:
    ordered = sorted(values)
    if not ordered:
        return ""
    quantiles = [ordered[math.ceil(share * len(ordered)) - 1] for share in (0.5, 0.95, 1.0)]
    return ", ".join(f"{value:.0f}" for value in quantiles)


def _wired(wave: Wave, instances: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """When the last interface of each instance was wired; see :class:`Evidence`."""
    owners = {
        nic["NetworkInterfaceId"]: instance_id
        for instance_id, instance in instances.items()
        for nic in instance["NetworkInterfaces"]
    }
    first = min((entry.at for entry in wave.of("hook-waiting")), default=0.0)
    wired: dict[str, float] = defaultdict(float)
    for call in wave.calls:
        owner = owners.get(call["parameters"].get("NetworkInterfaceId", ""))
        if owner and call["action"] in WIRING and call["status"] == HTTPStatus.OK:
            wired[owner] = max(wired[owner], call["at"] + call["seconds"] - first)
    return dict(wired)
