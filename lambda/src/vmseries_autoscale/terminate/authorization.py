"""Decide whether an instance may be cleaned up. Pure functions.

A message alone proves nothing, because its sender can name any instance. An instance is cleaned up
only while Auto Scaling waits for its terminate hook, or if EC2 or the group's scaling activities
prove that it belongs to this deployment and leaves the group.
"""

from __future__ import annotations

from vmseries_autoscale.aws.autoscaling_group import Activity, ActivityType
from vmseries_autoscale.aws.instances import LEAVING_STATES, Instance
from vmseries_autoscale.errors import UnprovenTerminationError
from vmseries_autoscale.outcome import Done, Failed, Outcome, Retry


def needs_activity(instance: Instance | None, deployment: str, *, hook_open: bool) -> bool:
    """Return whether the decision depends on the group's scaling activities.

    Args:
        instance: Instance as EC2 describes it; ``None`` if EC2 does not know it.
        deployment: Name of the deployment.
        hook_open: Whether Auto Scaling waits for the instance's terminate hook.
    """
    if hook_open:
        return False
    if instance is None:
        return True
    owned = instance.is_of(deployment)
    return owned is None or (owned and instance.state not in LEAVING_STATES)


def authorize(
    instance_id: str,
    instance: Instance | None,
    activity: Activity | None,
    deployment: str,
    *,
    hook_open: bool,
) -> Outcome:
    """Decide whether the instance of a terminate event may be cleaned up.

    Args:
        instance_id: Id of the instance.
        instance: Instance as EC2 describes it; ``None`` if EC2 does not know it.
        activity: Newest scaling activity of the instance in this group, if ``needs_activity``.
        deployment: Name of the deployment.
        hook_open: Whether Auto Scaling waits for the instance's terminate hook.

    Returns:
        *Done* if it may be cleaned up; *Retry* if the group terminates it, but EC2 does not show
        that yet; or *Failed* with an UnprovenTerminationError.
    """
    owned = None if instance is None else instance.is_of(deployment)
    if instance is not None and owned is False:
        owner = instance.deployment
        tagged = "no deployment" if owner is None else f"deployment {owner}"
        return _reject(instance_id, f"it has the tag of {tagged}, and not of {deployment}")
    if hook_open or (instance is not None and owned and instance.state in LEAVING_STATES):
        return Done()
    terminating = activity is not None and activity.type is ActivityType.TERMINATING
    gone = instance is None or instance.state in LEAVING_STATES
    if terminating and gone:
        return Done()
    shown = "EC2 does not know it" if instance is None else f"EC2 shows it as {instance.state}"
    if terminating:
        return Retry(f"Auto Scaling terminates the instance, but {shown}")
    return _reject(
        instance_id,
        f"its terminate hook is not open, {shown}, and no scaling activity of the group terminates "
        "it",
    )


def _reject(instance_id: str, reason: str) -> Failed:
    return Failed(UnprovenTerminationError(f"{instance_id} is not cleaned up: {reason}"))
