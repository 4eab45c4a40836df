"""Auto Scaling groups: capacity, deletion, instances, health, refresh and zone balance.

Expected responses: EC2 Auto Scaling user guide and API reference; the tests name the pages.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from vmseries_lab.aws.autoscaling.zone_balancing import Candidate, subnet_for_launch, victims
from vmseries_lab.aws.in_process import InProcessAws, in_process_aws


@pytest.fixture
def aws() -> Iterator[InProcessAws]:
    with in_process_aws() as lab:
        yield lab


@pytest.fixture
def asg(aws: InProcessAws) -> Any:
    return aws.client("autoscaling")


def error_of(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return str(caught.value.response["Error"]["Code"])


NAME = {"AutoScalingGroupName": "fw"}


class TestCapacity:
    """https://docs.aws.amazon.com/autoscaling/ec2/userguide/asg-capacity-limits.html"""

    def test_limits(self, aws: InProcessAws, asg: Any) -> None:
        aws.build_group(MinSize=1, MaxSize=3)
        for value in (0, 4):
            assert error_of(asg.set_desired_capacity, **NAME, DesiredCapacity=value) == (
                "ValidationError"
            )
        assert error_of(asg.update_auto_scaling_group, **NAME, MinSize=5) == "ValidationError"

    def test_new_limits_adjust_the_capacity(self, aws: InProcessAws, asg: Any) -> None:
        """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_UpdateAutoScalingGroup.html"""
        aws.build_group()
        asg.update_auto_scaling_group(**NAME, MinSize=2)
        assert aws.group()["DesiredCapacity"] == 2
        asg.update_auto_scaling_group(**NAME, MinSize=0, MaxSize=1)
        assert aws.group()["DesiredCapacity"] == 1
        asg.update_auto_scaling_group(**NAME, MaxSize=9)
        assert aws.group()["DesiredCapacity"] == 1

    def test_settings_read_back(self, aws: InProcessAws, asg: Any) -> None:
        """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_AutoScalingGroup.html"""
        settings = {
            "DefaultInstanceWarmup": 0,
            "DefaultCooldown": 60,
            "HealthCheckGracePeriod": 0,
            "InstanceMaintenancePolicy": {"MinHealthyPercentage": 100, "MaxHealthyPercentage": 150},
            "MaxInstanceLifetime": 864000,
            "TerminationPolicies": ["OldestLaunchTemplate", "OldestInstance"],
        }
        aws.build_group(**settings)
        assert {key: aws.group()[key] for key in settings} == settings
        asg.update_auto_scaling_group(
            **NAME,
            DefaultInstanceWarmup=-1,
            InstanceMaintenancePolicy={"MinHealthyPercentage": -1, "MaxHealthyPercentage": -1},
        )
        assert "DefaultInstanceWarmup" not in aws.group()
        assert "InstanceMaintenancePolicy" not in aws.group()


class TestDelete:
    """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DeleteAutoScalingGroup.html"""

    def test_rejected_while_instances_remain(self, aws: InProcessAws, asg: Any) -> None:
        aws.in_service(1)
        assert error_of(asg.delete_auto_scaling_group, **NAME) == "ResourceInUse"
        asg.update_auto_scaling_group(**NAME, MinSize=0, MaxSize=0, DesiredCapacity=0)
        aws.world.advance(1)
        assert error_of(asg.delete_auto_scaling_group, **NAME) == "ResourceInUse"
        aws.complete_all("terminate")
        aws.world.advance(35)
        asg.delete_auto_scaling_group(**NAME)
        assert asg.describe_auto_scaling_groups()["AutoScalingGroups"] == []
        assert asg.describe_lifecycle_hooks(**NAME)["LifecycleHooks"] == []

    def test_by_force_no_hook_runs(self, aws: InProcessAws, asg: Any) -> None:
        (instance_id,) = aws.in_service(1)
        asg.delete_auto_scaling_group(**NAME, ForceDelete=True)
        assert aws.group()["Status"] == "Delete in progress"
        aws.world.advance(35)
        assert asg.describe_auto_scaling_groups()["AutoScalingGroups"] == []
        assert aws.instance(instance_id)["State"]["Name"] == "terminated"
        assert [event["LifecycleHookName"] for event in aws.lifecycle_events()] == ["launch"]

    def test_activities_of_deleted_groups_are_returned_on_request(
        self, aws: InProcessAws, asg: Any
    ) -> None:
        """For six weeks.

        https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeScalingActivities.html
        """
        (instance_id,) = aws.in_service(1)
        asg.delete_auto_scaling_group(**NAME, ForceDelete=True)
        aws.world.advance(35)
        assert asg.describe_scaling_activities(**NAME)["Activities"] == []
        newest, oldest = asg.describe_scaling_activities(**NAME, IncludeDeletedGroups=True)[
            "Activities"
        ]
        assert newest["Description"] == f"Terminating EC2 instance: {instance_id}"
        assert oldest["Description"] == f"Launching a new EC2 instance: {instance_id}"
        aws.world.clock.jump(43 * 86400)
        found = asg.describe_scaling_activities(**NAME, IncludeDeletedGroups=True)
        assert found["Activities"] == []


