"""The points of the matrix, each in a process that was forked from the same situation."""

from __future__ import annotations

import select
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from vmseries_lab.aws.moto_patching import backend
from vmseries_scenarios.crash_matrix.ending import differences, ending, shortened
from vmseries_scenarios.crash_matrix.forks import Fork, Lanes, forked
from vmseries_scenarios.crash_matrix.points import FAULTS, LONGEST, Call, calls_of, fault
from vmseries_scenarios.crash_matrix.scenarios import Scenario
from vmseries_scenarios.crash_matrix.stage import Stage

AFTERWARDS_SECONDS = 400.0
"""For how long nothing more may happen: the longest that a message stays invisible."""
LOOK_SECONDS = 0.05
"""How often a scenario that has points running looks for a free lane."""
LAUNCH_COMPLETION = ("autoscaling", "CompleteLifecycleAction", "launch")


@dataclass
class Run:
    """What came of one run.

    Attributes:
        ending: what there is when all is over.
        calls: those of the function under test.
        defects: what was wrong on the way.
        seconds: real time.
    """

    ending: dict[str, Any]
    calls: list[Call]
    defects: list[str]
    seconds: float


@dataclass(frozen=True)
class Point:
    """One call and one fault."""

    scenario: str
    call: Call
    fault: str

    def __str__(self) -> str:
        return f"{self.scenario}: {self.call}, {self.fault}"


@dataclass
class Verdict:
    """What came of a point: converged if there are no defects."""

    point: Point
    defects: list[str]
    seconds: float

    @property
    def converged(self) -> bool:
        """Whether the fault has made no difference."""
        return not self.defects

    @classmethod
    def of(cls, told: dict[str, Any]) -> Verdict:
        """A verdict that another process has told."""
        call = Call(**told["point"]["call"])
        point = Point(told["point"]["scenario"], call, told["point"]["fault"])
        return cls(point, told["defects"], told["seconds"])


@dataclass(frozen=True)
class Clean:
    """What came of a scenario without a fault.

    Attributes:
        calls: those of the function, in the order in which they came.
        points: how many points are run.
        defects: none, or the matrix is worth nothing.
    """

    scenario: str
    calls: list[Call]
    points: int
    defects: list[str]

    @classmethod
    def of(cls, told: dict[str, Any]) -> Clean:
        """What another process has told."""
        return cls(**told | {"calls": [Call(**call) for call in told["calls"]]})


@dataclass
class Observer:
    """Watches a run: message chains, and what an instance has when its launch is completed."""

    stage: Stage
    scenario: Scenario
    completions: set[str] = field(default_factory=set)
    defects: Counter[str] = field(default_factory=Counter)

    def look(self) -> None:
        """Look at the queues."""
        for kind in ("launch", "terminate"):
            messages = Counter(self.stage.waiting_for(f"{self.scenario.layout}-{kind}"))
            if any(number > 1 for number in messages.values()):
                self.defects[f"two messages for one instance in the {kind} queue"] += 1

    def watch_completions(self) -> None:
        """Note what is attached to an instance when its launch is completed."""
        calls = self.stage.lab.gate.calls
        add = calls.add

        def observed(service: str, action: str, parameters: dict[str, Any], **others: Any) -> Any:
            if (service, action, others.get("subject")) == LAUNCH_COMPLETION:
                instance = backend("ec2").get_instance(parameters["InstanceId"])
                indexes = sorted(int(index) for index in instance.nics)
                result = parameters["LifecycleActionResult"]
                self.completions.add(f"{result} with interfaces {indexes}")
            return add(service, action, parameters, **others)

        calls.add = observed  # type: ignore[method-assign]


def run(stage: Stage, scenario: Scenario, spoil: Callable[[], None] = lambda: None) -> Run:
    """Run a prepared scenario to its end; in a process of its own.

    Args:
        stage: standing still where the scenario begins.
        scenario: which.
        spoil: sets what goes wrong.
    """
    started = time.monotonic()
    lab = stage.lab
    entries = len(lab.world.timeline.since())
    stage.go_on()
    observer = Observer(stage, scenario)
    observer.watch_completions()
    spoil()
    scenario.begin(stage)
    over = stage.run(scenario.limit, lambda: scenario.over(stage), observer.look)
    made = calls_of(stage.calls(), scenario.role)
    stage.run(AFTERWARDS_SECONDS, lambda: False, observer.look)
    defects = [*observer.defects]
    if not over:
        defects.append("it came to no end")
    if lab.gate.faults.listed():
        defects.append("the fault did not happen")
    if not scenario.over(stage):
        defects.append("it was not over when it seemed to be")
    wrong = ("dead-lettered", "traffic-to-unready", "hook-expired", "message-expired")
    defects += [e.kind for e in lab.world.timeline.since(entries) if e.kind in wrong]
    defects += lab.functions.errors
    end = ending(stage, scenario.layout)
    end["completed"] = sorted(observer.completions)
    lab.functions.workers.end_idle()
    return Run(end, made, defects, time.monotonic() - started)


