"""What visits cost: AWS calls and lab time by kind of visit, with 0.1 s of lab time for each call.

Every deployment of the root module launches a firewall and terminates it. The calls come from the
lab's log, and the time is that of the lab, so that both are the same on every machine.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from vmseries_lab.client import Lab
from vmseries_scenarios.deployment import Deployment, deployment_in_new_lab
from vmseries_scenarios.license_plugin import license_by_plugin

ROOT = "tests/fixtures/visits"
LAYOUTS = ("two-interfaces", "three-interfaces", "one-address", "two-addresses")
IDLE_GROUP = 10
CALL_SECONDS = 0.1
STEP_SECONDS = 5.0
LIMIT_MINUTES = 60.0
HEARTBEAT = "RecordLifecycleActionHeartbeat"

BOOT = {"license": 160.0, "register": 162.0, "content": 165.0}
"""Lab seconds from power-on. The interfaces are looked for as early as by default."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit: an invocation of a function.

    Attributes:
        calls: How often it called each action of AWS.
        seconds: Lab seconds from its start to the end of its last call.
    """

    calls: Counter[str]
    seconds: float

    @property
    def counted(self) -> int:
        """Number of calls without heartbeats."""
        return self.calls.total() - self.calls[HEARTBEAT]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one kind of visit, or all visits of a termination, cost.

    Attributes:
        layout: The deployment.
        kind: The kind of visit.
        visits: Its visits.
    """

    layout: str
    kind: str
    visits: tuple[Visit, ...]

    @property
    def calls(self) -> int:
        """Number of calls without heartbeats."""
        return sum(visit.counted for visit in self.visits)

    @property
    def heartbeats(self) -> int:
        """Number of heartbeats."""
        return sum(visit.calls[HEARTBEAT] for visit in self.visits)

    @property
    def seconds(self) -> float:
        """Lab seconds in which the function worked."""
        return sum(visit.seconds for visit in self.visits)


@contextmanager
def deployments(
    layouts: Collection[str], *, plugin: bool = False
) -> Iterator[dict[str, Deployment]]:
    """Apply the root module in a new lab, and yield its deployments by layout."""
    with deployment_in_new_lab(ROOT, layouts=sorted(layouts), plugin=plugin) as root:
        lab = root.lab
        if plugin:
            license_by_plugin(lab)
        root.apply()
        lab.firewalls.set_boot_times(**BOOT)
        lab.licensing.configure(deactivation_seconds=0)
        lab.stop_clock()
        cloudwatch = lab.aws.client("cloudwatch")
        alarms = cloudwatch.describe_alarms()["MetricAlarms"]
        cloudwatch.delete_alarms(AlarmNames=[alarm["AlarmName"] for alarm in alarms])
        for layout in layouts:
            lab.aws.client("events").disable_rule(Name=f"{layout}-reconcile")
        lab.faults.add("*", "*", kind="delay", seconds=CALL_SECONDS, count=None, role="*")
        yield {
            layout: Deployment(lab, root.workspace, root.outputs["deployments"][layout])
            for layout in layouts
        }


def measure(deployment: Deployment, layout: str) -> list[Cost]:
    """Launch a firewall and terminate it, each with a duplicate of its event at the end."""
    log, group = _Log(deployment), deployment.group
    group.scale(1)
    _wait(deployment, lambda: group.is_in_service(1), "the firewall in service")
    (instance_id,) = group.states()
    launch = log.visits("launch")
    _send_duplicate(deployment, "launch", instance_id)
    launched_twice = log.visits("launch")
    group.terminate(instance_id)
    _wait(deployment, lambda: not group.states(), "the firewall terminated")
    terminate = log.visits("terminate")
    _send_duplicate(deployment, "terminate", instance_id)
    terminated_twice = log.visits("terminate")
    waiting = [visit for visit in launch[1:-1] if not visit.calls["CreateTags"]]
    kinds = {
        "launch: attach the network": launch[:1],
        "launch: wait for the boot": waiting[:1],
        "launch: enter service": launch[-1:],
        "launch: duplicate event": launched_twice,
        f"termination: all {len(terminate)} visits": terminate,
        "termination: last visit": terminate[-1:],
        "termination: duplicate event": terminated_twice,
    }
    return [Cost(layout, kind, tuple(visits)) for kind, visits in kinds.items()]


