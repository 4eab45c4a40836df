"""What an operator does after an interruption: repeat the command, and import what it names.

When Terraform is interrupted, the provider gives up the calls in flight. What AWS has created
nevertheless is not in the state, and the repeated command finds its name taken. The table in
``docs/operations.md`` says which ID each resource is imported by; this module does what it says.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import starmap
from pathlib import Path
from typing import Any

from vmseries_lab.client import Lab
from vmseries_scenarios.deployment import Deployment
from vmseries_scenarios.terraform import Event, TerraformError, Workspace

TAKEN = re.compile(r"already[ -]?exists?|AlreadyExists|Duplicate|ResourceConflict", re.IGNORECASE)
"""How the services and the provider say that a name is taken."""
ROUNDS = 5
"""How often the command is repeated at most: what depends on a resource is created after it."""

Identifier = Callable[[Lab, Mapping[str, Any], str], str]
"""Returns the ID to import by, given the lab, the planned attributes and the error."""


class RecoveryError(RuntimeError):
    """A repeated command does not complete, and the documented remedy does not help."""


@dataclass
class Conflicts:
    """Collects from Terraform's events which resources exist already: errors by address."""

    found: dict[str, str] = field(default_factory=dict)

    def __call__(self, event: Event) -> None:
        """Take one event."""
        facts = event.get("diagnostic", {})
        text = f"{facts.get('summary', '')} {facts.get('detail', '')}"
        if facts.get("severity") == "error" and facts.get("address") and TAKEN.search(text):
            self.found[facts["address"]] = text


def apply(deployment: Deployment) -> list[str]:
    """Apply until it succeeds, as docs/operations.md says; return the types that were imported.

    The ``import`` blocks are removed afterwards. ``terraform import`` would not do: it evaluates
    the configuration with the resources in the state only, and half of the module's are missing.

    Raises:
        RecoveryError: It does not succeed.
    """
    imports = existing_functions(deployment)
    file = deployment.workspace.folder / "imports.tf"
    try:
        for _ in range(ROUNDS):
            if imports:
                file.write_text("".join(starmap(import_block, imports.items())))
            conflicts = Conflicts()
            try:
                deployment.apply(on_event=conflicts)
            except TerraformError as error:
                if not conflicts.found or conflicts.found.keys() <= imports.keys():
                    raise RecoveryError(f"the repeated apply failed: {error}") from error
            else:
                return sorted(type_of(address) for address in imports)
            imports |= identifiers(deployment, conflicts)
    finally:
        file.unlink(missing_ok=True)
    raise RecoveryError(f"the apply still fails after {ROUNDS} rounds; imported: {list(imports)}")


def restore_state(folder: Path) -> bool:
    """Restore a local state that a killed Terraform was writing; return whether it had to be.

    Terraform truncates the file and writes it again after each resource. If it is killed between,
    the file is empty, and Terraform takes an empty file for no state: a destroy would succeed and
    delete nothing. The backup is the state before the command.
    """
    state, backup = folder / "terraform.tfstate", folder / "terraform.tfstate.backup"
    if not backup.exists() or (state.exists() and is_complete(state.read_text())):
        return False
    shutil.copy(backup, state)
    return True


def is_complete(state: str) -> bool:
    """Return whether a text is a whole state."""
    try:
        json.loads(state)
    except json.JSONDecodeError:
        return False
    return True


def existing_functions(deployment: Deployment) -> dict[str, str]:
    """Return the functions that exist and are not in the state: names by address.

    They are looked for, because the provider takes the conflict for one that passes, and repeats
    the call for ten minutes before it says so.
    """
    functions = deployment.lab.aws.client("lambda").list_functions()["Functions"]
    names = {function["FunctionName"] for function in functions}
    if not names:
        return {}
    return {
        address: str(planned["function_name"])
        for address, planned in planned_attributes(deployment.workspace).items()
        if type_of(address) == "aws_lambda_function" and planned["function_name"] in names
    }


def import_block(address: str, identifier: str) -> str:
    """Return the block that imports a resource.

    https://developer.hashicorp.com/terraform/language/import
    """
    return f"import {{\n  to = {address}\n  id = {json.dumps(identifier)}\n}}\n"


def identifiers(deployment: Deployment, conflicts: Conflicts) -> dict[str, str]:
    """Return the ID of each resource that exists already, by address.

    Raises:
        RecoveryError: The documentation does not say what ID that is.
    """
    planned = planned_attributes(deployment.workspace)
    found = {}
    for address, message in conflicts.found.items():
        identifier = IDENTIFIERS.get(type_of(address))
        if identifier is None:
            raise RecoveryError(f"docs/operations.md has no ID for {address}: {message}")
        found[address] = identifier(deployment.lab, planned[address], message)
    return found


def planned_attributes(workspace: Workspace) -> dict[str, dict[str, Any]]:
    """Return the attributes that a plan gives to each resource that it would create."""
    return {
        resource["address"]: resource["change"]["after"]
        for resource in workspace.planned().get("resource_changes", ())
        if "create" in resource["change"]["actions"]
    }


