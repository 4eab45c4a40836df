"""The lifecycle of instances in a group.

Expected responses: EC2 Auto Scaling user guide and API reference; the tests name the pages.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from botocore.exceptions import ClientError

from vmseries_lab.aws.in_process import IMAGE, InProcessAws, hook, in_process_aws


@pytest.fixture
def aws() -> Iterator[InProcessAws]:
    with in_process_aws() as lab:
        yield lab


@pytest.fixture
def asg(aws: InProcessAws) -> Any:
    return aws.client("autoscaling")


def error_of(call: Any, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def registered_while_it_waits(aws: InProcessAws) -> tuple[str, str]:
    """Return a target group, and an instance that was registered while its launch hook is open."""
    target_group = aws.build_gateway()
    aws.build_group(TargetGroupARNs=[target_group])
    aws.world.advance(16)
    (instance_id,) = aws.states()
    assert aws.states() == {instance_id: "Pending:Wait"}
    aws.client("elbv2").register_targets(TargetGroupArn=target_group, Targets=[{"Id": instance_id}])
    return target_group, instance_id


class TestHooks:
    """https://docs.aws.amazon.com/autoscaling/ec2/userguide/lifecycle-hooks-overview.html"""

    def test_launch_waits_then_registers_then_serves(self, aws: InProcessAws) -> None:
        target_group = aws.build_gateway()
        aws.build_group(TargetGroupARNs=[target_group])
        aws.world.advance(1)
        assert list(aws.states().values()) == ["Pending"]
        aws.world.advance(15)
        (instance_id,) = aws.states()
        assert aws.states() == {instance_id: "Pending:Wait"}
        assert aws.health(target_group) == {}
        aws.complete(instance_id, "launch")
        aws.world.advance(1)
        assert aws.states() == {instance_id: "InService"}
        kinds = aws.kinds(instance_id)
        assert kinds.index("hook-completed") < kinds.index("target-registered")
        assert kinds.index("target-registered") < kinds.index("instance-in-service")

    def test_an_instance_that_waits_can_be_registered_and_is_not_registered_twice(
        self, aws: InProcessAws
    ) -> None:
        """ "All Elastic Load Balancing operations are idempotent": the target keeps its health.

        https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/Welcome.html
        """
        target_group, instance_id = registered_while_it_waits(aws)
        aws.world.advance(40)
        assert aws.health(target_group) == {instance_id: "healthy"}
        aws.complete(instance_id, "launch")
        aws.world.advance(1)
        assert aws.states() == {instance_id: "InService"}
        assert aws.health(target_group) == {instance_id: "healthy"}
        assert aws.kinds(instance_id).count("target-registered") == 1

    def test_an_instance_that_was_registered_while_it_waited_stays_a_target(
        self, aws: InProcessAws
    ) -> None:
        """No document says that Auto Scaling deregisters what it has not registered."""
        target_group, instance_id = registered_while_it_waits(aws)
        aws.complete(instance_id, "launch", "ABANDON")
        aws.world.advance(5)
        assert aws.states()[instance_id] == "Terminating:Wait"
        assert "draining" not in aws.health(target_group)[instance_id]

    def test_an_instance_that_was_registered_while_it_waited_may_be_deregistered(
        self, aws: InProcessAws
    ) -> None:
        aws.world.assumptions.set(pending_target="deregistered")
        target_group, instance_id = registered_while_it_waits(aws)
        aws.complete(instance_id, "launch", "ABANDON")
        aws.world.advance(5)
        assert aws.states()[instance_id] == "Terminating"
        assert aws.health(target_group) == {instance_id: "draining"}

    def test_events(self, aws: InProcessAws, asg: Any) -> None:
        """https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-event-reference.html"""
        (instance_id,) = aws.in_service(1)
        asg.set_desired_capacity(AutoScalingGroupName="fw", DesiredCapacity=0)
        aws.world.advance(1)
        launch, terminate = aws.lifecycle_events()
        assert launch.pop("LifecycleActionToken") != terminate.pop("LifecycleActionToken")
        assert launch == {
            "AutoScalingGroupName": "fw",
            "LifecycleHookName": "launch",
            "EC2InstanceId": instance_id,
            "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING",
            "Origin": "EC2",
            "Destination": "AutoScalingGroup",
        }
        assert (terminate["Origin"], terminate["Destination"]) == ("AutoScalingGroup", "EC2")
        aws.complete_all("terminate")
        aws.world.advance(35)
        outcomes = [kind for kind, _ in aws.events if kind.endswith("ful")]
        assert outcomes == ["EC2 Instance Launch Successful", "EC2 Instance Terminate Successful"]

    def test_drained_before_the_terminate_hook(self, aws: InProcessAws, asg: Any) -> None:
        """Deregistered first, and the deregistration delay is over before Terminating:Wait."""
        target_group = aws.build_gateway(**{"deregistration_delay.timeout_seconds": "60"})
        (instance_id,) = aws.in_service(1, TargetGroupARNs=[target_group])
        asg.set_desired_capacity(AutoScalingGroupName="fw", DesiredCapacity=0)
        aws.world.advance(50)
        assert aws.states()[instance_id] == "Terminating"
        assert aws.health(target_group) == {instance_id: "draining"}
        assert len(aws.lifecycle_events()) == 1
        aws.world.advance(15)
        assert aws.states() == {instance_id: "Terminating:Wait"}
        assert len(aws.lifecycle_events()) == 2
        aws.complete_all("terminate")
        aws.world.advance(35)
        assert aws.states() == {}
        kinds = aws.kinds(instance_id)
        leaving = kinds[kinds.index("instance-terminating") :]
        order = ["instance-terminating", "target-draining", "target-drained", "hook-waiting"]
        assert [kind for kind in leaving if kind in order] == order

    @pytest.mark.parametrize("fails", [False, True])
    def test_a_target_that_no_load_balancer_uses_is_deregistered(
        self, aws: InProcessAws, asg: Any, fails: bool
    ) -> None:
        target_group = aws.client("elbv2").create_target_group(
            Name="fw", Protocol="GENEVE", Port=6081, VpcId=aws.vpc
        )["TargetGroups"][0]["TargetGroupArn"]
        (instance_id,) = aws.in_service(1, TargetGroupARNs=[target_group])
        assert aws.health(target_group) == {instance_id: "unused"}
        if fails:
            aws.client("ec2").terminate_instances(InstanceIds=[instance_id])
        else:
            asg.set_desired_capacity(AutoScalingGroupName="fw", DesiredCapacity=0)
        aws.world.advance(60)
        assert aws.states()[instance_id] == "Terminating:Wait"
        assert instance_id not in aws.health(target_group)

    def test_token_or_instance_and_nothing_late(self, aws: InProcessAws, asg: Any) -> None:
        """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CompleteLifecycleAction.html"""
        aws.build_group()
        aws.world.advance(15)
        (event,) = aws.lifecycle_events()
        action = {
            "AutoScalingGroupName": "fw",
            "LifecycleHookName": "launch",
            "LifecycleActionToken": event["LifecycleActionToken"],
        }
        asg.record_lifecycle_action_heartbeat(**action)
        wrong = {**action, "LifecycleActionToken": "00000000-0000-0000-0000-000000000000"}
        code, text = error_of(asg.record_lifecycle_action_heartbeat, **wrong)
        assert code == "ValidationError"
        assert text.startswith("No active Lifecycle Action found")
        asg.complete_lifecycle_action(**action, LifecycleActionResult="CONTINUE")
        aws.world.advance(1)
        for call, more in (
            (asg.complete_lifecycle_action, {"LifecycleActionResult": "CONTINUE"}),
            (asg.record_lifecycle_action_heartbeat, {}),
        ):
            code, text = error_of(call, **action, **more)
            assert (code, text.split(" with ")[0]) == (
                "ValidationError",
                "No active Lifecycle Action found",
            )

    def test_heartbeats_move_the_end(self, aws: InProcessAws, asg: Any) -> None:
        """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RecordLifecycleActionHeartbeat.html"""
        aws.build_group(
            LifecycleHookSpecificationList=[hook("launch", "LAUNCHING", "CONTINUE", 60)]
        )
        aws.world.advance(15)
        (instance_id,) = aws.states()
        for _ in range(3):
            aws.world.advance(50)
            asg.record_lifecycle_action_heartbeat(
                AutoScalingGroupName="fw", LifecycleHookName="launch", InstanceId=instance_id
            )
        assert aws.states() == {instance_id: "Pending:Wait"}
        aws.world.advance(65)
        assert aws.states() == {instance_id: "InService"}
        assert "hook-expired" in aws.kinds(instance_id)

    def test_heartbeats_end_at_the_global_time_out(self, aws: InProcessAws, asg: Any) -> None:
        """100 heartbeat timeouts, or 48 hours: whichever is smaller."""
        aws.build_group(
            LifecycleHookSpecificationList=[hook("launch", "LAUNCHING", "CONTINUE", 30)]
        )
        (described,) = asg.describe_lifecycle_hooks(AutoScalingGroupName="fw")["LifecycleHooks"]
        assert described["GlobalTimeout"] == 3000
        aws.world.advance(15)
        (instance_id,) = aws.states()
        started = aws.world.clock.now()
        while aws.states()[instance_id] == "Pending:Wait":
            asg.record_lifecycle_action_heartbeat(
                AutoScalingGroupName="fw", LifecycleHookName="launch", InstanceId=instance_id
            )
            aws.world.advance(25)
        assert 2975 <= aws.world.clock.now() - started <= 3030

    def test_deleting_a_hook_completes_waiting_instances(self, aws: InProcessAws, asg: Any) -> None:
        """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DeleteLifecycleHook.html"""
        (leaving,) = aws.in_service(1)
        asg.set_desired_capacity(AutoScalingGroupName="fw", DesiredCapacity=0)
        aws.world.advance(1)
        assert aws.states() == {leaving: "Terminating:Wait"}
        asg.delete_lifecycle_hook(AutoScalingGroupName="fw", LifecycleHookName="terminate")
        aws.world.advance(35)
        assert aws.states() == {}

    @pytest.mark.refused("autoscaling:PutLifecycleHook")
    def test_hooks_read_back_as_written(self, aws: InProcessAws, asg: Any) -> None:
        """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutLifecycleHook.html"""
        aws.build_group(hooks=False)
        key = {"AutoScalingGroupName": "fw", "LifecycleHookName": "launch"}
        asg.put_lifecycle_hook(
            **key,
            LifecycleTransition="autoscaling:EC2_INSTANCE_LAUNCHING",
            NotificationMetadata='{"a":1}',
            HeartbeatTimeout=120,
        )
        asg.put_lifecycle_hook(**key, DefaultResult="CONTINUE")
        (found,) = asg.describe_lifecycle_hooks(AutoScalingGroupName="fw")["LifecycleHooks"]
        assert found == {
            **key,
            "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING",
            "NotificationMetadata": '{"a":1}',
            "HeartbeatTimeout": 120,
            "DefaultResult": "CONTINUE",
            "GlobalTimeout": 12000,
        }
        code, _ = error_of(asg.put_lifecycle_hook, **key, HeartbeatTimeout=7201)
        assert code == "ValidationError"


