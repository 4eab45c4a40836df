"""Interrupts a running Terraform at a point."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from vmseries_lab.client import Lab
from vmseries_scenarios.deployment import Deployment
from vmseries_scenarios.interrupts.points import Point
from vmseries_scenarios.terraform import Event, TerraformError

HOLD_SECONDS = 4.0
"""How long the lab holds the answer back, in real time: longer than it takes to see the call."""
LOOK_SECONDS = 0.1
PARALLELISM = 10
"""Terraform's default: what is in flight at the signal is what users would have in flight."""


class InterruptionError(RuntimeError):
    """A command ended before it was interrupted, or in spite of it."""


@dataclass
class Watch:
    """Acts once the lab holds the answer to a call of Terraform back; a context manager.

    Attributes:
        lab: The lab.
        point: The call.
        act: What to do then.
        acted: Whether it was done.
    """

    lab: Lab
    point: Point
    act: Callable[[], None]
    acted: bool = False
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        """Let the lab hold the answer back, and watch for the call."""
        self.lab.faults.add(
            self.point.service,
            self.point.action,
            kind="delay",
            seconds=HOLD_SECONDS,
            when="after",
            after=self.point.nth - 1,
            role="-",
        )
        self._thread = threading.Thread(target=self._watch, args=(len(self.lab.calls()),))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End the watch."""
        self._over.set()
        self._thread.join()
        self.lab.faults.clear()

    def _watch(self, since: int) -> None:
        wanted = (self.point.service, self.point.action, "")
        seen = 0
        while not self._over.wait(LOOK_SECONDS):
            calls = self.lab.calls(since)
            since += len(calls)
            seen += sum((c["service"], c["action"], c["role"]) == wanted for c in calls)
            if seen >= self.point.nth:
                self.acted = True
                self.act()
                return


def interrupt(deployment: Deployment, command: str, point: Point) -> str:
    """Start ``apply`` or ``destroy`` and send the point's signal; return what Terraform said.

    Raises:
        InterruptionError: The command ended before the call, or succeeded.
    """
    workspace = deployment.workspace
    with Watch(deployment.lab, point, lambda: workspace.signal(point.signal)) as watch:
        said = run_to_its_end(deployment, command)
    if not watch.acted:
        raise InterruptionError(f"{point}: {command} ended without this call: {said}")
    if not said:
        raise InterruptionError(f"{point}: {command} succeeded, in spite of the signal")
    return said


def interrupt_at(deployment: Deployment, command: str, point: Point, address: str) -> None:
    """Do the same when Terraform begins to work on a resource, whose address ends like this."""
    workspace = deployment.workspace
    seen = []

    def on_event(event: Event) -> None:
        resource = event.get("hook", {}).get("resource", {}).get("addr", "")
        if event.get("type") == "provision_start" and resource.endswith(address):
            seen.append(resource)
            workspace.signal(point.signal)

    said = run_to_its_end(deployment, command, on_event)
    if not seen or not said:
        raise InterruptionError(f"{command} was not interrupted at {address}: {said or 'success'}")


def run_to_its_end(
    deployment: Deployment, command: str, on_event: Callable[[Event], None] | None = None
) -> str:
    """Run ``apply`` or ``destroy`` as users do; return the error, empty if it succeeds."""
    workspace = deployment.workspace
    run = {"apply": workspace.apply, "destroy": workspace.destroy}[command]
    with workspace.own_provider(), deployment.time_passing():
        try:
            run(parallelism=PARALLELISM, on_event=on_event)
        except TerraformError as error:
            return str(error)
    return ""
