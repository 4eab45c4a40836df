"""What all parts of the lab share: clock, timeline, one lock, and the ports between them.

The parts know each other only through this module. A part that offers something sets a port when it
is installed; a part that needs something calls the port.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from vmseries_lab.core.clock import Clock
from vmseries_lab.core.timeline import Timeline

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"
STEP_SECONDS = 5.0
"""The largest jump that is made without letting every engine look at the clock."""
SHORTEST_PAUSE_SECONDS = 0.001
LONGEST_PAUSE_SECONDS = 0.02
"""Real time between two checks of what is in flight; it doubles while nothing ends."""


class Engine(Protocol):
    """A part of the lab that does things by itself as time passes."""

    def tick(self, now: float) -> None:
        """Do whatever is due at ``now``. Called with the world's lock held; must not block."""

    def busy(self) -> bool:
        """Whether something is in flight in real time, so that the clock should wait for it."""


def _no_events(
    _source: str, _detail_type: str, _resources: list[str], _detail: dict[str, Any]
) -> None:
    """Stand in for EventBridge until it is installed."""


def _out_of_reach(_vpc_config: dict[str, Any] | None) -> dict[str, str]:
    """Stand in for what is inside VPCs until something is installed there."""
    return {}


def _nothing_runs() -> int:
    """Stand in for Lambda until it is installed."""
    return 0


def _healthy(_instance_id: str, _port: int) -> bool:
    """Stand in for the firewalls until they are installed."""
    return True


@dataclass
class World:
    """One lab.

    Attributes:
        lock: held around every check-then-act on moto's stores, which have no lock of their own.
        endpoint: base URL of the simulated AWS, once it listens.
        emit: port to EventBridge: ``emit(source, detail_type, resources, detail)``.
        probe: port to the firewalls: does the firewall on this instance answer a load balancer's
            health check on this port.
        running: port to Lambda: how many invocations are in flight.
        hosts: where names and addresses of the simulated network lead: ``"name:port"`` to
            ``"127.0.0.1:port"``. Function processes connect by it.
        reach: port to the firewalls: the same for what a function with these VPC settings reaches
            in its VPC.
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
    reach: Callable[[dict[str, Any] | None], dict[str, str]] = _out_of_reach
    _ended: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.timeline = Timeline(self.clock)

    def tick(self) -> None:
        """Let every engine do what is due."""
        self.skip_sleep()
        now = self.clock.now()
        with self.lock:
            for engine in self.engines:
                engine.tick(now)

    def skip_sleep(self) -> None:
        """Move the clock to the next instant if all invocations in flight sleep.

        That is the end of the shortest sleep, or the time of a response that is held.
        """
        sleepers, held = self.clock.sleepers(), self.clock.held()
        if (sleepers or held) and len(sleepers) == self.running():
            instant = min(sleepers[:1] + held[:1])
            self.clock.jump(min(max(instant - self.clock.now(), 0.0), STEP_SECONDS))

    def busy(self) -> bool:
        """Whether any engine has work in flight, or a response is held."""
        return bool(self.clock.held()) or any(engine.busy() for engine in self.engines)

    def wake(self) -> None:
        """Wake :meth:`settle`: something that was in flight has ended."""
        self._ended.set()

    def settle(self, limit_seconds: float = 600.0) -> None:
        """Tick until nothing is in flight.

        Raises:
            TimeoutError: if the lab is still busy after ``limit_seconds`` of real time.
        """
        end = time.monotonic() + limit_seconds
        pause = SHORTEST_PAUSE_SECONDS
        self.tick()
        while self.busy():
            if time.monotonic() > end:
                raise TimeoutError(f"the lab did not come to rest within {limit_seconds} seconds")
            if self._ended.wait(pause):
                self._ended.clear()
                pause = SHORTEST_PAUSE_SECONDS
            else:
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            self.tick()

    def advance(self, seconds: float) -> None:
        """Move the clock by ``seconds``, in steps, letting everything happen that falls due."""
        self.settle()
        remaining = seconds
        while remaining > 0:
            step = min(STEP_SECONDS, remaining)
            self.clock.jump(step)
            remaining -= step
            self.settle()
