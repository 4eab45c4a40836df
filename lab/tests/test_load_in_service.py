"""Properties of the load by which the module's policies scale, for any fleet and any publishing.

The model is CloudWatch's: all firewalls publish to one metric, of which only the statistics of a
period can be read. https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from load_in_service import load

from vmseries_lab.aws.cloudwatch import metric_math
from vmseries_lab.aws.cloudwatch.metric_math import Series, Value

PERIOD = 60
MOST_POINTS = 2
"""Data points of one firewall in a period."""


@dataclass(frozen=True)
class Fleet:
    """What a fleet publishes in one period.

    Attributes:
        live: load of each firewall in service, with the number of its data points.
        held: number of data points of each firewall that is pending or terminating; all are 0.
        standby: the same for firewalls in standby.
    """

    live: tuple[tuple[float, int], ...]
    held: tuple[int, ...] = ()
    standby: tuple[int, ...] = ()

    @property
    def idle(self) -> int:
        """Number of firewalls that carry no traffic."""
        return len(self.held) + len(self.standby)

    @property
    def points(self) -> list[float]:
        """All data points."""
        loads = [load for load, count in self.live for _ in range(count)]
        return loads + [0.0] * (sum(self.held) + sum(self.standby))

    @property
    def truth(self) -> float:
        """Average load of the firewalls in service."""
        return sum(load for load, _ in self.live) / len(self.live)

    @property
    def average(self) -> float:
        """CloudWatch's Average."""
        return sum(self.points) / len(self.points)

    def metrics(self, at: int = 0) -> dict[str, dict[int, float]]:
        """Return the six metrics in the period that starts at ``at``."""
        values = {
            "in_service": len(self.live),
            "total": len(self.live) + len(self.held),
            "standby": len(self.standby),
        }
        if self.points:
            values |= {
                "average": self.average,
                "maximum": max(self.points),
                "points": len(self.points),
            }
        names = ("average", "maximum", "points", "in_service", "total", "standby")
        return {name: {at: float(values[name])} if name in values else {} for name in names}

    def load(self) -> float | None:
        """Return what the policies see, None for no data."""
        return load(self.metrics(), [0]).get(0)


LOADS = st.floats(0, 100, allow_subnormal=False).map(lambda load: round(load, 3))
COUNTS = st.integers(0, MOST_POINTS)


def fleets(
    points: st.SearchStrategy[int] = COUNTS, idle_points: st.SearchStrategy[int] = COUNTS
) -> st.SearchStrategy[Fleet]:
    """Return fleets of up to 20 firewalls in service and 20 others."""
    idle = st.lists(idle_points, max_size=10).map(tuple)
    live = st.lists(st.tuples(LOADS, points), min_size=1, max_size=20).map(tuple)
    return st.builds(Fleet, live, idle, idle)


def close(left: float, right: float) -> bool:
    return left == pytest.approx(right, rel=1e-9, abs=1e-9)


@given(fleets())
def test_the_load_is_between_the_average_and_the_maximum(fleet: Fleet) -> None:
    """It is at least the Average, and at most the load of the busiest firewall."""
    seen = fleet.load()
    if not fleet.points:
        assert seen is None
    else:
        assert seen is not None
        assert fleet.average - 1e-9 <= seen <= max(fleet.points) + 1e-9


@given(st.builds(Fleet, st.lists(st.tuples(LOADS, COUNTS), min_size=1).map(tuple)))
def test_without_idle_firewalls_the_load_is_the_average(fleet: Fleet) -> None:
    assume(fleet.points)
    seen = fleet.load()
    assert seen is not None
    assert close(seen, fleet.average)


@given(st.sampled_from((1, 2)).flatmap(lambda count: fleets(st.just(count), st.just(count))))
def test_idle_firewalls_that_publish_zeros_do_not_dilute_the_load(fleet: Fleet) -> None:
    """Whether each firewall publishes once or twice in a period."""
    seen = fleet.load()
    assert seen is not None
    assert close(seen, fleet.truth)


@given(fleets(st.just(1), st.just(0)))
def test_silent_idle_firewalls_do_not_raise_the_load(fleet: Fleet) -> None:
    seen = fleet.load()
    assert seen is not None
    assert close(seen, fleet.truth)


