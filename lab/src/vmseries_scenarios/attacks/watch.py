"""What an attack touched, and what reported it: the situation before and after, by public APIs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from vmseries_lab.client import LabError
from vmseries_scenarios.attacks.site import Site
from vmseries_scenarios.deployment import MINUTE, Deployment, tags_of

LICENSES = "<request><license><info/></license></request>"
SERIAL = "vmseries-autoscale:serial"
QUIET_MINUTES = 20
"""Limit of lab time until the alarms of an attack have ended."""
NORMAL_ALARMS = ("reconcile-silent",)
"""Alarms that a new deployment has until the first run of the reconcile function."""
FUNCTIONS = ("launch", "terminate", "reconcile")
SUCCEEDED = 200
DEVICE_ERROR = re.compile(r"Device\w+Error")
"""Errors with which the reconcile function ends on purpose. Its next run continues, and an alarm
reports that runs are missing."""
Facts = dict[str, dict[str, str]]
"""Facts of each firewall, by instance ID: what an attack must not change."""


def facts(site: Site) -> Facts:
    """Describe every firewall of both deployments.

    The facts are those that are lost when a firewall is taken out of service: its lifecycle state,
    interfaces, addresses and targets, its license, its entries in Panorama, and its serial number.
    """
    entries = site.lab.panorama.device_entries()
    return {
        instance_id: described
        for deployment in (site.attacked, site.other)
        for instance_id, described in _describe(site, deployment, entries).items()
    }


def _describe(site: Site, deployment: Deployment, entries: dict[str, list[str]]) -> Facts:
    states, instances = deployment.group.states(), deployment.instances()
    targets = _targets(deployment)
    allocated = site.lab.aws.client("ec2").describe_addresses()["Addresses"]
    addresses = Counter(address.get("NetworkInterfaceId", "") for address in allocated)
    described = {}
    for instance_id, instance in instances.items():
        interfaces = sorted(
            (nic["Attachment"]["DeviceIndex"], nic["NetworkInterfaceId"], nic["PrivateIpAddress"])
            for nic in instance["NetworkInterfaces"]
        )
        serial = tags_of(instance).get(SERIAL, "")
        described[instance_id] = {
            "lifecycle state": states[instance_id],
            "EC2 state": instance["State"]["Name"],
            "interfaces": str(len(interfaces)),
            "addresses": str(sum(addresses[nic] for _, nic, _ in interfaces)),
            "targets": str(
                sum(targets[target] for target in (instance_id, *(ip for *_, ip in interfaces)))
            ),
            "serial number": serial,
            "license": _license(site, serial),
            "entries in Panorama": str(sum(serial in part for part in entries.values())),
        }
    return described


def _targets(deployment: Deployment) -> Counter[str]:
    """Return how many registrations in service each target has."""
    elbv2 = deployment.lab.aws.client("elbv2")
    group = deployment.group.describe() or {}
    arns = [*group.get("TargetGroupARNs", []), *deployment.outputs["service"]["target_group_arns"]]
    counts: Counter[str] = Counter()
    for arn in arns:
        health = elbv2.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        for target in health:
            if target["TargetHealth"]["State"] != "draining":
                counts[target["Target"]["Id"]] += 1
    return counts


def _license(site: Site, serial: str) -> str:
    """Return whether the firewall has a license, as it says itself through Panorama."""
    if not serial:
        return "unknown"
    try:
        shown = site.lab.panorama.request(type="op", cmd=LICENSES, target=serial)
    except LabError:
        return "none: not connected"
    return "active" if shown.find("result/licenses/entry") is not None else "none"


def differences(before: Facts, after: Facts, ignored: Collection[str] = ()) -> dict[str, str]:
    """Return what changed, as one line for each instance ID; new firewalls are no change."""
    changed: dict[str, str] = {}
    for instance_id, known in before.items():
        if instance_id in ignored:
            continue
        now = after.get(instance_id, {})
        lines = [
            f"{name} {value or 'none'} → {now.get(name) or 'none'}"
            for name, value in known.items()
            if now.get(name) != value
        ]
        if lines:
            changed[instance_id] = f"{instance_id}: {', '.join(lines)}"
    return changed


@dataclass
class Watch:
    """Compares the situation after an attack with that before it.

    Attributes:
        site: The situation.
        ignored: Instances that change for another reason, such as a real termination.
    """

    site: Site
    ignored: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Describe the situation before the attack."""
        self.since = self.site.lab.now()
        self._entries = len(self.site.lab.timeline())
        self._invocations = len(self.site.lab.invocations())
        self._calls = len(self.site.lab.calls())
        self._before = facts(self.site)

    @property
    def members(self) -> Collection[str]:
        """The firewalls before the attack, of both deployments."""
        return self._before.keys()

    def changes(self) -> dict[str, str]:
        """Return what changed, by instance ID."""
        return differences(self._before, facts(self.site), self.ignored)

    def touched(self) -> list[str]:
        """Return what changed."""
        return list(self.changes().values())

    def alarms(self) -> list[str]:
        """Return the names of the alarms since the attack began."""
        return sorted(
            {
                f"alarm {entry.subject}"
                for entry in self.site.lab.timeline(self._entries)
                if entry.kind == "alarm-state"
                and entry.detail["to"] == "ALARM"
                and not entry.subject.endswith(NORMAL_ALARMS)
            }
        )

    def dead_letters(self, marker: str = "") -> list[str]:
        """Return the errors of dead letters that contain a text."""
        return sorted(
            {
                f"dead letter {error_of(message)}"
                for function in ("launch", "terminate")
                for message in self.site.attacked.dead_letters(function)
                if marker in message["Body"]
            }
        )

    def errors(self, functions: Iterable[str] = FUNCTIONS) -> list[str]:
        """Return the names of the errors in the logs of functions."""
        return sorted(
            {
                f"{line['error']} in the log of {function}"
                for function in functions
                for line in self.site.attacked.log(self.since, function)
                if "error" in line
            }
        )

    def warnings(self, message: str, function: str = "terminate") -> list[str]:
        """Return the warnings in the log of a function that begin with a text, each once."""
        if not message:
            return []
        return sorted(
            {
                f'"{line["message"]}" in the log of {function}'
                for line in self.site.attacked.log(self.since, function)
                if line.get("level") == "WARNING" and line["message"].startswith(message)
            }
        )

    def crashes(self) -> list[str]:
        """Return the invocations that did not end as they should, as for :func:`unexpected`."""
        prefix = f"{self.site.attacked.name}-"
        return unexpected(
            {
                (invocation["function"].removeprefix(prefix), invocation["error"])
                for invocation in self._own_invocations()
                if invocation["error"]
            }
        )

    def completions(self, instance_id: str) -> int:
        """Return how often the lifecycle action of an instance was completed."""
        return sum(
            call["action"] == "CompleteLifecycleAction"
            and call["parameters"].get("InstanceId") == instance_id
            and call["status"] == SUCCEEDED
            for call in self.site.lab.calls(self._calls)
        )

    def longest(self) -> float:
        """Return the lab seconds of the longest invocation."""
        return max((i["seconds"] for i in self._own_invocations()), default=0.0)

    def longest_line(self) -> int:
        """Return the number of characters of the longest line that a function wrote."""
        lines = (line for i in self._own_invocations() for line in i["log"])
        return max((len(line) for line in lines), default=0)

    def _own_invocations(self) -> list[dict[str, Any]]:
        return [
            invocation
            for invocation in self.site.lab.invocations(self._invocations)
            if invocation["function"].startswith(f"{self.site.attacked.name}-")
        ]

    def replaced(self) -> bool:
        """Return whether a function received a replaced response."""
        return any(
            entry.kind == "response-replaced" for entry in self.site.lab.timeline(self._entries)
        )

    def sent(self) -> int:
        """Return the most bytes that the functions accepted of a replaced response."""
        return max(
            (
                entry.detail["sent"]
                for entry in self.site.lab.timeline(self._entries)
                if entry.kind == "response-replaced"
            ),
            default=0,
        )

    def settle(self) -> None:
        """Do what an operator does after an attack: empty the dead-letter queues."""
        sqs = self.site.lab.aws.client("sqs")
        for queue in self.site.attacked.outputs["dead_letter_queues"].values():
            sqs.purge_queue(QueueUrl=queue["url"])
        for _ in range(QUIET_MINUTES):
            if not self._in_alarm():
                return
            self.site.lab.advance(MINUTE)

    def _in_alarm(self) -> bool:
        alarms = self.site.lab.aws.client("cloudwatch").describe_alarms(StateValue="ALARM")
        return any(
            alarm["AlarmName"].startswith(f"{self.site.attacked.name}-")
            and not alarm["AlarmName"].endswith(NORMAL_ALARMS)
            for alarm in alarms["MetricAlarms"]
        )


def unexpected(crashes: Iterable[tuple[str, str]]) -> list[str]:
    """Return the crashes that are none of the reconcile function's named errors, as lines.

    Args:
        crashes: Function and error of each crash.
    """
    return [
        f"{function} crashed: {error}"
        for function, error in sorted(crashes)
        if not (function == "reconcile" and DEVICE_ERROR.fullmatch(error))
    ]


def error_of(message: dict[str, Any]) -> str:
    """Return the error with which a message became a dead letter."""
    attribute = message.get("MessageAttributes", {}).get("error", {})
    return str(attribute.get("StringValue", "without an error"))