class TestAbandon:
    """https://docs.aws.amazon.com/autoscaling/ec2/userguide/lifecycle-hooks.html"""

    def test_abandoned_launch_is_terminated_and_replaced(self, aws: InProcessAws, asg: Any) -> None:
        aws.build_group()
        aws.world.advance(15)
        (first,) = aws.states()
        aws.complete(first, "launch", "ABANDON")
        aws.world.advance(15)
        states = aws.states()
        # The terminate hook runs for it like for every instance that the group terminates.
        assert states.pop(first) == "Terminating:Wait"
        assert list(states.values()) == ["Pending:Wait"]
        failed = [
            a
            for a in asg.describe_scaling_activities()["Activities"]
            if a["StatusCode"] == "Cancelled"
        ]
        assert "was abandoned" in failed[0]["StatusMessage"]
        assert "EC2 Instance Launch Unsuccessful" in [kind for kind, _ in aws.events]

    def test_expired_launch_takes_the_default(self, aws: InProcessAws) -> None:
        aws.build_group(LifecycleHookSpecificationList=[hook("launch", "LAUNCHING", "ABANDON", 60)])
        aws.world.advance(15)
        (first,) = aws.states()
        aws.world.advance(65)
        assert first not in aws.states() or aws.states()[first].startswith("Terminating")
        assert "hook-expired" in aws.kinds(first)

    def test_repeated_failures_slow_launches_down(self, aws: InProcessAws) -> None:
        """ "Limits the rate at which it allows instances to launch if they fail consistently"."""
        aws.build_group(LifecycleHookSpecificationList=[hook("launch", "LAUNCHING")])
        for _ in range(60):
            aws.world.advance(10)
            for instance_id, state in aws.states().items():
                if state == "Pending:Wait":
                    aws.complete(instance_id, "launch", "ABANDON")
        launches = [e.at for e in aws.world.timeline.since() if e.kind == "instance-launching"]
        gaps = [later - earlier for earlier, later in pairwise(launches)]
        assert len(gaps) >= 4
        assert gaps[-1] > 3 * gaps[0]

    def test_abandoned_terminate_skips_the_other_hooks(self, aws: InProcessAws, asg: Any) -> None:
        both = [hook("one", "TERMINATING"), hook("two", "TERMINATING")]
        aws.build_group(LifecycleHookSpecificationList=both)
        aws.world.advance(15)
        (instance_id,) = aws.states()
        asg.set_desired_capacity(AutoScalingGroupName="fw", DesiredCapacity=0)
        aws.world.advance(1)
        aws.complete(instance_id, "one", "CONTINUE")
        aws.world.advance(5)
        assert aws.states() == {instance_id: "Terminating:Wait"}
        aws.complete(instance_id, "two", "ABANDON")
        aws.world.advance(35)
        assert aws.states() == {}


