"""The API actions on lifecycle hooks.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/lifecycle-hooks.html
"""

from __future__ import annotations

from typing import Any

from moto.autoscaling.exceptions import ValidationError
from moto.autoscaling.models import LifecycleHook
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import EmptyResult

from vmseries_lab.aws.autoscaling.instance_lifecycle import Lifecycle
from vmseries_lab.aws.autoscaling.model import (
    LAUNCHING,
    TERMINATING,
    Action,
    Member,
    global_timeout,
    members,
)
from vmseries_lab.aws.moto_patching import add_method, wrap
from vmseries_lab.core.world import World

SHORTEST_HEARTBEAT, LONGEST_HEARTBEAT = 30, 7200
RESULTS = ("CONTINUE", "ABANDON")


class Hooks:
    """Puts and deletes hooks, completes lifecycle actions, and records heartbeats."""

    def __init__(self, world: World, lifecycle: Lifecycle) -> None:
        self._world = world
        self._lifecycle = lifecycle
        wrap(AutoScalingResponse, "put_lifecycle_hook", self.put_request)
        wrap(AutoScalingResponse, "delete_lifecycle_hook", self.delete)
        add_method(AutoScalingResponse, "complete_lifecycle_action", self.complete)
        add_method(AutoScalingResponse, "record_lifecycle_action_heartbeat", self.heartbeat)

    def put_request(self, _original: Any, response: Any) -> Any:
        """PutLifecycleHook; parameters that are not given keep their values.

        https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutLifecycleHook.html
        """
        parameters = response._get_params()  # noqa: SLF001
        put(response.autoscaling_backend, parameters["AutoScalingGroupName"], parameters)
        return EmptyResult()

    def delete(self, original: Any, response: Any) -> Any:
        """DeleteLifecycleHook: outstanding lifecycle actions are completed first.

        The result is ABANDON for launching and CONTINUE for terminating instances.
        https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DeleteLifecycleHook.html
        """
        parameters = response._get_params()  # noqa: SLF001
        store, name = response.autoscaling_backend, parameters["LifecycleHookName"]
        group_name = parameters["AutoScalingGroupName"]
        if f"{group_name}_{name}" not in store.lifecycle_hooks:
            raise ValidationError(f"No Lifecycle Hook found with name: {name}")
        group = find_group(store, group_name)
        for member in members(group):
            action = member.actions.get(name)
            if action and action.result is None:
                action.result = (
                    "ABANDON" if action.hook.lifecycle_transition == LAUNCHING else "CONTINUE"
                )
                action.reason = "Lifecycle hook was deleted"
        return original(response)

    def complete(self, response: Any) -> Any:
        """CompleteLifecycleAction, by token or by instance.

        https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CompleteLifecycleAction.html
        """
        result = response._get_param("LifecycleActionResult")  # noqa: SLF001
        if result not in RESULTS:
            raise ValidationError(f"LifecycleActionResult must be one of {', '.join(RESULTS)}")
        member, action = self._find(response)
        action.result = result
        action.reason = f"Lifecycle Action Completed with {result} Result"
        self._lifecycle.note("hook-completed", member, hook=action.hook.name, result=result)
        return EmptyResult()

    def heartbeat(self, response: Any) -> Any:
        """RecordLifecycleActionHeartbeat: restarts the heartbeat timeout.

        https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RecordLifecycleActionHeartbeat.html
        """
        member, action = self._find(response)
        action.restart(self._world.clock.now())
        self._lifecycle.note("hook-heartbeat", member, hook=action.hook.name)
        return EmptyResult()

    def _find(self, response: Any) -> tuple[Member, Action]:
        parameters = response._get_params()  # noqa: SLF001
        group = find_group(response.autoscaling_backend, parameters["AutoScalingGroupName"])
        token, instance_id = parameters.get("LifecycleActionToken"), parameters.get("InstanceId")
        now = self._world.clock.now()
        for member in members(group):
            action = member.actions.get(parameters["LifecycleHookName"])
            if (
                action
                and action.result is None
                and action.deadline > now
                and (action.token == token if token else member.instance_id == instance_id)
            ):
                return member, action
        identifier = f"token {token}" if token else f"instance ID {instance_id}"
        raise ValidationError(f"No active Lifecycle Action found with {identifier}")


def put(store: Any, group_name: str, wanted: dict[str, Any]) -> None:
    """Create or update a hook.

    Args:
        store: moto's Auto Scaling store.
        group_name: name of the group.
        wanted: parameters of PutLifecycleHook.

    Raises:
        ValidationError: for an unknown group or a value out of range.
    """
    find_group(store, group_name)
    name = wanted["LifecycleHookName"]
    key = f"{group_name}_{name}"
    old = store.lifecycle_hooks.get(key)
    transition = wanted.get("LifecycleTransition") or (old and old.lifecycle_transition)
    if transition not in (LAUNCHING, TERMINATING):
        raise ValidationError("A lifecycle transition must be specified")
    heartbeat = int(wanted.get("HeartbeatTimeout") or (old.heartbeat_timeout if old else 3600))
    if not SHORTEST_HEARTBEAT <= heartbeat <= LONGEST_HEARTBEAT:
        raise ValidationError(
            f"The heartbeat timeout must be from {SHORTEST_HEARTBEAT} to {LONGEST_HEARTBEAT} "
            f"seconds, not {heartbeat}"
        )
    result = wanted.get("DefaultResult") or (old.default_result if old else "ABANDON")
    hook = old or LifecycleHook(name, group_name, transition, heartbeat, result)
    hook.lifecycle_transition = transition
    hook.heartbeat_timeout = heartbeat
    hook.default_result = result
    hook.global_timeout = int(global_timeout(heartbeat))
    for parameter, attribute in (
        ("RoleARN", "role_arn"),
        ("NotificationTargetARN", "notification_target_arn"),
        ("NotificationMetadata", "notification_metadata"),
    ):
        # moto adds a role and a target of its own, which Terraform would plan to change.
        kept = getattr(old, attribute, None) if old else None
        setattr(hook, attribute, wanted.get(parameter, kept) or None)
    store.lifecycle_hooks[key] = hook


def find_group(store: Any, name: str) -> Any:
    """Return the group with this name.

    Raises:
        ValidationError: if there is no such group.
    """
    group = store.autoscaling_groups.get(name)
    if group is None:
        raise ValidationError(
            f"AutoScalingGroup name not found - AutoScalingGroup '{name}' not found"
        )
    return group
