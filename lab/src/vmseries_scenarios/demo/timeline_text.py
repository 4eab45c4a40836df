"""The lab's timeline in human words, for the event log."""

from __future__ import annotations

import re
from collections import defaultdict

from vmseries_lab.core.timeline import Entry

SENTENCES = {
    "instance-launching": "{who} is being launched",
    "launch hook-waiting": "{who} waits at the launch hook until it is ready",
    "launch hook-completed": "{who} is let into service ({result})",
    "launch hook-expired": "{who}: nobody answered the launch hook in time",
    "terminate hook-waiting": "{who} waits at the terminate hook until it is cleaned up",
    "terminate hook-completed": "{who} may go ({result})",
    "terminate hook-expired": "{who}: nobody answered the terminate hook in time",
    "instance-in-service": "{who} is in service",
    "target-registered": "{who} is registered at the load balancer",
    "target-draining": "{who} is draining: no new flows",
    "target-drained": "{who} is drained",
    "instance-terminated": "{who} is terminated",
    "desired-capacity": "desired capacity {from} -> {to} ({cause})",
    "interface-attached": "{who} has interface {device_index}",
    "interface-deleted": "an interface of {who} is deleted",
    "address-released": "the Elastic IP of {who} is released",
    "dead-lettered": "a message was given up: {who}",
    "booted": "{who} has booted",
    "bootstrapped": "{who} has read its bootstrap data",
    "licensed": "{who} is licensed: serial {serial}",
    "license-taken": "a license is taken: serial {who}",
    "license-returned": "{who} gave its license back",
    "publishing": "{who} publishes its metrics",
    "device-disconnected": "{who} is disconnected from Panorama",
    "device-removed": "{who} is removed from Panorama's candidate configuration",
    "traffic-to-unready": "{who} GOT TRAFFIC BEFORE IT WAS READY",
}
"""What the log shows; kinds that are not here (heartbeats, visits, deliveries) are too many.

What Panorama itself can be asked, who joined and what was committed, the ledger tells.
"""


UNIQUE = re.compile(r"-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
"""What makes the name of a policy's alarm unique, and the line too long."""


def words(entry: Entry, instance: str | None = None) -> str | None:
    """Write an entry as a sentence; None for what the log leaves out.

    Interfaces and addresses that belong to no firewall are left out: the example has NAT gateways.

    Args:
        entry: what happened.
        instance: the instance that it happened to, where the entry itself does not name it.
    """
    hook = entry.detail.get("hook")
    sentence = SENTENCES.get(f"{hook} {entry.kind}" if hook else entry.kind)
    if sentence is None or (entry.source == "ec2" and instance is None):
        return None
    facts: dict[str, object] = defaultdict(lambda: "?", entry.detail)
    facts["who"] = instance or entry.subject
    return UNIQUE.sub("", sentence.format_map(facts))
