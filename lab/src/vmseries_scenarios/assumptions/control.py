"""The negative control: one fault of each kind, which the story must notice.

A list of defects that is always empty proves nothing.
"""

from __future__ import annotations

import json

from vmseries_lab.licensing_api import AUTH_CODE
from vmseries_scenarios.crash_matrix.forkable_lab import ForkableLab

NAME = "negative-control"


def lose_license(lab: ForkableLab) -> str:
    """Take a license that nobody returns or reports, and return the serial number."""
    return lab.simulator.vendor.licensing.activate(AUTH_CODE, NAME, f"AWS:{NAME}")


def leave_interface(lab: ForkableLab) -> None:
    """Create an interface that is attached to nothing, and has no tag by which it is found."""
    ec2 = lab.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]
    ec2.create_network_interface(SubnetId=subnet["SubnetId"], Description=NAME)


def report_falsely(lab: ForkableLab, deployment: str, instance_id: str) -> None:
    """Report a license as not returned, in the log of a function."""
    logs, group = lab.client("logs"), f"/aws/lambda/{deployment}-terminate"
    logs.create_log_stream(logGroupName=group, logStreamName=NAME)
    line = json.dumps({"instance_id": instance_id, "license": "not-returned"})
    event = {"timestamp": round(1000 * lab.simulator.world.clock.now()), "message": line}
    logs.put_log_events(logGroupName=group, logStreamName=NAME, logEvents=[event])
