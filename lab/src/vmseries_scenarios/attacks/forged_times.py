"""Messages about real transitions, with forged times.

The time in a message must not decide when its deadline has passed. Otherwise, a forged copy would
end a real launch at once, or a real termination before its license is returned.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from vmseries_scenarios.attacks.result import Result
from vmseries_scenarios.attacks.site import BREAK_GLASS, REDRIVE, Site
from vmseries_scenarios.attacks.watch import Watch
from vmseries_scenarios.deployment import MINUTE

RESENT = "vmseries-autoscale.reconcile"
"""Source of resent events, which need no token."""
PLAYING_MINUTES = 6
UNTIL_TERMINATED_MINUTES = 60
UNTIL_EMPTY_MINUTES = 12
"""Limit of lab time until a queue is empty: two visits are at most five minutes apart."""
DEADLINE = "TerminationDeadlinePassed"
NO_REPORT = "no report is needed: all messages of the instance completed its lifecycle action once"


def times(site: Site) -> dict[str, str]:
    """Return the forged times by what they are."""
    old = datetime.fromtimestamp(site.lab.now(), UTC) - timedelta(days=3)
    return {
        "three days old": old.isoformat(),
        "of 2020": "2020-01-01T00:00:00+00:00",
        "of 9999": "9999-12-31T23:59:59+00:00",
    }


def play(site: Site) -> Iterator[Result]:
    """Forge each time for a termination and for a launch."""
    yield from _terminate(site)
    yield from _launch(site)


def _terminate(site: Site) -> Iterator[Result]:
    """Send copies about a termination that waits for Panorama."""
    leaving = site.members()[0]
    serial = site.attacked.serial(leaving)
    watch = Watch(site, ignored={leaving})
    site.lab.panorama.configure(available=False)
    site.attacked.group.terminate(leaving)
    site.lab.advance(2 * MINUTE)
    ended: dict[str, list[str]] = {}
    for name, time in times(site).items():
        site.send(BREAK_GLASS, site.event(leaving, name, source=RESENT, time=time))
        site.lab.advance(PLAYING_MINUTES * MINUTE)
        gone = leaving not in site.attacked.group.states()
        ended[name] = [f"{leaving} terminated while Panorama was away"] * gone
    ended_early = site.attacked.metric(DEADLINE, watch.since) > 0
    site.lab.panorama.configure(available=True)
    site.attacked.wait_until_terminated(leaving, minutes=UNTIL_TERMINATED_MINUTES)
    returned = site.attacked.happened("license-returned", serial)
    shared = [
        *watch.touched(),
        *_ended_otherwise(site, watch, "terminate", leaving),
        *([] if returned else [f"the license of {serial} was not returned"]),
        *(["the deadline of the termination passed"] if ended_early else []),
    ]
    for name, early in ended.items():
        yield Result(
            f"F6: a termination's message with a time {name}",
            REDRIVE,
            [*early, *shared],
            watch.dead_letters(name) or [NO_REPORT],
        )
    watch.settle()


def _launch(site: Site) -> Iterator[Result]:
    """Send copies about a launch."""
    watch = Watch(site)
    launching = site.launch_one()
    for name, time in times(site).items():
        body = site.event(launching, name, "launch", source=RESENT, time=time)
        site.send(BREAK_GLASS, body, "launch")
    site.attacked.wait_until(
        lambda: site.attacked.group.states().get(launching) in ("InService", None),
        "the launch ends",
        minutes=UNTIL_TERMINATED_MINUTES,
    )
    touched = [*watch.touched(), *_ended_otherwise(site, watch, "launch", launching)]
    if launching not in site.attacked.group.states():
        touched.append(f"the launch of {launching} was abandoned")
    for name in times(site):
        yield Result(
            f"F6: a launch's message with a time {name}",
            REDRIVE,
            touched,
            watch.dead_letters(name) or [NO_REPORT],
        )
    watch.settle()


def _ended_otherwise(site: Site, watch: Watch, function: str, instance_id: str) -> list[str]:
    """Return in what a transition ended otherwise than with one message.

    Its lifecycle action is completed once, and no message is left that another visit would read.
    """
    for _ in range(UNTIL_EMPTY_MINUTES):
        if not site.waiting_messages(function):
            break
        site.lab.advance(MINUTE)
    problems = watch.crashes()
    if left := site.waiting_messages(function):
        problems.append(f"{left} messages are left in the queue")
    if (completions := watch.completions(instance_id)) != 1:
        problems.append(f"the lifecycle action of {instance_id} was completed {completions} times")
    return problems
