"""The metric or the metric math that an alarm watches.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from moto.cloudwatch.exceptions import ValidationError

from vmseries_lab.aws.cloudwatch.metric_math import UnsupportedExpressionError, names
from vmseries_lab.aws.cloudwatch.metrics import Metric, Query

MOST_OF_A_KIND = 10
"""Maximum number of metrics, and of expressions, of one alarm."""

ID = re.compile(r"[a-z][A-Za-z0-9_]*")
"""What the ID of a metric or an expression looks like."""


def check(queries: Sequence[Query]) -> None:
    """Check the metric math of an alarm: its IDs, its limits, and the lines that each line uses.

    Raises:
        ValidationError: if CloudWatch would reject the alarm.
    """
    known = {query.name: query for query in queries}
    for name, number in Counter(query.name for query in queries).items():
        if number > 1 or not ID.fullmatch(name):
            raise ValidationError(f"Invalid or repeated id {name!r}")
    for query in queries:
        if bool(query.metric) == bool(query.expression):
            raise ValidationError(f"{query.name} needs either a MetricStat or an Expression")
    for kind in (sum(bool(q.metric) for q in queries), sum(bool(q.expression) for q in queries)):
        if kind > MOST_OF_A_KIND:
            raise ValidationError(f"An alarm has at most {MOST_OF_A_KIND} metrics and expressions")
    if sum(query.returned for query in queries) != 1:
        raise ValidationError("Exactly one element of Metrics must have ReturnData set to true")
    for query in queries:
        _check_uses(query, known, ())


def _check_uses(query: Query, known: dict[str, Query], users: tuple[str, ...]) -> None:
    if query.name in users:
        raise ValidationError(f"{query.name} uses itself")
    try:
        used = names(query.expression) if query.expression else set()
    except UnsupportedExpressionError as error:
        raise ValidationError(f"Error in expression {query.name!r}: {error}") from error
    if unknown := used - known.keys():
        raise ValidationError(f"Error in expression {query.name!r}: unknown {sorted(unknown)}")
    for name in used:
        _check_uses(known[name], known, (*users, query.name))


def period_of(alarm: Any) -> int:
    """Return the period of an alarm in seconds."""
    if alarm.metric_name:
        return int(alarm.period)
    periods = [
        int(query.metric_stat.period if query.metric_stat else query.period)
        for query in alarm.metric_data_queries
        if query.metric_stat or query.period
    ]
    return max(periods)


def queries_of(alarm: Any) -> list[Query]:
    """Return the metric or metric math expression of an alarm as lines of a query."""
    if alarm.metric_name:
        statistic = alarm.statistic or alarm.extended_statistic
        return [Query("m", _metric(alarm.namespace, alarm, statistic, alarm.unit))]
    queries = []
    for query in alarm.metric_data_queries or ():
        stat = query.metric_stat
        metric = stat and _metric(stat.metric.namespace, stat.metric, stat.stat, stat.unit)
        # ReturnData is true by default.
        returned = str(query.return_data).lower() != "false"
        queries.append(Query(query.id, metric, query.expression, returned))
    return queries


def _metric(namespace: str, source: Any, statistic: str, unit: str | None) -> Metric:
    named = frozenset((dimension.name, dimension.value) for dimension in source.dimensions)
    return Metric(namespace, source.metric_name, named, statistic, unit)