class TestInstances:
    def test_terminate_with_and_without_replacement(self, aws: InProcessAws, asg: Any) -> None:
        """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_TerminateInstanceInAutoScalingGroup.html"""
        one, two = aws.in_service(2, MinSize=1)
        terminate = asg.terminate_instance_in_auto_scaling_group
        activity = terminate(InstanceId=one, ShouldDecrementDesiredCapacity=True)["Activity"]
        assert activity["Description"] == f"Terminating EC2 instance: {one}"
        assert aws.group()["DesiredCapacity"] == 1
        assert error_of(terminate, InstanceId=two, ShouldDecrementDesiredCapacity=True) == (
            "ValidationError"
        )
        terminate(InstanceId=two, ShouldDecrementDesiredCapacity=False)
        aws.world.advance(15)
        assert sorted(aws.states().values()) == [
            "Pending:Wait",
            "Terminating:Wait",
            "Terminating:Wait",
        ]

    def test_detached_instances_go_on_without_hooks(self, aws: InProcessAws, asg: Any) -> None:
        """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DetachInstances.html"""
        target_group = aws.build_gateway()
        one, two = aws.in_service(2, TargetGroupARNs=[target_group])
        asg.detach_instances(**NAME, InstanceIds=[one], ShouldDecrementDesiredCapacity=True)
        aws.world.advance(20)
        assert list(aws.states()) == [two]
        assert aws.instance(one)["State"]["Name"] == "running"
        assert aws.health(target_group)[one] == "draining"
        assert len(aws.lifecycle_events()) == 2

    def test_target_groups_of_a_live_group(self, aws: InProcessAws, asg: Any) -> None:
        """https://docs.aws.amazon.com/autoscaling/ec2/userguide/attach-load-balancer-asg.html"""
        target_group = aws.build_gateway()
        (one,) = aws.in_service(1)
        asg.attach_load_balancer_target_groups(**NAME, TargetGroupARNs=[target_group])
        assert aws.health(target_group) == {one: "initial"}
        asg.detach_load_balancer_target_groups(**NAME, TargetGroupARNs=[target_group])
        assert aws.health(target_group) == {one: "draining"}
        assert aws.group()["TargetGroupARNs"] == []

    def test_protected_instances_stay(self, aws: InProcessAws, asg: Any) -> None:
        """https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-instance-protection.html"""
        kept, _other = aws.in_service(2)
        asg.set_instance_protection(**NAME, InstanceIds=[kept], ProtectedFromScaleIn=True)
        asg.set_desired_capacity(**NAME, DesiredCapacity=0)
        aws.world.advance(5)
        assert aws.states()[kept] == "InService"
        assert sorted(aws.states().values()) == ["InService", "Terminating:Wait"]

    def test_suspended_processes(self, aws: InProcessAws, asg: Any) -> None:
        """https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-suspend-resume-processes.html"""
        (one,) = aws.in_service(1)
        asg.suspend_processes(**NAME, ScalingProcesses=["Launch", "Terminate"])
        asg.set_desired_capacity(**NAME, DesiredCapacity=3)
        aws.world.advance(15)
        assert list(aws.states()) == [one]
        asg.set_desired_capacity(**NAME, DesiredCapacity=0)
        aws.world.advance(15)
        assert aws.states() == {one: "InService"}
        asg.resume_processes(**NAME)
        aws.world.advance(5)
        assert aws.states() == {one: "Terminating:Wait"}


