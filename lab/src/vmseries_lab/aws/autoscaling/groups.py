"""The API actions on Auto Scaling groups in which moto differs from AWS.

https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_Operations.html
"""

from __future__ import annotations

import re
from typing import Any

from moto.autoscaling.exceptions import AutoscalingClientError, ValidationError
from moto.autoscaling.models import AutoScalingBackend, FakeAutoScalingGroup
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import EmptyResult
from moto.ec2.exceptions import EC2ClientError

from vmseries_lab.aws.autoscaling import lifecycle_hooks
from vmseries_lab.aws.autoscaling.capacity import set_desired
from vmseries_lab.aws.autoscaling.instance_lifecycle import Lifecycle
from vmseries_lab.aws.autoscaling.lifecycle_hooks import find_group
from vmseries_lab.aws.autoscaling.model import members
from vmseries_lab.aws.ec2.launch_checks import LaunchChecks
from vmseries_lab.aws.ec2.launch_templates import find_version
from vmseries_lab.aws.moto_patching import replace, wrap
from vmseries_lab.core.world import World

USER_REQUEST = "a user request explicitly set group desired capacity"
USER_UPDATE = "a user request update of AutoScalingGroup constraints"

_KEPT = (
    "AvailabilityZoneDistribution",
    "AvailabilityZoneImpairmentPolicy",
    "CapacityReservationSpecification",
    "DefaultCooldown",
    "DefaultInstanceWarmup",
    "DesiredCapacityType",
    "HealthCheckGracePeriod",
    "InstanceMaintenancePolicy",
    "MaxInstanceLifetime",
    "PlacementGroup",
    "ServiceLinkedRoleARN",
    "TerminationPolicies",
)
"""Parameters of Create- and UpdateAutoScalingGroup that moto drops (the grace period if 0)."""

_NOT_SIMULATED = (
    "batch_put_scheduled_update_group_action",
    "put_scheduled_update_group_action",
    "put_warm_pool",
)
"""Actions that moto stores and that would have no effect."""

_UNSET = -1
"""Value that removes a default instance warm-up or a maintenance policy.

https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_UpdateAutoScalingGroup.html
"""