@given(fleets(st.just(2), st.just(0)))
def test_silence_and_double_publishing_overstate_the_load_within_the_bounds(fleet: Fleet) -> None:
    """Those two together look like twice as many firewalls, of which some are at zero."""
    seen, serving = fleet.load(), len(fleet.live)
    assert seen is not None
    limit = min(fleet.truth * (serving + fleet.idle) / serving, max(fleet.points))
    assert fleet.truth - 1e-9 <= seen <= max(limit, fleet.truth) + 1e-9


@given(fleets())
@example(Fleet(((95.0, 1),) * 3, (2,) * 3))
def test_the_load_is_understated_only_by_missing_or_additional_points(fleet: Fleet) -> None:
    """Missing points of firewalls in service, or more points of an idle firewall than of those."""
    live_points = sum(count for _, count in fleet.live)
    assume(live_points > 0)
    seen, serving, points = fleet.load(), len(fleet.live), len(fleet.points)
    assert seen is not None
    published = sum(load * count for load, count in fleet.live) / live_points
    share = min(1, live_points / serving, live_points * (serving + fleet.idle) / (serving * points))
    assert seen >= published * share - 1e-9
    if all(count >= 1 for _, count in fleet.live):
        assert share > 1 / MOST_POINTS


@given(fleets(), st.integers(1, 20))
def test_standby_firewalls_may_be_a_part_of_the_total(fleet: Fleet, serving: int) -> None:
    """AWS documents that GroupTotalInstances does not include them. The load has its bounds."""
    assume(fleet.points)
    metrics = fleet.metrics()
    metrics["total"] = {0: metrics["total"][0] + len(fleet.standby)}
    seen, documented = load(metrics, [0])[0], fleet.load()
    assert documented is not None
    assert documented - 1e-9 <= seen <= max(fleet.points) + 1e-9


@given(fleets())
def test_without_group_metrics_the_load_is_the_average(fleet: Fleet) -> None:
    """For example because they were disabled outside Terraform."""
    assume(fleet.points)
    metrics = fleet.metrics() | {"in_service": {}, "total": {}, "standby": {}}
    assert close(load(metrics, [0])[0], fleet.average)


@given(
    st.lists(COUNTS, min_size=1, max_size=10).map(tuple), st.lists(COUNTS, max_size=10).map(tuple)
)
def test_a_group_without_a_firewall_in_service_has_no_load(
    held: tuple[int, ...], standby: tuple[int, ...]
) -> None:
    """During an outage, the zeros of the firewalls that boot would remove firewalls."""
    assert Fleet((), held, standby).load() is None
    assert Fleet((), (), held).load() is None


@given(fleets(st.just(1), st.just(1)))
def test_group_metrics_may_arrive_late(fleet: Fleet) -> None:
    """The newest period then has those of the period before."""
    metrics = fleet.metrics()
    for name in ("average", "maximum", "points"):
        metrics[name] = metrics[name] | {PERIOD: metrics[name][0]}
    assert close(load(metrics, [0, PERIOD])[PERIOD], fleet.truth)


@given(fleets())
def test_periods_without_data_of_the_firewalls_have_no_load(fleet: Fleet) -> None:
    """A load of 0 would remove firewalls."""
    metrics: dict[str, Any] = fleet.metrics() | {"average": {}, "maximum": {}, "points": {}}
    assert load(metrics, [0, PERIOD]) == {}
    with pytest.MonkeyPatch.context() as patch:
        # Even if IF took missing values as 0, as operators do.
        patch.setattr(metric_math, "_if", if_with_zeros)
        assert load(metrics, [0, PERIOD]) == {}


def if_with_zeros(condition: Series, chosen: Value, other: Value) -> Series:
    """Choose 0 where the chosen line has no value."""
    result: Series = {}
    for at, true in condition.items():
        line = chosen if true else other
        result[at] = line if isinstance(line, float) else line.get(at, 0.0)
    return result


@pytest.mark.parametrize("held", [1, 0, 2], ids=["zeros", "silent", "zeros-twice"])
@pytest.mark.parametrize("points", [1, 2], ids=["once", "twice"])
def test_three_of_six_firewalls_are_held(points: int, held: int) -> None:
    """The fault that led to the estimate: the Average of 95 and 0 is 47.5."""
    busy, calm = (
        Fleet(((load, points),) * 3, (held * points if held < 2 else 2,) * 3).load()
        for load in (95.0, 40.0)
    )
    assert busy is not None
    assert calm is not None
    assert busy > 60
    assert calm < 54