class TestHealth:
    """https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-health-checks.html"""

    def test_a_manually_terminated_instance_is_replaced(self, aws: InProcessAws, asg: Any) -> None:
        """Its terminate hook runs, although the instance is dead."""
        (one,) = aws.in_service(1)
        aws.client("ec2").terminate_instances(InstanceIds=[one])
        aws.world.advance(15)
        states = aws.states()
        assert states.pop(one) == "Terminating:Wait"
        assert list(states.values()) == ["Pending:Wait"]
        causes = [a["Cause"] for a in asg.describe_scaling_activities()["Activities"]]
        assert any("EC2 health check" in cause for cause in causes)

    def test_instance_that_dies_in_its_launch_hook(self, aws: InProcessAws) -> None:
        aws.build_group()
        aws.world.advance(15)
        (one,) = aws.states()
        aws.client("ec2").terminate_instances(InstanceIds=[one])
        aws.world.advance(15)
        states = aws.states()
        assert states.pop(one).startswith("Terminating")
        assert list(states.values()) == ["Pending:Wait"]

    def test_load_balancer_health_after_the_grace_period(self, aws: InProcessAws) -> None:
        target_group = aws.build_gateway()
        (one,) = aws.in_service(
            1, TargetGroupARNs=[target_group], HealthCheckType="ELB", HealthCheckGracePeriod=60
        )
        aws.silent.add(one)
        aws.world.advance(50)
        assert aws.health(target_group) == {one: "unhealthy"}
        assert aws.states() == {one: "InService"}
        aws.world.advance(15)
        assert aws.states()[one].startswith("Terminating")
        assert "instance-launching" in [e.kind for e in aws.world.timeline.since()][-8:]

    def test_ec2_type_ignores_the_load_balancer(self, aws: InProcessAws) -> None:
        target_group = aws.build_gateway()
        (one,) = aws.in_service(1, TargetGroupARNs=[target_group], HealthCheckGracePeriod=0)
        aws.silent.add(one)
        aws.world.advance(60)
        assert aws.states() == {one: "InService"}

    def test_health_that_the_user_sets(self, aws: InProcessAws, asg: Any) -> None:
        """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_SetInstanceHealth.html"""
        (one,) = aws.in_service(1, HealthCheckGracePeriod=300)
        asg.set_instance_health(InstanceId=one, HealthStatus="Unhealthy")
        aws.world.advance(5)
        assert aws.states() == {one: "InService"}
        asg.set_instance_health(
            InstanceId=one, HealthStatus="Unhealthy", ShouldRespectGracePeriod=False
        )
        aws.world.advance(5)
        assert aws.states()[one] == "Terminating:Wait"


