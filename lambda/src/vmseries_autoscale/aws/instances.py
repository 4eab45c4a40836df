"""Instances as EC2 describes them."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from vmseries_autoscale.aws import tags
from vmseries_autoscale.aws.network.describe import attached_interface
from vmseries_autoscale.aws.network.state import Interface

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import FilterTypeDef, InstanceTypeDef

logger = logging.getLogger(__name__)

TERMINATED = "terminated"

VISIT_NOTED_EVERY = timedelta(minutes=10)
"""How often a visit is noted on an instance that waits: often enough to tell that it is looked
after, rarely enough to cost next to nothing."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance.

    Attributes:
        zone: name of its Availability Zone.
        state: EC2's word, e.g. ``running``.
        interfaces: what is attached to it, whoever attached it.
        terminated: when it was; ``None`` if it is not, or if EC2 does not say when.
    """

    instance_id: str
    zone: str
    state: str
    tags: Mapping[str, str]
    interfaces: tuple[Interface, ...]
    terminated: datetime | None = None

    @property
    def deployment(self) -> str | None:
        """The name of the deployment that launched it."""
        return self.tags.get(tags.DEPLOYMENT)

    @property
    def serial(self) -> str | None:
        """The serial number of its firewall, if a visit has found it out."""
        return self.tags.get(tags.SERIAL)

    @property
    def license_returned(self) -> bool:
        """Whether a visit has read back that the license is returned."""
        return self.tags.get(tags.LICENSE) == tags.LICENSE_RETURNED

    @property
    def visited(self) -> datetime | None:
        """When a visit was last noted on it."""
        try:
            return datetime.fromisoformat(self.tags[tags.LAST_VISIT])
        except (KeyError, ValueError):
            return None

    def private_ip(self, device_index: int) -> str | None:
        """The primary private address of the interface at ``device_index``."""
        for interface in self.interfaces:
            if interface.device_index == device_index:
                return interface.private_ip
        return None


def is_gone(instance: Instance | None) -> bool:
    """Whether EC2 says that the instance is terminated, or does not know it any more."""
    return instance is None or instance.state == TERMINATED


def look(ec2: EC2Client, instance_ids: Iterable[str]) -> dict[str, Instance]:
    """The instances among ``instance_ids`` that EC2 knows.

    A filter finds what exists; naming the ids would make one unknown id an error for all.
    """
    return _look(ec2, [{"Name": "instance-id", "Values": list(instance_ids)}])


def of_deployment(ec2: EC2Client, deployment: str) -> dict[str, Instance]:
    """The instances that ``deployment`` launched, with those that were terminated lately."""
    return _look(ec2, [{"Name": f"tag:{tags.DEPLOYMENT}", "Values": [deployment]}])


def other_with(ec2: EC2Client, deployment: str, instance_id: str, serial: str) -> str | None:
    """The other instance of ``deployment`` that is known to be the firewall of this serial number.

    EC2 gives an address again as soon as an instance is gone, which Panorama takes minutes to
    notice; until then the firewall that had it is listed as connected.
    """
    known = of_deployment(ec2, deployment).values()
    others = (one.instance_id for one in known if one.serial == serial)
    return next((other for other in others if other != instance_id), None)


def _look(ec2: EC2Client, filters: list[FilterTypeDef]) -> dict[str, Instance]:
    pages = ec2.get_paginator("describe_instances").paginate(Filters=filters)
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


def note_abandonment(ec2: EC2Client, instance_id: str, reason: str) -> None:
    """Leave word on an instance why its launch is given up, for as long as EC2 shows it.

    It is for people, and costs no launch its end.
    """
    note = {tags.ABANDONED: reason[: tags.LONGEST_VALUE]}
    try:
        ec2.create_tags(Resources=[instance_id], Tags=tags.to_aws(note))
    except ClientError as error:
        logger.warning("Could not note why on the instance", extra={"reason": str(error)})


def note_visit(
    ec2: EC2Client,
    visited: Iterable[Instance],
    now: datetime,
    since: Mapping[str, datetime] | None = None,
) -> None:
    """Leave word on waiting instances that their events have not been lost.

    It is a hint for the reconcile function only: a visit is not worse for one that fails.

    Args:
        ec2: where they are.
        visited: the instances.
        now: aware.
        since: when their waits began, by instance id, if Auto Scaling's own history tells that,
            too.
    """
    began = since or {}
    stale = [
        instance.instance_id
        for instance in visited
        if instance.state != TERMINATED
        and (
            (last := instance.visited or began.get(instance.instance_id)) is None
            or now - last >= VISIT_NOTED_EVERY
        )
    ]
    if not stale:
        return
    note = {tags.LAST_VISIT: now.isoformat(timespec="seconds")}
    try:
        ec2.create_tags(Resources=stale, Tags=tags.to_aws(note))
    except ClientError as error:
        logger.warning("Could not note the visit", extra={"reason": str(error)})


def _instance(description: InstanceTypeDef) -> Instance:
    return Instance(
        instance_id=description["InstanceId"],
        zone=description["Placement"]["AvailabilityZone"],
        state=description["State"]["Name"],
        tags=tags.from_aws(description.get("Tags")),
        interfaces=tuple(
            attached_interface(description["InstanceId"], item)
            for item in description.get("NetworkInterfaces", ())
        ),
        terminated=_terminated(description),
    )


_WHEN = re.compile(r"\((\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) GMT\)")


def _terminated(description: InstanceTypeDef) -> datetime | None:
    """When it was terminated: the reason for an instance's state ends with its time."""
    when = _WHEN.search(description.get("StateTransitionReason", ""))
    if description["State"]["Name"] != TERMINATED or when is None:
        return None
    return datetime.strptime(when[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
