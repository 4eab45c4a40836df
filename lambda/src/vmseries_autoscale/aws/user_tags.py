"""Compare the user's tags on resources with the settings, and write those that differ."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from vmseries_autoscale.aws import limits, tags

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

logger = logging.getLogger(__name__)

MAXIMUM_RESOURCES = 1000
"""Maximum number of resources that one call tags ("Resources.N", API_CreateTags)."""


def wanted(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of the settings that a function may write to existing resources.

    ``Name`` differs from resource to resource, and the other keys are those of the module or AWS.
    """
    return {
        key: value
        for key, value in settings.items()
        if key != tags.NAME and not key.startswith(tags.RESERVED)
    }


def differing(
    described: Mapping[str, Mapping[str, str]], deployment: str, wanted: Mapping[str, str]
) -> list[str]:
    """Return the ids of the resources of a deployment that do not have all the wanted tags.

    Args:
        described: Tags by resource id.
        deployment: Name of the deployment. A resource without its tag is left alone.
        wanted: Tags that each resource should have. Its other tags do not matter.
    """
    return [
        resource_id
        for resource_id, current in described.items()
        if current.get(tags.DEPLOYMENT) == deployment and not wanted.items() <= current.items()
    ]


def describe(ec2: EC2Client, resource_ids: Collection[str]) -> dict[str, dict[str, str]]:
    """Return the tags of resources of any type, by resource id; empty for those without tags."""
    described: dict[str, dict[str, str]] = {resource_id: {} for resource_id in resource_ids}
    paginator = ec2.get_paginator("describe_tags")
    for values in limits.batches(resource_ids, limits.MAXIMUM_FILTER_VALUES):
        for page in paginator.paginate(Filters=[{"Name": "resource-id", "Values": list(values)}]):
            for tag in page["Tags"]:
                described.setdefault(tag["ResourceId"], {})[tag["Key"]] = tag["Value"]
    return described


def write(ec2: EC2Client, resource_ids: Collection[str], wanted: Mapping[str, str]) -> None:
    """Write the tags on at most ``MAXIMUM_RESOURCES`` resources, in one call."""
    ec2.create_tags(Resources=list(resource_ids), Tags=tags.to_aws(wanted))
    logger.info("Tagged the resources", extra={"resources": list(resource_ids)})
