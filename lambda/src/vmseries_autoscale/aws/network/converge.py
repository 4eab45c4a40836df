"""Execute planned actions until the network of an instance is as planned."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from vmseries_autoscale import concurrency
from vmseries_autoscale.aws import ec2_errors
from vmseries_autoscale.aws.network.ec2_actions import Action
from vmseries_autoscale.aws.network.state import Change, NetworkState
from vmseries_autoscale.errors import EventualConsistencyError, TimeBudgetExceededError

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

MAXIMUM_ROUNDS = 16
"""More rounds than any sequence of actions needs, also if EC2 takes seconds for an attachment. The
limit ends the loop if EC2's responses are inconsistent."""


def converge(
    ec2: EC2Client,
    plan: Callable[[NetworkState], list[Action]],
    state: NetworkState,
    *,
    ec2_once: EC2Client | None = None,
    retry_capacity_errors: bool = True,
    has_time: Callable[[], bool] = lambda: True,
) -> NetworkState:
    """Plan and execute actions until the plan is empty. Actions of one plan run in parallel.

    Args:
        ec2: Client of Amazon EC2.
        plan: Returns the actions that are possible in a state.
        state: Current network of the instance.
        ec2_once: Client that attempts each call only once, for actions that are not idempotent.
            Required if the plan has any.
        retry_capacity_errors: Whether a capacity error is temporary. If false, it is permanent.
        has_time: Whether the invocation has time for another round.

    Returns:
        The state after the last action.

    Raises:
        Ec2RefusedError: If EC2 refuses an action permanently.
        EventualConsistencyError: If EC2 has to complete an earlier change first.
        TimeBudgetExceededError: If the invocation has no time for another round.
        CapacityError: If EC2 lacks capacity or addresses, or a permission is missing, and
            ``retry_capacity_errors`` is true.
    """
    for _ in range(MAXIMUM_ROUNDS):
        actions = plan(state)
        if not actions:
            return state
        if not has_time():
            raise TimeBudgetExceededError("no time left in this invocation")
        calls = [
            partial(
                _execute,
                ec2 if action.idempotent else ec2_once,
                action,
                retry_capacity_errors=retry_capacity_errors,
            )
            for action in actions
        ]
        for change in concurrency.run_parallel(calls):
            state = change(state)
    raise EventualConsistencyError(f"actions remain after {MAXIMUM_ROUNDS} rounds: {actions}")


def _execute(ec2: EC2Client | None, action: Action, *, retry_capacity_errors: bool) -> Change:
    if ec2 is None:
        raise ValueError(f"{type(action).__name__} needs a client without retries")
    try:
        return action.execute(ec2)
    except ClientError as error:
        classified = ec2_errors.classify_ec2_error(
            error, retry_capacity_errors=retry_capacity_errors
        )
        if classified is None:
            raise
        raise classified from error
