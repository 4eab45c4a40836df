"""Describe and tag EC2 instances."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from vmseries_autoscale.aws import limits, tags
from vmseries_autoscale.aws.network.describe import attached_interface
from vmseries_autoscale.aws.network.state import Interface

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import FilterTypeDef, InstanceTypeDef

logger = logging.getLogger(__name__)

TERMINATED = "terminated"

LEAVING_STATES = frozenset({"shutting-down", TERMINATED})
"""The states from which an instance never returns ("Instance lifecycle", Amazon EC2 User Guide)."""

LAST_VISIT_INTERVAL = timedelta(minutes=10)
"""How often the last-visit tag is updated: often enough to show that visits continue, and rarely
enough to add hardly any API calls."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One EC2 instance.

    Attributes:
        zone: Name of the Availability Zone.
        state: State of the instance in EC2, e.g. ``running``.
        interfaces: All interfaces that are attached to the instance.
        terminated: Time of termination, timezone-aware; ``None`` if the instance is not terminated
            or EC2 does not report the time.
        launched: Time of the last launch, timezone-aware (``LaunchTime``, API_Instance); ``None``
            if it is not known.
        volumes: Ids of the attached EBS volumes.
    """

    instance_id: str
    zone: str
    state: str
    tags: Mapping[str, str]
    interfaces: tuple[Interface, ...]
    terminated: datetime | None = None
    launched: datetime | None = None
    volumes: tuple[str, ...] = ()

    @property
    def deployment(self) -> str | None:
        """The name of the deployment that launched the instance, from its tag."""
        return self.tags.get(tags.DEPLOYMENT)

    def is_of(self, deployment: str) -> bool | None:
        """Return whether the instance belongs to a deployment; ``None`` if EC2 no longer shows it.

        The tags of a terminated instance "may no longer be visible on the terminated instance after
        a short while" ("How instance termination works", Amazon EC2 User Guide,
        https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/how-ec2-instance-termination-works.html).
        """
        return None if self.lost_tags else self.deployment == deployment

    @property
    def lost_tags(self) -> bool:
        """Whether EC2 has removed the tags of the terminated instance."""
        return self.state == TERMINATED and self.deployment is None

    @property
    def serial(self) -> str | None:
        """The serial number of the firewall; ``None`` if no visit has tagged it."""
        return self.tags.get(tags.SERIAL)

    @property
    def generation(self) -> str | None:
        """The generation of the settings that the firewall was launched with, from its tag."""
        return self.tags.get(tags.GENERATION)

    @property
    def last_visit(self) -> datetime | None:
        """The time of the last visit, from its tag; ``None`` without a valid tag."""
        try:
            time = datetime.fromisoformat(self.tags[tags.LAST_VISIT].split(" ", 1)[0])
        except (KeyError, ValueError):
            return None
        return None if time.tzinfo is None else time

    @property
    def last_reason(self) -> str | None:
        """What the last visit waited for, from its tag; ``None`` if it has none."""
        _, _, reason = self.tags.get(tags.LAST_VISIT, "").partition(" ")
        return reason or None

    def private_ip(self, device_index: int) -> str | None:
        """Return the primary private IP address of the interface at ``device_index``."""
        for interface in self.interfaces:
            if interface.device_index == device_index:
                return interface.private_ip
        return None


def is_terminated(instance: Instance | None) -> bool:
    """Return whether the instance is terminated or no longer known to EC2."""
    return instance is None or instance.state == TERMINATED


def describe(ec2: EC2Client, instance_ids: Iterable[str]) -> dict[str, Instance]:
    """Describe instances by id. The result omits instances that EC2 does not know.

    The ids are passed as a filter, because an unknown id in the ``InstanceIds`` parameter makes the
    whole call fail.
    """
    described: dict[str, Instance] = {}
    for values in limits.batches(instance_ids, limits.MAXIMUM_FILTER_VALUES):
        described |= _describe(ec2, [{"Name": "instance-id", "Values": values}])
    return described


def describe_deployment(ec2: EC2Client, deployment: str) -> dict[str, Instance]:
    """Describe the instances of ``deployment``, including recently terminated ones."""
    return _describe(ec2, [{"Name": f"tag:{tags.DEPLOYMENT}", "Values": [deployment]}])


def describe_deployments(ec2: EC2Client) -> dict[str, Instance]:
    """Describe the instances of all deployments in this account and Region.

    Like ``describe_deployment``, it includes recently terminated ones.
    """
    return _describe(ec2, [{"Name": "tag-key", "Values": [tags.DEPLOYMENT]}])


def _describe(ec2: EC2Client, filters: list[FilterTypeDef]) -> dict[str, Instance]:
    pages = ec2.get_paginator("describe_instances").paginate(Filters=filters)
    described = [
        _instance(description)
        for page in pages
        for reservation in page["Reservations"]
        for description in reservation["Instances"]
    ]
    return {instance.instance_id: instance for instance in described}


def add_tags(ec2: EC2Client, instance_id: str, new: Mapping[str, str]) -> None:
    """Write tags on an instance."""
    ec2.create_tags(Resources=[instance_id], Tags=tags.to_aws(new))
    logger.info("Tagged the instance", extra={"tags": dict(new)})


def tag_abandonment_reason(ec2: EC2Client, instance_id: str, reason: str) -> None:
    """Tag an instance with the reason why its launch is abandoned.

    The tag informs operators, so an error is logged and does not stop the visit.
    """
    tag = {tags.ABANDONED: reason[: tags.MAXIMUM_VALUE_LENGTH]}
    try:
        ec2.create_tags(Resources=[instance_id], Tags=tags.to_aws(tag))
    except ClientError as error:
        logger.warning(
            "Could not tag the instance with the abandonment reason", extra={"reason": str(error)}
        )


def visit_note(now: datetime, reason: str = "") -> str:
    """Return the value of the last-visit tag: the time, and what the instance waits for."""
    note = f"{now.isoformat(timespec='seconds')} {reason}".strip()
    return note[: tags.MAXIMUM_VALUE_LENGTH]


def tag_last_visit(
    ec2: EC2Client,
    visited: Iterable[Instance],
    now: datetime,
    since: Mapping[str, datetime] | None = None,
    reasons: Mapping[str, str] | None = None,
    ending: Collection[str] = (),
) -> None:
    """Tag waiting instances with the time of this visit, which shows that no event is lost.

    The tag informs the reconcile function and operators, so an error is logged and does not stop
    the visit.

    Args:
        ec2: Client of Amazon EC2.
        visited: Instances that are still waiting after this visit.
        now: Current time, timezone-aware.
        since: Start of the wait by instance id, if the group's activity history shows it too.
        reasons: What the instances wait for, by instance id. The tag includes it.
        ending: Ids of the instances whose deadline is near. Their tags are always updated.
    """
    began = since or {}
    stale = [
        instance.instance_id
        for instance in visited
        if instance.state != TERMINATED
        and (
            (last := instance.last_visit or began.get(instance.instance_id)) is None
            or now - last >= LAST_VISIT_INTERVAL
            or instance.instance_id in ending
        )
    ]
    resources: dict[str, list[str]] = {}
    for instance_id in stale:
        reason = (reasons or {}).get(instance_id, "")
        resources.setdefault(visit_note(now, reason), []).append(instance_id)
    for note, instance_ids in resources.items():
        try:
            ec2.create_tags(Resources=instance_ids, Tags=tags.to_aws({tags.LAST_VISIT: note}))
        except ClientError as error:
            logger.warning(
                "Could not tag the waiting instances with the time of the visit",
                extra={"reason": str(error)},
            )


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
        launched=description.get("LaunchTime"),
        volumes=tuple(
            device["Ebs"]["VolumeId"]
            for device in description.get("BlockDeviceMappings", ())
            if "Ebs" in device
        ),
    )


_TRANSITION_TIME = re.compile(r"\((\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) GMT\)")


def _terminated(description: InstanceTypeDef) -> datetime | None:
    """Return the time of termination, which EC2 appends to the reason for the state change."""
    time = _TRANSITION_TIME.search(description.get("StateTransitionReason", ""))
    if description["State"]["Name"] != TERMINATED or time is None:
        return None
    return datetime.strptime(time[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
