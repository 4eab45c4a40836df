"""Runs the points of the matrix, each in a fork of the process that prepared the scenario."""

from __future__ import annotations

import select
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from vmseries_lab.aws.moto_patching import backend
from vmseries_scenarios.crash_matrix.final_state import differences, final_state, shortened
from vmseries_scenarios.crash_matrix.forkable_lab import ForkableLab
from vmseries_scenarios.crash_matrix.forks import Fork, Lanes, forked
from vmseries_scenarios.crash_matrix.points import FAULTS, LONGEST, Call, calls_of, fault
from vmseries_scenarios.crash_matrix.scenarios import Scenario

AFTERWARDS_SECONDS = 400.0
"""Lab time in which nothing more may happen: the longest time that a message stays invisible."""
POLL_SECONDS = 0.05
"""How often a scenario with running points checks for a free lane."""
LAUNCH_COMPLETION = ("autoscaling", "CompleteLifecycleAction", "launch")


@dataclass
class Run:
    """The result of one run.

    Attributes:
        final_state: The state of everything at the end.
        calls: Calls of the function under test.
        defects: What was wrong during the run.
        seconds: Real time.
    """

    final_state: dict[str, Any]
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
    """The verdict on a point: it has converged if there are no defects."""

    point: Point
    defects: list[str]
    seconds: float

    @property
    def converged(self) -> bool:
        """Whether the fault made no difference."""
        return not self.defects

    @classmethod
    def from_message(cls, message: dict[str, Any]) -> Verdict:
        """Return a verdict that another process has sent."""
        call = Call(**message["point"]["call"])
        point = Point(message["point"]["scenario"], call, message["point"]["fault"])
        return cls(point, message["defects"], message["seconds"])


@dataclass(frozen=True)
class Clean:
    """The result of a scenario without a fault.

    Attributes:
        scenario: Name of the scenario.
        calls: Calls of the function under test, in order of time.
        points: Number of points to run.
        defects: What was wrong; any defect invalidates the matrix.
    """

    scenario: str
    calls: list[Call]
    points: int
    defects: list[str]

    @classmethod
    def from_message(cls, message: dict[str, Any]) -> Clean:
        """Return a result that another process has sent."""
        return cls(**message | {"calls": [Call(**call) for call in message["calls"]]})


@dataclass
class Observer:
    """Observes a run: messages in the queues, and the interfaces at each completed launch."""

    lab: ForkableLab
    scenario: Scenario
    completions: set[str] = field(default_factory=set)
    defects: Counter[str] = field(default_factory=Counter)

    def observe(self) -> None:
        """Check that no queue has two messages about one instance."""
        for kind in ("launch", "terminate"):
            messages = Counter(self.lab.waiting_for(f"{self.scenario.layout}-{kind}"))
            if any(number > 1 for number in messages.values()):
                self.defects[f"two messages for one instance in the {kind} queue"] += 1

    def watch_completions(self) -> None:
        """Record the interfaces of each instance when its launch is completed."""
        calls = self.lab.simulator.pipeline.calls
        add = calls.add

        def observed(service: str, action: str, parameters: dict[str, Any], **others: Any) -> Any:
            if (service, action, others.get("subject")) == LAUNCH_COMPLETION:
                instance = backend("ec2").get_instance(parameters["InstanceId"])
                indexes = sorted(int(index) for index in instance.nics)
                result = parameters["LifecycleActionResult"]
                self.completions.add(f"{result} with interfaces {indexes}")
            return add(service, action, parameters, **others)

        calls.add = observed  # type: ignore[method-assign]


def run(lab: ForkableLab, scenario: Scenario, inject: Callable[[], None] = lambda: None) -> Run:
    """Run a prepared scenario to its end, in a process of its own.

    Args:
        lab: Paused where the scenario begins.
        scenario: The scenario.
        inject: Injects the fault.
    """
    started = time.monotonic()
    simulator = lab.simulator
    entries = len(simulator.world.timeline.since())
    lab.resume()
    observer = Observer(lab, scenario)
    observer.watch_completions()
    inject()
    scenario.begin(lab)
    is_over = lab.run(scenario.limit, lambda: scenario.is_over(lab), observer.observe)
    made = calls_of(lab.calls(), lab.role_of(scenario.function_name))
    lab.run(AFTERWARDS_SECONDS, lambda: False, observer.observe)
    defects = [*observer.defects]
    if not is_over:
        defects.append("it did not end in time")
    if simulator.pipeline.faults.listed():
        defects.append("the fault did not happen")
    if not scenario.is_over(lab):
        defects.append("something happened after its end")
    wrong = ("dead-lettered", "traffic-to-unready", "hook-expired", "message-expired")
    defects += [e.kind for e in simulator.world.timeline.since(entries) if e.kind in wrong]
    defects += simulator.world.errors.all()
    state = final_state(lab, scenario.layout)
    state["completed"] = sorted(observer.completions)
    simulator.functions.workers.end_idle()
    return Run(state, made, defects, time.monotonic() - started)


