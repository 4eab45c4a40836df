"""Reads the metrics that were really published, as alarms and scaling policies read them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from vmseries_lab.aws.cloudwatch.metric_math import Series, evaluate

LATENESS_SECONDS = 900.0
"""How far out of order data is expected: the store is searched backwards this much too far."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One statistic of one metric.

    Attributes:
        namespace: e.g. ``VMseries``.
        name: e.g. ``panSessionUtilization``.
        dimensions: exactly those that the data carry: a metric is identified by all of them.
        statistic: ``Average``, ``Sum``, ``Minimum``, ``Maximum``, ``SampleCount`` or ``p90``.
        unit: only data of this unit, if given.
    """

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]
    statistic: str
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """One line of a query: a metric, or an expression over the lines of other names."""

    name: str
    metric: Metric | None = None
    expression: str | None = None
    returned: bool = True


@dataclass
class Index:
    """What a store holds, by namespace and name.

    Every alarm asks every minute for a few data of the thousands that a store holds.

    Attributes:
        stored: moto's list, to which it only ever appends.
        found: the data with their times, in the order in which they came.
    """

    stored: list[Any]
    found: dict[tuple[str, str], list[tuple[float, Any]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    read: int = 0

    def of(self, metric: Metric) -> list[tuple[float, Any]]:
        """The data of the metric's namespace and name, whatever their dimensions."""
        new = self.stored[self.read :]
        self.read += len(new)
        for datum in new:
            self.found[datum.namespace, datum.name].append((seconds(datum.timestamp), datum))
        return self.found[metric.namespace, metric.name]


def _index(store: Any) -> Index:
    """The index of moto's store, begun anew where moto began the store anew."""
    index: Index | None = getattr(store, "lab_index", None)
    if index is None or index.stored is not store.metric_data:
        index = store.lab_index = Index(store.metric_data)
    return index


def series(store: Any, queries: Sequence[Query], period: int, start: float, end: float) -> Series:
    """Evaluate the returned line of a query.

    Args:
        store: moto's CloudWatch store.
        queries: one of them is returned.
        period: seconds that one data point covers; points are aligned to multiples of it.
        start: first point, seconds since the epoch, a multiple of ``period``.
        end: end of the last point.

    Returns:
        Values by the beginning of their period; periods without data are left out.
    """
    lines: dict[str, Series] = {}
    for query in queries:
        if query.metric:
            lines[query.name] = _read(store, query.metric, period, start, end)
    for query in queries:
        if query.expression:
            lines[query.name] = evaluate(query.expression, lines, _periods(period, start, end))
    returned = next(query.name for query in queries if query.returned)
    return lines[returned]


def _periods(period: int, start: float, end: float) -> list[int]:
    return list(range(int(start), int(end), period))


def _read(store: Any, metric: Metric, period: int, start: float, end: float) -> Series:
    buckets: dict[int, list[Any]] = {}
    for at, datum in reversed(_index(store).of(metric)):
        if at < start - LATENESS_SECONDS:
            break
        if start <= at < end and _is(datum, metric):
            buckets.setdefault(int(at // period * period), []).append(datum)
    reduce = _reducer(metric.statistic)
    return {at: reduce(data) for at, data in sorted(buckets.items())}


def _is(datum: Any, metric: Metric) -> bool:
    return (metric.unit is None or datum.unit == metric.unit) and frozenset(
        (d.name, d.value) for d in datum.dimensions
    ) == metric.dimensions


def _reducer(statistic: str) -> Callable[[Sequence[Any]], float]:
    if statistic.startswith("p") and statistic[1:].replace(".", "").isdigit():
        return lambda data: _percentile(data, float(statistic[1:]))
    return {
        "Average": lambda data: sum(map(_value, data)) / sum(map(_count, data)),
        "Sum": lambda data: sum(map(_value, data)),
        "Minimum": lambda data: min(float(getattr(d, "min", _value(d))) for d in data),
        "Maximum": lambda data: max(float(getattr(d, "max", _value(d))) for d in data),
        "SampleCount": lambda data: sum(map(_count, data)),
    }[statistic]


def _value(datum: Any) -> float:
    """Read the value of a datum; of a statistic set, its sum."""
    return float(datum.value) if hasattr(datum, "value") else float(datum.sum)


def _count(datum: Any) -> float:
    return float(getattr(datum, "sample_count", 1.0))


def _percentile(data: Iterable[Any], percent: float) -> float:
    values = sorted(map(_value, data))
    return values[max(0, math.ceil(len(values) * percent / 100) - 1)]


def seconds(moment: datetime) -> float:
    """Seconds since the epoch of a datetime; moto's naive ones are UTC."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def dimensions(pairs: Iterable[Mapping[str, str]]) -> frozenset[tuple[str, str]]:
    """Turn dimensions of an API request into those of a metric."""
    return frozenset((pair["Name"], pair["Value"]) for pair in pairs)