class TestLaunchedInstances:
    def test_instance_follows_the_template_version(self, aws: InProcessAws, asg: Any) -> None:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RequestLaunchTemplateData.html"""
        aws.client("iam").create_instance_profile(InstanceProfileName="fw")
        tags = [
            {"ResourceType": kind, "Tags": [{"Key": "kind", "Value": kind}]}
            for kind in ("instance", "volume", "network-interface")
        ]
        template = aws.build_template(
            IamInstanceProfile={"Name": "fw"},
            MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 2},
            KeyName="ops",
            EbsOptimized=True,
            TagSpecifications=tags,
            BlockDeviceMappings=[
                {"DeviceName": "/dev/xvda", "Ebs": {"VolumeType": "gp3", "Encrypted": True}}
            ],
        )
        aws.client("ec2").create_launch_template_version(
            LaunchTemplateId=template, LaunchTemplateData={"ImageId": "ami-0fffffffffffffff0"}
        )
        (instance_id,) = aws.in_service(
            1,
            LaunchTemplate={"LaunchTemplateId": template, "Version": "1"},
            Tags=[
                {"Key": "kind", "Value": "from group", "PropagateAtLaunch": True},
                {"Key": "secret", "Value": "stays", "PropagateAtLaunch": False},
            ],
        )
        found = aws.instance(instance_id)
        assert found["IamInstanceProfile"]["Arn"].endswith(":instance-profile/fw")
        assert found["MetadataOptions"]["HttpTokens"] == "required"
        assert (found["KeyName"], found["EbsOptimized"]) == ("ops", True)
        # The group's tags win over the template's.
        # https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-tagging.html
        named = {tag["Key"]: tag["Value"] for tag in found["Tags"]}
        assert named == {
            "kind": "from group",
            "aws:autoscaling:groupName": "fw",
            "aws:ec2launchtemplate:id": template,
            "aws:ec2launchtemplate:version": "1",
        }
        ec2 = aws.client("ec2")
        (volume,) = ec2.describe_volumes()["Volumes"]
        assert (volume["VolumeType"], volume["Encrypted"]) == ("gp3", True)
        assert volume["Tags"] == [{"Key": "kind", "Value": "volume"}]
        (interface,) = ec2.describe_network_interfaces()["NetworkInterfaces"]
        assert interface["TagSet"] == [{"Key": "kind", "Value": "network-interface"}]
        assert [group["GroupId"] for group in interface["Groups"]] == [aws.security_group]
        assert interface["Attachment"]["DeleteOnTermination"] is True
        (member,) = aws.group()["Instances"]
        assert member["LaunchTemplate"]["Version"] == "1"

    def test_user_data_of_a_later_version(self, aws: InProcessAws) -> None:
        template = aws.build_template()
        ec2 = aws.client("ec2")
        (first,) = ec2.describe_launch_template_versions(LaunchTemplateId=template)[
            "LaunchTemplateVersions"
        ]
        data = {
            **first["LaunchTemplateData"],
            "UserData": base64.b64encode(b"second").decode(),
        }
        ec2.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData=data)
        wanted = {"LaunchTemplateId": template, "Version": "$Latest"}
        (instance_id,) = aws.in_service(1, LaunchTemplate=wanted)
        answer = ec2.describe_instance_attribute(InstanceId=instance_id, Attribute="userData")
        assert base64.b64decode(answer["UserData"]["Value"]) == b"second"

    def test_one_per_zone_then_two(self, aws: InProcessAws, asg: Any) -> None:
        """https://docs.aws.amazon.com/autoscaling/ec2/userguide/auto-scaling-benefits.html"""
        aws.in_service(3)
        zones = Counter(one["AvailabilityZone"] for one in aws.group()["Instances"])
        assert sorted(zones.values()) == [1, 1, 1]
        asg.set_desired_capacity(AutoScalingGroupName="fw", DesiredCapacity=6)
        aws.world.advance(15)
        zones = Counter(one["AvailabilityZone"] for one in aws.group()["Instances"])
        assert sorted(zones.values()) == [2, 2, 2]

    def test_a_launch_that_ec2_rejects(self, aws: InProcessAws, asg: Any) -> None:
        """A failed activity, an event, and another try later.

        https://docs.aws.amazon.com/autoscaling/ec2/userguide/ts-as-instancelaunchfailure.html
        """
        aws.build_group()
        aws.client("ec2").deregister_image(ImageId=IMAGE)
        aws.world.advance(5)
        activity = asg.describe_scaling_activities()["Activities"][0]
        assert activity["StatusCode"] == "Failed"
        assert "Launching EC2 instance failed" in activity["StatusMessage"]
        assert "EC2 Instance Launch Unsuccessful" in [kind for kind, _ in aws.events]
        assert aws.states() == {}
