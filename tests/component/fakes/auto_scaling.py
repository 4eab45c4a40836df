"""Amazon EC2 Auto Scaling in memory: a group, its lifecycle hooks and its activities."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from component.fakes import events
from component.fakes.base import NAME, ZONE, client_error
from component.fakes.ec2 import AGE_FLOOR, LAUNCH_TAGS
from component.fakes.load_balancing import LoadBalancing
from component.fakes.sqs import Sqs
from vmseries_autoscale.lifecycle.events import Transition

HEARTBEAT_TIMEOUT = timedelta(hours=1)
ACTIVITIES_PER_PAGE = 100
"""Default of MaxRecords (API_DescribeScalingActivities)."""


@dataclass
class Wait:
    """An open lifecycle hook, for which Auto Scaling waits."""

    transition: Transition
    token: str
    began: datetime
    heartbeat: datetime


@dataclass
class Member:
    state: str
    activity: dict[str, Any]
    wait: Wait | None = None


@dataclass
class AutoScaling(LoadBalancing, Sqs):
    """The group.

    Attributes:
        group_exists: Whether the group exists. Activities outlive it.
        desired: Desired capacity; ``None`` for the number of members.
        maximum: Maximum size.
        expired: Instances whose hook timed out.
        completed: Token and result of each completed lifecycle action, in order.
        mail: How many copies of an event arrive.
        suspended: Suspended processes.
    """

    group_exists: bool = True
    desired: int | None = None
    maximum: int = 100
    members: dict[str, Member] = field(default_factory=dict)
    activities: list[dict[str, Any]] = field(default_factory=list)
    activities_per_page: int = ACTIVITIES_PER_PAGE
    expired: list[str] = field(default_factory=list)
    completed: list[tuple[str, str]] = field(default_factory=list)
    mail: int = 1
    suspended: set[str] = field(default_factory=set)

    def launch(self) -> str:
        """Launch an instance; its launch hook waits."""
        instance_id = self.run_instance(LAUNCH_TAGS)
        activity = self.begin_activity("Launching a new EC2 instance", instance_id)
        self.members[instance_id] = Member("Pending:Wait", activity)
        self._begin_wait(instance_id, Transition.LAUNCHING)
        return instance_id

    def scale_in(self, instance_id: str) -> None:
        """Terminate a member; its terminate hook waits."""
        member = self.members[instance_id]
        member.activity = self.begin_activity("Terminating EC2 instance", instance_id)
        member.state = "Terminating:Wait"
        self._begin_wait(instance_id, Transition.TERMINATING)

    def detach_from_group(self, instance_id: str) -> None:
        """Detach an instance from the group; it lives on."""
        self.begin_activity("Detaching EC2 instance", instance_id)["EndTime"] = self.now
        del self.members[instance_id]

    def lose_from_group(self, instance_id: str) -> None:
        """Remove a member without waiting for a hook."""
        self.begin_activity("Terminating EC2 instance", instance_id)["EndTime"] = self.now
        del self.members[instance_id]

    def in_state(self, *states: str) -> list[str]:
        return [key for key, member in self.members.items() if member.state in states]

    def begin_activity(
        self, description: str, instance_id: str, began: datetime | None = None
    ) -> dict[str, Any]:
        activity: dict[str, Any] = {
            "ActivityId": self.new_id("activity"),
            "AutoScalingGroupName": NAME,
            "Description": f"{description}: {instance_id}",
            "StartTime": began or self.now,
            "StatusCode": "Successful",
        }
        self.activities.insert(0, activity)
        return activity

    def refuse_launch(
        self, message: str, zone: str | None = ZONE, began: datetime | None = None
    ) -> dict[str, Any]:
        """Record a launch that EC2 refuses, and return its activity."""
        activity: dict[str, Any] = {
            "ActivityId": self.new_id("activity"),
            "AutoScalingGroupName": NAME,
            "Description": f"Launching a new EC2 instance.  Status Reason: {message}",
            "StartTime": began or self.now,
            "EndTime": began or self.now,
            "StatusCode": "Failed",
            "StatusMessage": message,
            "Details": json.dumps({"Subnet ID": "data", "Availability Zone": zone} if zone else {}),
        }
        self.activities.insert(0, activity)
        return activity

    def open_hook(self, instance_id: str, transition: Transition, token: str) -> Wait:
        """Let a member wait at a lifecycle hook."""
        launching = transition is Transition.LAUNCHING
        state = "Pending:Wait" if launching else "Terminating:Wait"
        member = self.members.setdefault(instance_id, Member(state, {}))
        member.state, member.wait = state, Wait(transition, token, self.now, self.now)
        return member.wait

    def expire_hooks(self) -> None:
        """End the waits whose heartbeat timeout has passed."""
        for instance_id, member in list(self.members.items()):
            if member.wait and self.now - member.wait.heartbeat >= HEARTBEAT_TIMEOUT:
                self.expired.append(instance_id)
                launching = member.wait.transition is Transition.LAUNCHING
                self._end_wait(instance_id, "ABANDON" if launching else "CONTINUE")

    def _begin_wait(self, instance_id: str, transition: Transition) -> None:
        token = f"{next(self._ids):08x}-0000-4000-8000-000000000000"
        self.open_hook(instance_id, transition, token)
        event = events.lifecycle_event(transition, instance_id, token, self.now)
        for _ in range(self.mail):
            self.put(events.HOOKS[transition], json.dumps(event))

    def _end_wait(self, instance_id: str, result: str) -> None:
        member = self.members[instance_id]
        assert member.wait is not None
        launching = member.wait.transition is Transition.LAUNCHING
        member.wait = None
        member.activity["EndTime"] = self.now
        if not launching:
            if instance_id in self.instances:
                self.kill(instance_id)
            del self.members[instance_id]
        elif result == "CONTINUE" and self.lives(instance_id):
            member.state = "InService"
        else:
            self.scale_in(instance_id)

    def entries_outside_aws(self, instance_id: str) -> list[str]:
        """The entries of an instance outside of AWS."""
        return []

    def _take(self, instance_id: str, thing: str) -> None:
        """Record harm if a function takes something from a live instance outside its hook."""
        function, member = self.function, self.members.get(instance_id)
        state = member.state if member else "not in the group"
        rightful = {"launch": "Pending:Wait", "terminate": "Terminating:Wait"}.get(function)
        if function and self.lives(instance_id) and state != rightful:
            self.harm.append(f"{function} took {thing} from {instance_id}, which is {state}")

    # Requests.

    def describe_auto_scaling_groups(self, parameters: dict[str, Any]) -> Any:
        if not self.group_exists or NAME not in parameters["AutoScalingGroupNames"]:
            return {"AutoScalingGroups": []}
        members = [
            {"InstanceId": key, "LifecycleState": member.state}
            for key, member in self.members.items()
        ]
        group = {
            "AutoScalingGroupName": NAME,
            "DesiredCapacity": len(members) if self.desired is None else self.desired,
            "MaxSize": self.maximum,
            "SuspendedProcesses": [{"ProcessName": name} for name in sorted(self.suspended)],
            "Instances": members,
        }
        return {"AutoScalingGroups": [group]}

    def suspend_processes(self, parameters: dict[str, Any]) -> Any:
        self.suspended |= set(parameters["ScalingProcesses"])
        return {}

    def describe_scaling_activities(self, parameters: dict[str, Any]) -> Any:
        if not self.group_exists and not parameters.get("IncludeDeletedGroups"):
            return {"Activities": []}
        start = int(parameters.get("NextToken", 0))
        end = start + self.activities_per_page
        page = {"Activities": [dict(activity) for activity in self.activities[start:end]]}
        return page | ({"NextToken": str(end)} if end < len(self.activities) else {})

    def record_lifecycle_action_heartbeat(self, parameters: dict[str, Any]) -> Any:
        self._open_wait(parameters).heartbeat = self.now
        return {}

    def complete_lifecycle_action(self, parameters: dict[str, Any]) -> Any:
        wait, instance_id = self._open_wait(parameters), parameters["InstanceId"]
        if wait.transition is Transition.TERMINATING and (
            orphans := self.left_by(instance_id) + self.entries_outside_aws(instance_id)
        ):
            self.harm.append(f"the hook of {instance_id} was completed, with orphans {orphans}")
        result = parameters["LifecycleActionResult"]
        self.completed.append((wait.token, result))
        self._end_wait(instance_id, result)
        return {}

    def _open_wait(self, parameters: dict[str, Any]) -> Wait:
        member = self.members.get(parameters["InstanceId"])
        wait = member.wait if member else None
        if (
            wait is None
            or events.HOOKS[wait.transition] != parameters["LifecycleHookName"]
            or parameters.get("LifecycleActionToken", wait.token) != wait.token
        ):
            raise client_error("ValidationError", message="No active Lifecycle Action found")
        return wait

    def send_message(self, parameters: dict[str, Any]) -> Any:
        """Send a message, and record harm if the reconcile function resends an event too early."""
        if self.function == "reconcile":
            self._check_resent(json.loads(parameters["MessageBody"])["detail"])
        return super().send_message(parameters)

    def _check_resent(self, detail: dict[str, Any]) -> None:
        wait = self.members[detail["EC2InstanceId"]].wait
        # If the hook has ended in the meantime, the resent event has no effect.
        is_open = wait is not None and wait.transition is Transition(detail["LifecycleTransition"])
        if wait is not None and is_open and self.now - wait.began < AGE_FLOOR:
            self.harm.append(f"an event was resent {self.now - wait.began} after the first")