class PreparedScenario:
    """A scenario that is prepared and has run once without a fault, in a process of its own.

    Attributes:
        clean: The run without a fault.
    """

    def __init__(self, lab: ForkableLab, scenario: Scenario) -> None:
        self._lab = lab
        self._scenario = scenario
        lab.resume()
        lab.keep_snapshots(*scenario.functions)
        scenario.prepare(lab)
        lab.pause()
        self.clean = self.run()

    def points(self) -> list[Point]:
        """Return all points, the slowest first."""
        names = sorted(FAULTS, key=lambda name: name != LONGEST)
        calls = self.clean.calls
        return [Point(self._scenario.name, call, name) for name in names for call in calls]

    def run(self, *faults: Mapping[str, Any]) -> Run:
        """Run the scenario in a fork of this process."""
        message = forked(lambda send: send(asdict(self._run(faults)))).result()
        return Run(**message | {"calls": [Call(**call) for call in message["calls"]]})

    def start(self, point: Point) -> Fork:
        """Start a point in a fork of this process, which sends the verdict."""
        return forked(lambda send: send(asdict(self._judge(point))))

    def _run(self, faults: Iterable[Mapping[str, Any]]) -> Run:
        def inject() -> None:
            for settings in faults:
                self._lab.fault(**settings)

        return run(self._lab, self._scenario, inject)

    def _judge(self, point: Point) -> Verdict:
        role = self._lab.role_of(self._scenario.function_name)
        result = self._run([fault(point.call, point.fault, role)])
        lines = differences(self.clean.final_state, result.final_state)
        return Verdict(point, [*result.defects, *map(shortened, lines)], result.seconds)


Choice = Callable[[list[Point]], list[Point]]
"""Chooses the points to run from all points of a scenario."""


def all_of(points: list[Point]) -> list[Point]:
    """Choose every point."""
    return points


def verdicts(
    lab: ForkableLab, scenarios: Iterable[Scenario], lanes: int, choose: Choice = all_of
) -> Iterator[Verdict | Clean]:
    """Yield the results of the scenarios and their points as they arrive.

    Args:
        lab: Paused, with the module applied.
        scenarios: The scenarios, each of which is prepared in a process of its own.
        lanes: How many points to run at a time.
        choose: Chooses the points of a scenario.

    Raises:
        RuntimeError: A scenario cannot be prepared.
    """
    shared = Lanes(lanes)
    hosts = [forked(partial(_host, lab, scenario, shared, choose)) for scenario in scenarios]
    by_descriptor = {host.descriptor: host for host in hosts}
    while by_descriptor:
        for descriptor in select.select(list(by_descriptor), [], [])[0]:
            host = by_descriptor[descriptor]
            for message in host.receive():
                is_clean = "clean" in message
                yield (
                    Clean.from_message(message["clean"])
                    if is_clean
                    else Verdict.from_message(message)
                )
            if host.ended:
                del by_descriptor[descriptor]


def _host(
    lab: ForkableLab, scenario: Scenario, lanes: Lanes, choose: Choice, send: Callable[[Any], None]
) -> None:
    try:
        _run_points(lab, scenario, lanes, choose, send)
    finally:
        lab.simulator.functions.snapshots.end()


def _run_points(
    lab: ForkableLab, scenario: Scenario, lanes: Lanes, choose: Choice, send: Callable[[Any], None]
) -> None:
    lanes.acquire(wait=True)
    prepared = PreparedScenario(lab, scenario)
    lanes.release()
    clean = prepared.clean
    points = choose(prepared.points())
    send({"clean": asdict(Clean(scenario.name, clean.calls, len(points), clean.defects))})
    waiting = deque(points)
    running: dict[int, tuple[Fork, Point]] = {}
    while waiting or running:
        if waiting and lanes.acquire(wait=not running):
            point = waiting.popleft()
            fork = prepared.start(point)
            running[fork.descriptor] = fork, point
            continue
        for descriptor in select.select(list(running), [], [], POLL_SECONDS)[0]:
            fork, point = running.pop(descriptor)
            try:
                send(fork.result())
            except RuntimeError as error:
                send(asdict(Verdict(point, [str(error)], 0.0)))
            lanes.release()