def measure_idle_group(deployment: Deployment, layout: str) -> Cost:
    """Run the reconcile function while ten firewalls are in service."""
    log, group = _Log(deployment), deployment.group
    group.scale(IDLE_GROUP)
    _wait(deployment, lambda: group.is_in_service(IDLE_GROUP), "ten firewalls in service")
    deployment.invoke("reconcile", "reconcile")
    kind = f"reconcile: idle group of {IDLE_GROUP}"
    return Cost(layout, kind, tuple(log.visits("reconcile")))


def all_costs() -> list[Cost]:
    """Measure all layouts, with both ways to return licenses."""
    costs: list[Cost] = []
    with deployments(LAYOUTS) as by_layout:
        for layout, deployment in by_layout.items():
            costs += measure(deployment, layout)
        costs.append(measure_idle_group(by_layout[LAYOUTS[-1]], LAYOUTS[-1]))
    with deployments(LAYOUTS[-1:], plugin=True) as by_layout:
        costs += measure(by_layout[LAYOUTS[-1]], f"{LAYOUTS[-1]}, plugin")
    return costs


def table(costs: list[Cost]) -> Table:
    """Return the costs as a table."""
    shown = Table("deployment", "visit", "AWS calls", "heartbeats", "lab seconds")
    for cost in costs:
        figures = str(cost.calls), str(cost.heartbeats), f"{cost.seconds:.1f}"
        shown.add_row(cost.layout, cost.kind, *figures)
    return shown


class _Log:
    """Reads the visits of a deployment's functions from the logs of the lab."""

    def __init__(self, deployment: Deployment) -> None:
        self._lab, self._functions = deployment.lab, deployment.outputs["functions"]
        self._read = len(self._lab.invocations())

    def visits(self, function: str) -> list[Visit]:
        """Return the visits of a function since this was last called."""
        name, role = (self._functions[function][key] for key in ("name", "role_name"))
        invocations = self._lab.invocations(self._read)
        self._read += len(invocations)
        own = [record for record in invocations if record["function"] == name]
        calls = [c for c in self._lab.calls() if c["role"] == role and not c["via"]]
        starts = [record["at"] for record in own]
        ends = [*starts[1:], float("inf")]
        return [
            _visit(start, [call for call in calls if start <= call["at"] < end])
            for start, end in zip(starts, ends, strict=True)
        ]


def _visit(start: float, calls: list[dict[str, Any]]) -> Visit:
    end = max((call["at"] + call["seconds"] for call in calls), default=start)
    return Visit(Counter(call["action"] for call in calls), end - start)


def _wait(deployment: Deployment, reached: Any, description: str) -> None:
    deployment.wait_until(reached, description, minutes=LIMIT_MINUTES, step_seconds=STEP_SECONDS)


def _send_duplicate(deployment: Deployment, function: str, instance_id: str) -> None:
    """Send an event whose lifecycle action is complete, and let the function visit it."""
    launching = function == "launch"
    transition = "LAUNCHING" if launching else "TERMINATING"
    places = ["EC2", "AutoScalingGroup"] if launching else ["AutoScalingGroup", "EC2"]
    event = {
        "source": "aws.autoscaling",
        "detail-type": f"EC2 Instance-{function} Lifecycle Action",
        "detail": {
            "LifecycleActionToken": str(uuid.uuid4()),
            "AutoScalingGroupName": deployment.name,
            "LifecycleHookName": function,
            "EC2InstanceId": instance_id,
            "LifecycleTransition": f"autoscaling:EC2_INSTANCE_{transition}",
            "Origin": places[0],
            "Destination": places[1],
        },
    }
    lab: Lab = deployment.lab
    lab.aws.client("sqs").send_message(
        QueueUrl=deployment.outputs["queues"][function]["url"], MessageBody=json.dumps(event)
    )
    lab.advance(60)
