"""Tags: how what this deployment makes is known, and to whom it belongs."""

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
SERIAL_EVIDENCE = "vmseries-autoscale:serial-evidence"
LICENSE = "vmseries-autoscale:license"
LICENSE_LISTED = "listed"
LICENSE_RETURNED = "returned"
LAST_VISIT = "vmseries-autoscale:last-visit"
ABANDONED = "vmseries-autoscale:abandoned"

LONGEST_VALUE = 256
"""Characters of a tag's value. Source: "Tag restrictions", Amazon EC2 User Guide."""


@dataclass(frozen=True, slots=True)
class Owner:
    """For whom an interface or an address is made.

    Attributes:
        extra: the user's own tags; ours go before them.
    """

    deployment: str
    group: str
    instance_id: str
    extra: Mapping[str, str]

    def tags(self, name: str, device_index: int) -> list[TagTypeDef]:
        """Tags for the interface called ``name`` or for its address."""
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
    """``tags`` as EC2 takes them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def from_aws(tags: Iterable[TagTypeDef] | None) -> dict[str, str]:
    """``tags`` as EC2 reports them; a resource without tags may have no list at all."""
    return {tag["Key"]: tag["Value"] for tag in tags or ()}


def belonging_to(deployment: str, instance_ids: Iterable[str] | None) -> list[FilterTypeDef]:
    """Filters for what ``deployment`` made for one of these instances, or for any."""
    instances: FilterTypeDef = (
        {"Name": "tag-key", "Values": [INSTANCE_ID]}
        if instance_ids is None
        else {"Name": f"tag:{INSTANCE_ID}", "Values": list(instance_ids)}
    )
    return [{"Name": f"tag:{DEPLOYMENT}", "Values": [deployment]}, instances]
