"""Walks the flows of the examples in the lab, or of a deployment in a real account, read-only."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.text import Text

from vmseries_scenarios.deployment import (
    MINUTE,
    REPOSITORY,
    Deployment,
    DeploymentError,
    deployment_in_new_lab,
)
from vmseries_scenarios.packet_walk import aws_reader, pan_os_reader, report
from vmseries_scenarios.packet_walk.flows import Result, Scope, walk_all
from vmseries_scenarios.packet_walk.site import Site
from vmseries_scenarios.program import RUN_ERRORS, open_console, stop_on_sigterm

EXAMPLES = ("one-arm", "two-arm")
FIREWALLS = 3
IN_SERVICE_MINUTES = 60
COMMIT_MINUTES = 10
DEVICE_GROUP, TEMPLATE_STACK = "autoscale", "autoscale-stack"

_NETWORK = "template autoscale-network config network"
PLANTS: Mapping[str, str] = {
    "no-return-route": (
        f"delete {_NETWORK} virtual-router vr-untrust routing-table ip static-route"
        " private-10-0-0-0-8"
    ),
    "no-health-check-route": (
        f"set {_NETWORK} interface ethernet ethernet1/1 layer3 dhcp-client create-default-route no"
    ),
}
"""Faults in Panorama's configuration that a walk of two-arm must find, by name."""
NEXT_ROUTER = "overlay-next-virtual-router"
"""The unsettled fact on which the two-arm example relies."""
GROUP_RULE = "no-geneve-rule"
"""A fault in AWS: the data security group does not let GENEVE in."""
FAULTS = (*PLANTS, GROUP_RULE, NEXT_ROUTER)


@dataclass(frozen=True, slots=True)
class Read:
    """What a walk has read."""

    site: Site
    scope: Scope

    def walk(self) -> list[Result]:
        """Walk all flows."""
        return walk_all(self.site, self.scope)


def read(
    aws: aws_reader.Clients,
    outputs: Mapping[str, Any],
    config: Element,
    *,
    overlay_routing: bool,
    device_group: str = DEVICE_GROUP,
    template_stack: str = TEMPLATE_STACK,
) -> Read:
    """Read a deployment.

    Args:
        aws: makes the clients.
        outputs: the values of the example's outputs.
        config: the running configuration of Panorama.
        overlay_routing: whether the bootstrap settings enable overlay routing.
        device_group: device group of the firewalls.
        template_stack: template stack of the firewalls.
    """
    configuration = pan_os_reader.read(
        config, template_stack=template_stack, device_group=device_group
    )
    deployment = aws_reader.Deployment(
        outputs["autoscaling_group"]["name"],
        tuple(function["name"] for function in outputs["functions"].values()),
    )
    site = aws_reader.read(aws, deployment, configuration, overlay_routing=overlay_routing)
    spoke = outputs["spoke"]
    return Read(site, Scope(spoke["vpc_id"], dict(spoke["application_subnet_ids"])))


def read_lab(deployment: Deployment, *, overlay_routing: bool) -> Read:
    """Read a deployment in a lab: AWS through its API, Panorama through its XML API."""
    config = pan_os_reader.running_configuration(deployment.lab.panorama)
    followed = deployment.lab.assume()[NEXT_ROUTER] == "followed"
    found = read(deployment.lab.aws, deployment.outputs, config, overlay_routing=overlay_routing)
    return replace(found, site=replace(found.site, follows_routers=followed))


