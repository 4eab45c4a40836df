"""Outcomes and backoff of visits; the handlers' tests cover the whole batch."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from hypothesis import assume, given
from hypothesis import strategies as st

from vmseries_autoscale.errors import (
    PANORAMA,
    DeviceBusyError,
    DeviceUnavailableError,
    Ec2RefusedError,
    EventualConsistencyError,
)
from vmseries_autoscale.lifecycle import message_queue
from vmseries_autoscale.lifecycle.message_queue import (
    SHORT_BACKOFF_SECONDS,
    THROTTLE_BACKOFF_SECONDS,
    THROTTLE_MAX_RECEIVES,
    backoff_seconds,
    exponential_backoff_seconds,
)
from vmseries_autoscale.outcome import (
    THROTTLING_ERROR_CODES,
    Delay,
    Done,
    Failed,
    Retry,
    run_step,
)
from vmseries_autoscale.settings import HookSettings

RECEIVES = 1000
"""How often a queue of this module delivers a message: maxReceiveCount."""
VISITS = 900
"""Maximum number of visits until a deadline, which the validation of `deadlines` ensures."""


def hook_settings(first: int = 30, maximum: int = 300) -> HookSettings:
    return HookSettings(
        name="fw",
        auto_scaling_group_name="fw",
        records_table="fw-firewalls",
        panorama=None,
        strata_cloud_manager=None,
        lifecycle_hook_name="launch",
        queue_url="",
        dead_letter_queue_url="",
        deadline_seconds=2700,
        visit_interval_seconds=first,
        maximum_visit_interval_seconds=maximum,
    )


def error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "because"}}, "CreateNetworkInterface")


@given(st.integers(1, 1000), st.integers(1, 600), st.integers(1, 3600))
def test_the_backoff_grows_up_to_a_maximum(received: int, first: int, maximum: int) -> None:
    pause = exponential_backoff_seconds(received, first, maximum)
    assert min(first, maximum) <= pause <= maximum
    assert pause <= exponential_backoff_seconds(received + 1, first, maximum)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (EventualConsistencyError("a"), Retry("a", Delay.SHORT)),
        (DeviceBusyError(PANORAMA, "b"), Retry("b")),
    ],
)
def test_a_transient_error_is_retried(error: Exception, expected: Retry) -> None:
    def step() -> Done:
        raise error

    assert run_step(step) == expected


@pytest.mark.parametrize(
    "error", [DeviceUnavailableError(PANORAMA, "c"), Ec2RefusedError("d"), KeyError("e")]
)
def test_any_other_error_fails_the_step(error: Exception) -> None:
    def step() -> Done:
        raise error

    assert run_step(step) == Failed(error)


@pytest.mark.parametrize("code", sorted(THROTTLING_ERROR_CODES))
def test_a_throttled_call_is_retried(code: str) -> None:
    def step() -> Done:
        raise error(code)

    outcome = run_step(step)
    assert isinstance(outcome, Retry)
    assert outcome.delay is Delay.THROTTLED
    assert outcome.reason == str(error(code)), "the reason names the throttled call"


@pytest.mark.parametrize("code", ["InternalError", "Unavailable", "UnauthorizedOperation", ""])
def test_any_other_error_of_aws_fails_the_step(code: str) -> None:
    failure = error(code)

    def step() -> Done:
        raise failure

    assert run_step(step) == Failed(failure)


THROTTLING = Retry("a call is throttled", Delay.THROTTLED)


@given(st.integers(1, THROTTLE_MAX_RECEIVES), st.integers(10, 300))
def test_a_throttled_visit_retries_soon_after_any_number_of_attempts(
    received: int, first: int
) -> None:
    pause = backoff_seconds(THROTTLING, received, hook_settings(first))
    assert 5 <= pause <= 20


def test_throttled_visits_retry_at_different_times() -> None:
    pauses = {backoff_seconds(THROTTLING, 1, hook_settings()) for _ in range(1000)}
    assert pauses == set(range(SHORT_BACKOFF_SECONDS, THROTTLE_BACKOFF_SECONDS + 1))


@given(st.integers(1, RECEIVES), st.integers(10, 300))
def test_without_throttling_the_delay_grows_as_usual(received: int, first: int) -> None:
    settings = hook_settings(first)
    expected = exponential_backoff_seconds(received, first, 300)
    assert backoff_seconds(Retry("the firewall is booting"), received, settings) == expected
    assert backoff_seconds(Failed(KeyError()), received, settings) == expected
    committing = backoff_seconds(Retry("a commit was requested", Delay.COMMIT), received, settings)
    assert committing == exponential_backoff_seconds(received, round(1.5 * first), 300)
    short = backoff_seconds(Retry("EC2 is not consistent", Delay.SHORT), received, settings)
    assert short == exponential_backoff_seconds(received, SHORT_BACKOFF_SECONDS, 300)


@given(st.integers(10, 300), st.integers(5, 2880))
def test_a_message_that_is_always_throttled_stays_in_the_queue_until_its_deadline(
    interval: int, minutes: int
) -> None:
    """Otherwise it would go to the dead-letter queue, and its launch would not end."""
    assume(minutes * 60 / interval <= VISITS)
    settings = hook_settings(interval, interval)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(message_queue.random, "randint", lambda shortest, _longest: shortest)
        pauses = [backoff_seconds(THROTTLING, n, settings) for n in range(1, RECEIVES)]
    assert sum(pauses) >= minutes * 60
