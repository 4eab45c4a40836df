"""Forged terminate messages: about firewalls in service, of another deployment, or of none.

A message without an open hook must not be carried out. Otherwise, anyone who may send to the queue
or invoke the function could take the license, Panorama entries and interfaces of any firewall. Each
message comes in three ways: from a role that may use every queue; from a role that the queues do
not deny, which shows what the function itself refuses; and by a direct invocation with records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from vmseries_scenarios.attacks.result import Result
from vmseries_scenarios.attacks.site import ANY_QUEUE, BREAK_GLASS, INVOKE, REDRIVE, Site
from vmseries_scenarios.attacks.watch import Watch
from vmseries_scenarios.deployment import MINUTE

VISITS = 6
"""One more visit than a forged termination once took to finish."""
PLAYING_MINUTES = 12
DATA_CENTER_NAME = "dc-core-fw1"

Messages = Mapping[str, tuple[str, str]]
"""For each attack, the instance id in the message, and the instance that it refers to."""
Way = Callable[[Site, Messages], Mapping[str, list[str]]]
"""Sends the messages; returns the errors that the attacker received for each."""


def play(site: Site) -> Iterator[Result]:
    """Send each message in each way."""
    first, second, *_ = site.members()
    foreign, data_center = sorted(site.other.group.states())
    site.lab.firewalls.set_quirks(data_center, hostname=DATA_CENTER_NAME)
    messages = {
        "F1 A: a firewall in service": (first, first),
        "F1 B: a firewall of another deployment": (foreign, foreign),
        "F1 C: the host name of a data center's firewall": (DATA_CENTER_NAME, data_center),
        "F1 C: an instance ID in upper case": (second.upper(), second),
    }
    ways: dict[str, Way] = {
        ANY_QUEUE: _by_queue("queue-user"),
        REDRIVE: _by_queue(BREAK_GLASS),
        INVOKE: _by_invocation,
    }
    for rights, way in ways.items():
        yield from _play(site, messages, rights, way)
    site.lab.firewalls.set_quirks(data_center, hostname="")


def _play(site: Site, messages: Messages, rights: str, way: Way) -> Iterator[Result]:
    watch = Watch(site)
    refusals = way(site, messages)
    changes = watch.changes()
    meant = {victim for _, victim in messages.values()}
    others = [line for instance_id, line in changes.items() if instance_id not in meant]
    alarms = watch.alarms()
    for attack, (_, victim) in messages.items():
        letters = watch.dead_letters(attack)
        reported = [*refusals[attack], *letters]
        if rights == INVOKE:
            reported += [*watch.errors(("terminate",)), *alarms]
        elif letters:
            reported += alarms
        touched = [changes[victim]] if victim in changes else []
        yield Result(attack, rights, [*touched, *others], reported)
    watch.settle()


def _by_queue(role: str) -> Way:
    def send(site: Site, messages: Messages) -> dict[str, list[str]]:
        codes = {
            attack: site.send(role, site.event(said, attack))
            for attack, (said, _) in messages.items()
        }
        if not all(codes.values()):
            site.lab.advance(PLAYING_MINUTES * MINUTE)
        return {attack: [f"{code} for the sender"] * bool(code) for attack, code in codes.items()}

    return send


def _by_invocation(site: Site, messages: Messages) -> dict[str, list[str]]:
    """Invoke the function with records of its own queue, and with records of none."""
    own = site.attacked.outputs["queues"]["terminate"]["arn"]
    refusals: dict[str, list[str]] = {attack: [] for attack in messages}
    for _ in range(VISITS):
        for number, (attack, (said, _)) in enumerate(messages.items()):
            body = site.event(said, attack)
            errors = {site.invoke([site.record(body, arn, number)]) for arn in (own, "")} - {""}
            refusals[attack] = sorted(f"{error} for the caller" for error in errors)
        site.lab.advance(MINUTE)
    site.lab.advance(PLAYING_MINUTES / 2 * MINUTE)
    return refusals
