"""Scaling policies: their API actions, and the capacity changes that alarms trigger.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scale-based-on-demand.html
"""

from __future__ import annotations

import uuid
from typing import Any

from moto.autoscaling.exceptions import ValidationError
from moto.autoscaling.models import AutoScalingBackend, FakeScalingPolicy
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import EmptyResult

from vmseries_lab.aws.autoscaling.capacity import set_desired
from vmseries_lab.aws.autoscaling.lifecycle_hooks import find_group
from vmseries_lab.aws.autoscaling.model import members, suspended, warmup_seconds
from vmseries_lab.aws.autoscaling.policies import target_tracking
from vmseries_lab.aws.autoscaling.policies.step_adjustments import adjusted, step_for, tracked
from vmseries_lab.aws.moto_patching import replace, wrap
from vmseries_lab.core.location import LOCATION
from vmseries_lab.core.world import World


class Policies:
    """Puts, deletes and executes scaling policies."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._changed_at: dict[str, float] = {}
        self._requested: dict[str, list[tuple[int, Any, Any]]] = {}
        replace(FakeScalingPolicy, "arn", lambda _: property(_arn))
        replace(FakeScalingPolicy, "policy_arn", lambda _: property(_arn))
        wrap(AutoScalingBackend, "put_scaling_policy", self.put)
        wrap(AutoScalingResponse, "put_scaling_policy", self.put_request)
        wrap(AutoScalingResponse, "delete_policy", self.delete)
        wrap(AutoScalingResponse, "execute_policy", self.execute)

    # ------------------------------------------------------------------ the API
    def put_request(self, original: Any, response: Any) -> Any:
        """PutScalingPolicy, with the alarms of target tracking policies.

        https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutScalingPolicy.html
        """
        parameters = response._get_params()  # noqa: SLF001
        store = response.autoscaling_backend
        find_group(store, parameters["AutoScalingGroupName"])
        result = original(response)
        policy = find_policy(store, parameters["PolicyName"], parameters["AutoScalingGroupName"])
        policy.enabled = bool(parameters.get("Enabled", True))
        target_tracking.put_alarms(policy)
        result.result.update(PolicyARN=policy.arn, Alarms=policy.alarms)
        return result

    @staticmethod
    def put(original: Any, store: Any, *args: Any, **kwargs: Any) -> Any:
        """Store policies by group and name, and keep the ARN of a policy that is updated."""
        name, group_name = kwargs["name"], kwargs["as_name"]
        key = f"{group_name}/{name}"
        old = store.policies.get(key)
        policy = original(store, *args, **kwargs)
        store.policies[key] = store.policies.pop(name)
        policy.policy_id = old.policy_id if old else str(uuid.uuid4())
        policy.enabled = True
        policy.alarms = old.alarms if old else []
        policy.predictive_scaling_configuration = policy.predictive_scaling_configuration or None
        return policy

    @staticmethod
    def delete(_original: Any, response: Any) -> Any:
        """DeletePolicy: also deletes the alarms of a target tracking policy.

        https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DeletePolicy.html
        """
        parameters = response._get_params()  # noqa: SLF001
        store = response.autoscaling_backend
        policy = find_policy(
            store, parameters["PolicyName"], parameters.get("AutoScalingGroupName")
        )
        store.policies.pop(f"{policy.auto_scaling_group_name}/{policy.name}")
        target_tracking.sweep_alarms(store)
        return EmptyResult()

    def execute(self, _original: Any, response: Any) -> Any:
        """ExecutePolicy.

        https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_ExecutePolicy.html
        """
        parameters = response._get_params()  # noqa: SLF001
        store = response.autoscaling_backend
        policy = find_policy(
            store, parameters["PolicyName"], parameters.get("AutoScalingGroupName")
        )
        group = find_group(store, policy.auto_scaling_group_name)
        if policy.policy_type == "TargetTrackingScaling":
            raise ValidationError("Policies of type TargetTrackingScaling cannot be executed")
        if parameters.get("HonorCooldown") and self._cooling_down(group, policy):
            raise ValidationError("The group is cooling down")
        value = float(parameters.get("MetricValue") or 0)
        threshold = float(parameters.get("BreachThreshold") or 0)
        capacity = self._capacity_for(group, policy, value, threshold)
        if capacity is not None:
            self._apply(group, capacity, f"a user request executed policy {policy.name}")
        return EmptyResult()

    # ------------------------------------------------------------------ alarms
    def trigger(self, arn: str, alarm: Any, store: Any) -> None:
        """Record the capacity that a policy requests because of an alarm, until :meth:`settle`."""
        policy = next((known for known in store.policies.values() if known.arn == arn), None)
        if policy is None or not policy.enabled or alarm.latest_value is None:
            return
        group = find_group(store, policy.auto_scaling_group_name)
        if suspended(group, "AlarmNotification"):
            return
        if policy.policy_type == "SimpleScaling" and self._cooling_down(group, policy):
            return
        value, threshold = float(alarm.latest_value), float(alarm.threshold)
        capacity = self._capacity_for(group, policy, value, threshold)
        if capacity is not None:
            self._requested.setdefault(group.name, []).append((capacity, policy, alarm))

    def settle(self, store: Any) -> None:
        """Choose among the capacities that the policies of each group request, and apply it.

        The largest capacity wins. Target tracking policies scale in only if all of them that can
        scale in request it; other policies scale in independently.
        https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scale-based-on-demand.html
        """
        requested, self._requested = self._requested, {}
        for name, requests in requested.items():
            group = store.autoscaling_groups[name]
            desired = group.desired_capacity or 0
            allowed = [
                request
                for request in requests
                if request[0] >= desired or self._may_scale_in(store, group, request[1], requests)
            ]
            if not allowed:
                continue
            capacity, policy, alarm = max(allowed, key=lambda request: request[0])
            self._apply(
                group,
                capacity,
                f"a monitor alarm {alarm.name} in state {alarm.state_value} triggered policy "
                f"{policy.name}",
            )

    def _may_scale_in(
        self, store: Any, group: Any, policy: Any, requests: list[tuple[int, Any, Any]]
    ) -> bool:
        now = self._world.clock.now()
        warmup = warmup_seconds(group)
        if any(member.counts and not member.warm(now, warmup) for member in members(group)):
            # No scale-in while a scale-out is in progress.
            return False
        if policy.policy_type != "TargetTrackingScaling":
            return True
        others = {
            other.name
            for other in store.policies.values()
            if other.auto_scaling_group_name == group.name
            and other.policy_type == "TargetTrackingScaling"
            and other.enabled
            and not target_tracking.setting(other, "DisableScaleIn", False)
        }
        desired = group.desired_capacity or 0
        return others <= {other.name for capacity, other, _ in requests if capacity < desired}

    def _capacity_for(self, group: Any, policy: Any, value: float, threshold: float) -> int | None:
        """Return the capacity that a policy requests, ``None`` if no step applies."""
        desired = group.desired_capacity or 0
        override = policy.estimated_instance_warmup
        warmup = warmup_seconds(group, None if override is None else int(override))
        now = self._world.clock.now()
        warm = sum(member.warm(now, warmup) for member in members(group) if member.counts)
        if policy.policy_type == "TargetTrackingScaling":
            target = float(target_tracking.setting(policy, "TargetValue", 0))
            if value > target:
                return max(desired, tracked(warm or desired, value, target))
            leaving = sum(member.terminating for member in members(group))
            return min(desired, tracked(desired + leaving, value, target))
        kind = policy.adjustment_type
        at_least = policy.min_adjustment_magnitude
        if policy.policy_type == "SimpleScaling":
            adjustment = policy.scaling_adjustment
        else:
            adjustment = step_for(value - threshold, policy.step_adjustments)
        if adjustment is None:
            return None
        at_least = int(at_least) if at_least else None
        if adjustment < 0:
            # Terminating instances still count, so that too many are not removed.
            leaving = sum(member.terminating for member in members(group))
            return min(desired, adjusted(desired + leaving, adjustment, kind, at_least))
        return max(desired, adjusted(warm or desired, adjustment, kind, at_least))

    def _cooling_down(self, group: Any, policy: Any) -> bool:
        cooldown = policy.cooldown if policy.cooldown is not None else group.default_cooldown
        since = self._world.clock.now() - self._changed_at.get(group.name, 0.0)
        return since < float(cooldown)

    def _apply(self, group: Any, capacity: int, cause: str) -> None:
        within = min(max(capacity, group.min_size), group.max_size)
        if within != group.desired_capacity:
            self._changed_at[group.name] = self._world.clock.now()
            set_desired(self._world, group, within, cause)


def find_policy(store: Any, name: str, group_name: str | None) -> Any:
    """Return the policy with this ARN, or with this name in the group.

    Raises:
        ValidationError: if there is no such policy.
    """
    for policy in store.policies.values():
        if name == policy.arn or (
            name == policy.name and group_name in (None, policy.auto_scaling_group_name)
        ):
            return policy
    raise ValidationError(f"PolicyName {name} not found")


def _arn(policy: Any) -> str:
    return LOCATION.arn(
        "autoscaling",
        f"scalingPolicy:{policy.policy_id}:"
        f"autoScalingGroupName/{policy.auto_scaling_group_name}:policyName/{policy.name}",
    )