def remove_unnamed(deployment: Deployment) -> list[str]:
    """Delete what AWS has created without a name that must be unique, and the state does not have.

    AWS gives each endpoint service and each version of a layer an ID, so that a repeated apply
    creates another one. Only one is in the state.
    """
    lab, known = deployment.lab, json.dumps(deployment.workspace.shown())
    ec2, functions = lab.aws.client("ec2"), lab.aws.client("lambda")
    deleted = []
    for service in ec2.describe_vpc_endpoint_service_configurations()["ServiceConfigurations"]:
        if service["ServiceId"] not in known:
            ec2.delete_vpc_endpoint_service_configurations(ServiceIds=[service["ServiceId"]])
            deleted.append("aws_vpc_endpoint_service")
    for layer in functions.list_layers()["Layers"]:
        name = layer["LayerName"]
        for version in functions.list_layer_versions(LayerName=name)["LayerVersions"]:
            if version["LayerVersionArn"] not in known:
                functions.delete_layer_version(LayerName=name, VersionNumber=version["Version"])
                deleted.append("aws_lambda_layer_version")
    return deleted


def type_of(address: str) -> str:
    """Return the type of the resource at an address."""
    match = re.search(r"(\w+)\.\w+(\[[^\]]*\])?$", address)
    if match is None:
        raise ValueError(f"{address} is not the address of a resource")
    return match.group(1)


# -- IDs -------------------------------------------------------------------------------------------


def attribute(name: str) -> Identifier:
    """Return an identifier that is an attribute of the configuration."""
    return lambda _lab, planned, _message: str(planned[name])


def permission(_lab: Lab, planned: Mapping[str, Any], _message: str) -> str:
    """Return function and statement of a resource-based permission."""
    return f"{planned['function_name']}/{planned['statement_id']}"


def mapping(_lab: Lab, _planned: Mapping[str, Any], message: str) -> str:
    """Return the UUID of an event source mapping, which the error names."""
    match = re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", message.rpartition("UUID")[2])
    if match is None:
        raise RecoveryError(f"the error names no UUID: {message}")
    return match.group()


def queue(lab: Lab, planned: Mapping[str, Any], _message: str) -> str:
    """Return the URL of a queue."""
    return str(lab.aws.client("sqs").get_queue_url(QueueName=planned["name"])["QueueUrl"])


def launch_template(lab: Lab, planned: Mapping[str, Any], _message: str) -> str:
    """Return the ID of a launch template."""
    (template,) = lab.aws.client("ec2").describe_launch_templates(
        LaunchTemplateNames=[planned["name"]]
    )["LaunchTemplates"]
    return str(template["LaunchTemplateId"])


def load_balancer(lab: Lab, planned: Mapping[str, Any], _message: str) -> str:
    """Return the ARN of a load balancer."""
    (found,) = lab.aws.client("elbv2").describe_load_balancers(Names=[planned["name"]])[
        "LoadBalancers"
    ]
    return str(found["LoadBalancerArn"])


def target_group(lab: Lab, planned: Mapping[str, Any], _message: str) -> str:
    """Return the ARN of a target group."""
    (found,) = lab.aws.client("elbv2").describe_target_groups(Names=[planned["name"]])[
        "TargetGroups"
    ]
    return str(found["TargetGroupArn"])


def listener(lab: Lab, planned: Mapping[str, Any], _message: str) -> str:
    """Return the ARN of the only listener of a load balancer."""
    (found,) = lab.aws.client("elbv2").describe_listeners(
        LoadBalancerArn=planned["load_balancer_arn"]
    )["Listeners"]
    return str(found["ListenerArn"])


def security_group(lab: Lab, planned: Mapping[str, Any], _message: str) -> str:
    """Return the ID of a security group."""
    filters = [
        {"Name": "group-name", "Values": [planned["name"]]},
        {"Name": "vpc-id", "Values": [planned["vpc_id"]]},
    ]
    (found,) = lab.aws.client("ec2").describe_security_groups(Filters=filters)["SecurityGroups"]
    return str(found["GroupId"])


def rule(*, egress: bool) -> Identifier:
    """Return the identifier of rules of security groups."""

    def identifier(lab: Lab, planned: Mapping[str, Any], _message: str) -> str:
        ports = planned.get("from_port"), planned.get("to_port")
        wanted = (
            planned["ip_protocol"],
            planned["cidr_ipv4"],
            *(-1 if p is None else p for p in ports),
        )
        filters = [{"Name": "group-id", "Values": [planned["security_group_id"]]}]
        rules = lab.aws.client("ec2").describe_security_group_rules(Filters=filters)
        (found,) = (
            rule["SecurityGroupRuleId"]
            for rule in rules["SecurityGroupRules"]
            if rule["IsEgress"] == egress
            and (
                rule["IpProtocol"],
                rule.get("CidrIpv4"),
                rule.get("FromPort", -1),
                rule.get("ToPort", -1),
            )
            == wanted
        )
        return str(found)

    return identifier


IDENTIFIERS: Mapping[str, Identifier] = {
    "aws_autoscaling_group": attribute("name"),
    "aws_cloudwatch_log_group": attribute("name"),
    "aws_iam_instance_profile": attribute("name"),
    "aws_iam_role": attribute("name"),
    "aws_lambda_event_source_mapping": mapping,
    "aws_lambda_function": attribute("function_name"),
    "aws_lambda_permission": permission,
    "aws_launch_template": launch_template,
    "aws_lb": load_balancer,
    "aws_lb_listener": listener,
    "aws_lb_target_group": target_group,
    "aws_security_group": security_group,
    "aws_sqs_queue": queue,
    "aws_vpc_security_group_egress_rule": rule(egress=True),
    "aws_vpc_security_group_ingress_rule": rule(egress=False),
}
"""The ID to import each type by: those of the table in ``docs/operations.md``."""
