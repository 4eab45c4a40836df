"""Helpers that take a fleet through a launch, a termination or a reconciliation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from component.fakes.aws import Fault, client_error
from component.fakes.driver import MINUTE, Fleet

FLOOR = timedelta(minutes=26)


def refuse(fleet: Fleet, operation: str, code: str, times: int = 1) -> None:
    """Let the next calls of an operation fail."""
    errors: list[Exception] = [client_error(code, operation) for _ in range(times)]
    fleet.aws.errors[operation] = errors


def visit_until(
    fleet: Fleet, function: str, done: Callable[[], bool], every: timedelta = MINUTE
) -> None:
    """Run visits until a condition holds, for at most 60 intervals."""
    for _ in range(60):
        fleet.visit_all(function)
        if done():
            return
        fleet.pass_time(every)
    raise AssertionError(f"the condition never held: {fleet.unfinished()}")


def launch_into_service(fleet: Fleet, **firewall: Any) -> str:
    """Launch a firewall, which boots as soon as it can; return its instance ID."""
    instance_id = fleet.launch()

    def in_service() -> bool:
        for bootable in fleet.bootable():
            fleet.boot(bootable, **firewall)
        return fleet.aws.members[instance_id].state == "InService"

    visit_until(fleet, "launch", in_service)
    return instance_id


def finish_termination(fleet: Fleet, instance_id: str) -> None:
    """Run terminate visits until an instance is gone."""
    visit_until(fleet, "terminate", lambda: instance_id not in fleet.aws.members)


def reconcile_all(fleet: Fleet) -> None:
    """Run the reconcile function until no orphan remains."""
    for _ in range(4):
        fleet.pass_time(FLOOR)
        fleet.reconcile()


def crash_first_visit(operation: str) -> tuple[Fleet, str]:
    """Return a fleet whose first launch visit crashed after its first call of an operation.

    The instance ID of the launch is returned as well.
    """
    clean = Fleet()
    clean.launch()
    clean.visit("launch")
    number = [call.operation for call in clean.aws.calls].index(operation)
    fault = Fault(number, "crash after")
    fleet = Fleet()
    instance_id = fleet.launch()
    fleet.visit("launch", fault)
    assert fault.tripped
    return fleet, instance_id
