"""The lab's timeline as sentences, for the event log."""

from __future__ import annotations

import re
from collections import defaultdict

from vmseries_lab.core.timeline import Entry

SENTENCES = {
    "instance-launching": "{subject} is being launched",
    "launch hook-waiting": "{subject} waits at the launch hook",
    "launch hook-completed": "{subject}: the launch hook is completed ({result})",
    "launch hook-expired": "{subject}: the launch hook has expired",
    "terminate hook-waiting": "{subject} waits at the terminate hook",
    "terminate hook-completed": "{subject}: the terminate hook is completed ({result})",
    "terminate hook-expired": "{subject}: the terminate hook has expired",
    "instance-in-service": "{subject} is in service",
    "target-registered": "{subject} is registered at the load balancer",
    "target-draining": "{subject} is draining: no new flows",
    "target-drained": "{subject} is drained",
    "instance-terminated": "{subject} is terminated",
    "desired-capacity": "desired capacity {from} -> {to} ({cause})",
    "interface-attached": "{subject}: interface {device_index} is attached",
    "interface-deleted": "an interface of {subject} is deleted",
    "address-released": "the Elastic IP of {subject} is released",
    "dead-lettered": "a message is in the dead-letter queue: {subject}",
    "booted": "{subject} has booted",
    "bootstrapped": "{subject} has read its bootstrap data",
    "licensed": "{subject} is licensed: serial {serial}",
    "license-activated": "a license is activated: serial {subject}",
    "license-returned": "{subject} has returned its license",
    "publishing": "{subject} publishes its metrics",
    "device-disconnected": "{subject} is disconnected from Panorama",
    "device-removed": "{subject} is removed from Panorama's candidate configuration",
    "traffic-to-unready": "{subject} GOT TRAFFIC BEFORE IT WAS READY",
}
"""Sentences of the log by kind. Other kinds (heartbeats, visits, deliveries) are too frequent.

The Panorama history adds what Panorama's own API shows: joined firewalls and commits.
"""


UNIQUE = re.compile(r"-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
"""The unique part of the name of a scaling policy's alarm, which makes a line too long."""


def describe_entry(entry: Entry, instance: str | None = None) -> str | None:
    """Return an entry as a sentence; None if the log leaves it out.

    Interfaces and addresses of other resources, such as NAT gateways, are left out.

    Args:
        entry: The entry.
        instance: The instance that the entry is about, if the entry does not name it.
    """
    hook = entry.detail.get("hook")
    sentence = SENTENCES.get(f"{hook} {entry.kind}" if hook else entry.kind)
    if sentence is None or (entry.source == "ec2" and instance is None):
        return None
    facts: dict[str, object] = defaultdict(lambda: "?", entry.detail)
    facts["subject"] = instance or entry.subject
    return UNIQUE.sub("", sentence.format_map(facts))
