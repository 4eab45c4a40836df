"""Check whether EC2 refuses the launches of the group."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from vmseries_autoscale.aws import autoscaling_group, refused_launches
from vmseries_autoscale.aws.autoscaling_group import NewestActivities
from vmseries_autoscale.preflight.findings import Findings, checked, problem, unchecked

if TYPE_CHECKING:
    from mypy_boto3_autoscaling import AutoScalingClient


def check(autoscaling: AutoScalingClient, name: str) -> Findings:
    """Report the newest launch that EC2 refuses, with EC2's message."""
    now = datetime.now(UTC)
    try:
        group = autoscaling_group.describe(autoscaling, name)
        refused = refused_launches.read(NewestActivities(autoscaling, name), group, now)
    except (BotoCoreError, ClientError):
        # The checks of the permissions and of the route report it.
        yield unchecked(f"Whether EC2 refuses launches of the group {name}: it cannot be read.")
        return
    if not refused:
        yield checked(f"EC2 refuses no launch of the group {name}.")
        return
    newest = refused[0]
    launches = sum(item.number for item in refused)
    zone = f" in {newest.zone}" if newest.zone else ""
    yield problem(
        f"EC2 refuses launches of the group {name}: {launches} since "
        f"{min(item.first for item in refused):%Y-%m-%d %H:%M} UTC, the newest{zone} at "
        f"{newest.last:%Y-%m-%d %H:%M} UTC: {newest.message.rstrip('.')}. Remove the cause that "
        "EC2 names; Auto Scaling then launches again."
    )
