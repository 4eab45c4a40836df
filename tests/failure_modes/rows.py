"""Short ways through a fleet's life, for the rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from component.fakes.aws import Fault, client_error
from component.fakes.driver import MINUTE, Fleet

FLOOR = timedelta(minutes=26)


def refuse(fleet: Fleet, operation: str, code: str, times: int = 1) -> None:
    """EC2 answers the next calls of an operation with an error."""
    errors: list[Exception] = [client_error(code, operation) for _ in range(times)]
    fleet.aws.errors[operation] = errors


def visit_until(
    fleet: Fleet, function: str, over: Callable[[], bool], every: timedelta = MINUTE
) -> None:
    """Visit until something is so, for at most an hour."""
    for _ in range(60):
        fleet.visit_all(function)
        if over():
            return
        fleet.pass_time(every)
    raise AssertionError(f"still not so: {fleet.open_ends()}")


def launch_into_service(fleet: Fleet, **firewall: Any) -> str:
    """Launch one that boots as soon as it can; its instance id."""
    instance_id = fleet.launch()

    def in_service() -> bool:
        for one in fleet.bootable():
            fleet.boot(one, **firewall)
        return fleet.aws.members[instance_id].state == "InService"

    visit_until(fleet, "launch", in_service)
    return instance_id


def let_go(fleet: Fleet, instance_id: str) -> None:
    """Visit a leaving instance until it is gone."""
    visit_until(fleet, "terminate", lambda: instance_id not in fleet.aws.members)


def sweep(fleet: Fleet) -> None:
    """Reconcile until there is nothing left to find."""
    for _ in range(4):
        fleet.pass_time(FLOOR)
        fleet.reconcile()


def crash_after(fleet: Fleet, operation: str) -> Fault:
    """A first launch visit ends with the first call of this operation, as one did in ``fleet``."""
    fleet.launch()
    fleet.visit("launch")
    return Fault([call.operation for call in fleet.aws.calls].index(operation), "crash after")
