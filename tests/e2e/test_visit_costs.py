"""What visits cost: the bounds of AWS calls, and of lab time with 0.1 s for each call."""

from __future__ import annotations

from collections import Counter

import pytest

from vmseries_scenarios.visit_costs import Cost, deployments, measure

pytestmark = pytest.mark.apply(seconds=90)

LAYOUT = "two-addresses"
RECORDS = ("BatchGetItem", "PutItem")
"""Calls to DynamoDB. The other bounds are for calls whose rates AWS limits."""
ATTACHING_SECONDS = 2
"""EC2 attaches the second interface when the first one is attached."""


def of_records(calls: Counter[str]) -> int:
    return sum(calls[action] for action in RECORDS)


@pytest.fixture(scope="module")
def costs() -> dict[str, Cost]:
    with deployments([LAYOUT]) as by_layout:
        measured = measure(by_layout[LAYOUT], LAYOUT)
    return {cost.kind.partition(" all ")[0]: cost for cost in measured}


@pytest.mark.parametrize(
    ("kind", "calls"),
    [
        ("launch: attach the network", 17),
        ("launch: wait for the boot", 6),
        ("launch: enter service", 9),
        ("launch: duplicate event", 3),
        ("termination: last visit", 8),
    ],
)
def test_a_visit_makes_no_more_calls(costs: dict[str, Cost], kind: str, calls: int) -> None:
    assert len(costs[kind].visits) == 1
    made = Counter(costs[kind].visits[0].calls)
    assert 0 < costs[kind].calls - of_records(made) <= calls, f"{made}"
    assert of_records(made) <= 2, "the record is read and written once"


def test_a_termination_with_two_addresses_makes_at_most_sixteen_calls(
    costs: dict[str, Cost],
) -> None:
    cost = costs["termination:"]
    records = sum(of_records(visit.calls) for visit in cost.visits)
    assert 0 < cost.calls - records <= 16
    most = len(cost.visits) + 2
    assert records <= most, "each visit reads the record; license and removal are written"


def test_attaching_in_order_costs_only_the_time_that_ec2_takes(costs: dict[str, Cost]) -> None:
    """Two rounds of calls more than attaching all interfaces at once, which took 0.6 s."""
    assert costs["launch: attach the network"].seconds < 0.9 + ATTACHING_SECONDS


def test_the_last_visit_of_a_termination_is_not_delayed_by_interfaces(
    costs: dict[str, Cost],
) -> None:
    actions = set(costs["termination:"].visits[-1].calls)
    assert actions == {
        "ChangeMessageVisibilityBatch",
        "RecordLifecycleActionHeartbeat",
        "DescribeInstances",
        "DescribeAddresses",
        "DisassociateAddress",
        "ReleaseAddress",
        "CompleteLifecycleAction",
        "BatchGetItem",
    }
