"""Log records and metrics that the functions write to standard output."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

Records = list[dict[str, Any]]
Logs = Callable[[], Records]


def metrics(records: Records) -> dict[str, float]:
    """The sums of the metrics among log records; their dimensions are those of the contract."""
    sums: Counter[str] = Counter()
    for record in records:
        for directive in record.get("_aws", {}).get("CloudWatchMetrics", []):
            assert directive["Namespace"] == "VMSeriesAutoscale"
            assert [sorted(names) for names in directive["Dimensions"]] == [
                ["deployment", "service"]
            ]
            for metric in directive["Metrics"]:
                sums[metric["Name"]] += sum(record[metric["Name"]])
    return dict(sums)


def reasons(records: Records) -> list[str]:
    """The reasons that log records give."""
    return [record["reason"] for record in records if "reason" in record]