class Rehearsal:
    """One scenario, prepared, and run once without a fault; in a process of its own.

    Attributes:
        clean: the run without a fault.
    """

    def __init__(self, stage: Stage, scenario: Scenario) -> None:
        self._stage = stage
        self._scenario = scenario
        stage.go_on()
        stage.keep_templates(*scenario.functions)
        scenario.prepare(stage)
        stage.stand_still()
        self.clean = self.run()

    def points(self) -> list[Point]:
        """All points, those first that take longest."""
        names = sorted(FAULTS, key=lambda name: name != LONGEST)
        calls = self.clean.calls
        return [Point(self._scenario.name, call, name) for name in names for call in calls]

    def run(self, *faults: Mapping[str, Any]) -> Run:
        """Run it in a copy of this process."""
        told = forked(lambda tell: tell(asdict(self._run(faults)))).result()
        return Run(**told | {"calls": [Call(**call) for call in told["calls"]]})

    def begin(self, point: Point) -> Fork:
        """Begin with a point, in a copy of this process, which tells the verdict."""
        return forked(lambda tell: tell(asdict(self._judge(point))))

    def _run(self, faults: Iterable[Mapping[str, Any]]) -> Run:
        def spoil() -> None:
            for settings in faults:
                self._stage.fault(**settings)

        return run(self._stage, self._scenario, spoil)

    def _judge(self, point: Point) -> Verdict:
        seen = self._run([fault(point.call, point.fault, self._scenario.role)])
        lines = differences(self.clean.ending, seen.ending)
        return Verdict(point, [*seen.defects, *map(shortened, lines)], seen.seconds)


Choice = Callable[[list[Point]], list[Point]]
"""From all points of a scenario to those that are run."""


def all_of(points: list[Point]) -> list[Point]:
    """Every point."""
    return points


def verdicts(
    stage: Stage, scenarios: Iterable[Scenario], lanes: int, choose: Choice = all_of
) -> Iterator[Verdict | Clean]:
    """What came of the scenarios and their points, as it comes in.

    Args:
        stage: standing still, with the module applied.
        scenarios: which; each is prepared in a process of its own.
        lanes: how many points are run at a time.
        choose: which of a scenario's points.

    Raises:
        RuntimeError: if a scenario cannot be prepared.
    """
    shared = Lanes(lanes)
    hosts = [forked(partial(_host, stage, scenario, shared, choose)) for scenario in scenarios]
    by_descriptor = {host.descriptor: host for host in hosts}
    while by_descriptor:
        for descriptor in select.select(list(by_descriptor), [], [])[0]:
            host = by_descriptor[descriptor]
            for told in host.told():
                yield Clean.of(told["clean"]) if "clean" in told else Verdict.of(told)
            if host.ended:
                del by_descriptor[descriptor]


def _host(
    stage: Stage, scenario: Scenario, lanes: Lanes, choose: Choice, tell: Callable[[Any], None]
) -> None:
    try:
        _run_points(stage, scenario, lanes, choose, tell)
    finally:
        stage.lab.functions.templates.end()


def _run_points(
    stage: Stage, scenario: Scenario, lanes: Lanes, choose: Choice, tell: Callable[[Any], None]
) -> None:
    lanes.take(wait=True)
    rehearsal = Rehearsal(stage, scenario)
    lanes.give_back()
    clean = rehearsal.clean
    points = choose(rehearsal.points())
    tell({"clean": asdict(Clean(scenario.name, clean.calls, len(points), clean.defects))})
    waiting = deque(points)
    running: dict[int, tuple[Fork, Point]] = {}
    while waiting or running:
        if waiting and lanes.take(wait=not running):
            point = waiting.popleft()
            fork = rehearsal.begin(point)
            running[fork.descriptor] = fork, point
            continue
        for descriptor in select.select(list(running), [], [], LOOK_SECONDS)[0]:
            fork, point = running.pop(descriptor)
            try:
                tell(fork.result())
            except RuntimeError as error:
                tell(asdict(Verdict(point, [str(error)], 0.0)))
            lanes.give_back()
