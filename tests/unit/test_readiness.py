"""The reasons for which a firewall does not enter service yet."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vmseries_autoscale.aws import tags
from vmseries_autoscale.aws.target_groups import Health, Target
from vmseries_autoscale.firewall import State
from vmseries_autoscale.firewall_identity import Ambiguous, Unidentified
from vmseries_autoscale.launch.readiness import (
    firewall_not_ready_reason,
    is_out_of_sync,
    must_register,
    not_healthy_reason,
    not_ready_reason,
    serials_to_push,
    unidentified_reason,
)
from vmseries_autoscale.panorama import Device, Push
from vmseries_autoscale.settings import Readiness

READY = Device("001", "i-0", "10.0.1.5", True, "In Sync", "In Sync")


@pytest.mark.parametrize(
    ("wanted", "device", "expected"),
    [
        (Readiness.OFF, None, None),
        (Readiness.CONNECTED, None, "not connected to Panorama"),
        (Readiness.CONNECTED, replace(READY, connected=False), "not connected to Panorama"),
        (Readiness.CONNECTED, replace(READY, policy_status="Out of Sync"), None),
        (Readiness.IN_SYNC, READY, None),
        (Readiness.IN_SYNC, replace(READY, connected=False), "not connected to Panorama"),
        (
            Readiness.IN_SYNC,
            replace(READY, policy_status="Out of Sync"),
            "device group: Out of Sync",
        ),
        (Readiness.IN_SYNC, replace(READY, template_status=None), "template stack: no status"),
        (Readiness.IN_SYNC, replace(READY, policy_status=""), "device group: no status"),
    ],
)
def test_the_reason_why_a_firewall_is_not_ready_in_panorama(
    wanted: Readiness, device: Device | None, expected: str | None
) -> None:
    reason = not_ready_reason(wanted, device)
    assert reason is None if expected is None else (reason or "").startswith(f"{expected}; ")


@pytest.mark.parametrize(
    ("device", "advice"),
    [
        (replace(READY, connected=False), ["TCP port 3978", "auth key"]),
        (replace(READY, template_status=""), ["push it", "push_when_out_of_sync"]),
        (
            replace(READY, policy_status="Out of Sync"),
            ["push it", "push_when_out_of_sync"],
        ),
    ],
)
def test_the_reason_says_what_an_operator_can_do(device: Device, advice: list[str]) -> None:
    reason = not_ready_reason(Readiness.IN_SYNC, device) or ""
    assert all(words in reason for words in advice)
    # A tag has room for 256 characters, with the words about the deadline before it.
    assert len(f"the deadline passed; {reason}") <= 256


def test_a_firewall_that_never_registered_has_likely_causes() -> None:
    reason = unidentified_reason(Unidentified("Panorama lists no firewall"))
    assert reason.startswith("Panorama lists no firewall; ")
    assert "TCP port 3978" in reason
    assert unidentified_reason(Ambiguous("two firewalls")) == "two firewalls"


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (State(True, "OK"), None),
        (State(False, "OK"), "booting"),
        (State(True, None), "in progress"),
        (State(True, "PEND"), "in progress"),
        (State(True, "FAIL"), "has failed"),
        (State(False, "FAIL"), "has failed"),
    ],
)
def test_the_reason_why_a_firewall_itself_is_not_ready(state: State, expected: str | None) -> None:
    reason = firewall_not_ready_reason(state)
    assert reason is None if expected is None else expected in (reason or "")


TARGET = Target(
    "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/firewalls/1", "i-0", None
)


@pytest.mark.parametrize(
    ("health", "expected"),
    [
        (Health("healthy"), None),
        (None, "target group firewalls does not exist"),
        (
            Health("initial", "Elb.InitialHealthChecking"),
            "target group firewalls: initial (Elb.InitialHealthChecking)",
        ),
        (Health("unhealthy", "Target.FailedHealthChecks"), "does not answer health checks"),
        (Health("unhealthy", "Target.Timeout"), "interface management profile"),
        (Health("unhealthy", "Target.ResponseCodeMismatch"), "unexpected HTTP code"),
        (Health("unused", "Target.NotInUse"), "add a listener for the target group, and the zone"),
        (Health("unavailable"), "target group firewalls: unavailable"),
        (Health("unhealthy.draining", "New.Reason"), "unhealthy.draining (New.Reason)"),
    ],
)
def test_the_reason_why_a_target_is_not_healthy(
    health: Health | None, expected: str | None
) -> None:
    reason = not_healthy_reason(TARGET, health)
    assert reason is None if expected is None else expected in (reason or "")


@pytest.mark.parametrize("code", ["Target.FailedHealthChecks", "Target.NotInUse"])
def test_the_reason_of_the_longest_target_group_fits_into_a_tag(code: str) -> None:
    arn = f"arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/{'n' * 32}/1"
    reason = not_healthy_reason(replace(TARGET, group_arn=arn), Health("unhealthy", code))
    assert len(f"the deadline passed; {reason}") <= tags.MAXIMUM_VALUE_LENGTH


@pytest.mark.parametrize(
    ("health", "expected"),
    [
        (Health("unused", "Target.NotRegistered"), True),
        (Health("draining", "Target.DeregistrationInProgress"), True),
        (Health("unused", "Target.NotInUse"), False),
        (Health("initial", "Elb.RegistrationInProgress"), False),
        (Health("unhealthy", "Target.FailedHealthChecks"), False),
        (Health("healthy"), False),
        (None, False),
    ],
)
def test_a_target_is_registered_once(health: Health | None, expected: bool) -> None:
    assert must_register(health) is expected


@pytest.mark.parametrize(
    ("wanted", "device", "expected"),
    [
        (Readiness.IN_SYNC, READY, False),
        (Readiness.IN_SYNC, replace(READY, policy_status="Out of Sync"), True),
        (Readiness.IN_SYNC, replace(READY, template_status=""), True),
        (Readiness.IN_SYNC, replace(READY, template_status=None), False),
        (Readiness.IN_SYNC, replace(READY, policy_status="Out of Sync", connected=False), False),
        (Readiness.IN_SYNC, None, False),
        (Readiness.CONNECTED, replace(READY, policy_status="Out of Sync"), False),
    ],
)
def test_only_a_connected_firewall_can_be_out_of_sync(
    wanted: Readiness, device: Device | None, expected: bool
) -> None:
    assert is_out_of_sync(wanted, device) is expected


def push(number: str, *serials: str, finished: bool = True, failed: bool = False) -> Push:
    return Push(
        number, finished, dict.fromkeys(serials if failed else (), "no"), frozenset(serials)
    )


@pytest.mark.parametrize(
    ("pushes", "expected"),
    [
        ([], {"001", "002"}),
        ([push("1", "001", "002")], {"001", "002"}),
        ([push("1", "001", finished=False)], {"002"}),
        ([push("1", "003", finished=False)], {"001", "002"}),
        ([push("1", finished=False)], {"001", "002"}),
        ([push(str(n), "001", failed=True) for n in range(2)], {"001", "002"}),
        ([push(str(n), "001", failed=True) for n in range(3)], {"002"}),
    ],
)
def test_firewalls_without_a_push_in_progress_are_pushed(
    pushes: list[Push], expected: set[str]
) -> None:
    assert serials_to_push(["001", "002"], pushes) == expected
