"""Auto Scaling's side of a visit: keep the hook open, and close it."""

from __future__ import annotations

import logging
from enum import StrEnum
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from vmseries_autoscale.aws.clients import error_code
from vmseries_autoscale.lifecycle.events import LifecycleEvent

if TYPE_CHECKING:
    from mypy_boto3_autoscaling import AutoScalingClient
    from mypy_boto3_autoscaling.type_defs import RecordLifecycleActionHeartbeatTypeTypeDef

logger = logging.getLogger(__name__)


class Result(StrEnum):
    """How a lifecycle action ends."""

    CONTINUE = "CONTINUE"
    ABANDON = "ABANDON"


def keep_open(autoscaling: AutoScalingClient, event: LifecycleEvent) -> bool:
    """Restart the hook's time-out.

    Returns:
        Whether the hook was still open. The answer to a heartbeat that carries the event's token is
        the one look at the hook that cannot mistake a later wait of the same instance for this one.
    """
    try:
        autoscaling.record_lifecycle_action_heartbeat(**_action(event))
    except ClientError as error:
        if _is_closed(error):
            return False
        raise
    return True


def complete(autoscaling: AutoScalingClient, event: LifecycleEvent, result: Result) -> None:
    """Close the hook; that it is closed already is success."""
    try:
        autoscaling.complete_lifecycle_action(**_action(event), LifecycleActionResult=result.value)
    except ClientError as error:
        if not _is_closed(error):
            raise
        logger.info("The lifecycle action was complete already", extra={"result": result.value})
        return
    logger.info("Completed the lifecycle action", extra={"result": result.value})


def _action(event: LifecycleEvent) -> RecordLifecycleActionHeartbeatTypeTypeDef:
    """How Auto Scaling is told which wait is meant; without a token, by hook and instance."""
    action: RecordLifecycleActionHeartbeatTypeTypeDef = {
        "LifecycleHookName": event.hook,
        "AutoScalingGroupName": event.auto_scaling_group,
        "InstanceId": event.instance_id,
    }
    if event.token is not None:
        action["LifecycleActionToken"] = event.token
    return action


def _is_closed(error: ClientError) -> bool:
    """Whether nobody waits any more: the action is over, or group or hook are deleted.

    Auto Scaling has one code for all it refuses, and tells these by their text only: "No active
    Lifecycle Action found with …", "AutoScalingGroup name not found".
    """
    text = error.response.get("Error", {}).get("Message", "").lower()
    return error_code(error) == "ValidationError" and (
        "no active lifecycle action" in text or "not found" in text
    )
