"""Deployments in which the functions do everything that they can do, each in a lab of its own.

``FULL`` has every feature that brings a permission, and everything happens in it: launches that
come into service, that are refused and that are too late, terminations with an address at the
wrong place, messages that nobody can read, lost events, and every kind of leftover. Only the
firewalls' own API is not in it, since that is for a deployment without Panorama. The others show
that a deployment with other or fewer features needs no more than it is granted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vmseries_lab.client import SECRETS, Lab
from vmseries_lab.panorama.license_plugin import LICENSE_MANAGER
from vmseries_scenarios.least_privilege.proof import Deployment, Statement, read_calls, undecided
from vmseries_scenarios.terraform import Workspace

ROOT = "tests/fixtures/permissions"
MINUTE = 60.0
APPLY_PACE = 60.0
UNTIL_IN_SERVICE = 60
"""Minutes of lab time; a firewall boots in 25 at most."""
LOST = 45
"""Minutes of lab time after which an event that was lost has been written anew."""
TAG = "vmseries-autoscale:"
FULL = ("addresses", "keys", "panorama", "targets", "vpc")
LICENSED_BY_PANORAMA = ("panorama", "plugin")
WITHOUT_PANORAMA = ("firewall-api", "keys", "vpc")
BARE = ()
GONE = "i-00000000000000000"
"""An instance that nobody remembers."""


class ScenarioError(RuntimeError):
    """Something did not happen that a scenario needs."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a deployment.

    Attributes:
        deployment: what the functions may do and did.
        permissions: the root's output of that name.
        undecided: calls that the lab could not decide, and refused for it.
    """

    deployment: Deployment
    permissions: dict[str, Any]
    undecided: list[str]


@dataclass
class Stage:
    """An applied root and its lab.

    Attributes:
        outputs: the root's.
        preflight: where the calls of the pre-flight begin in the lab's log, and where they end.
    """

    lab: Lab
    workspace: Workspace
    outputs: dict[str, Any] = field(default_factory=dict)
    preflight: tuple[int, int] = (0, 0)

    @property
    def group(self) -> str:
        """Name of the Auto Scaling group, and of everything else."""
        return str(self.outputs["name"])

    def apply(self) -> None:
        """Apply, with time passing quickly."""
        self.workspace.init()
        self.workspace.keep_provider()
        self.lab.pace(APPLY_PACE)
        try:
            self.workspace.apply(limit=180)
        finally:
            self.lab.pace(0)
        self.outputs = self.workspace.output()

    def states(self) -> dict[str, str]:
        """The group's instances with their lifecycle states."""
        groups = self.lab.aws.client("autoscaling").describe_auto_scaling_groups(
            AutoScalingGroupNames=[self.group]
        )["AutoScalingGroups"]
        return {one["InstanceId"]: one["LifecycleState"] for one in groups[0]["Instances"]}

    def set_desired(self, number: int) -> None:
        """Ask for so many firewalls."""
        self.lab.aws.client("autoscaling").set_desired_capacity(
            AutoScalingGroupName=self.group, DesiredCapacity=number
        )

    def until(self, what: str, there: Callable[[], Any], minutes: float) -> Any:
        """Let lab time pass until something is there, and return it.

        Raises:
            ScenarioError: if it is not there after so many minutes.
        """
        for _ in range(int(minutes)):
            if found := there():
                return found
            self.lab.advance(MINUTE)
        last = "\n".join(str(entry) for entry in self.lab.timeline()[-15:])
        raise ScenarioError(f"not after {minutes:.0f} minutes of lab time: {what}\n{last}")

    def until_in_service(self, number: int) -> None:
        """Let lab time pass until exactly so many firewalls are there, all in service."""
        states = ["InService"] * number
        what = f"{number} firewalls in service"
        self.until(what, lambda: list(self.states().values()) == states, UNTIL_IN_SERVICE)

    def until_happened(self, kind: str, minutes: float, **detail: Any) -> None:
        """Let lab time pass until something happens that has not happened yet."""
        since = len(self.lab.timeline())

        def happened() -> bool:
            return any(
                entry.kind == kind and detail.items() <= entry.detail.items()
                for entry in self.lab.timeline(since)
            )

        self.until(f"{kind} {detail}", happened, minutes)

    def terminate_one(self) -> str:
        """Have Auto Scaling terminate a firewall in service and not replace it."""
        instance = next(i for i, state in self.states().items() if state == "InService")
        self.lab.aws.client("autoscaling").terminate_instance_in_auto_scaling_group(
            InstanceId=instance, ShouldDecrementDesiredCapacity=True
        )
        return instance

    def until_gone(self, instance: str, minutes: float) -> None:
        """Let lab time pass until an instance has left the group."""
        self.until(f"{instance} is gone", lambda: instance not in self.states(), minutes)

    def validate(self) -> None:
        """Have each function try what it may do; what is refused is seen in the calls."""
        begin = len(self.lab.calls())
        for function in self.outputs["functions"]:
            self._invoke(function, "validate")
        self.preflight = (begin, len(self.lab.calls()))

    def reconcile(self) -> dict[str, Any]:
        """Have the reconcile function put everything right, now; its report."""
        return self._invoke("reconcile", "reconcile")

    def _invoke(self, function: str, action: str) -> dict[str, Any]:
        answer = self.lab.aws.client("lambda").invoke(
            FunctionName=self.outputs["functions"][function]["name"],
            Payload=json.dumps({"action": action}),
        )
        report = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise ScenarioError(f"the {function} function failed: {report}")
        return dict(report)


