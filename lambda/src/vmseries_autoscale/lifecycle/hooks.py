"""Send heartbeats to lifecycle hooks and complete lifecycle actions."""

from __future__ import annotations

import logging
from enum import StrEnum
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from vmseries_autoscale.aws.clients import without_secret
from vmseries_autoscale.errors import aws_error_code
from vmseries_autoscale.lifecycle.events import LifecycleEvent

if TYPE_CHECKING:
    from mypy_boto3_autoscaling import AutoScalingClient
    from mypy_boto3_autoscaling.type_defs import RecordLifecycleActionHeartbeatTypeTypeDef

logger = logging.getLogger(__name__)


class Result(StrEnum):
    """The result of a lifecycle action."""

    CONTINUE = "CONTINUE"
    ABANDON = "ABANDON"


def send_heartbeat(autoscaling: AutoScalingClient, event: LifecycleEvent) -> bool:
    """Send a heartbeat, which restarts the timeout of the lifecycle action.

    Returns:
        Whether the action is still open. Only a heartbeat with the event's token proves this,
        because the same instance may have a later action.
    """
    try:
        autoscaling.record_lifecycle_action_heartbeat(**_action(event))
    except ClientError as error:
        if _is_closed(error):
            return False
        raise without_secret(error, event.token) from None
    return True


def complete(autoscaling: AutoScalingClient, event: LifecycleEvent, result: Result) -> None:
    """Complete the lifecycle action. An action that is already complete is not an error."""
    try:
        autoscaling.complete_lifecycle_action(**_action(event), LifecycleActionResult=result.value)
    except ClientError as error:
        if not _is_closed(error):
            raise without_secret(error, event.token) from None
        logger.info("The lifecycle action was already complete", extra={"result": result.value})
        return
    logger.info("Completed the lifecycle action", extra={"result": result.value})


def _action(event: LifecycleEvent) -> RecordLifecycleActionHeartbeatTypeTypeDef:
    """Return the parameters that identify the lifecycle action, with its token if it is known."""
    action: RecordLifecycleActionHeartbeatTypeTypeDef = {
        "LifecycleHookName": event.hook,
        "AutoScalingGroupName": event.auto_scaling_group,
        "InstanceId": event.instance_id,
    }
    if event.token is not None:
        action["LifecycleActionToken"] = event.token
    return action


def _is_closed(error: ClientError) -> bool:
    """Return whether the action is complete, or its group or hook is deleted.

    Auto Scaling uses one error code for these and for other errors. Only the texts differ:
    "No active Lifecycle Action found with …", "AutoScalingGroup name not found".
    """
    text = error.response.get("Error", {}).get("Message", "").lower()
    return aws_error_code(error) == "ValidationError" and (
        "no active lifecycle action" in text or "not found" in text
    )
