"""The metric math of the module's scaling policies, as ``modules/scaling/load.tf`` has it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import hcl2
from hcl2 import SerializationOptions

from vmseries_lab.aws.cloudwatch.metric_math import Series, evaluate

LOAD = Path(__file__).resolve().parents[2] / "modules/scaling/load.tf"
_PLAIN = SerializationOptions(
    strip_string_quotes=True, explicit_blocks=False, with_comments=False, preserve_heredocs=False
)


@cache
def _locals() -> dict[str, dict[str, str]]:
    with LOAD.open(encoding="utf-8") as source:
        (block,) = hcl2.load(source, serialization_options=_PLAIN)["locals"]
    return dict(block)


def load(lines: Mapping[str, Series], periods: list[int]) -> Series:
    """Evaluate the load in service over the six metrics that it uses."""
    known = dict(lines)
    for name, expression in _locals()["load_expressions"].items():
        known[name] = evaluate(expression, known, periods)
    return known["load"]


def queries(metric: dict[str, str], group: str) -> list[dict[str, Any]]:
    """Return the metric math on a metric without dimensions, as the module's policies have it."""
    group_dimensions = [{"Name": "AutoScalingGroupName", "Value": group}]
    return [
        *(
            {
                "Id": name,
                "MetricStat": {
                    "Metric": {**metric, "Dimensions": []},
                    "Stat": statistic,
                    "Period": 60,
                },
                "ReturnData": False,
            }
            for name, statistic in _locals()["load_statistics"].items()
        ),
        *(
            {
                "Id": name,
                "MetricStat": {
                    "Metric": {
                        "Namespace": "AWS/AutoScaling",
                        "MetricName": counted,
                        "Dimensions": group_dimensions,
                    },
                    "Stat": "Average",
                    "Period": 60,
                },
                "ReturnData": False,
            }
            for name, counted in _locals()["group_metrics"].items()
        ),
        *(
            {"Id": name, "Expression": expression, "ReturnData": name == "load"}
            for name, expression in _locals()["load_expressions"].items()
        ),
    ]
