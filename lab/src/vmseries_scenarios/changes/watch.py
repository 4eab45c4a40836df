"""What must not happen to firewalls in service: read from the timeline, which misses no moment.

The timeline has an entry for each change of a target's health, of the path of GENEVE packets, of a
connection to Panorama, and of a license.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vmseries_lab.core.timeline import Entry
from vmseries_scenarios.changes.live import SESSIONS, Live

CUT_OFF = frozenset(
    {
        "address-released",
        "device-disconnected",
        "device-removed",
        "halted",
        "instance-terminated",
        "instance-terminating",
        "interface-detached",
        "license-returned",
        "path-refused",
        "target-draining",
        "target-unhealthy",
        "tunnel-refused",
    }
)
"""What does not happen to a firewall that keeps running."""
NEVER = frozenset({"traffic-to-unready", "traffic-not-inspected", "dead-lettered", "hook-expired"})
"""What happens to no firewall."""
GONE = frozenset({"target-unhealthy", "target-draining", "tunnel-refused"})
"""What ends the time in which a target carries new flows."""
UNUSED_TARGET_GROUP = "changes-other"
"""A group of the site that no load balancer uses (tests/fixtures/changes): it carries no flow."""


@dataclass(frozen=True)
class Moment:
    """The firewalls in service at the beginning of a change.

    Attributes:
        entries: Number of the timeline's entries.
        serials: Serial number by instance ID.
        healthy: Instance IDs of the targets that carry new flows.
    """

    entries: int
    serials: dict[str, str]
    healthy: frozenset[str]


def now(live: Live) -> Moment:
    """Return the firewalls that are in service now."""
    firewalls = {one["instance_id"]: one for one in live.lab.firewalls.describe()}
    states = live.group.states()
    serving = {i: firewalls[i] for i, state in states.items() if state == "InService"}
    return Moment(
        entries=len(live.lab.timeline()),
        serials={i: firewall["serial"] for i, firewall in serving.items()},
        healthy=frozenset(i for i, firewall in serving.items() if firewall["sessions"]),
    )


def cut_off(since: Moment, entries: list[Entry]) -> Iterator[str]:
    """Yield a sentence for each time that a firewall which keeps running was cut off."""
    running = {*since.serials, *since.serials.values()}
    for entry in of_traffic(entries):
        if entry.kind in CUT_OFF and entry.subject in running:
            yield f"{entry.subject}: {entry.kind} {entry.detail or ''}".rstrip()


def of_traffic(entries: list[Entry]) -> Iterator[Entry]:
    """Yield the entries without those of targets in the group that carries no flow."""
    for entry in entries:
        if (entry.detail or {}).get("target_group") != UNUSED_TARGET_GROUP:
            yield entry


def forbidden(entries: list[Entry]) -> Iterator[str]:
    """Yield a sentence for each event that must happen to no firewall."""
    for entry in entries:
        if entry.kind in NEVER:
            yield f"{entry.subject}: {entry.kind} {entry.detail or ''}".rstrip()


def fewest_healthy(since: Moment, entries: list[Entry]) -> int:
    """Return the smallest number of targets that carried new flows at a time."""
    healthy = set(since.healthy)
    fewest = len(healthy)
    for entry in of_traffic(entries):
        if entry.kind == "target-healthy":
            healthy.add(entry.subject)
        elif entry.kind in GONE:
            healthy.discard(entry.subject)
        fewest = min(fewest, len(healthy))
    return fewest


def unsettled(live: Live, members: int) -> Iterator[str]:
    """Yield what is not in order when nothing moves any more."""
    states = live.group.states()
    if list(states.values()) != ["InService"] * members:
        yield f"{members} firewalls in service are expected, not {sorted(states.values())}"
    firewalls = [one for one in live.lab.firewalls.describe() if one["state"] == "running"]
    for firewall in firewalls:
        faults = {
            "is not licensed": not firewall["licensed"],
            "is not connected to Panorama": "panorama" in live.inputs and not firewall["connected"],
            "carries no traffic": firewall["instance_id"] in states and not firewall["sessions"],
        }
        yield from (f"{firewall['instance_id']} {fault}" for fault, true in faults.items() if true)
    licensed = sum(one["licensed"] for one in firewalls)
    left = live.lab.leftovers()
    if left.licenses != licensed:
        yield f"{left.licenses} licenses are used by {licensed} running firewalls"
    carried = live.lab.traffic()["carried"]
    if carried < SESSIONS * 0.9:
        yield f"{carried} of {SESSIONS} offered sessions are carried"
    if letters := {name: n for name, n in live.count_dead_letters().items() if n}:
        yield f"dead-letter queues have messages: {letters}"