def perform(
    features: tuple[str, ...],
    repository: Path,
    folder: Path,
    binary: Path,
    environment: Mapping[str, str],
) -> Result:
    """Apply a deployment with these features and have everything happen in it.

    Raises:
        ScenarioError: if something did not happen.
        LabError: if the lab failed.
        TerraformError: if Terraform did.
    """
    with Lab() as lab:
        if "plugin" in features:
            license_by_plugin(lab)
        if "firewall-api" in features:
            lab.firewalls.serve_xml_api()
        workspace = Workspace.copy(
            repository,
            ROOT,
            folder,
            binary=binary,
            environment={**environment, **lab.aws.environment()},
            variables={"features": sorted(features), "keys": encrypt(lab, features)},
        )
        stage = Stage(lab, workspace)
        stage.apply()
        stage.until_in_service(2)
        if set(features) == set(FULL):
            everything(stage)
        else:
            ordinary(stage)
        if errors := lab.errors():
            raise ScenarioError("the lab had errors:\n" + "\n".join(errors))
        return record(stage)


def encrypt(lab: Lab, features: tuple[str, ...]) -> dict[str, str]:
    """Make keys of the user's own; the secrets have theirs from then on."""
    if "keys" not in features:
        return {}
    kms, secrets = lab.aws.client("kms"), lab.aws.client("secretsmanager")
    uses = ("panorama", "firewall", "licensing-api-key", "functions")
    keys = {use: kms.create_key(Description=use)["KeyMetadata"]["Arn"] for use in uses}
    for secret in ("panorama", "firewall", "licensing-api-key"):
        secrets.update_secret(SecretId=f"{SECRETS}/{secret}", KmsKeyId=keys[secret])
    return keys


def license_by_plugin(lab: Lab) -> None:
    """Have Panorama's plugin license the firewalls, and not an auth code of their bootstrap."""
    lab.panorama.install_license_plugin()
    answer = lab.panorama.request(
        type="op",
        cmd="<request><plugins><sw_fw_license><bootstrap-parameters>"
        f"<license-manager>{LICENSE_MANAGER}</license-manager>"
        "</bootstrap-parameters></sw_fw_license></plugins></request>",
    )
    wanted = {leaf.tag: leaf.text for leaf in answer.iterfind("result/bootstrap-parameters/*")}
    secrets, name = lab.aws.client("secretsmanager"), f"{SECRETS}/bootstrap"
    held = json.loads(secrets.get_secret_value(SecretId=name)["SecretString"])
    wanted["plugin-op-commands"] = f"{held['plugin-op-commands']},{wanted['plugin-op-commands']}"
    for key in ("vm-auth-key", "authcodes"):
        del held[key]
    secrets.put_secret_value(SecretId=name, SecretString=json.dumps({**held, **wanted}))


def ordinary(stage: Stage) -> None:
    """A termination, a reconciliation and a pre-flight."""
    stage.until_gone(stage.terminate_one(), 60)
    stage.reconcile()
    stage.validate()


def everything(stage: Stage) -> None:
    """All that can happen, one after the other."""
    leave_unreadable_messages(stage)
    launch_in_vain(stage)
    launch_too_late(stage)
    terminate_with_misplaced_address(stage)
    lose_events(stage)
    leave_things_behind(stage)
    stage.validate()


def leave_unreadable_messages(stage: Stage) -> None:
    """Something that is no lifecycle event, in each queue."""
    for queue in stage.outputs["queues"].values():
        stage.lab.aws.client("sqs").send_message(QueueUrl=queue["url"], MessageBody='{"detail": 7}')
    stage.lab.advance(MINUTE)


def launch_in_vain(stage: Stage) -> None:
    """A launch that EC2 refuses after its interfaces were made."""
    stage.lab.faults.add(
        "ec2",
        "AttachNetworkInterface",
        code="AttachmentLimitExceeded",
        count=None,
        role=stage.outputs["functions"]["launch"]["role_name"],
    )
    stage.set_desired(3)
    stage.until_happened("hook-completed", 15, hook="launch", result="ABANDON")
    stage.lab.faults.clear()
    stage.until_in_service(3)


