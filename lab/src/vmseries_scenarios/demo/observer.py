"""Looks at the lab as an operator would, and keeps what was seen."""

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
from vmseries_scenarios.demo.panorama_history import Ledger, Line, Stay, Tag
from vmseries_scenarios.demo.resource_owners import Owners
from vmseries_scenarios.demo.timeline_text import words

if TYPE_CHECKING:
    from mypy_boto3_autoscaling.type_defs import AutoScalingGroupTypeDef
    from mypy_boto3_ec2.type_defs import FilterTypeDef

SERIAL_TAG = "vmseries-autoscale:serial"
EVIDENCE_TAG = "vmseries-autoscale:serial-evidence"

PANORAMA_SECONDS = 1.0
"""Real time between two looks at Panorama; one costs the lab a dozen requests."""


class Observer:
    """Reads the lab and writes the board.

    Attributes:
        board: what the view shows.
        entries: the whole timeline so far.
        ledger: the serial numbers and commits on Panorama so far.
    """

    def __init__(self, lab: Lab, board: Board) -> None:
        self.board = board
        self.entries: list[Entry] = []
        self.ledger = Ledger()
        self.offered = 0
        self._lab = lab
        self._owners = Owners()
        self._untold: list[Line] = []
        self._autoscaling = lab.aws.client("autoscaling")
        self._balancing = lab.aws.client("elbv2")
        self._ec2 = lab.aws.client("ec2")
        self._asking = threading.Lock()
        self._asked = 0.0

    def look(self) -> Moment:
        """Bring the board up to date."""
        self._follow_timeline()
        if time.monotonic() - self._asked >= PANORAMA_SECONDS:
            self.ask_panorama()
        group = self.group()
        members = sorted(
            (group["Instances"] if group else ()),
            key=lambda member: (member["AvailabilityZone"], member["InstanceId"]),
        )
        described = self._lab.firewalls.describe() if members else []
        known = {row["instance_id"]: row for row in described}
        targets = self._target_states(group) if group and members else {}
        rows = tuple(
            firewall(
                member["InstanceId"],
                member["AvailabilityZone"],
                member["LifecycleState"],
                known.get(member["InstanceId"], {}),
                self.ledger.of(member["InstanceId"]),
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

    def ask_panorama(self) -> None:
        """Bring the ledger up to date, from public APIs only.

        The event log is written here: Panorama tells things later than the timeline does, and the
        log shall have them in their order.
        """
        with self._asking:
            at = self._lab.now()
            devices = panorama.devices(self._lab)
            jobs = panorama.jobs(self._lab)
            news = self.ledger.enter(at, devices, jobs, self._tags(), self._licensed())
            number = len(self._untold)
            news += self._untold[:number]
            del self._untold[:number]
            self.board.log += sorted(news, key=lambda line: line[0])
            self.board.commits = self.ledger.commits
            self._asked = time.monotonic()

    def group(self) -> AutoScalingGroupTypeDef | None:
        """Return the Auto Scaling group as its API shows it; None before and after its life."""
        groups = self._autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
        return groups[0] if groups else None

    def happened(self, kind: str) -> Sequence[Entry]:
        """Return all entries of one kind."""
        return [entry for entry in self.entries if entry.kind == kind]

    def tell(self, line: str) -> None:
        """Add a line of somebody else's to the event log."""
        self.board.log.append((self.board.moment.at if self.board.moment else 0.0, line))

    def _follow_timeline(self) -> None:
        for entry in self._lab.timeline(since=len(self.entries)):
            self.entries.append(entry)
            line = words(entry, self._owners.of(entry))
            if line is not None:
                self._untold.append((entry.at, line))

    def _tags(self) -> dict[str, Tag]:
        """What the launch function wrote on the instances, by instance id."""
        filters: Sequence[FilterTypeDef] = [{"Name": "tag-key", "Values": [SERIAL_TAG]}]
        answer = self._ec2.describe_instances(Filters=filters)
        found = {}
        for reservation in answer["Reservations"]:
            for instance in reservation["Instances"]:
                tags = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
                tag = Tag(tags[SERIAL_TAG], tags.get(EVIDENCE_TAG, ""))
                found[instance["InstanceId"]] = tag
        return found

    def _licensed(self) -> set[str]:
        """The serial numbers that hold a license, as the licensing API has it."""
        answer = self._lab.licensing.request("get", authcode=self._lab.auth_code)
        return {device["SerialNumber"] for device in answer["UsedDeviceDetails"]}

    def _target_states(self, group: AutoScalingGroupTypeDef) -> dict[str, str]:
        states: dict[str, str] = {}
        for arn in group.get("TargetGroupARNs", []):
            try:
                answer = self._balancing.describe_target_health(TargetGroupArn=arn)
            except ClientError as error:
                # Terraform may have deleted it between the two looks.
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
    stay: Stay | None,
    target: str,
) -> Firewall:
    """Join what is known about one firewall.

    Args:
        instance_id: the EC2 instance.
        zone: by Auto Scaling.
        lifecycle: by Auto Scaling.
        row: what the lab says about its load; no public API shows that at once.
        stay: what Panorama and the licensing API say; None until Panorama knows it.
        target: by the load balancer.
    """
    known = Firewall(
        instance_id=instance_id,
        zone=zone,
        lifecycle=lifecycle,
        sessions=int(row.get("sessions") or 0),
        utilization=float(row.get("utilization") or 0.0),
        target=target,
    )
    if stay is None:
        return known
    return replace(
        known,
        serial=stay.serial,
        panorama=stay.connection,
        group=stay.device.group,
        stack=stay.device.stack,
        license=stay.license,
    )
