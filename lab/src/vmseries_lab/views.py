"""What the commands print: tables of a lab's state, and lines for a shell."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from vmseries_lab.client import Lab, Leftovers
from vmseries_lab.core.timeline import Entry

UNRESTRICTED = ("", "*", "before", 0)
"""Values of a fault's settings that restrict nothing."""

STYLES = {"ALARM": "red", "OK": "green", "INSUFFICIENT_DATA": "yellow"}
"""The color of an alarm's state."""

OVERRIDES = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
)
"""Variables that would choose other credentials than the lab's, or disable its endpoint.

https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html
"""
SERVICE_ENDPOINT = "AWS_ENDPOINT_URL_"
"""Prefix of the variables with the endpoint of one service, which win over ``AWS_ENDPOINT_URL``.

https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
"""


TARGET_TRACKING = "TargetTracking-"
"""Prefix of the alarms that Auto Scaling creates for a policy, with names of 70 characters."""


def clock_time(at: float) -> str:
    """Return a lab time as a time of day, in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S")


# State --------------------------------------------------------------------------------------------


def firewall_rows(lab: Lab) -> list[dict[str, Any]]:
    """Return the firewalls with what Auto Scaling and the load balancers say of each."""
    lifecycle, targets = _lifecycle_states(lab), _target_states(lab)
    return [
        {
            **firewall,
            "lifecycle": lifecycle.get(firewall["instance_id"], "-"),
            "target": targets.get(firewall["instance_id"], "-"),
        }
        for firewall in lab.firewalls.describe()
    ]


def _lifecycle_states(lab: Lab) -> dict[str, str]:
    pages = lab.aws.client("autoscaling").get_paginator("describe_auto_scaling_groups").paginate()
    return {
        member["InstanceId"]: member["LifecycleState"]
        for page in pages
        for group in page["AutoScalingGroups"]
        for member in group["Instances"]
    }


def _target_states(lab: Lab) -> dict[str, str]:
    elbv2 = lab.aws.client("elbv2")
    groups = elbv2.describe_target_groups()["TargetGroups"]
    return {
        target["Target"]["Id"]: target["TargetHealth"]["State"]
        for group in groups
        for target in elbv2.describe_target_health(TargetGroupArn=group["TargetGroupArn"])[
            "TargetHealthDescriptions"
        ]
    }


def firewalls_table(rows: Iterable[Mapping[str, Any]]) -> Table:
    """Return the firewalls as a table."""
    table = _table("instance", "zone", "lifecycle", "serial", "license", "Panorama", "target")
    table.add_column("sessions", justify="right")
    for row in rows:
        panorama = "in sync" if row["in_sync"] else "connected" if row["connected"] else "-"
        table.add_row(
            row["instance_id"],
            row["zone"],
            row["lifecycle"],
            row["serial"] or "-",
            "active" if row["licensed"] else "-",
            panorama,
            row["target"],
            f"{row['sessions']:,}",
        )
    return table


def alarm_rows(lab: Lab) -> list[dict[str, Any]]:
    """Return the alarms of CloudWatch, those in ALARM first."""
    pages = lab.aws.client("cloudwatch").get_paginator("describe_alarms").paginate()
    alarms = [alarm for page in pages for alarm in page["MetricAlarms"]]
    order = list(STYLES)
    alarms.sort(key=lambda alarm: (order.index(alarm["StateValue"]), alarm["AlarmName"]))
    return [
        {
            "name": alarm["AlarmName"],
            "state": alarm["StateValue"],
            "description": (
                "The scaling policy acts on the group."
                if alarm["AlarmName"].startswith(TARGET_TRACKING)
                else alarm.get("AlarmDescription", "")
            ),
        }
        for alarm in alarms
    ]


def alarms_table(rows: Iterable[Mapping[str, Any]]) -> Table:
    """Return the alarms as a table."""
    table = _table("state")
    table.add_column("alarm", overflow="fold")
    table.add_column("meaning", overflow="fold")
    for row in rows:
        table.add_row(
            Text(row["state"], STYLES[row["state"]]), Text(row["name"]), Text(row["description"])
        )
    return table


def timeline_table(entries: Iterable[Entry]) -> Table:
    """Return entries of the timeline as a table."""
    table = _table("number", "UTC", "source", "what", "subject")
    table.add_column("detail", overflow="fold")
    for entry in entries:
        detail = ", ".join(f"{key}={value}" for key, value in entry.detail.items())
        table.add_row(
            str(entry.number),
            clock_time(entry.at),
            entry.source,
            entry.kind,
            Text(entry.subject),
            Text(detail),
        )
    return table


def faults_table(faults: Iterable[Mapping[str, Any]]) -> Table:
    """Return the injected faults as a table."""
    table = _table("service", "action", "kind", "calls")
    table.add_column("other settings", overflow="fold")
    for fault in faults:
        of_errors = {name: fault[name] for name in ("code", "message")}
        others = {
            **{name: fault[name] for name in ("when", "after", "role", "subject", "seconds")},
            **(of_errors if fault["kind"] == "error" else {}),
        }
        others = {k: v for k, v in others.items() if v not in UNRESTRICTED}
        table.add_row(
            fault["service"],
            fault["action"],
            fault["kind"],
            "all" if fault["count"] is None else str(fault["count"]),
            Text(", ".join(f"{key}={value}" for key, value in others.items())),
        )
    return table


def leftovers_line(leftovers: Leftovers) -> str:
    """Return what firewalls hold, on one line."""
    counts = asdict(leftovers)
    names = {"panorama_entries": "Panorama entries"}
    return ", ".join(f"{counts[name]} {names.get(name, name)}" for name in counts)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, no_wrap=True)
    return table


# Lines for a shell --------------------------------------------------------------------------------


def environment_lines(variables: Mapping[str, str], current: Mapping[str, str]) -> list[str]:
    """Return shell commands that lead Terraform and AWS SDKs to the lab only.

    Args:
        variables: the variables to set.
        current: the variables of the calling shell. Those that would lead elsewhere are unset.
    """
    elsewhere = sorted(
        name for name in current if name in OVERRIDES or name.startswith(SERVICE_ENDPOINT)
    )
    lines = [f"unset {' '.join(elsewhere)}"] if elsewhere else []
    return lines + [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]


def curl_command(host: str, address: str, ca_file: Path, parameters: Mapping[str, str]) -> str:
    """Return a curl command for Panorama's XML API.

    Args:
        host: host name of Panorama.
        address: where the lab serves it, as ``127.0.0.1:port``.
        ca_file: certificate of the CA.
        parameters: parameters of the request.
    """
    words: Sequence[str] = (
        "curl",
        "--silent",
        "--show-error",
        "--cacert",
        os.fspath(ca_file),
        "--connect-to",
        f"{host}:443:{address}",
        "--write-out",
        "\\n",
        f"https://{host}/api/",
        *(
            word
            for name, value in parameters.items()
            for word in ("--data-urlencode", f"{name}={value}")
        ),
    )
    return shlex.join(words)