class Groups:
    """Creates, updates and deletes groups."""

    def __init__(self, world: World, lifecycle: Lifecycle, checks: LaunchChecks) -> None:
        self._world = world
        self._lifecycle = lifecycle
        self._checks = checks
        for name in _NOT_SIMULATED:
            replace(AutoScalingResponse, name, _refuse(name))
        wrap(AutoScalingResponse, "create_auto_scaling_group", self.create)
        wrap(AutoScalingResponse, "update_auto_scaling_group", self.update)
        wrap(AutoScalingResponse, "delete_auto_scaling_group", self.delete)
        wrap(AutoScalingBackend, "set_desired_capacity", self.set_desired)
        wrap(AutoScalingBackend, "update_attached_target_groups", _nothing)
        wrap(FakeAutoScalingGroup, "set_desired_capacity", _remember_desired)
        wrap(FakeAutoScalingGroup, "update", self._update_group)

    def create(self, original: Any, response: Any) -> Any:
        """CreateAutoScalingGroup with all its parameters, including lifecycle hooks.

        https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html
        """
        parameters = response._get_params()  # noqa: SLF001
        name, store = parameters["AutoScalingGroupName"], response.autoscaling_backend
        if name in store.autoscaling_groups:
            raise AutoscalingClientError(
                "AlreadyExists",
                "AutoScalingGroup by this name already exists - A group with the name "
                f"{name} already exists",
            )
        low, high = int(parameters["MinSize"]), int(parameters["MaxSize"])
        _check_limits(low, high, int(parameters.get("DesiredCapacity", low)))
        self._check_source(response, parameters)
        result = original(response)
        group = store.autoscaling_groups[name]
        group.desired_cause = USER_UPDATE
        _keep(group, parameters)
        for hook in parameters.get("LifecycleHookSpecificationList") or []:
            lifecycle_hooks.put(store, name, hook)
        return result

    def update(self, original: Any, response: Any) -> Any:
        """UpdateAutoScalingGroup with all its parameters.

        https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_UpdateAutoScalingGroup.html
        """
        parameters = response._get_params()  # noqa: SLF001
        group = find_group(response.autoscaling_backend, parameters["AutoScalingGroupName"])
        if getattr(group, "status", None):
            raise AutoscalingClientError(
                "ScalingActivityInProgress", f"The group {group.name} is being deleted."
            )
        self._check_source(response, parameters)
        result = original(response)
        _keep(group, parameters)
        return result

    def _check_source(self, response: Any, parameters: dict[str, Any]) -> None:
        """Check that instances can be launched from what a request names.

        https://docs.aws.amazon.com/autoscaling/ec2/userguide/ts-as-launch-template.html

        Raises:
            NotImplementedError: for launch configurations, and parts of mixed instances policies.
            ValidationError: if EC2 would not launch from the launch template.
        """
        for name in ("LaunchConfigurationName", "InstanceId"):
            if parameters.get(name):
                raise NotImplementedError(f"groups with {name}")
        policy = parameters.get("MixedInstancesPolicy") or {}
        _check_policy(policy)
        template = policy.get("LaunchTemplate", {})
        wanted = parameters.get("LaunchTemplate") or template.get("LaunchTemplateSpecification")
        if not wanted:
            return
        store = response.autoscaling_backend.ec2_backend
        if wanted.get("LaunchTemplateId"):
            found = store.get_launch_template(wanted["LaunchTemplateId"])
        else:
            found = store.get_launch_template_by_name(wanted["LaunchTemplateName"])
        types = [override["InstanceType"] for override in template.get("Overrides") or []]
        try:
            data = find_version(store, found, wanted.get("Version") or "$Default").data
            for instance_type in types or [data.get("InstanceType", "")]:
                self._checks.check_request(store, data.get("ImageId", ""), instance_type)
        except EC2ClientError as error:
            raise ValidationError(
                f"You must use a valid fully-formed launch template. {error.message}"
            ) from error

    def _update_group(self, original: Any, group: Any, *args: Any, **kwargs: Any) -> None:
        low = group.min_size if kwargs["min_size"] is None else kwargs["min_size"]
        high = group.max_size if kwargs["max_size"] is None else kwargs["max_size"]
        wanted = kwargs.pop("desired_capacity")
        if wanted is None:
            # New limits adjust the desired capacity.
            wanted = min(max(group.desired_capacity or 0, low), high)
        _check_limits(low, high, wanted)
        original(group, *args, desired_capacity=None, **kwargs)
        set_desired(self._world, group, wanted, USER_UPDATE)

    def set_desired(self, _original: Any, store: Any, name: str, value: int) -> None:
        """SetDesiredCapacity within the limits.

        https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_SetDesiredCapacity.html
        """
        set_desired(self._world, find_group(store, name), value, USER_REQUEST)

    def delete(self, _original: Any, response: Any) -> Any:
        """DeleteAutoScalingGroup: rejected while the group has instances, unless forced.

        A forced deletion terminates the instances without their hooks.
        https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DeleteAutoScalingGroup.html
        """
        store = response.autoscaling_backend
        group = find_group(store, response._get_param("AutoScalingGroupName"))  # noqa: SLF001
        force = response._get_bool_param("ForceDelete", False)  # noqa: SLF001
        if members(group) and not force:
            raise AutoscalingClientError(
                "ResourceInUse",
                "You cannot delete an AutoScalingGroup while there are instances or pending Spot "
                "instance request(s) still in the group.",
            )
        group.status = "Delete in progress"
        for member in members(group):
            if not member.terminating:
                self._lifecycle.terminate(group, member, "a user request to delete the group")
            member.actions.clear()
            member.lifecycle_state = "Terminating:Proceed"
        self.forget_if_empty(store, group)
        return EmptyResult()

    def forget_if_empty(self, store: Any, group: Any) -> None:
        """Finish the deletion of a group after its last instance was terminated."""
        if group.status != "Delete in progress" or members(group):
            return
        store.autoscaling_groups.pop(group.name, None)
        for kept in (store.lifecycle_hooks, store.policies, store.scheduled_actions):
            for key in [k for k, v in kept.items() if v.auto_scaling_group_name == group.name]:
                kept.pop(key)


def _check_policy(policy: dict[str, Any]) -> None:
    """Check that the lab simulates a mixed instances policy.

    Raises:
        NotImplementedError: for Spot Instances, prices, weights and attribute-based selection.
    """
    distribution = policy.get("InstancesDistribution") or {}
    if distribution.get("OnDemandAllocationStrategy", "prioritized") != "prioritized":
        raise NotImplementedError("On-Demand allocation strategies other than prioritized")
    if int(distribution.get("OnDemandPercentageAboveBaseCapacity", 100)) != 100:
        raise NotImplementedError("mixed instances policies with Spot Instances")
    for override in policy.get("LaunchTemplate", {}).get("Overrides") or []:
        if set(override) != {"InstanceType"}:
            others = ", ".join(sorted(set(override) - {"InstanceType"}))
            raise NotImplementedError(f"overrides with {others}")


def _refuse(name: str) -> Any:
    def make(_original: Any) -> Any:
        def refuse(_response: Any) -> Any:
            raise NotImplementedError(name)

        return refuse

    return make


def _check_limits(low: int, high: int, desired: int) -> None:
    if low > high:
        raise ValidationError(
            f"Max bound, {high}, must be greater than or equal to min bound, {low}"
        )
    if not low <= desired <= high:
        raise ValidationError(
            f"Desired capacity:{desired} must be between the specified min size:{low} and max "
            f"size:{high}"
        )


def _keep(group: Any, parameters: dict[str, Any]) -> None:
    group.status = getattr(group, "status", None)
    for name in _KEPT:
        if name in parameters:
            value = parameters[name]
            if value == _UNSET or (isinstance(value, dict) and _UNSET in value.values()):
                value = None
            setattr(group, _snake(name), value)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _remember_desired(_original: Any, group: Any, value: int | None) -> None:
    """Only store the number; the engine launches and terminates instances."""
    if value is not None or not hasattr(group, "desired_capacity"):
        group.desired_capacity = group.min_size if value is None else value


def _nothing(_original: Any, _store: Any, _group_name: str) -> None:
    """Do nothing: the lifecycle registers instances just before they are in service."""
