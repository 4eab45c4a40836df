"""Looks at the lab as an operator would, and keeps what was seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from vmseries_lab.client import Lab
from vmseries_lab.demo.model import Board, Firewall, Moment
from vmseries_lab.demo.owners import Owners
from vmseries_lab.demo.words import words
from vmseries_lab.timeline import Entry

if TYPE_CHECKING:
    from mypy_boto3_autoscaling.type_defs import AutoScalingGroupTypeDef


class Observer:
    """Reads the lab and writes the board.

    Attributes:
        board: what the view shows.
        entries: the whole timeline so far.
    """

    def __init__(self, lab: Lab, board: Board) -> None:
        self.board = board
        self.entries: list[Entry] = []
        self.offered = 0
        self._lab = lab
        self._owners = Owners()
        self._autoscaling = lab.client("autoscaling")
        self._balancing = lab.client("elbv2")

    def look(self) -> Moment:
        """Bring the board up to date."""
        self._follow_timeline()
        group = self.group()
        members = sorted(
            (group["Instances"] if group else ()),
            key=lambda member: (member["AvailabilityZone"], member["InstanceId"]),
        )
        known = {row["instance_id"]: row for row in self._lab.firewalls()} if members else {}
        targets = self._target_states(group) if group and members else {}
        rows = tuple(
            firewall(
                member["InstanceId"],
                member["AvailabilityZone"],
                member["LifecycleState"],
                known.get(member["InstanceId"], {}),
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
                self.board.log.append((entry.at, line))

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
    instance_id: str, zone: str, lifecycle: str, row: Mapping[str, Any], target: str
) -> Firewall:
    """Join what Auto Scaling, the load balancer and the lab say about one firewall."""
    return Firewall(
        instance_id=instance_id,
        zone=zone,
        lifecycle=lifecycle,
        serial=row.get("serial") or "",
        panorama=panorama_state(row),
        sessions=int(row.get("sessions") or 0),
        utilization=float(row.get("utilization") or 0.0),
        target=target,
    )


def panorama_state(row: Mapping[str, Any]) -> str:
    """Say in one word how a firewall stands with Panorama."""
    if row.get("in_sync") and row.get("connected"):
        return "in sync"
    if row.get("connected"):
        return "connected"
    return "-"
