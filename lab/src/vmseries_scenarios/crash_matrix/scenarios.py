"""Situations in which a function begins to work, and how one knows that all is over."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from vmseries_lab.aws.moto_patching import backend
from vmseries_lab.panorama import references
from vmseries_scenarios.crash_matrix.stage import Stage

MINUTE = 60.0
BOOT = {"bootstrap": 480, "license": 482, "register": 484, "content": 486, "rejoin": 300}
"""A firewall boots after the second visit, which a run that died comes back for in time: one that
finds no management interface is replaced, which is right, and another story (``test_launch``)."""
PUSH_SECONDS = 10


class Scenario(ABC):
    """One situation of one layout.

    Attributes:
        name: what the table calls it.
        layout: the deployment, in the fixture's words.
        function: the function under test.
        limit: seconds of the lab after which what is not over will never be.
    """

    name: ClassVar[str]
    layout: ClassVar[str]
    function: ClassVar[str]
    limit: ClassVar[float] = 90 * MINUTE

    @property
    def role(self) -> str:
        """The role of the function under test."""
        return f"{self.layout}-{self.function}"

    @property
    def functions(self) -> list[str]:
        """The functions that run in the scenario, preparation included."""
        return [self.role]

    @abstractmethod
    def prepare(self, stage: Stage) -> None:
        """Bring the stage to the moment before the function begins."""

    @abstractmethod
    def begin(self, stage: Stage) -> None:
        """Give the function its reason to run."""

    def over(self, stage: Stage) -> bool:
        """Whether nothing is left to be waited for."""
        # Asked so often that the way by the API would cost more than the run.
        group = backend("autoscaling").autoscaling_groups[self.layout]
        states = [member.lifecycle_state for member in group.instance_states]
        return (
            states == ["InService"] * group.desired_capacity
            and not stage.waiting_for(f"{self.layout}-launch")
            and not stage.waiting_for(f"{self.layout}-terminate")
        )


def _set_capacity(stage: Stage, layout: str, number: int) -> None:
    stage.client("autoscaling").set_desired_capacity(
        AutoScalingGroupName=layout, DesiredCapacity=number
    )


def _members(stage: Stage, layout: str) -> dict[str, str]:
    members = stage.group(layout)["Instances"]
    return {member["InstanceId"]: member["LifecycleState"] for member in members}


def _terminate(stage: Stage, instance_id: str) -> None:
    stage.client("autoscaling").terminate_instance_in_auto_scaling_group(
        InstanceId=instance_id, ShouldDecrementDesiredCapacity=True
    )


class _Launch(Scenario):
    function = "launch"

    def prepare(self, stage: Stage) -> None:
        calm(stage)

    def begin(self, stage: Stage) -> None:
        _set_capacity(stage, self.layout, 1)


class LaunchOneArm(_Launch):
    """A launch in the one-arm layout."""

    name, layout = "launch, one-arm", "one-arm"


class LaunchTwoArm(_Launch):
    """A launch in the two-arm layout."""

    name, layout = "launch, two-arm", "two-arm"


class _InService(Scenario):
    """Begins with one firewall in service."""

    layout = "two-arm"

    @property
    def functions(self) -> list[str]:
        return [*super().functions, f"{self.layout}-launch"]

    def prepare(self, stage: Stage) -> None:
        calm(stage)
        _set_capacity(stage, self.layout, 1)
        if not stage.run(60 * MINUTE, lambda: Scenario.over(self, stage), lambda: None):
            raise RuntimeError(f"{self.name}: the launch before the scenario did not complete")


class Terminate(_InService):
    """A termination in the two-arm layout."""

    name, function = "terminate, two-arm", "terminate"

    def begin(self, stage: Stage) -> None:
        """Terminate the firewall."""
        (instance_id,) = _members(stage, self.layout)
        _terminate(stage, instance_id)


class _Reconcile(_InService):
    """The schedule begins when everything has been wrong for long enough."""

    function = "reconcile"

    def prepare(self, stage: Stage) -> None:
        super().prepare(stage)
        stage.fault(service="events", action="Deliver", kind="drop", count=None)
        self.lose(stage)
        stage.lab.gate.faults.clear()

    @abstractmethod
    def lose(self, stage: Stage) -> None:
        """Let something go wrong while no event arrives."""

    def begin(self, stage: Stage) -> None:
        stage.client("events").enable_rule(Name=f"{self.layout}-reconcile")


class ReconcileRemoves(_Reconcile):
    """Orphans of a firewall that was terminated without a visit are removed."""

    name = "reconcile, leftovers"

    def lose(self, stage: Stage) -> None:
        """A firewall goes without any visit, and one of its interfaces outlives it."""
        (instance_id,) = _members(stage, self.layout)
        ec2 = stage.client("ec2")
        reservations = ec2.describe_instances(InstanceIds=[instance_id])["Reservations"]
        (untrust,) = (
            interface
            for interface in reservations[0]["Instances"][0]["NetworkInterfaces"]
            if interface["Attachment"]["DeviceIndex"] == 2
        )
        ec2.modify_network_interface_attribute(
            NetworkInterfaceId=untrust["NetworkInterfaceId"],
            Attachment={
                "AttachmentId": untrust["Attachment"]["AttachmentId"],
                "DeleteOnTermination": False,
            },
        )
        _terminate(stage, instance_id)
        stage.run(
            10 * MINUTE,
            lambda: _members(stage, self.layout)[instance_id] == "Terminating:Wait",
            lambda: None,
        )
        stage.client("autoscaling").complete_lifecycle_action(
            AutoScalingGroupName=self.layout,
            LifecycleHookName="terminate",
            InstanceId=instance_id,
            LifecycleActionResult="CONTINUE",
        )
        stage.advance(30 * MINUTE)

    def over(self, stage: Stage) -> bool:
        """Whether the orphans are removed as well."""
        ec2, panorama = backend("ec2"), stage.lab.outside.panorama
        left = [*ec2.enis.values(), *ec2.addresses, *references.managed(panorama.store.running)]
        return super().over(stage) and not left and not stage.targets()


class ReconcileResends(_Reconcile):
    """Lost lifecycle events are sent again."""

    name = "reconcile, lost events"

    @property
    def functions(self) -> list[str]:
        """The reconcile, launch and terminate functions."""
        return [*super().functions, f"{self.layout}-terminate"]

    def lose(self, stage: Stage) -> None:
        """The event of a termination is lost, and a launch's after its first visit."""
        (leaving,) = _members(stage, self.layout)
        _terminate(stage, leaving)
        stage.lab.gate.faults.clear()
        stage.advance(2 * MINUTE)
        _set_capacity(stage, self.layout, 1)
        stage.run(
            10 * MINUTE, lambda: bool(stage.waiting_for(f"{self.layout}-launch")), lambda: None
        )
        sqs = stage.client("sqs")
        url = sqs.get_queue_url(QueueName=f"{self.layout}-launch")["QueueUrl"]
        sqs.purge_queue(QueueUrl=url)
        stage.advance(12 * MINUTE)


def calm(stage: Stage) -> None:
    """Nothing runs by itself, and what has to be waited for is short."""
    cloudwatch = stage.client("cloudwatch")
    alarms = cloudwatch.describe_alarms()["MetricAlarms"]
    cloudwatch.delete_alarms(AlarmNames=[alarm["AlarmName"] for alarm in alarms])
    for layout in ("one-arm", "two-arm"):
        stage.client("events").disable_rule(Name=f"{layout}-reconcile")
    stage.lab.fleet.times.change(**BOOT)
    stage.lab.outside.panorama.configure(push_seconds=PUSH_SECONDS, commit_seconds=PUSH_SECONDS)
    stage.lab.outside.licensing.configure(deactivation_seconds=0)


SCENARIOS: tuple[Scenario, ...] = (
    LaunchOneArm(),
    LaunchTwoArm(),
    Terminate(),
    ReconcileRemoves(),
    ReconcileResends(),
)
