"""Alarm actions: scaling policies and notifications."""

from __future__ import annotations

import json
from typing import Any

from vmseries_lab.aws.autoscaling.policies import group_metrics, target_tracking
from vmseries_lab.aws.autoscaling.policies.execution import Policies
from vmseries_lab.aws.cloudwatch.alarms import EVALUATION_SECONDS, Alarms
from vmseries_lab.aws.moto_patching import backend, require_moto
from vmseries_lab.core.location import ACCOUNT_ID
from vmseries_lab.core.world import World

LONGEST_SUBJECT = 100
"""Maximum number of characters of an SNS subject."""


class Scaling:
    """The engine of alarms and scaling policies.

    Attributes:
        alarms: alarms of the account.
        policies: scaling policies of all groups.
    """

    def __init__(self, world: World) -> None:
        self.alarms = Alarms(world)
        self.policies = Policies(world)
        self._world = world
        self.alarms.act = self._act
        group_metrics.install()
        self._next = world.clock.now() // EVALUATION_SECONDS * EVALUATION_SECONDS

    def tick(self, now: float) -> None:
        """Evaluate the alarms once per minute of lab time."""
        if now < self._next:
            return
        self._next = (now // EVALUATION_SECONDS + 1) * EVALUATION_SECONDS
        store = backend("autoscaling")
        target_tracking.sweep_alarms(store)
        ended = now - EVALUATION_SECONDS
        late = self._world.assumptions["group-metric-arrival"] == "after-evaluation"
        if not late:
            group_metrics.publish(ended)
        self.alarms.evaluate(now)
        if late:
            group_metrics.publish(ended)
        self.policies.settle(store)

    def busy(self) -> bool:
        """Return False: alarms have no work in real time."""
        return False

    def _act(self, arn: str, alarm: Any, entered: bool) -> None:
        if ":scalingPolicy:" in arn:
            self.policies.trigger(arn, alarm, backend("autoscaling"))
        elif ":sns:" in arn and entered:
            notify(arn, alarm)


def notify(topic_arn: str, alarm: Any) -> None:
    """Publish the new state of an alarm to an SNS topic.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-sns-message-format.html
    """
    message = {
        "AlarmName": alarm.name,
        "AlarmArn": alarm.alarm_arn,
        "AlarmDescription": alarm.description,
        "AWSAccountId": ACCOUNT_ID,
        "NewStateValue": alarm.state_value,
        "NewStateReason": alarm.state_reason,
        "StateChangeTime": alarm.state_updated_timestamp.isoformat(timespec="milliseconds"),
    }
    subject = f"{alarm.state_value}: {alarm.name}"[:LONGEST_SUBJECT]
    backend("sns").publish(json.dumps(message), arn=topic_arn, subject=subject)


def install(world: World) -> Scaling:
    """Run alarms and scaling policies on the world's clock."""
    require_moto()
    scaling = Scaling(world)
    world.engines.append(scaling)
    return scaling
