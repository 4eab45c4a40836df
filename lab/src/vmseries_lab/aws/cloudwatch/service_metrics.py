"""The metrics that SQS and Lambda publish about queues and functions.

Source: SQS Developer Guide, "Available CloudWatch metrics for Amazon SQS"; Lambda Developer Guide,
"Types of metrics for Lambda functions".
"""

from __future__ import annotations

from typing import Any

from vmseries_lab.aws.cloudwatch.metrics import publish
from vmseries_lab.aws.lambda_ import Functions
from vmseries_lab.aws.moto_patching import backend
from vmseries_lab.aws.sqs import in_flight
from vmseries_lab.core.world import World

PERIOD_SECONDS = 60


SET_ASIDE_AFTER_RECEIVES = 3
"""Messages received at least this often are left out of ApproximateAgeOfOldestMessage.

"After a message is received three times (or more) and not processed, the message is moved to the
back of the queue and the metric points at the second-oldest message".
"""


class ServiceMetrics:
    """Publishes the metrics of all queues and functions once per minute of lab time."""

    def __init__(self, world: World, functions: Functions) -> None:
        self._functions = functions
        self._last = int(world.clock.now() // PERIOD_SECONDS)

    def tick(self, now: float) -> None:
        """Publish metrics for the minutes that have ended.

        If the clock jumped over several minutes, the state of the queues is known only now: every
        minute gets the same values. Invocations count for the last minute.
        """
        minute = int(now // PERIOD_SECONDS)
        if minute == self._last:
            return
        for ended in range(max(self._last, minute - PERIOD_SECONDS), minute):
            self._publish_queues(ended * PERIOD_SECONDS, now)
        self._publish_functions((minute - 1) * PERIOD_SECONDS)
        self._last = minute

    def busy(self) -> bool:
        """Return False: publishing has no work in real time."""
        return False

    def _publish_queues(self, at: float, now: float) -> None:
        data = []
        for queue in backend("sqs").queues.values():
            messages = list(queue._messages)  # noqa: SLF001 - moto has no other way
            waiting = [
                m.sent_timestamp / 1000
                for m in messages
                if m.approximate_receive_count < SET_ASIDE_AFTER_RECEIVES
            ]
            values = {
                "ApproximateNumberOfMessagesVisible": ("Count", len(queue.messages)),
                "ApproximateNumberOfMessagesNotVisible": (
                    "Count",
                    sum(in_flight(m) for m in messages),
                ),
                "ApproximateAgeOfOldestMessage": (
                    "Seconds",
                    int(now - min(waiting)) if waiting else 0,
                ),
            }
            dimensions = [{"Name": "QueueName", "Value": queue.name}]
            data += [_datum(n, u, v, dimensions) for n, (u, v) in values.items()]
        publish("AWS/SQS", data, at)

    def _publish_functions(self, at: float) -> None:
        for name, counts in self._functions.counts.take().items():
            dimensions = [{"Name": "FunctionName", "Value": name}]
            data = []
            for metric, values in counts.items():
                unit = "Milliseconds" if metric == "Duration" else "Count"
                data += [_datum(metric, unit, value, dimensions) for value in values]
            publish("AWS/Lambda", data, at)


def _datum(name: str, unit: str, value: float, dimensions: list[dict[str, str]]) -> dict[str, Any]:
    return {"MetricName": name, "Unit": unit, "Value": value, "Dimensions": dimensions}


def install(world: World, functions: Functions) -> ServiceMetrics:
    """Publish the metrics of queues and functions."""
    metrics = ServiceMetrics(world, functions)
    world.engines.append(metrics)
    return metrics
