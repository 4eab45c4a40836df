"""Instances as EC2 describes them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vmseries_autoscale import tags
from vmseries_autoscale.interfaces import Interface, of_instance

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import InstanceTypeDef

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance.

    Attributes:
        zone: name of its Availability Zone.
        state: EC2's word, e.g. ``running``.
        interfaces: what is attached to it, whoever attached it.
    """

    instance_id: str
    zone: str
    state: str
    tags: Mapping[str, str]
    interfaces: tuple[Interface, ...]

    def private_ip(self, device_index: int) -> str | None:
        """The primary private address of the interface at ``device_index``."""
        for interface in self.interfaces:
            if interface.device_index == device_index:
                return interface.private_ip
        return None


def look(ec2: EC2Client, instance_ids: Iterable[str]) -> dict[str, Instance]:
    """The instances among ``instance_ids`` that EC2 knows.

    A filter finds what exists; naming the ids would make one unknown id an error for all.
    """
    pages = ec2.get_paginator("describe_instances").paginate(
        Filters=[{"Name": "instance-id", "Values": list(instance_ids)}]
    )
    found = [
        _instance(description)
        for page in pages
        for reservation in page["Reservations"]
        for description in reservation["Instances"]
    ]
    return {instance.instance_id: instance for instance in found}


def add_tags(ec2: EC2Client, instance_id: str, new: Mapping[str, str]) -> None:
    """Write tags on an instance."""
    ec2.create_tags(Resources=[instance_id], Tags=tags.to_aws(new))
    logger.info("Tagged the instance", extra={"tags": dict(new)})


def _instance(description: InstanceTypeDef) -> Instance:
    return Instance(
        instance_id=description["InstanceId"],
        zone=description["Placement"]["AvailabilityZone"],
        state=description["State"]["Name"],
        tags=tags.from_aws(description.get("Tags")),
        interfaces=tuple(
            of_instance(description["InstanceId"], item)
            for item in description.get("NetworkInterfaces", ())
        ),
    )
