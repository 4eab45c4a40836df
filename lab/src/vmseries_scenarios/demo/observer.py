"""Observes the lab as an operator would, and keeps what was observed."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from vmseries_lab.client import Lab
from vmseries_lab.core.timeline import Entry
from vmseries_scenarios.demo import panorama
from vmseries_scenarios.demo.model import Board, Firewall, Moment
from vmseries_scenarios.demo.panorama_history import Line, Membership, PanoramaHistory
from vmseries_scenarios.demo.resource_owners import ResourceOwners
from vmseries_scenarios.demo.timeline_text import describe_entry
from vmseries_scenarios.deployment import tags_of

if TYPE_CHECKING:
    from mypy_boto3_autoscaling.type_defs import AutoScalingGroupTypeDef
    from mypy_boto3_ec2.type_defs import FilterTypeDef

SERIAL_TAG = "vmseries-autoscale:serial"

PANORAMA_SECONDS = 1.0
"""Real time between two queries of Panorama, each of which takes a dozen requests."""


class Observer:
    """Reads the lab and writes the board.

    Attributes:
        board: What the view shows.
        entries: The timeline so far.
        panorama_history: the serial numbers and commits on Panorama so far.
    """

    def __init__(self, lab: Lab, board: Board) -> None:
        self.board = board
        self.entries: list[Entry] = []
        self.panorama_history = PanoramaHistory()
        self.offered = 0
        self._lab = lab
        self._owners = ResourceOwners()
        self._pending_lines: list[Line] = []
        self._autoscaling = lab.aws.client("autoscaling")
        self._balancing = lab.aws.client("elbv2")
        self._ec2 = lab.aws.client("ec2")
        self._querying = threading.Lock()
        self._queried_at = 0.0

    def observe(self) -> Moment:
        """Update the board, and return the current moment."""
        self._follow_timeline()
        if time.monotonic() - self._queried_at >= PANORAMA_SECONDS:
            self.query_panorama()
        group = self.group()
        members = sorted(
            (group["Instances"] if group else ()),
            key=lambda member: (member["AvailabilityZone"], member["InstanceId"]),
        )
        known = (
            {row["instance_id"]: row for row in self._lab.firewalls.describe()} if members else {}
        )
        targets = self._target_states(group) if group and members else {}
        rows = tuple(
            firewall(
                member["InstanceId"],
                member["AvailabilityZone"],
                member["LifecycleState"],
                known.get(member["InstanceId"], {}),
                self.panorama_history.of(member["InstanceId"]),
                targets.get(member["InstanceId"], "-"),
            )
            for member in members
        )
        moment = Moment(self._lab.now(), self.offered, rows)
        if not self.board.history:
            self.board.start = moment.at
        self.board.moment = moment
        self.board.history.append(moment)
        return moment

    def query_panorama(self) -> None:
        """Update the Panorama history, from public APIs only.

        This also writes the event log: Panorama's events are known later than those of the
        timeline, and the log must be in order of time.
        """
        with self._querying:
            at = self._lab.now()
            devices = panorama.devices(self._lab)
            jobs = panorama.jobs(self._lab)
            lines = self.panorama_history.add(at, devices, jobs, self._tags(), self._licensed())
            count = len(self._pending_lines)
            lines += self._pending_lines[:count]
            del self._pending_lines[:count]
            self.board.log += sorted(lines, key=lambda line: line[0])
            self.board.commits = self.panorama_history.commits
            self._queried_at = time.monotonic()

    def group(self) -> AutoScalingGroupTypeDef | None:
        """Return the Auto Scaling group as its API has it; None if it does not exist."""
        groups = self._autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
        return groups[0] if groups else None

    def happened(self, kind: str) -> Sequence[Entry]:
        """Return all entries of one kind."""
        return [entry for entry in self.entries if entry.kind == kind]

    def add_line(self, line: str) -> None:
        """Add a line from another source to the event log."""
        self.board.log.append((self.board.moment.at if self.board.moment else 0.0, line))

    def _follow_timeline(self) -> None:
        for entry in self._lab.timeline(since=len(self.entries)):
            self.entries.append(entry)
            line = describe_entry(entry, self._owners.of(entry))
            if line is not None:
                self._pending_lines.append((entry.at, line))

    def _tags(self) -> dict[str, str]:
        """Return the serial numbers that the launch function wrote on instances, by their ID."""
        filters: Sequence[FilterTypeDef] = [{"Name": "tag-key", "Values": [SERIAL_TAG]}]
        answer = self._ec2.describe_instances(Filters=filters)
        tags_by_instance = {}
        for reservation in answer["Reservations"]:
            for instance in reservation["Instances"]:
                tags_by_instance[instance["InstanceId"]] = tags_of(instance)[SERIAL_TAG]
        return tags_by_instance

    def _licensed(self) -> set[str]:
        """Return the serial numbers that hold a license, according to the licensing API."""
        answer = self._lab.licensing.request("get", authcode=self._lab.auth_code)
        return {device["SerialNumber"] for device in answer["UsedDeviceDetails"]}

    def _target_states(self, group: AutoScalingGroupTypeDef) -> dict[str, str]:
        states: dict[str, str] = {}
        for arn in group.get("TargetGroupARNs", []):
            try:
                answer = self._balancing.describe_target_health(TargetGroupArn=arn)
            except ClientError as error:
                # Terraform may have deleted it in the meantime.
                if error.response["Error"]["Code"] != "TargetGroupNotFound":
                    raise
                continue
            for target in answer["TargetHealthDescriptions"]:
                states[target["Target"]["Id"]] = target["TargetHealth"]["State"]
        return states


def firewall(
    instance_id: str,
    zone: str,
    lifecycle: str,
    row: Mapping[str, Any],
    membership: Membership | None,
    target: str,
) -> Firewall:
    """Combine what is known about a firewall.

    Args:
        instance_id: ID of the EC2 instance.
        zone: Availability Zone, from Auto Scaling.
        lifecycle: Lifecycle state, from Auto Scaling.
        row: Load, from the lab's control API: no public API shows it without delay.
        membership: History on Panorama; None until Panorama knows the firewall.
        target: Target state, from the load balancer.
    """
    known = Firewall(
        instance_id=instance_id,
        zone=zone,
        lifecycle=lifecycle,
        sessions=int(row.get("sessions") or 0),
        utilization=float(row.get("utilization") or 0.0),
        target=target,
    )
    if membership is None:
        return known
    return replace(
        known,
        serial=membership.serial,
        panorama=membership.connection,
        group=membership.device.group,
        stack=membership.device.stack,
        license=membership.license,
    )
