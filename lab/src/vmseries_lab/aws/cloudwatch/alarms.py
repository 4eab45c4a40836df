"""Evaluates CloudWatch alarms.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from moto.cloudwatch.exceptions import ResourceNotFound, ValidationError
from moto.cloudwatch.models import CloudWatchBackend
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult

from vmseries_lab.aws.cloudwatch.alarm_queries import check, period_of, queries_of
from vmseries_lab.aws.cloudwatch.alarm_state import COMPARISONS, FURTHER_PERIODS, next_state
from vmseries_lab.aws.cloudwatch.metrics import series
from vmseries_lab.aws.moto_patching import add_method, backend, wrap
from vmseries_lab.core.world import World

EVALUATION_SECONDS = 60
"""Lab seconds between two evaluations of all alarms."""

_ACTIONS = {
    "ALARM": "alarm_actions",
    "OK": "ok_actions",
    "INSUFFICIENT_DATA": "insufficient_data_actions",
}


@dataclass
class HistoryItem:
    """An item of DescribeAlarmHistory."""

    alarm_name: str
    timestamp: datetime
    history_item_type: str
    history_summary: str
    history_data: str
    alarm_type: str = "MetricAlarm"


class Alarms:
    """The alarms of the account: states, history and actions.

    Attributes:
        act: called every minute with each action's ARN, its alarm, and whether the alarm has just
            entered its state. Auto Scaling actions are repeated while an alarm stays in its state,
            other actions are not.
            https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-actions.html
        history: state changes and actions, oldest first.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.act: Callable[[str, Any, bool], None] = lambda _arn, _alarm, _entered: None
        self.history: list[HistoryItem] = []
        wrap(CloudWatchBackend, "put_metric_alarm", self.put)
        wrap(CloudWatchBackend, "set_alarm_state", self.set_state)
        wrap(CloudWatchBackend, "delete_alarms", _delete)
        add_method(CloudWatchResponse, "describe_alarm_history", self.describe_history)

    def evaluate(self, now: float) -> None:
        """Update the state of every alarm from the data up to ``now``, then run its actions."""
        store = backend("cloudwatch")
        alarms = [alarm for alarm in store.alarms.values() if alarm.rule is None]
        for alarm in alarms:
            with self._world.errors.guard(f"alarm {alarm.name}"):
                self._evaluate(store, alarm, now)
        for alarm in alarms:
            with self._world.errors.guard(f"actions of alarm {alarm.name}"):
                self._act(alarm, alarm.entered)

    def _evaluate(self, store: Any, alarm: Any, now: float) -> None:
        alarm.entered = False
        points, known = self._points(store, alarm, now)
        state = next_state(
            points,
            int(alarm.evaluation_periods),
            int(alarm.datapoints_to_alarm or alarm.evaluation_periods),
            alarm.treat_missing_data or "missing",
            alarm.state_value,
        )
        alarm.latest_value = known[-1] if known else None
        alarm.entered = state != alarm.state_value
        if alarm.entered:
            self._enter(alarm, state, f"Threshold Crossed: latest values {known[-3:]}")

    def put(self, original: Any, store: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        """PutMetricAlarm: a new alarm has insufficient data; an updated alarm keeps its state.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html

        Raises:
            ValidationError: for metric math that CloudWatch would reject.
        """
        old = store.alarms.get(name)
        alarm = original(store, name, *args, **kwargs)
        try:
            check(queries_of(alarm))
        except ValidationError:
            store.alarms.pop(name)
            if old:
                store.alarms[name] = old
            raise
        alarm.state_value = old.state_value if old else "INSUFFICIENT_DATA"
        alarm.latest_value = old.latest_value if old else None
        alarm.state_reason = old.state_reason if old else "Unchecked: Initial alarm creation"
        verb = "updated" if old else "created"
        self._remember(alarm, "ConfigurationUpdate", f'Alarm "{name}" {verb}', {})
        return alarm

    def set_state(
        self,
        original: Any,
        store: Any,
        alarm_name: str,
        reason: str,
        reason_data: str,
        state_value: str,
    ) -> None:
        """SetAlarmState: sets the state until the next evaluation, and runs its actions.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_SetAlarmState.html
        """
        alarm = store.alarms.get(alarm_name)
        if alarm is None:
            raise ResourceNotFound
        before = alarm.state_value
        original(store, alarm_name, reason, reason_data, state_value)
        if before != state_value:
            alarm.state_value = before
            self._enter(alarm, state_value, reason)
            self._act(alarm, entered=True)

    def describe_history(self, response: Any) -> Any:
        """DescribeAlarmHistory, newest first.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html
        """
        parameters = response._get_params()  # noqa: SLF001
        name, kind = parameters.get("AlarmName"), parameters.get("HistoryItemType")
        items = [
            item
            for item in reversed(self.history)
            if name in (None, item.alarm_name) and kind in (None, item.history_item_type)
        ]
        return ActionResult({"AlarmHistoryItems": items[: int(parameters.get("MaxRecords", 100))]})

    def _points(self, store: Any, alarm: Any, now: float) -> tuple[list[bool | None], list[float]]:
        queries = queries_of(alarm)
        period = period_of(alarm)
        count = int(alarm.evaluation_periods) + FURTHER_PERIODS
        end = now // period * period
        start = end - count * period
        values = series(store, queries, period, start, end)
        breaches = COMPARISONS[alarm.comparison_operator]
        threshold = float(alarm.threshold)
        points = [
            breaches(values[at], threshold) if at in values else None
            for at in range(int(start), int(end), period)
        ]
        return points, list(values.values())

    def _enter(self, alarm: Any, state: str, reason: str) -> None:
        before = alarm.state_value
        alarm.update_state(reason, "{}", state)
        alarm.state_updated_timestamp = self._world.clock.utc()
        summary = f"Alarm updated from {before} to {state}"
        data = {"oldState": {"stateValue": before}, "newState": {"stateValue": state}}
        self._remember(alarm, "StateUpdate", summary, data)
        self._world.timeline.add(
            "cloudwatch", "alarm-state", alarm.name, **{"from": before, "to": state}
        )

    def _act(self, alarm: Any, entered: bool) -> None:
        if alarm.actions_enabled:
            for arn in getattr(alarm, _ACTIONS[alarm.state_value]) or []:
                self.act(arn, alarm, entered)

    def _remember(self, alarm: Any, kind: str, summary: str, data: dict[str, Any]) -> None:
        now = self._world.clock.utc()
        self.history.append(HistoryItem(alarm.name, now, kind, summary, json.dumps(data)))


def _delete(original: Any, store: Any, alarm_names: list[str]) -> None:
    """DeleteAlarms: the tags go with the alarm; moto would give them to the next of its name."""
    for name in alarm_names:
        if name in store.alarms:
            store.tagger.delete_all_tags_for_resource(store.alarms[name].alarm_arn)
    original(store, alarm_names)
