"""EC2 and Auto Scaling: what a leaving instance looks like. All decisions are pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from acceptance.facts import Answer, Evidence, Fact, Record
from acceptance.history import Snapshot

GONE = ("shutting-down", "terminated")
AT_ONCE_SECONDS = 90.0
"""Auto Scaling, EC2 and the polls have delays of their own; a visit comes after minutes."""


def tags_of_terminated(snapshots: Sequence[Snapshot]) -> Answer | None:
    """Return whether EC2 shows the deployment's tag of terminated instances, and for how long."""
    shown: dict[str, list[tuple[float, bool]]] = {}
    for snapshot in snapshots:
        for instance, machine in snapshot.machines.items():
            if machine.state == "terminated":
                shown.setdefault(instance, []).append((snapshot.time, machine.tagged))
    if not shown:
        return None
    minutes = [
        max((time for time, tagged in seen if tagged), default=seen[0][0]) - seen[0][0]
        for seen in shown.values()
    ]
    value = "shown" if all(seen[0][1] for seen in shown.values()) else "hidden"
    return Answer(value, f"seen for {min(minutes) / 60:.0f} minutes after the termination")


def shutting_down_after_hook(snapshots: Sequence[Snapshot]) -> Answer | None:
    """Return whether EC2 shows ``shutting-down`` as soon as the terminate hook has ended."""
    delays: dict[str, float] = {}
    ended: dict[str, float] = {}
    waited: set[str] = set()
    for snapshot in snapshots:
        for instance, machine in snapshot.machines.items():
            state = snapshot.members.get(instance)
            if state == "Terminating:Wait":
                waited.add(instance)
            elif instance in waited and state in {None, "Terminating:Proceed"}:
                ended.setdefault(instance, snapshot.time)
                if machine.state in GONE:
                    delays.setdefault(instance, snapshot.time - ended[instance])
    if not ended or ended.keys() - delays.keys():
        return None
    longest = max(delays.values())
    value = "at-once" if longest <= AT_ONCE_SECONDS else "later"
    return Answer(value, f"at most {longest:.0f} seconds between two looks")


def standby_exit_hooks(
    snapshots: Sequence[Snapshot], visited: Callable[[str, float], bool]
) -> Answer | None:
    """Return whether an instance that returns from standby runs the launch hooks.

    Args:
        snapshots: What was seen, oldest first.
        visited: Returns whether the launch function has visited an instance since a time. A hook
            may end between two looks.
    """
    returning: dict[str, float] = {}
    for snapshot in snapshots:
        for instance, state in snapshot.members.items():
            if state == "Standby":
                returning[instance] = snapshot.time
            elif instance in returning and state == "Pending:Wait":
                return Answer("run")
            elif instance in returning and state == "InService":
                if visited(instance, returning[instance]):
                    return Answer("run", "seen in the log of the launch function")
                return Answer("none", "neither Pending:Wait nor a visit of the launch function")
    return None


def _read(decide: Callable[[Sequence[Snapshot]], Answer | None]) -> Record:
    def record(evidence: Evidence) -> Answer | None:
        return decide(evidence.snapshots)

    return record


def _standby_exit_hooks(evidence: Evidence) -> Answer | None:
    def visited(instance: str, since: float) -> bool:
        pages = evidence.account.client("logs").get_paginator("filter_log_events")
        return any(
            page["events"]
            for page in pages.paginate(
                logGroupName=evidence.outputs["functions"]["launch"]["log_group_name"],
                filterPattern=f'"{instance}"',
                startTime=int(since * 1000),
            )
        )

    return standby_exit_hooks(evidence.snapshots, visited)


FACTS = (
    Fact(
        "tags-of-terminated-instances",
        "Does EC2 show the tags of a terminated instance?",
        "shown",
        _read(tags_of_terminated),
        "no instance of the run was seen as terminated",
    ),
    Fact(
        "shutting-down-after-hook",
        "When does EC2 show an instance as shutting-down after its terminate hook has ended?",
        "at-once",
        _read(shutting_down_after_hook),
        "no instance was seen before and after the end of its terminate hook",
    ),
    Fact(
        "standby-exit-hooks",
        "Does an instance that returns from standby run the group's launch hooks?",
        "run",
        _standby_exit_hooks,
        "no firewall was seen as it returned from standby",
    ),
)
