"""Stores metrics, and reads them for alarms and scaling policies.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from vmseries_lab.aws.cloudwatch.metric_math import Series, evaluate, names
from vmseries_lab.aws.moto_patching import backend

LATENESS_SECONDS = 900.0
"""How late data may arrive: a search of the store continues this far before the start."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One statistic of one metric.

    Attributes:
        namespace: e.g. ``VMseries``.
        name: e.g. ``panSessionUtilization``.
        dimensions: name and value; they identify a metric and must match the data exactly.
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
    """One line of a query: a metric, or an expression over other lines."""

    name: str
    metric: Metric | None = None
    expression: str | None = None
    returned: bool = True


@dataclass
class Index:
    """The data of a store by namespace and name.

    Without it, each alarm would search thousands of data points every minute.

    Attributes:
        stored: moto's list of data; moto only appends to it.
        data: (seconds since the epoch, datum) by namespace and name, in order of arrival.
        read: how many data of ``stored`` are in ``data``.
    """

    stored: list[Any]
    data: dict[tuple[str, str], list[tuple[float, Any]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    read: int = 0

    def select(self, metric: Metric) -> list[tuple[float, Any]]:
        """Return the data of the metric's namespace and name, with any dimensions."""
        new = self.stored[self.read :]
        self.read += len(new)
        for datum in new:
            self.data[datum.namespace, datum.name].append((seconds(datum.timestamp), datum))
        return self.data[metric.namespace, metric.name]


def _index(store: Any) -> Index:
    """Return the index of moto's store; rebuild it if moto has reset the store."""
    index: Index | None = getattr(store, "lab_index", None)
    if index is None or index.stored is not store.metric_data:
        index = store.lab_index = Index(store.metric_data)
    return index


def publish(namespace: str, data: list[dict[str, Any]], at: float) -> None:
    """Store metric data as PutMetricData does, with one timestamp.

    Args:
        namespace: CloudWatch namespace.
        data: entries of ``MetricData`` without ``Timestamp``.
        at: lab time, seconds since the epoch.
    """
    stamp = datetime.fromtimestamp(at, UTC).replace(tzinfo=None)
    backend("cloudwatch").put_metric_data(
        namespace, [{"Timestamp": stamp, **datum} for datum in data]
    )


def series(store: Any, queries: Sequence[Query], period: int, start: float, end: float) -> Series:
    """Evaluate the returned line of a query.

    Args:
        store: moto's CloudWatch store.
        queries: lines of the query; exactly one has ``returned`` set.
        period: seconds per data point; points are aligned to multiples of it.
        start: start of the first point, seconds since the epoch, a multiple of ``period``.
        end: end of the last point.

    Returns:
        Values by the start of their period; periods without data are absent.
    """
    known = {query.name: query for query in queries}
    lines: dict[str, Series] = {}

    def line(name: str) -> Series:
        query = known[name]
        if name not in lines and query.metric:
            lines[name] = _read(store, query.metric, period, start, end)
        elif name not in lines and query.expression:
            used = {other: line(other) for other in names(query.expression)}
            lines[name] = evaluate(query.expression, used, _periods(period, start, end))
        return lines[name]

    return line(next(query.name for query in queries if query.returned))


def _periods(period: int, start: float, end: float) -> list[int]:
    return list(range(int(start), int(end), period))


def _read(store: Any, metric: Metric, period: int, start: float, end: float) -> Series:
    buckets: dict[int, list[Any]] = {}
    for at, datum in reversed(_index(store).select(metric)):
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
    """Return the value of a datum, or the sum of a statistic set."""
    return float(datum.value) if hasattr(datum, "value") else float(datum.sum)


def _count(datum: Any) -> float:
    return float(getattr(datum, "sample_count", 1.0))


def _percentile(data: Iterable[Any], percent: float) -> float:
    values = sorted(map(_value, data))
    return values[max(0, math.ceil(len(values) * percent / 100) - 1)]


def seconds(moment: datetime) -> float:
    """Convert a datetime to seconds since the epoch; moto's naive datetimes are in UTC."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def dimensions(pairs: Iterable[Mapping[str, str]]) -> frozenset[tuple[str, str]]:
    """Convert the dimensions of an API request to those of a :class:`Metric`."""
    return frozenset((pair["Name"], pair["Value"]) for pair in pairs)
