"""Tags that mark the resources of this deployment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import FilterTypeDef, TagTypeDef

DEPLOYMENT = "vmseries-autoscale:deployment"
GROUP = "vmseries-autoscale:group"
INSTANCE_ID = "vmseries-autoscale:instance-id"
INTERFACE = "vmseries-autoscale:interface"
DEVICE_INDEX = "vmseries-autoscale:device-index"
SERIAL = "vmseries-autoscale:serial"
LAST_VISIT = "vmseries-autoscale:last-visit"
ABANDONED = "vmseries-autoscale:abandoned"
GENERATION = "vmseries-autoscale:generation"

RESERVED = ("vmseries-autoscale:", "aws:")
"""First characters of the keys that no tag of the user has."""

NAME = "Name"
"""The key whose value names the single resource."""

MAXIMUM_VALUE_LENGTH = 256
"""Maximum length of a tag value, in characters ("Tag restrictions", Amazon EC2 User Guide)."""


@dataclass(frozen=True, slots=True)
class ResourceTags:
    """Tags for the interfaces and addresses of one instance.

    Attributes:
        extra: Additional tags from the settings. The tags of this module take precedence.
    """

    deployment: str
    group: str
    instance_id: str
    extra: Mapping[str, str]

    def for_interface(self, name: str, device_index: int) -> list[TagTypeDef]:
        """Return the tags for the interface named ``name`` and for its address."""
        return to_aws(
            {
                **self.extra,
                "Name": f"{self.group}-{self.instance_id}-{name}",
                DEPLOYMENT: self.deployment,
                GROUP: self.group,
                INSTANCE_ID: self.instance_id,
                INTERFACE: name,
                DEVICE_INDEX: str(device_index),
            }
        )


def to_aws(tags: Mapping[str, str]) -> list[TagTypeDef]:
    """Convert tags to the format of EC2 requests."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def from_aws(tags: Iterable[TagTypeDef] | None) -> dict[str, str]:
    """Convert tags from an EC2 response. The response may omit the list if there are no tags."""
    return {tag["Key"]: tag["Value"] for tag in tags or ()}


def filters_for(deployment: str, instance_ids: Iterable[str] | None) -> list[FilterTypeDef]:
    """Return filters for the resources of a deployment.

    Args:
        deployment: Name of the deployment.
        instance_ids: Instances that the resources were created for; ``None`` for all.
    """
    instances: FilterTypeDef = (
        {"Name": "tag-key", "Values": [INSTANCE_ID]}
        if instance_ids is None
        else {"Name": f"tag:{INSTANCE_ID}", "Values": list(instance_ids)}
    )
    return [{"Name": f"tag:{DEPLOYMENT}", "Values": [deployment]}, instances]
