"""The outcomes of a step, and the classification of errors as outcomes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias, TypeVar

from botocore.exceptions import ClientError

from vmseries_autoscale.errors import (
    EventualConsistencyError,
    RecordConflictError,
    RecordError,
    TimeBudgetExceededError,
    TransientError,
    aws_error_code,
)
from vmseries_autoscale.time_budget import TimeBudget

THROTTLING_ERROR_CODES = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "Throttling",
        "ThrottlingException",
    }
)
"""Error codes for throttled calls: DynamoDB; EC2 and DynamoDB; SQS; Auto Scaling; Elastic Load
Balancing, Secrets Manager and DynamoDB. Source: "Common Errors" in their API references,
https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/elb-api-throttling.html, and
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html."""


class Delay(Enum):
    """How long to wait before the next try.

    ``SHORT`` is for conditions that clear within seconds, ``NORMAL`` for conditions that take
    minutes, ``COMMIT`` for a commit that was just requested, and ``THROTTLED`` for calls that AWS
    throttled.
    """

    SHORT = auto()
    NORMAL = auto()
    COMMIT = auto()
    THROTTLED = auto()


@dataclass(frozen=True, slots=True)
class Done:
    """The step is complete."""


@dataclass(frozen=True, slots=True)
class Retry:
    """The step is waiting for a condition.

    Attributes:
        reason: Condition, as a clause for the log.
        delay: How long to wait before the next try.
    """

    reason: str
    delay: Delay = Delay.NORMAL


@dataclass(frozen=True, slots=True)
class Failed:
    """The step raised an error. A later try may succeed."""

    error: Exception


_CLEARS_SOON = (EventualConsistencyError, RecordConflictError, TimeBudgetExceededError)

T = TypeVar("T")
Unfinished: TypeAlias = Retry | Failed
Outcome: TypeAlias = Done | Unfinished

OUT_OF_TIME = Retry("no time left in this invocation", Delay.SHORT)
"""The outcome of a step that was not started because the invocation is about to end."""


def run_step(step: Callable[[], T]) -> T | Unfinished:
    """Run ``step`` and convert any error to an outcome, so that it does not affect other steps.

    Returns:
        The result of ``step``, or the outcome for its error.
    """
    try:
        return step()
    except TransientError as error:
        return Retry(str(error), Delay.SHORT if isinstance(error, _CLEARS_SOON) else Delay.NORMAL)
    except (ClientError, RecordError) as error:
        cause = error.__cause__ if isinstance(error, RecordError) else error
        throttled = isinstance(cause, ClientError) and (
            aws_error_code(cause) in THROTTLING_ERROR_CODES
        )
        return Retry(str(error), Delay.THROTTLED) if throttled else Failed(error)
    except Exception as error:  # noqa: BLE001 - becomes an outcome, which is logged and counted
        return Failed(error)


def run_if_time(step: Callable[[], T], time_budget: TimeBudget) -> T | Unfinished:
    """Run ``step`` like ``run_step``, unless the invocation is about to end."""
    return run_step(step) if time_budget.has_time() else OUT_OF_TIME


def reason_of(outcome: Unfinished) -> str:
    """Return why an outcome is unfinished, with the name of its error, for logs and reports."""
    match outcome:
        case Retry(reason):
            return reason
        case Failed(error):
            return f"{type(error).__name__}: {error}"