def run(
    examples: Sequence[str] = EXAMPLES,
    *,
    plant: str | None = None,
    every: bool = False,
    markdown: bool = False,
    repository: Path = REPOSITORY,
    console: Console | None = None,
) -> int:
    """Apply examples to a lab, load their Panorama commands, and walk all flows.

    Args:
        examples: names of examples.
        plant: a fault that the walk must find, one of :data:`FAULTS`.
        every: print every flow.
        markdown: print the tables for the READMEs.
        repository: the checkout whose module is applied, which stays as it is.
        console: where to print.

    Returns:
        The exit status: 0 only if every flow passes.
    """
    console = open_console(console)
    start = time.monotonic()
    stop_on_sigterm()
    good = True
    try:
        for example in examples:
            root = f"examples/{example}"
            with deployment_in_new_lab(root, repository=repository) as deployment:
                deployment.lab.assume(**{NEXT_ROUTER: "followed"})
                deployment.apply()
                deployment.configure_panorama()
                deployment.wait_until_in_service(FIREWALLS, minutes=IN_SERVICE_MINUTES)
                if plant is not None:
                    break_something(deployment, plant)
                results = read_lab(deployment, overlay_routing=example == "two-arm").walk()
            if markdown:
                console.print(
                    report.markdown(results), soft_wrap=True, highlight=False, markup=False
                )
            else:
                title = f"{root}, {plant}" if plant else f"{root}, unchanged"
                report.show(console, title, results, every=every)
            good = good and bool(results) and all(result.passes for result in results)
    except RUN_ERRORS as error:
        console.print(Text(str(error), "red"))
        return 1
    console.print(f"duration: {time.monotonic() - start:.0f} s")
    return 0 if good else 1


def run_account(
    outputs: Path,
    configuration: Path,
    *,
    overlay_routing: bool,
    device_group: str = DEVICE_GROUP,
    template_stack: str = TEMPLATE_STACK,
    panorama: IPv4Address | None = None,
    every: bool = False,
    console: Console | None = None,
) -> int:
    """Walk all flows of a deployment in the account whose credentials are set, read-only.

    Args:
        outputs: file with the output of ``terraform output -json``.
        configuration: file with Panorama's running configuration, as exported by
            *Panorama > Setup > Operations > Export named Panorama configuration snapshot*.
        overlay_routing: whether the bootstrap settings enable overlay routing.
        device_group: device group of the firewalls.
        template_stack: template stack of the firewalls.
        panorama: address of Panorama; by default any public one.
        every: print every flow.
        console: where to print.

    Returns:
        The exit status: 0 only if every flow passes.
    """
    console = open_console(console)
    try:
        values = {name: item["value"] for name, item in json.loads(outputs.read_text()).items()}
        # boto3 itself reads only AWS_DEFAULT_REGION; Terraform and the AWS CLI prefer AWS_REGION.
        aws: Any = boto3.Session(region_name=os.environ.get("AWS_REGION"))
        found = read(
            aws,
            values,
            pan_os_reader.exported_configuration(configuration.read_bytes()),
            overlay_routing=overlay_routing,
            device_group=device_group,
            template_stack=template_stack,
        )
    except KeyError as error:
        console.print(Text(f"{outputs} is not of an example: it has no output {error}", "red"))
        return 1
    except (BotoCoreError, ClientError, OSError, ValueError) as error:
        console.print(Text(str(error), "red"))
        return 1
    if panorama is not None:
        found = replace(found, scope=replace(found.scope, panorama=panorama))
    results = found.walk()
    report.show(console, values["autoscaling_group"]["name"], results, every=every)
    return 0 if results and all(result.passes for result in results) else 1


def break_something(deployment: Deployment, plant: str) -> None:
    """Plant a fault that the walk must find.

    Raises:
        DeploymentError: an unknown fault.
    """
    if plant == NEXT_ROUTER:
        deployment.lab.assume(**{NEXT_ROUTER: "ignored"})
    elif plant in PLANTS:
        deployment.lab.panorama.run_commands([PLANTS[plant]])
        deployment.lab.advance(COMMIT_MINUTES * MINUTE)
    elif plant == GROUP_RULE:
        revoke_geneve(deployment)
    else:
        raise DeploymentError(f"unknown fault {plant!r}; known: {', '.join(FAULTS)}")


def revoke_geneve(deployment: Deployment) -> None:
    """Remove the rules of security groups that let GENEVE in."""
    ec2 = deployment.lab.aws.client("ec2")
    rules = ec2.describe_security_group_rules()["SecurityGroupRules"]
    for rule in rules:
        if not rule["IsEgress"] and rule["IpProtocol"] == "udp":
            ec2.revoke_security_group_ingress(
                GroupId=rule["GroupId"], SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]]
            )