def launch_too_late(stage: Stage) -> None:
    """A launch that is given up with everything made, since its hook cannot be completed."""
    stage.lab.faults.add(
        "autoscaling",
        "CompleteLifecycleAction",
        code="Unavailable",
        count=None,
        role=stage.outputs["functions"]["launch"]["role_name"],
    )
    stage.set_desired(4)
    stage.until_happened("target-draining", 60)
    stage.lab.faults.clear()
    stage.until_happened("hook-completed", 15, hook="launch", result="ABANDON")
    stage.until_in_service(4)


def terminate_with_misplaced_address(stage: Stage) -> None:
    """A termination after somebody has put an address of the firewall on another interface.

    Its notes are lost as well, so that the function has to find out again who the firewall is.
    """
    ec2 = stage.lab.aws.client("ec2")
    instance = next(iter(stage.states()))
    address = ec2.describe_addresses(
        Filters=[{"Name": f"tag:{TAG}instance-id", "Values": [instance]}]
    )["Addresses"][0]
    reservation = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]
    data = next(
        interface["NetworkInterfaceId"]
        for interface in reservation["Instances"][0]["NetworkInterfaces"]
        if interface["Attachment"]["DeviceIndex"] == 0
    )
    ec2.associate_address(
        AllocationId=address["AllocationId"], NetworkInterfaceId=data, AllowReassociation=True
    )
    notes = [{"Key": f"{TAG}{note}"} for note in ("serial", "serial-evidence", "last-visit")]
    ec2.delete_tags(Resources=[instance], Tags=notes)
    stage.lab.aws.client("autoscaling").terminate_instance_in_auto_scaling_group(
        InstanceId=instance, ShouldDecrementDesiredCapacity=True
    )
    stage.until_gone(instance, 60)


def lose_events(stage: Stage) -> None:
    """A launch and a termination whose events never come."""
    stage.lab.faults.add("events", "Deliver", kind="drop", count=None)
    leaving = stage.terminate_one()
    stage.set_desired(3)
    stage.lab.advance(2 * MINUTE)
    stage.lab.faults.clear()
    stage.until_gone(leaving, 2 * LOST)
    stage.until_in_service(3)


def leave_things_behind(stage: Stage) -> None:
    """An interface, an address and a target of firewalls that are gone."""
    ec2, subnet = stage.lab.aws.client("ec2"), stage.outputs["untrust_subnet_id"]
    interface = ec2.create_network_interface(
        SubnetId=subnet, TagSpecifications=[_tags(stage, "network-interface")]
    )["NetworkInterface"]["NetworkInterfaceId"]
    address = ec2.allocate_address(Domain="vpc", TagSpecifications=[_tags(stage, "elastic-ip")])[
        "AllocationId"
    ]
    network = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["CidrBlock"]
    nobody = network.rsplit(".", 1)[0] + ".250"
    (group,) = stage.outputs["target_group_arns"]
    stage.lab.aws.client("elbv2").register_targets(
        TargetGroupArn=group, Targets=[{"Id": nobody, "Port": 443}]
    )
    report = stage.reconcile()
    if set(report["removed"]) != {GONE, nobody}:
        raise ScenarioError(f"{interface}, {address} and {nobody} were not removed: {report}")


def _tags(stage: Stage, kind: str) -> dict[str, Any]:
    tags = {
        "deployment": stage.group,
        "group": stage.group,
        "instance-id": GONE,
        "interface": "untrust",
        "device-index": "2",
    }
    return {
        "ResourceType": kind,
        "Tags": [{"Key": TAG + key, "Value": value} for key, value in tags.items()],
    }


def record(stage: Stage) -> Result:
    """What the functions may do, as IAM has it, and what they did."""
    iam, log = stage.lab.aws.client("iam"), stage.lab.calls()
    begin, end = stage.preflight
    statements, calls, trials, unknown = {}, {}, {}, []
    for function, facts in stage.outputs["functions"].items():
        role = facts["role_name"]
        documents = [
            iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
        ]
        statements[function] = [_listed(s) for d in documents for s in d["Statement"]]
        calls[function] = read_calls([*log[:begin], *log[end:]], role)
        trials[function] = read_calls(log[begin:end], role)
        unknown += undecided(log, role)
    return Result(Deployment(statements, calls, trials), stage.outputs["permissions"], unknown)


def _listed(statement: Mapping[str, Any]) -> Statement:
    """A statement whose actions and resources are lists."""
    several = {
        part: [statement[part]] if isinstance(statement[part], str) else statement[part]
        for part in ("Action", "Resource")
    }
    return {**statement, **several}
