"""What all parts of the lab share: clock, timeline, a lock, and the ports between parts.

Parts use each other only through ports: a part sets its ports when it is installed, and other parts
call them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from vmseries_lab.core.assumptions import Assumptions
from vmseries_lab.core.clock import Clock
from vmseries_lab.core.timeline import Timeline

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"
STEP_SECONDS = 5.0
"""Largest step of the clock between two ticks of the engines."""
SHORTEST_PAUSE_SECONDS = 0.001
LONGEST_PAUSE_SECONDS = 0.02
"""Real time between two checks for work in flight; it doubles while no work ends."""


class Engine(Protocol):
    """A part of the lab that acts as time passes."""

    def tick(self, now: float) -> None:
        """Do the work that is due at ``now``; called with the world's lock held, must not block."""

    def busy(self) -> bool:
        """Whether work is in flight in real time, for which the clock must wait."""


def _no_events(
    _source: str, _detail_type: str, _resources: list[str], _detail: dict[str, Any]
) -> None:
    """Replace EventBridge until it is installed."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What a function reaches.

    Attributes:
        hosts: addresses of simulated hosts, ``"name:port"`` to ``"127.0.0.1:port"``.
        timed_out: hosts, in the form ``"name:port"``, to which connections time out.
    """

    hosts: dict[str, str]
    timed_out: frozenset[str] = frozenset()


def _nothing_runs() -> int:
    """Replace Lambda until it is installed."""
    return 0


def _healthy(_instance_id: str, _port: int) -> bool:
    """Replace the firewalls' health checks until they are installed."""
    return True


@dataclass
class World:
    """One lab.

    Attributes:
        lock: held while moto's stores are used, because they are not thread-safe.
        endpoint: base URL of the simulated AWS, once it listens.
        engines: parts of the lab that act as time passes.
        emit: port to EventBridge: ``emit(source, detail_type, resources, detail)``.
        probe: port to the firewalls: returns whether the firewall on an instance answers a load
            balancer's health check on a TCP port.
        running: port to Lambda: returns the number of invocations in flight.
        hosts: addresses of the simulated hosts, ``"name:port"`` to ``"127.0.0.1:port"``, for the
            processes of functions.
        addresses: what DNS answers for the hosts outside AWS, by their names.
        reach: port to the network: returns what a function with these VPC settings reaches, on the
            internet and in its VPC.
        reaches_service: port to the network: whether a function with these VPC settings reaches the
            API of an AWS service, named as boto3 names it.
        assumptions: the answers that the lab plays to questions that nothing settles.
    """

    clock: Clock = field(default_factory=Clock)
    timeline: Timeline = field(init=False)
    lock: threading.RLock = field(default_factory=threading.RLock)
    endpoint: str = ""
    engines: list[Engine] = field(default_factory=list)
    emit: Callable[[str, str, list[str], dict[str, Any]], None] = _no_events
    probe: Callable[[str, int], bool] = _healthy
    running: Callable[[], int] = _nothing_runs
    hosts: dict[str, str] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    reach: Callable[[dict[str, Any] | None], Reach] = field(init=False)
    reaches_service: Callable[[dict[str, Any] | None, str], bool] = lambda _config, _service: True
    assumptions: Assumptions = field(default_factory=Assumptions)
    _ended: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.timeline = Timeline(self.clock)
        self.reach = lambda _vpc_config: Reach(dict(self.hosts))

    def tick(self) -> None:
        """Let every engine do the work that is due."""
        self.skip_sleep()
        now = self.clock.now()
        with self.lock:
            for engine in self.engines:
                engine.tick(now)

    def skip_sleep(self) -> None:
        """Move the clock to the next instant if all invocations in flight sleep.

        The next instant is the end of the shortest sleep or the time of a held response.
        """
        sleepers, held = self.clock.sleepers(), self.clock.held()
        if (sleepers or held) and len(sleepers) == self.running():
            instant = min(sleepers[:1] + held[:1])
            self.clock.jump(min(max(instant - self.clock.now(), 0.0), STEP_SECONDS))

    def busy(self) -> bool:
        """Whether any engine has work in flight, or a response is held."""
        return bool(self.clock.held()) or any(engine.busy() for engine in self.engines)

    def wake(self) -> None:
        """Wake :meth:`settle` because work in flight has ended."""
        self._ended.set()

    def settle(self, limit_seconds: float = 600.0) -> None:
        """Tick until no work is in flight.

        Raises:
            TimeoutError: if the lab is still busy after ``limit_seconds`` of real time.
        """
        end = time.monotonic() + limit_seconds
        pause = SHORTEST_PAUSE_SECONDS
        self.tick()
        while self.busy():
            if time.monotonic() > end:
                raise TimeoutError(f"the lab is still busy after {limit_seconds} seconds")
            if self._ended.wait(pause):
                self._ended.clear()
                pause = SHORTEST_PAUSE_SECONDS
            else:
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            self.tick()

    def advance(self, seconds: float) -> None:
        """Move the clock by ``seconds`` in steps; do all work that is due at each step."""
        self.settle()
        remaining = seconds
        while remaining > 0:
            step = min(STEP_SECONDS, remaining)
            self.clock.jump(step)
            remaining -= step
            self.settle()
