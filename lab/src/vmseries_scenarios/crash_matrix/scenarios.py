"""Scenarios: how each is prepared, how its function is started, and when it is over."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from vmseries_lab.aws.moto_patching import backend
from vmseries_lab.client.lab import DEPLOYMENT_TAG
from vmseries_lab.panorama import estate, lab_settings, references
from vmseries_scenarios.crash_matrix.forkable_lab import ForkableLab

MINUTE = 60.0
BOOT = {"bootstrap": 480, "license": 482, "register": 484, "content": 486, "rejoin": 300}
"""A firewall boots after the second visit, so that a run that was killed is repeated in time. One
that boots without its management interface is replaced, which other tests prove."""
PUSH_SECONDS = 10
LAYOUTS = ("one-arm", "two-arm", "healthy")
TARGET_GROUP = "crash-matrix-data"
"""The target group of the Auto Scaling groups, from the root module."""


class Scenario(ABC):
    """A scenario of one layout.

    Attributes:
        name: Name in the table.
        layout: Name of the deployment in the root module.
        function: The function under test.
        limit: Limit of lab time in seconds.
    """

    name: ClassVar[str]
    layout: ClassVar[str]
    function: ClassVar[str]
    limit: ClassVar[float] = 90 * MINUTE

    @property
    def function_name(self) -> str:
        """Name of the function under test."""
        return f"{self.layout}-{self.function}"

    @property
    def functions(self) -> list[str]:
        """Names of the functions that run in the scenario, preparation included."""
        return [self.function_name]

    @abstractmethod
    def prepare(self, lab: ForkableLab) -> None:
        """Bring the lab to the moment before the function starts."""

    @abstractmethod
    def begin(self, lab: ForkableLab) -> None:
        """Start the function."""

    def is_over(self, lab: ForkableLab) -> bool:
        """Return whether everything has happened that the scenario waits for."""
        # Checked so often that calls of the API would take longer than the run.
        group = backend("autoscaling").autoscaling_groups[self.layout]
        states = [member.lifecycle_state for member in group.instance_states]
        return (
            states == ["InService"] * group.desired_capacity
            and not lab.waiting_for(f"{self.layout}-launch")
            and not lab.waiting_for(f"{self.layout}-terminate")
        )


class _Launch(Scenario):
    function = "launch"

    def prepare(self, lab: ForkableLab) -> None:
        shorten_delays(lab)

    def begin(self, lab: ForkableLab) -> None:
        lab.group(self.layout).scale(1)


class LaunchOneArm(_Launch):
    """A launch in the one-arm layout."""

    name, layout = "launch, one-arm", "one-arm"


class LaunchTwoArm(_Launch):
    """A launch in the two-arm layout."""

    name, layout = "launch, two-arm", "two-arm"


class LaunchHealthy(_Launch):
    """A launch without credentials, in which health checks decide about readiness."""

    name, layout = "launch, healthy", "healthy"

    def prepare(self, lab: ForkableLab) -> None:
        """Send traffic to the target group, whose health checks begin with that.

        Terraform would wait a minute for a load balancer.
        """
        super().prepare(lab)
        elbv2, ec2 = lab.client("elbv2"), lab.client("ec2")
        (group,) = elbv2.describe_target_groups(Names=[TARGET_GROUP])["TargetGroups"]
        subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [group["VpcId"]]}])
        balancer = elbv2.create_load_balancer(
            Name="crash-matrix", Type="gateway", Subnets=[subnets["Subnets"][0]["SubnetId"]]
        )["LoadBalancers"][0]
        elbv2.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"],
            DefaultActions=[{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}],
        )


class _InService(Scenario):
    """Starts with one firewall in service."""

    layout = "two-arm"

    @property
    def functions(self) -> list[str]:
        return [*super().functions, f"{self.layout}-launch"]

    def prepare(self, lab: ForkableLab) -> None:
        shorten_delays(lab)
        lab.group(self.layout).scale(1)
        if not lab.run(60 * MINUTE, lambda: Scenario.is_over(self, lab)):
            raise RuntimeError(f"{self.name}: the launch before the scenario did not complete")


class Terminate(_InService):
    """A termination in the two-arm layout."""

    name, function = "terminate, two-arm", "terminate"

    def begin(self, lab: ForkableLab) -> None:
        """Terminate the firewall."""
        (instance_id,) = lab.group(self.layout).states()
        lab.group(self.layout).terminate(instance_id)


class _Reconcile(_InService):
    """The schedule starts when the fault is old enough to be repaired."""

    function = "reconcile"

    def prepare(self, lab: ForkableLab) -> None:
        super().prepare(lab)
        lab.fault(service="events", action="Deliver", kind="drop", count=None)
        self.lose(lab)
        lab.simulator.pipeline.faults.clear()

    @abstractmethod
    def lose(self, lab: ForkableLab) -> None:
        """Let something happen while no event is delivered."""

    def begin(self, lab: ForkableLab) -> None:
        lab.client("events").enable_rule(Name=f"{self.layout}-reconcile")


class ReconcileRemoves(_Reconcile):
    """Orphans of a firewall that was terminated without a visit are removed."""

    name = "reconcile, orphans"

    def lose(self, lab: ForkableLab) -> None:
        """A firewall is terminated without a visit, and one of its interfaces is not deleted."""
        (instance_id,) = lab.group(self.layout).states()
        ec2 = lab.client("ec2")
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
        lab.group(self.layout).terminate(instance_id)
        lab.run(
            10 * MINUTE,
            lambda: lab.group(self.layout).states()[instance_id] == "Terminating:Wait",
        )
        lab.client("autoscaling").complete_lifecycle_action(
            AutoScalingGroupName=self.layout,
            LifecycleHookName="terminate",
            InstanceId=instance_id,
            LifecycleActionResult="CONTINUE",
        )
        lab.advance(30 * MINUTE)

    def is_over(self, lab: ForkableLab) -> bool:
        """Return whether the orphans are removed as well."""
        ec2, panorama = backend("ec2"), lab.simulator.vendor.panorama
        # The NAT gateway has an interface and an address, too.
        found = [*ec2.enis.values(), *ec2.addresses]
        orphans = [
            *(each for each in found if any(t["key"] == DEPLOYMENT_TAG for t in each.get_tags())),
            *(
                serial
                for serial in references.managed(panorama.leading.store.running)
                if not serial.startswith(estate.SERIALS)
            ),
        ]
        return super().is_over(lab) and not orphans and not lab.targets()


class ReconcileResends(_Reconcile):
    """Lost lifecycle events are sent again."""

    name = "reconcile, lost events"

    @property
    def functions(self) -> list[str]:
        """The reconcile, launch and terminate functions."""
        return [*super().functions, f"{self.layout}-terminate"]

    def lose(self, lab: ForkableLab) -> None:
        """Lose the event of a termination, and that of a launch after its first visit."""
        (leaving,) = lab.group(self.layout).states()
        lab.group(self.layout).terminate(leaving)
        lab.simulator.pipeline.faults.clear()
        lab.advance(2 * MINUTE)
        lab.group(self.layout).scale(1)
        lab.run(10 * MINUTE, lambda: bool(lab.waiting_for(f"{self.layout}-launch")))
        sqs = lab.client("sqs")
        url = sqs.get_queue_url(QueueName=f"{self.layout}-launch")["QueueUrl"]
        sqs.purge_queue(QueueUrl=url)
        lab.advance(12 * MINUTE)


def shorten_delays(lab: ForkableLab) -> None:
    """Disable alarms and schedules, and shorten every delay."""
    cloudwatch = lab.client("cloudwatch")
    alarms = cloudwatch.describe_alarms()["MetricAlarms"]
    cloudwatch.delete_alarms(AlarmNames=[alarm["AlarmName"] for alarm in alarms])
    for layout in LAYOUTS:
        lab.client("events").disable_rule(Name=f"{layout}-reconcile")
    lab.simulator.fleet.times.change(**BOOT)
    lab_settings.configure(
        lab.simulator.vendor.panorama, push_seconds=PUSH_SECONDS, commit_seconds=PUSH_SECONDS
    )
    lab.simulator.vendor.licensing.configure(deactivation_seconds=0)


SCENARIOS: tuple[Scenario, ...] = (
    LaunchOneArm(),
    LaunchTwoArm(),
    LaunchHealthy(),
    Terminate(),
    ReconcileRemoves(),
    ReconcileResends(),
)
