"""Deployments in which the functions do everything that they can do, each in a lab of its own.

``FULL`` has every feature that needs a permission, and everything happens in it: launches that
come into service, fail or are too late, a termination with an address on the wrong interface and
one during the boot, invalid messages, lost events, every kind of orphan, and launches that are
stopped. It does not use the firewalls' own API or Strata Cloud Manager, which are for deployments
without Panorama. The other deployments show that one with other or fewer features needs no more
permissions than it is granted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vmseries_lab.client import SECRETS, Lab
from vmseries_scenarios.deployment import MINUTE, Deployment, DeploymentError
from vmseries_scenarios.least_privilege.proof import Evidence, Statement, read_calls, undecided
from vmseries_scenarios.license_plugin import license_by_plugin

ROOT = "tests/fixtures/permissions"
APPLY_LIMIT_SECONDS = 180.0
IN_SERVICE_MINUTES = 60
"""Limit of lab time; a firewall boots in 25 minutes at most."""
RESEND_MINUTES = 45
"""Lab time after which the reconcile function has resent a lost event."""
RECONCILE_MINUTES = 15
"""Lab time between two runs of the reconcile function."""
STOPPED_AFTER = 3
"""Abandoned launches after which launches are stopped, as in the root module."""
TAG = "vmseries-autoscale:"
FULL = (
    "addresses",
    "call-slots",
    "credits",
    "keys",
    "panorama",
    "stop-launches",
    "targets",
    "vpc",
)
LICENSED_BY_PANORAMA = ("package", "panorama", "plugin")
WITHOUT_PANORAMA = ("firewall-api", "keys", "vpc")
WITH_STRATA_CLOUD_MANAGER = ("firewall-api", "keys", "strata", "vpc")
BY_HEALTH_CHECKS = ("health",)
BARE = ()
ENCRYPTED_SECRETS = (
    "panorama",
    "firewall",
    "licensing-api-key",
    "credit-pool",
    "strata-cloud-manager",
)
"""Secrets that are encrypted with a key each."""
BUCKET, PACKAGE = "firewalls", "edge"
"""Bucket and folder of the bootstrap package, as in the root module."""

UNKNOWN_INSTANCE = "i-00000000000000000"
"""An instance that EC2 does not know."""

LogRange = tuple[int, int]
"""First and last call of the lab's log, the last one not included."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a deployment's functions may do, and what they did.

    Attributes:
        evidence: Statements and calls of each function.
        permissions: The root module's output of that name.
        undecided: Calls that the lab could not decide, and therefore refused.
    """

    evidence: Evidence
    permissions: dict[str, Any]
    undecided: list[str]


def perform(features: tuple[str, ...], repository: Path, folder: Path) -> Result:
    """Apply a deployment with these features, and let everything happen in it.

    Args:
        features: As the variable of the root module.
        repository: The checkout whose module is applied.
        folder: Where to copy it to; must not exist.

    Raises:
        DeploymentError: Something did not happen.
        LabError: The lab failed.
        TerraformError: Terraform failed.
    """
    with Lab() as lab:
        if "plugin" in features:
            license_by_plugin(lab)
        if "firewall-api" in features:
            lab.firewalls.serve_xml_api()
        if "strata" in features:
            lab.assume(strata_first_push="pushes")
        deployment = Deployment.copy(
            lab,
            ROOT,
            folder,
            repository=repository,
            features=sorted(features),
            keys=create_keys(lab, features),
        )
        if "package" in features:
            create_package(lab)
        deployment.apply(limit=APPLY_LIMIT_SECONDS)
        deployment.wait_until_in_service(2, minutes=IN_SERVICE_MINUTES)
        if set(features) == set(FULL):
            run_everything(deployment)
        elif "health" in features:
            run_with_health_checks(deployment)
        else:
            run_ordinary_life(deployment)
        validation = validate(deployment)
        if errors := lab.errors():
            raise DeploymentError("the lab had errors:\n" + "\n".join(errors))
        return record(deployment, validation)


def create_keys(lab: Lab, features: tuple[str, ...]) -> dict[str, str]:
    """Create customer managed KMS keys, and encrypt the secrets with them.

    Returns:
        The ARN of each key, by its use.
    """
    if "keys" not in features:
        return {}
    kms, secrets = lab.aws.client("kms"), lab.aws.client("secretsmanager")
    keys = {
        use: kms.create_key(Description=use)["KeyMetadata"]["Arn"]
        for use in (*ENCRYPTED_SECRETS, "functions")
    }
    document = json.dumps(key_policy(keys["functions"]))
    kms.put_key_policy(KeyId=keys["functions"], PolicyName="default", Policy=document)
    for secret in ENCRYPTED_SECRETS:
        secrets.update_secret(SecretId=f"{SECRETS}/{secret}", KmsKeyId=keys[secret])
    return keys


def key_policy(arn: str) -> dict[str, Any]:
    """Return the policy of a key: IAM policies decide, and CloudWatch Logs may use it.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    """
    _, partition, _, region, account, _ = arn.split(":", 5)
    root = f"arn:{partition}:iam::{account}:root"
    uses = ("Decrypt", "Describe*", "Encrypt", "GenerateDataKey*", "ReEncrypt*")
    groups = f"arn:{partition}:logs:{region}:{account}:log-group:/aws/lambda/*"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": root},
                "Action": "kms:*",
                "Resource": "*",
            },
            {
                "Effect": "Allow",
                "Principal": {"Service": f"logs.{region}.amazonaws.com"},
                "Action": [f"kms:{use}" for use in uses],
                "Resource": "*",
                "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
            },
        ],
    }


def create_package(lab: Lab) -> None:
    """Create a bucket with a bootstrap package, with the parameters of the bootstrap secret."""
    secrets, s3 = lab.aws.client("secretsmanager"), lab.aws.client("s3")
    parameters = json.loads(
        secrets.get_secret_value(SecretId=f"{SECRETS}/bootstrap")["SecretString"]
    )
    lines = [f"{name}={value}" for name, value in parameters.items()]
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(
        Bucket=BUCKET, Key=f"{PACKAGE}/config/init-cfg.txt", Body="\n".join(lines).encode()
    )


def run_ordinary_life(deployment: Deployment) -> None:
    """Terminate a firewall, and run the reconcile function."""
    deployment.wait_until_terminated(deployment.group.terminate_one(), minutes=60)
    deployment.invoke("reconcile", "reconcile")


def run_everything(deployment: Deployment) -> None:
    """Let everything happen that can, one thing after another."""
    send_invalid_messages(deployment)
    launch_without_capacity(deployment)
    launch_without_completion(deployment)
    terminate_with_misplaced_address(deployment)
    leave_while_booting(deployment)
    lose_events(deployment)
    change_tags(deployment)
    leave_orphans(deployment)
    launch_in_vain(deployment)


def run_with_health_checks(deployment: Deployment) -> None:
    """Deregister firewalls that never served: in each function once."""
    firewalls, group = deployment.lab.firewalls, deployment.group
    firewalls.set_quirks(auto_commit_failure="zone untrust is invalid")
    group.scale(3)
    deployment.wait_until_happened("hook-completed", minutes=60, hook="launch", result="ABANDON")
    firewalls.set_quirks(auto_commit_failure="")
    deployment.wait_until_in_service(3, minutes=IN_SERVICE_MINUTES)

    leaving = _booting(deployment, 4)
    group.terminate(leaving)
    deployment.wait_until_terminated(leaving, minutes=60)

    # An operator completes the hook of another one, whose event is lost.
    left, since = _booting(deployment, 4), deployment.lab.now()
    deployment.lab.faults.add("events", "Deliver", kind="drop", count=None)
    group.terminate(left)
    deployment.lab.advance(MINUTE)
    deployment.lab.faults.clear()
    deployment.lab.aws.client("autoscaling").complete_lifecycle_action(
        AutoScalingGroupName=deployment.name,
        LifecycleHookName="terminate",
        InstanceId=left,
        LifecycleActionResult="CONTINUE",
    )
    deployment.wait_until_terminated(left, minutes=10)
    if left not in (removed := reconcile(deployment, since, "removed")):
        raise DeploymentError(f"{left} is still a target: {removed}")


def _booting(deployment: Deployment, number: int) -> str:
    """Scale to a number of firewalls, and return the one that is registered and boots."""
    known = deployment.group.states().keys()
    deployment.group.scale(number)
    deployment.wait_until_happened("target-registered", minutes=10)
    (instance_id,) = deployment.group.states().keys() - known
    return instance_id


def validate(deployment: Deployment) -> LogRange:
    """Run the pre-flight check of each function; its refusals are in the log of calls.

    Returns:
        The part of the lab's log of calls that belongs to the checks.
    """
    begin = len(deployment.lab.calls())
    for function in deployment.outputs["functions"]:
        deployment.invoke(function, "validate")
    return begin, len(deployment.lab.calls())


def send_invalid_messages(deployment: Deployment) -> None:
    """Send to each queue a message that is not a lifecycle event."""
    for queue in deployment.outputs["queues"].values():
        deployment.lab.aws.client("sqs").send_message(
            QueueUrl=queue["url"], MessageBody='{"detail": 7}'
        )
    deployment.lab.advance(MINUTE)


def launch_without_capacity(deployment: Deployment) -> None:
    """Launch a firewall whose interfaces EC2 creates, but does not attach."""
    deployment.lab.faults.add(
        "ec2",
        "AttachNetworkInterface",
        code="AttachmentLimitExceeded",
        count=None,
        role=deployment.outputs["functions"]["launch"]["role_name"],
    )
    deployment.group.scale(3)
    deployment.wait_until_happened("hook-completed", minutes=15, hook="launch", result="ABANDON")
    deployment.lab.faults.clear()
    deployment.wait_until_in_service(3, minutes=IN_SERVICE_MINUTES)


def launch_without_completion(deployment: Deployment) -> None:
    """Launch a firewall that is abandoned at its deadline, since its hook cannot be completed."""
    deployment.lab.faults.add(
        "autoscaling",
        "CompleteLifecycleAction",
        code="Unavailable",
        count=None,
        role=deployment.outputs["functions"]["launch"]["role_name"],
    )
    deployment.group.scale(4)
    deployment.wait_until_happened("target-draining", minutes=60)
    deployment.lab.faults.clear()
    deployment.wait_until_happened("hook-completed", minutes=15, hook="launch", result="ABANDON")
    deployment.wait_until_in_service(4, minutes=IN_SERVICE_MINUTES)


def terminate_with_misplaced_address(deployment: Deployment) -> None:
    """Terminate a firewall after its address was moved to another of its interfaces.

    EC2 would not delete the interface that had the address, and a second interface was made for the
    firewall.
    """
    ec2 = deployment.lab.aws.client("ec2")
    instance_id = next(iter(deployment.group.states()))
    address = ec2.describe_addresses(
        Filters=[{"Name": f"tag:{TAG}instance-id", "Values": [instance_id]}]
    )["Addresses"][0]
    data = next(
        interface["NetworkInterfaceId"]
        for interface in deployment.instance(instance_id)["NetworkInterfaces"]
        if interface["Attachment"]["DeviceIndex"] == 0
    )
    ec2.associate_address(
        AllocationId=address["AllocationId"], NetworkInterfaceId=data, AllowReassociation=True
    )
    untrust = ec2.describe_network_interfaces(NetworkInterfaceIds=[address["NetworkInterfaceId"]])[
        "NetworkInterfaces"
    ][0]
    ec2.modify_network_interface_attribute(
        NetworkInterfaceId=untrust["NetworkInterfaceId"],
        Attachment={
            "AttachmentId": untrust["Attachment"]["AttachmentId"],
            "DeleteOnTermination": False,
        },
    )
    ec2.create_network_interface(
        SubnetId=untrust["SubnetId"],
        TagSpecifications=[{"ResourceType": "network-interface", "Tags": untrust["TagSet"]}],
    )
    deployment.group.terminate(instance_id)
    deployment.wait_until_terminated(instance_id, minutes=60)


def leave_while_booting(deployment: Deployment) -> None:
    """Terminate a firewall that has not registered yet, so that the terminate function tags it."""
    known = deployment.group.states().keys()
    deployment.group.scale(len(known) + 1)
    deployment.lab.advance(2 * MINUTE)
    (leaving,) = deployment.group.states().keys() - known
    deployment.group.terminate(leaving)
    deployment.wait_until_terminated(leaving, minutes=IN_SERVICE_MINUTES)


def lose_events(deployment: Deployment) -> None:
    """Launch and terminate firewalls while no event is delivered."""
    deployment.lab.faults.add("events", "Deliver", kind="drop", count=None)
    leaving = deployment.group.terminate_one()
    deployment.group.scale(3)
    deployment.lab.advance(2 * MINUTE)
    deployment.lab.faults.clear()
    deployment.wait_until_terminated(leaving, minutes=2 * RESEND_MINUTES)
    deployment.wait_until_in_service(3, minutes=IN_SERVICE_MINUTES)


def change_tags(deployment: Deployment) -> None:
    """Change a tag on everything of the firewalls, and run the reconcile function."""
    ec2, since = deployment.lab.aws.client("ec2"), deployment.lab.now()
    tag = [{"Key": "team", "Value": "another"}]
    owned = [{"Name": f"tag:{TAG}deployment", "Values": [deployment.name]}]
    resources = [
        *deployment.group.states(),
        *(item["VolumeId"] for item in ec2.describe_volumes(Filters=owned)["Volumes"]),
        *(
            item["NetworkInterfaceId"]
            for item in ec2.describe_network_interfaces(Filters=owned)["NetworkInterfaces"]
        ),
        *(item["AllocationId"] for item in ec2.describe_addresses(Filters=owned)["Addresses"]),
    ]
    ec2.create_tags(Resources=resources, Tags=tag)
    if not reconcile(deployment, since, "tagged"):
        raise DeploymentError(f"the tags of {resources} were not written")


def leave_orphans(deployment: Deployment) -> None:
    """Create an interface, an address and a target of firewalls that no longer exist."""
    ec2, subnet = deployment.lab.aws.client("ec2"), deployment.outputs["untrust_subnet_id"]
    since = deployment.lab.now()
    interface = ec2.create_network_interface(
        SubnetId=subnet, TagSpecifications=[_tags(deployment, "network-interface")]
    )["NetworkInterface"]["NetworkInterfaceId"]
    address = ec2.allocate_address(
        Domain="vpc", TagSpecifications=[_tags(deployment, "elastic-ip")]
    )["AllocationId"]
    network = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["CidrBlock"]
    unused = network.rsplit(".", 1)[0] + ".250"
    (group,) = deployment.outputs["target_group_arns"]
    deployment.lab.aws.client("elbv2").register_targets(
        TargetGroupArn=group, Targets=[{"Id": unused, "Port": 443}]
    )
    if (removed := reconcile(deployment, since, "removed")) != {UNKNOWN_INSTANCE, unused}:
        raise DeploymentError(f"{interface}, {address} and {unused} were not removed: {removed}")


def reconcile(deployment: Deployment, since: float, part: str) -> set[str]:
    """Run the reconcile function, and return what a part of its reports since a time has.

    A run by the schedule may have come first.
    """
    deployment.invoke("reconcile", "reconcile")
    return {item for report in deployment.reconcile_reports(since) for item in report[part]}


def launch_in_vain(deployment: Deployment) -> None:
    """Launch firewalls that never register, until the reconcile function stops the launches."""
    deployment.lab.firewalls.set_quirks(registers=False)
    deployment.group.scale(len(deployment.group.states()) + STOPPED_AFTER)
    deployment.wait_until(
        lambda: _launches_are_suspended(deployment),
        "the launches of the group are stopped",
        minutes=IN_SERVICE_MINUTES + RECONCILE_MINUTES,
    )


def _launches_are_suspended(deployment: Deployment) -> bool:
    group = deployment.group.describe() or {"SuspendedProcesses": []}
    return any(process["ProcessName"] == "Launch" for process in group["SuspendedProcesses"])


def _tags(deployment: Deployment, kind: str) -> dict[str, Any]:
    tags = {
        "deployment": deployment.name,
        "group": deployment.name,
        "instance-id": UNKNOWN_INSTANCE,
        "interface": "untrust",
        "device-index": "2",
    }
    return {
        "ResourceType": kind,
        "Tags": [{"Key": TAG + key, "Value": value} for key, value in tags.items()],
    }


def record(deployment: Deployment, validation: LogRange = (0, 0)) -> Result:
    """Return what the functions may do according to IAM, and what they did.

    Args:
        deployment: The deployment.
        validation: The calls of the pre-flight checks in the lab's log.
    """
    iam, log = deployment.lab.aws.client("iam"), deployment.lab.calls()
    begin, end = validation
    statements, calls, trials, unknown = {}, {}, {}, []
    for function, facts in deployment.outputs["functions"].items():
        role = facts["role_name"]
        documents = [
            iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
        ]
        statements[function] = [_with_lists(s) for d in documents for s in d["Statement"]]
        calls[function] = read_calls([*log[:begin], *log[end:]], role)
        trials[function] = read_calls(log[begin:end], role)
        unknown += undecided(log, role)
    evidence = Evidence(statements, calls, trials)
    return Result(evidence, deployment.outputs["permissions"], unknown)


def _with_lists(statement: Mapping[str, Any]) -> Statement:
    """Return a statement with its actions and resources as lists."""
    several = {
        part: [statement[part]] if isinstance(statement[part], str) else statement[part]
        for part in ("Action", "Resource")
    }
    return {**statement, **several}
