"""The lifecycle of instances in a group, including lifecycle hooks.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/lifecycle-hooks-overview.html: an instance is
registered with the load balancer after the launch hooks, before it is in service; it is
deregistered and drained before the terminate hooks start.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.core.exceptions import ServiceException
from moto.elbv2.exceptions import TargetGroupNotFoundError

from vmseries_lab.aws.autoscaling.activities import Activities
from vmseries_lab.aws.autoscaling.model import (
    LAUNCHING,
    TERMINATING,
    Action,
    Member,
    members,
    overrides,
    suspended,
)
from vmseries_lab.aws.ec2.launch_checks import ZONAL
from vmseries_lab.aws.ec2.launch_templates import find_version, launch
from vmseries_lab.aws.moto_patching import backend
from vmseries_lab.core.world import World

OF_TYPE = ("InsufficientInstanceCapacity", "Unsupported")
"""Codes of errors after which a group of several instance types tries the next one."""

FIRST_BACKOFF_SECONDS = 30.0
LONGEST_BACKOFF_SECONDS = 900.0
"""Auto Scaling "limits the rate at which it allows instances to launch if the instances are failing
consistently"; the rate is not documented, so these times are the lab's own.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/lifecycle-hooks.html
"""


class Lifecycle:
    """Launches and terminates instances, and moves them through their lifecycle states."""

    def __init__(self, world: World, activities: Activities) -> None:
        self._world = world
        self._activities = activities
        self._failures: dict[str, int] = {}
        self._not_before: dict[str, float] = {}
        self._steps: dict[str, Callable[[Any, Member], None]] = {
            "Pending": self._pending,
            "Pending:Wait": self._pending_wait,
            "Pending:Proceed": self._pending_proceed,
            "Terminating": self._terminating,
            "Terminating:Wait": self._terminating_wait,
            "Terminating:Proceed": self._terminating_proceed,
        }

    # ------------------------------------------------------------------ start and end
    def may_launch(self, group: Any) -> bool:
        """Whether the backoff after failed launches is over."""
        return self._not_before.get(group.arn, 0.0) <= self._world.clock.now()

    def may_launch_into(self, group: Any, subnet_id: str) -> bool:
        """Whether the backoff after launches that failed in a subnet is over."""
        return self._not_before.get(f"{group.arn} {subnet_id}", 0.0) <= self._world.clock.now()

    def launch(self, group: Any, subnet_id: str, cause: str) -> None:
        """Launch one instance into a subnet, from the group's launch template version.

        A launch that fails becomes a failed activity with EC2's message.
        https://docs.aws.amazon.com/autoscaling/ec2/userguide/CHAP_Troubleshooting.html
        """
        store = backend("ec2")
        try:
            version = find_version(store, group.ec2_launch_template, group.launch_template_version)
            instance = self._run(store, group, version, subnet_id)
        except ServiceException as error:
            self.fail(group, cause, error, store.get_subnet(subnet_id))
            return
        self._failures.pop(f"{group.arn} {subnet_id}", None)
        instance.autoscaling_group = group
        template = {
            "LaunchTemplateId": version.template.id,
            "LaunchTemplateName": version.template.name,
            "Version": str(version.number),
        }
        member = Member(
            instance,
            group,
            template,
            self._activities.begin("Launch", group, cause, instance),
            protected_from_scale_in=bool(group.new_instances_protected_from_scale_in),
        )
        group.instance_states.append(member)
        self.note("instance-launching", member, zone=member.availability_zone)

    @staticmethod
    def _run(store: Any, group: Any, version: Any, subnet_id: str) -> Any:
        """Run an instance of the first type that EC2 has, in the order of the overrides.

        https://docs.aws.amazon.com/autoscaling/ec2/userguide/allocation-strategies.html

        Raises:
            EC2ClientError: of the last type.
        """
        tags = {**group.get_propagated_tags(), "aws:autoscaling:groupName": group.name}
        types = overrides(group)
        for instance_type in types[:-1]:
            try:
                return launch(store, version, subnet_id, tags, instance_type)
            except ServiceException as error:
                if error.code not in OF_TYPE:
                    raise
        return launch(store, version, subnet_id, tags, types[-1] if types else None)

    def fail(
        self, group: Any, cause: str, error: ServiceException, subnet: Any | None = None
    ) -> None:
        """Record a failed launch, and delay the next ones: into the subnet, or into all.

        https://docs.aws.amazon.com/autoscaling/ec2/userguide/auto-scaling-availability-zone-balanced.html:
        if launches fail in a zone, instances are launched in another one.
        """
        activity = self._activities.begin("Launch", group, cause, None, subnet)
        message = f"{error.message.rstrip('.')}. Launching EC2 instance failed."
        if overrides(group):
            message = f"Could not launch On-Demand Instances. {error.code} - {message}"
        self._activities.end(activity, "", "Failed", message)
        if subnet is not None and error.code in ZONAL:
            self._delay(f"{group.arn} {subnet.id}", 0)
        else:
            self._failed(group)

    def terminate(self, group: Any, member: Member, cause: str) -> Any:
        """Start the termination of an instance, unless it is terminating; return the activity."""
        if member.terminating:
            return member.activity
        member.activity = self._activities.begin("Terminate", group, cause, member.instance)
        member.actions.clear()
        member.lifecycle_state = "Terminating"
        self.note("instance-terminating", member, cause=cause)
        if self._registered(member):
            self._deregister(group, member)
        return member.activity

    def advance(self, group: Any) -> None:
        """Move every instance of the group through all states that it can reach now."""
        for member in members(group):
            before = ""
            while member.lifecycle_state != before and member.lifecycle_state in self._steps:
                before = member.lifecycle_state
                with self._world.errors.guard(f"instance {member.instance_id}"):
                    self._steps[before](group, member)

    def note(self, kind: str, member: Member, **detail: Any) -> None:
        """Add an entry about an instance to the timeline."""
        group = member.auto_scaling_group_name
        self._world.timeline.add("autoscaling", kind, member.instance_id, group=group, **detail)

    # ------------------------------------------------------------------ launching
    def _pending(self, group: Any, member: Member) -> None:
        if member.instance.state == "running":
            self._wait(group, member, LAUNCHING)
        elif member.instance.state in ("shutting-down", "terminated", "stopped"):
            self._launch_failed(group, member, _unhealthy(member))

    def _pending_wait(self, group: Any, member: Member) -> None:
        if member.instance.state != "running":
            self._launch_failed(group, member, _unhealthy(member))
            return
        self._expire(member)
        abandoned = [a for a in member.actions.values() if a.result == "ABANDON"]
        if abandoned:
            self._launch_failed(
                group,
                member,
                "Instance failed to complete user's Lifecycle Action: Lifecycle Action with token "
                f"{abandoned[0].token} was abandoned: {abandoned[0].reason}",
            )
        elif all(action.result for action in member.actions.values()):
            member.lifecycle_state = "Pending:Proceed"

    def _pending_proceed(self, group: Any, member: Member) -> None:
        if member.instance.state != "running":
            self._launch_failed(group, member, _unhealthy(member))
            return
        if not suspended(group, "AddToLoadBalancer"):
            for arn in group.target_group_arns:
                backend("elbv2").register_targets(arn, [{"Id": member.instance_id}])
        member.actions.clear()
        member.lifecycle_state = "InService"
        member.in_service_at = self._world.clock.now()
        self._failures.pop(group.arn, None)
        self._activities.end(member.activity, member.instance_id)
        self.note("instance-in-service", member)

    def _launch_failed(self, group: Any, member: Member, message: str) -> None:
        """Terminate an instance whose launch failed, including its terminate hooks.

        Terminate hooks run whenever the group terminates an instance. An abandoned launch is not
        among the documented exceptions (detaching, standby, deleting the group by force).
        https://docs.aws.amazon.com/autoscaling/ec2/userguide/lifecycle-hooks.html
        """
        self._activities.end(member.activity, member.instance_id, "Cancelled", message)
        self._failed(group)
        self.terminate(group, member, f"an instance was taken out of service: {message}")

    def _failed(self, group: Any) -> None:
        self._delay(group.arn, 1)

    def _delay(self, key: str, free: int) -> None:
        """Delay the next launch after all failures but the first ``free`` ones."""
        failures = self._failures.get(key, 0) + 1
        self._failures[key] = failures
        if failures > free:
            pause = FIRST_BACKOFF_SECONDS * 2 ** min(failures - free - 1, 10)
            self._not_before[key] = self._world.clock.now() + min(pause, LONGEST_BACKOFF_SECONDS)

    # ------------------------------------------------------------------ terminating
    def _terminating(self, group: Any, member: Member) -> None:
        if not self._registered(member) or all(
            _drained(arn, member.instance_id) for arn in group.target_group_arns
        ):
            self._wait(group, member, TERMINATING)

    def _terminating_wait(self, _group: Any, member: Member) -> None:
        self._expire(member)
        results = [action.result for action in member.actions.values()]
        # ABANDON skips the remaining hooks; the instance is terminated in either case.
        if "ABANDON" in results or all(results):
            member.actions.clear()
            member.lifecycle_state = "Terminating:Proceed"

    def _terminating_proceed(self, group: Any, member: Member) -> None:
        if member.instance.state not in ("shutting-down", "terminated"):
            member.instance.terminate()
        if member.instance.state == "terminated":
            group.instance_states.remove(member)
            self._activities.end(member.activity, member.instance_id)
            self.note("instance-terminated", member)

    def _registered(self, member: Member) -> bool:
        """Whether Auto Scaling deregisters a leaving instance from its target groups.

        "If an instance is terminating, it is first deregistered". No document says whether that
        includes one that it has not registered itself: assumption ``pending-target``.
        https://docs.aws.amazon.com/autoscaling/ec2/userguide/lifecycle-hooks-overview.html
        """
        assumed = self._world.assumptions["pending-target"]
        return member.in_service_at is not None or assumed == "deregistered"

    def _deregister(self, group: Any, member: Member) -> None:
        """Deregister an instance, also from target groups that no load balancer uses."""
        for arn in group.target_group_arns:
            if not _drained(arn, member.instance_id):
                backend("elbv2").deregister_targets(arn, [{"Id": member.instance_id}])

    # ------------------------------------------------------------------ hooks
    def _wait(self, group: Any, member: Member, transition: str) -> None:
        """Start a lifecycle action for every hook of a transition, and send its event."""
        base = "Pending" if transition == LAUNCHING else "Terminating"
        hooks = [
            hook
            for hook in backend("autoscaling").describe_lifecycle_hooks(group.name)
            if hook.lifecycle_transition == transition
        ]
        if not hooks:
            member.lifecycle_state = f"{base}:Proceed"
            return
        member.lifecycle_state = f"{base}:Wait"
        for hook in hooks:
            action = Action(hook, self._world.clock.now())
            member.actions[hook.name] = action
            self.note("hook-waiting", member, hook=hook.name)
            self._announce(group, member, action)

    def _announce(self, group: Any, member: Member, action: Action) -> None:
        launching = action.hook.lifecycle_transition == LAUNCHING
        detail = {
            "LifecycleActionToken": action.token,
            "AutoScalingGroupName": group.name,
            "LifecycleHookName": action.hook.name,
            "EC2InstanceId": member.instance_id,
            "LifecycleTransition": action.hook.lifecycle_transition,
            "Origin": "EC2" if launching else "AutoScalingGroup",
            "Destination": "AutoScalingGroup" if launching else "EC2",
        }
        metadata = getattr(action.hook, "notification_metadata", None)
        if metadata:
            detail["NotificationMetadata"] = metadata
        word = "launch" if launching else "terminate"
        self._world.emit(
            "aws.autoscaling", f"EC2 Instance-{word} Lifecycle Action", [group.arn], detail
        )

    def _expire(self, member: Member) -> None:
        now = self._world.clock.now()
        for action in member.actions.values():
            if action.result is None and action.deadline <= now:
                action.result = action.hook.default_result
                action.reason = "Heartbeat Timeout"
                self.note("hook-expired", member, hook=action.hook.name, result=action.result)


def _unhealthy(member: Member) -> str:
    """Return why an instance that ended before it was in service has failed.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ts-as-instancelaunchfailure.html
    """
    text = "Instance became unhealthy while waiting for instance to be in InService state."
    reason = getattr(member.instance, "state_reason", None)
    ended = f" Termination Reason: {reason.message}" if reason and reason.message else ""
    return text + ended


def _drained(target_group_arn: str, instance_id: str) -> bool:
    try:
        health = backend("elbv2").describe_target_health(target_group_arn, [{"Id": instance_id}])
    except TargetGroupNotFoundError:
        return True
    return all(target.reason == "Target.NotRegistered" for target in health)
