"""Messages that no parser expects, in one batch with a real termination.

None of them may fail the batch: the termination must get its heartbeat in the same run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from vmseries_scenarios.attacks.result import Result
from vmseries_scenarios.attacks.site import BREAK_GLASS, REDRIVE, Site
from vmseries_scenarios.attacks.watch import Watch
from vmseries_scenarios.deployment import MINUTE

FIRST_HEARTBEAT_SECONDS = 60.0
"""Limit: the batching window, and one run."""
UNTIL_TERMINATED_MINUTES = 30
HEARTBEAT = "RecordLifecycleActionHeartbeat"


def poison(site: Site) -> dict[str, str]:
    """Return the bodies of the messages, by what is wrong with them."""

    def event(instance_id: str = "i-0123456789abcdef0", **changes: Any) -> str:
        return site.event(instance_id, "poison", **changes)

    return {
        "200,000 levels of arrays": "[" * 200_000,
        "40,000 levels of objects": '{"a":' * 40_000 + "1" + "}" * 40_000,
        "a number of 5,000 digits": '{"a": ' + "9" * 5000 + "}",
        "250,000 bytes": event() + " " * 249_000,
        "a lone surrogate in the instance ID": event("i-\ud800"),
        "an instance ID of 100,000 characters": event("i-" + "0" * 100_000),
        "a token of three characters": event(LifecycleActionToken="abc"),
        "a token that is a number": event(LifecycleActionToken=7),
        "a detail that is a list": json.dumps({**json.loads(event()), "detail": [1]}),
        "not JSON": "\u2028{]",
        "a type of 100,000 characters": json.dumps(
            {**json.loads(event()), "detail-type": "x" * 100_000}
        ),
    }


def play(site: Site) -> Iterator[Result]:
    """Send all messages, and terminate a firewall at the same moment."""
    leaving = site.members()[-1]
    watch = Watch(site, ignored={leaving})
    calls = len(site.lab.calls())
    messages = poison(site)
    refused = [name for name, body in messages.items() if site.send(BREAK_GLASS, body)]
    site.attacked.group.terminate(leaving)
    begun = site.lab.now()
    site.lab.advance(FIRST_HEARTBEAT_SECONDS)
    heartbeats = [
        call["at"] - begun
        for call in site.lab.calls(calls)
        if call["action"] == HEARTBEAT and call["parameters"].get("InstanceId") == leaving
    ]
    site.lab.advance(UNTIL_TERMINATED_MINUTES * MINUTE)
    letters = site.attacked.count_dead_letters()[f"{site.attacked.name}-terminate-dead-letters"]
    touched = [*watch.touched(), *watch.crashes()]
    if not heartbeats:
        touched.append("the real termination got no heartbeat in the run with the messages")
    if leaving in site.attacked.group.states():
        touched.append("the real termination is not complete")
    reported = watch.dead_letters() + watch.alarms() if letters == len(messages) else []
    yield Result(
        f"F3: {len(messages)} poison messages in one batch with a termination",
        REDRIVE,
        [*touched, *(f"not delivered: {name}" for name in refused)],
        [f"{letters} of {len(messages)} dead letters", *reported] if letters else [],
    )
    watch.settle()
    site.restore()
