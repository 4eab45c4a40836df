"""The API actions on instances of groups.

https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_Operations.html
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from moto.autoscaling.exceptions import ValidationError
from moto.autoscaling.models import ASG_NAME_TAG, AutoScalingBackend
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult, EmptyResult

from vmseries_lab.aws.autoscaling.activities import Activities
from vmseries_lab.aws.autoscaling.capacity import set_desired
from vmseries_lab.aws.autoscaling.health import in_grace
from vmseries_lab.aws.autoscaling.instance_lifecycle import Lifecycle
from vmseries_lab.aws.autoscaling.lifecycle_hooks import find_group
from vmseries_lab.aws.autoscaling.model import Member, members
from vmseries_lab.aws.moto_patching import wrap
from vmseries_lab.core.world import World

LARGEST_PAGE = 50
"""Maximum number of instances per response of DescribeAutoScalingInstances."""

ACTIVITIES_KEPT = timedelta(weeks=6)

USER_REQUEST = "an instance was taken out of service in response to a user request"


class GroupInstances:
    """Terminates, detaches, attaches and describes instances, and sets their health."""

    def __init__(self, world: World, lifecycle: Lifecycle, activities: Activities) -> None:
        self._world = world
        self._lifecycle = lifecycle
        self._activities = activities
        wrap(AutoScalingBackend, "terminate_instance", self.terminate)
        wrap(AutoScalingBackend, "detach_instances", self.detach)
        wrap(AutoScalingBackend, "attach_instances", self.attach)
        wrap(AutoScalingBackend, "enter_standby_instances", self.enter_standby)
        wrap(AutoScalingBackend, "exit_standby_instances", self.exit_standby)
        wrap(AutoScalingBackend, "attach_load_balancer_target_groups", self.attach_target_groups)
        wrap(AutoScalingBackend, "detach_load_balancer_target_groups", self.detach_target_groups)
        wrap(AutoScalingResponse, "set_instance_health", self.set_health)
        wrap(AutoScalingResponse, "describe_auto_scaling_instances", self.describe)
        wrap(AutoScalingResponse, "describe_scaling_activities", self.describe_activities)

    def terminate(
        self, _original: Any, store: Any, instance_id: str, should_decrement: bool
    ) -> Any:
        """TerminateInstanceInAutoScalingGroup.

        https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_TerminateInstanceInAutoScalingGroup.html
        """
        group, member = _find(store, instance_id)
        if should_decrement and not member.terminating:
            if group.desired_capacity <= group.min_size:
                raise ValidationError(
                    f"Currently, desiredSize equals minSize ({group.min_size}). Terminating "
                    "instance without replacement will violate group's min size constraint. "
                    "Either set shouldDecrementDesiredCapacity flag to false or lower group's min "
                    "size."
                )
            set_desired(self._world, group, group.desired_capacity - 1, USER_REQUEST)
        return self._lifecycle.terminate(group, member, USER_REQUEST)

    def detach(
        self,
        _original: Any,
        store: Any,
        group_name: str,
        instance_ids: list[str],
        should_decrement: bool,
    ) -> list[Any]:
        """DetachInstances: instances leave the group and keep running; no hook runs.

        https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DetachInstances.html
        """
        group = find_group(store, group_name)
        done = []
        for instance_id in instance_ids:
            _, member = _find(store, instance_id, group)
            if should_decrement:
                cause = "an instance was detached in response to a user request"
                set_desired(self._world, group, group.desired_capacity - 1, cause)
            activity = self._activities.begin(
                "Detach",
                group,
                "an instance was detached in response to a user request",
                member.instance,
            )
            _deregister(store, group.target_group_arns, [member])
            group.instance_states.remove(member)
            store.ec2_backend.delete_tags([instance_id], {ASG_NAME_TAG: group.name})
            self._activities.end(activity, instance_id)
            done.append(activity)
        return done

    def attach(self, _original: Any, store: Any, group_name: str, instance_ids: list[str]) -> None:
        """AttachInstances: running instances join at once and add to the capacity; no hook runs.

        https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_AttachInstances.html
        """
        group = find_group(store, group_name)
        cause = "instances were attached in response to a user request"
        set_desired(self._world, group, group.desired_capacity + len(instance_ids), cause)
        for instance_id in instance_ids:
            instance = store.ec2_backend.get_instance(instance_id)
            if instance.state != "running":
                raise ValidationError(f"Instance {instance_id} is not in running state.")
            activity = self._activities.begin("Launch", group, cause, instance)
            member = Member(instance, group, None, activity, lifecycle_state="Pending:Proceed")
            store.ec2_backend.create_tags([instance_id], {ASG_NAME_TAG: group.name})
            group.instance_states.append(member)

    def enter_standby(
        self,
        _original: Any,
        store: Any,
        group_name: str,
        instance_ids: list[str],
        should_decrement: bool,
    ) -> list[Any]:
        """EnterStandby: instances leave service and stay in the group; no hook runs.

        Either others replace them, or the desired capacity decreases, which is an error below the
        minimum size.
        https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_EnterStandby.html
        https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-enter-exit-standby.html
        """
        group = find_group(store, group_name)
        entering = [_find(store, instance_id, group)[1] for instance_id in instance_ids]
        for member in entering:
            if not member.in_service:
                raise ValidationError(f"The instance {member.instance_id} is not in InService.")
        if should_decrement and group.desired_capacity - len(entering) < group.min_size:
            raise ValidationError(_sizes(group, f"To place into standby {len(entering)} instance"))
        activities = []
        for member in entering:
            before = group.desired_capacity
            moved = f"instance {member.instance_id} was moved to standby in response to a user"
            cause = f"{moved} request"
            if should_decrement:
                set_desired(self._world, group, before - 1, cause)
                cause += f", shrinking the capacity from {before} to {before - 1}"
            activity = self._activities.begin("EnterStandby", group, cause, member.instance)
            _deregister(store, group.target_group_arns, [member])
            member.lifecycle_state = "Standby"
            self._activities.end(activity, member.instance_id)
            activities.append(activity)
        return activities

    def exit_standby(
        self, _original: Any, store: Any, group_name: str, instance_ids: list[str]
    ) -> list[Any]:
        """ExitStandby: instances return to service, and the desired capacity increases.

        Whether they run the launch hooks is not documented: assumption ``standby-exit-hooks``.
        https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_ExitStandby.html
        """
        group = find_group(store, group_name)
        leaving = [_find(store, instance_id, group)[1] for instance_id in instance_ids]
        for member in leaving:
            if member.lifecycle_state != "Standby":
                raise ValidationError(f"The instance {member.instance_id} is not in Standby.")
        if group.desired_capacity + len(leaving) > group.max_size:
            raise ValidationError(_sizes(group, f"To place into service {len(leaving)} instance"))
        for member in leaving:
            before = group.desired_capacity
            moved = f"instance {member.instance_id} was moved out of standby in response to a user"
            cause = f"{moved} request, increasing the capacity from {before} to {before + 1}"
            set_desired(self._world, group, before + 1, cause)
            member.activity = self._activities.begin("ExitStandby", group, cause, member.instance)
            hooks = self._world.assumptions["standby-exit-hooks"] == "run"
            member.lifecycle_state = "Pending" if hooks else "Pending:Proceed"
        return [member.activity for member in leaving]

    @staticmethod
    def attach_target_groups(
        original: Any, store: Any, group_name: str, target_group_arns: list[str]
    ) -> None:
        """AttachLoadBalancerTargetGroups: instances in service are registered.

        https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_AttachLoadBalancerTargetGroups.html
        """
        original(store, group_name, target_group_arns)
        serving = [m for m in members(find_group(store, group_name)) if m.in_service]
        for arn in target_group_arns:
            store.elbv2_backend.register_targets(arn, [{"Id": m.instance_id} for m in serving])

    @staticmethod
    def detach_target_groups(
        _original: Any, store: Any, group_name: str, target_group_arns: list[str]
    ) -> None:
        """DetachLoadBalancerTargetGroups: instances are deregistered.

        https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DetachLoadBalancerTargetGroups.html
        """
        group = find_group(store, group_name)
        _deregister(store, target_group_arns, members(group))
        group.target_group_arns = [
            arn for arn in group.target_group_arns if arn not in target_group_arns
        ]

    def set_health(self, _original: Any, response: Any) -> Any:
        """SetInstanceHealth; ignored in the grace period unless the caller overrides that.

        https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_SetInstanceHealth.html
        """
        parameters = response._get_params()  # noqa: SLF001
        status = parameters["HealthStatus"]
        if status not in ("Healthy", "Unhealthy"):
            raise ValidationError("Valid instance health states are: [Healthy, Unhealthy]")
        group, member = _find(response.autoscaling_backend, parameters["InstanceId"])
        respect = parameters.get("ShouldRespectGracePeriod", True)
        if status == "Healthy" or not (respect and in_grace(self._world, group, member)):
            member.health_status = status
        return EmptyResult()

    @staticmethod
    def describe(_original: Any, response: Any) -> Any:
        """DescribeAutoScalingInstances in pages of 50.

        https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeAutoScalingInstances.html
        """
        parameters = response._get_params()  # noqa: SLF001
        wanted = parameters.get("InstanceIds")
        instances = response.autoscaling_backend.describe_auto_scaling_instances(wanted)
        part, token = _page(instances, parameters, LARGEST_PAGE)
        return ActionResult({"AutoScalingInstances": part, "NextToken": token})

    def describe_activities(self, _original: Any, response: Any) -> Any:
        """DescribeScalingActivities of the past six weeks, newest first.

        Activities of deleted groups are returned only with ``IncludeDeletedGroups``.
        https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeScalingActivities.html
        """
        parameters = response._get_params()  # noqa: SLF001
        name, ids = parameters.get("AutoScalingGroupName"), parameters.get("ActivityIds")
        deleted = parameters.get("IncludeDeletedGroups", False)
        groups = response.autoscaling_backend.autoscaling_groups
        oldest = self._world.clock.utc() - ACTIVITIES_KEPT
        activities = [
            activity
            for activity in self._activities.all
            if name in (None, activity.auto_scaling_group_name)
            and (not ids or activity.activity_id in ids)
            and (deleted or activity.auto_scaling_group_name in groups)
            and activity.start_time >= oldest
        ]
        part, token = _page(activities, parameters, 100)
        return ActionResult({"Activities": part, "NextToken": token})


def _sizes(group: Any, wish: str) -> str:
    """Return the message for a change that the sizes of a group do not allow.

    The error is documented, its text is not.
    """
    return (
        f"AutoScalingGroup {group.name} has min-size={group.min_size}, max-size={group.max_size}, "
        f"and desired-size={group.desired_capacity}. {wish}, please update the AutoScalingGroup "
        "sizes appropriately."
    )


def _deregister(store: Any, target_group_arns: list[str], leaving: list[Member]) -> None:
    """Deregister the instances from the target groups in which they are registered."""
    ids = {member.instance_id for member in leaving}
    for arn in target_group_arns:
        for target in store.elbv2_backend.describe_target_health(arn, []):
            if target.instance_id in ids:
                store.elbv2_backend.deregister_targets(arn, [{"Id": target.instance_id}])


def _find(store: Any, instance_id: str, group: Any = None) -> tuple[Any, Member]:
    for candidate in [group] if group else store.autoscaling_groups.values():
        for member in members(candidate):
            if member.instance_id == instance_id:
                return candidate, member
    raise ValidationError(
        f"Instance Id not found - No managed instance found for instance ID: {instance_id}"
    )


def _page(
    items: list[Any], parameters: dict[str, Any], largest: int
) -> tuple[list[Any], str | None]:
    start = int(parameters.get("NextToken") or 0)
    end = start + min(int(parameters.get("MaxRecords") or largest), largest)
    return items[start:end], str(end) if end < len(items) else None