class TestRefresh:
    """https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-refresh-overview.html"""

    def start(self, asg: Any, **preferences: Any) -> str:
        answer = asg.start_instance_refresh(**NAME, Preferences=preferences)
        return str(answer["InstanceRefreshId"])

    def refresh(self, asg: Any) -> dict[str, Any]:
        return dict(asg.describe_instance_refreshes(**NAME)["InstanceRefreshes"][0])

    def run(self, aws: InProcessAws, asg: Any) -> tuple[int, int]:
        """Complete all hooks until the refresh ends.

        Returns:
            Minimum number of instances in service, and maximum number of instances.
        """
        fewest, most = 99, 0
        for _ in range(100):
            aws.world.advance(10)
            states = list(aws.states().values())
            fewest = min(fewest, states.count("InService"))
            most = max(most, sum(not s.startswith("Terminating") for s in states))
            if self.refresh(asg)["Status"] != "InProgress":
                break
            aws.complete_all("launch")
            aws.complete_all("terminate")
        aws.complete_all("terminate")
        aws.world.advance(40)
        return fewest, most

    @pytest.mark.parametrize(
        ("preferences", "fewest", "most"),
        [
            ({"MinHealthyPercentage": 100, "MaxHealthyPercentage": 150}, 3, 4),
            ({"MinHealthyPercentage": 100}, 3, 4),
            ({"MinHealthyPercentage": 50, "MaxHealthyPercentage": 100}, 2, 3),
            ({"MinHealthyPercentage": 0, "MaxHealthyPercentage": 100}, 0, 3),
            ({}, 2, 3),
        ],
    )
    def test_replaces_all_within_the_limits(
        self, aws: InProcessAws, asg: Any, preferences: dict[str, int], fewest: int, most: int
    ) -> None:
        """https://docs.aws.amazon.com/autoscaling/ec2/userguide/understand-instance-refresh-default-values.html"""
        before = set(aws.in_service(3, HealthCheckGracePeriod=0))
        self.start(asg, InstanceWarmup=30, **preferences)
        assert self.run(aws, asg) == (fewest, most)
        found = self.refresh(asg)
        assert (found["Status"], found["PercentageComplete"]) == ("Successful", 100)
        assert found["InstancesToUpdate"] == 0
        assert not before & set(aws.states())
        assert sum(state == "InService" for state in aws.states().values()) == 3

    def test_one_at_a_time_and_cancelled(self, aws: InProcessAws, asg: Any) -> None:
        """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CancelInstanceRefresh.html"""
        aws.in_service(2)
        started = self.start(asg)
        assert error_of(asg.start_instance_refresh, **NAME) == "InstanceRefreshInProgress"
        assert asg.cancel_instance_refresh(**NAME)["InstanceRefreshId"] == started
        assert self.refresh(asg)["Status"] == "Cancelled"
        assert error_of(asg.cancel_instance_refresh, **NAME) == "ActiveInstanceRefreshNotFound"

    def test_matching_instances_can_be_skipped(self, aws: InProcessAws, asg: Any) -> None:
        """https://docs.aws.amazon.com/autoscaling/ec2/userguide/asg-instance-refresh-skip-matching.html"""
        before = set(aws.in_service(2, HealthCheckGracePeriod=0))
        self.start(asg, SkipMatching=True)
        aws.world.advance(5)
        assert self.refresh(asg)["Status"] == "Successful"
        assert set(aws.states()) == before


class TestBalance:
    """https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-termination-policies.html"""

    def test_launch_goes_to_the_emptiest_zone(self) -> None:
        subnets = [("s1", "a"), ("s2", "b"), ("s3", "b")]
        assert subnet_for_launch(subnets, []) == "s1"
        assert subnet_for_launch(subnets, ["s1"]) == "s2"
        assert subnet_for_launch(subnets, ["s1", "s1", "s2"]) == "s3"

    def candidates(self) -> list[Candidate]:
        return [
            Candidate("old", "a", 0.0, version=2),
            Candidate("middle", "b", 1000.0, version=1),
            Candidate("new", "c", 2000.0, version=3),
        ]

    @pytest.mark.parametrize(
        ("policy", "victim"),
        [
            ("OldestInstance", "old"),
            ("NewestInstance", "new"),
            ("OldestLaunchTemplate", "middle"),
            ("ClosestToNextInstanceHour", "old"),
            ("Default", "middle"),
        ],
    )
    def test_policies(self, policy: str, victim: str) -> None:
        assert victims(self.candidates(), 1, [policy], 3000.0) == [victim]

    def test_zones_come_before_policies(self) -> None:
        crowded = [*self.candidates(), Candidate("second in c", "c", 3000.0, version=9)]
        assert victims(crowded, 1, ["OldestInstance"], 4000.0) == ["new"]
        assert victims(crowded, 2, ["OldestInstance"], 4000.0) == ["new", "old"]

    def test_protected_are_never_chosen(self) -> None:
        both = [Candidate("p", "a", 0.0, protected=True), Candidate("f", "b", 1.0)]
        assert victims(both, 2, ["Default"], 10.0) == ["f"]

    def test_other_templates_go_first(self) -> None:
        mixed = [Candidate("mine", "a", 0.0, version=1), Candidate("other", "b", 5.0, True, 7)]
        assert victims(mixed, 1, ["Default"], 10.0) == ["other"]
