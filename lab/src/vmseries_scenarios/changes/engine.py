"""Tries rows: applies each change and its way back, and watches the firewalls in service."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from vmseries_lab.client import Lab, LabError
from vmseries_lab.core.timeline import Entry
from vmseries_scenarios.changes import watch
from vmseries_scenarios.changes.inputs import Inputs, changed
from vmseries_scenarios.changes.lanes import Lane, first_inputs
from vmseries_scenarios.changes.live import MEMBERS, Live
from vmseries_scenarios.changes.plans import Plan, parse
from vmseries_scenarios.changes.rows import Ends, Row
from vmseries_scenarios.deployment import MINUTE, DeploymentError
from vmseries_scenarios.terraform import TerraformError

SETTLE_MINUTES = 60.0
"""Lab time in which a change of the number of firewalls, or a refresh, must end."""
QUOTED = 6
"""Sentences that a result quotes of one kind."""


@dataclass
class Result:
    """How a change ended.

    Attributes:
        id: Name of the row.
        lane: Name of the deployment.
        problems: What was not as the table says.
        plans: What the plans said: there, and back.
        seconds: Real time that it took.
        fewest: The smallest number of targets that carried new flows at a time.
    """

    id: str
    lane: str
    problems: list[str] = field(default_factory=list)
    plans: list[str] = field(default_factory=list)
    seconds: float = 0.0
    fewest: int = MEMBERS

    @property
    def well(self) -> bool:
        """Whether it ended as the table says."""
        return not self.problems


@dataclass(frozen=True)
class Step:
    """An apply, and what is expected of it.

    Attributes:
        to: The inputs.
        plan: What the plan says.
        ends: What becomes of the firewalls.
        refreshed: Whether an instance refresh replaces them.
        members: Number of firewalls afterwards.
        minutes: Lab time in which they are watched.
    """

    to: Inputs
    plan: Plan
    ends: Ends
    refreshed: bool
    members: int = MEMBERS
    minutes: float = 3.0


class Engine:
    """Tries rows on one deployment in service."""

    def __init__(self, live: Live, lane: Lane) -> None:
        self.live = live
        self.lane = lane
        self.first = first_inputs(live.site, lane)

    def begin(self) -> None:
        """Bring the deployment into service."""
        if self.lane.xml_apis:
            self.live.lab.firewalls.serve_xml_api()
        self.live.begin(self.first)

    def results(self, rows: Sequence[Row]) -> Iterator[Result]:
        """Try each row there and back, and yield its result.

        After a row that cannot be undone, the others are not tried, and fail.
        """
        broken = ""
        for row in rows:
            if broken:
                yield Result(row.id, self.lane.name, [f"not tried: {broken} could not be undone"])
                continue
            began = time.monotonic()
            result = Result(row.id, self.lane.name)
            try:
                self._try(row, result)
            except (TerraformError, DeploymentError, LabError) as error:
                result.problems.append(str(error))
                broken = row.id if not self._restored() else ""
            result.seconds = time.monotonic() - began
            yield result

    def chain(self, rows: Sequence[Row], *, refreshed: str) -> Iterator[Result]:
        """Try each row, with one apply for the way back and the next row; yield the results.

        Args:
            rows: The rows; none may need a way back of its own.
            refreshed: Name of the row that is tried with an instance refresh.
        """
        behind: Row | None = None
        for row in (*rows, None):
            began = time.monotonic()
            result = Result(row.id if row else "the way back", self.lane.name)
            if row and row.before:
                row.before(self.live)
            to = dict(row.to) if row else {}
            if row and row.id == refreshed:
                to["capacity.instance_refresh"] = {}
            self._step(
                result,
                Step(
                    changed(self.first, to, self.live.site),
                    (self._back(behind) if behind else Plan())
                    | (parse(row.plan) if row else Plan()),
                    Ends.MOVED if Ends.MOVED in ends(behind, row) else Ends.KEPT,
                    refreshed=row is not None and row.id == refreshed,
                    members=row.members if row else MEMBERS,
                    minutes=row.minutes if row else Step.minutes,
                ),
            )
            if row:
                self._check(row, result)
            result.seconds = time.monotonic() - began
            yield result
            behind = row

    def end(self) -> Result:
        """Destroy the deployment, and count what remains."""
        began = time.monotonic()
        result = Result("destroy", self.lane.name, fewest=0)
        try:
            self.live.destroy()
            left = self.live.lab.leftovers()
            if "panorama" not in self.first:
                left = replace(left, panorama_entries=0)  # They are the user's to delete.
            if left:
                result.problems.append(f"a destroy leaves {left}")
            result.problems += [f"the lab: {error}" for error in self.live.lab.errors()]
        except (TerraformError, LabError) as error:
            result.problems.append(str(error))
        result.seconds = time.monotonic() - began
        return result

    # -- one row -------------------------------------------------------------------------------

    def _try(self, row: Row, result: Result) -> None:
        if row.ends in (Ends.REFUSED, Ends.PLANNED):
            self._plan_only(row, result)
            return
        if row.before:
            row.before(self.live)
        refreshed = self.lane.refreshes and row.refreshes
        there = changed(self.first, row.to, self.live.site)
        self._step(
            result, Step(there, parse(row.plan), row.ends, refreshed, row.members, row.minutes)
        )
        self._check(row, result)
        if row.ends is Ends.LATER and not refreshed:
            result.problems += self._unreported(set(self.live.group.states()))
        again = self.live.planned(there)
        if again != Plan():
            result.problems.append(f"the second plan {again}")
        self.first = changed(self.first, row.stays, self.live.site)
        if row.before_back:
            row.before_back(self.live)
        self._step(
            result,
            Step(self.first, self._back(row), row.ends, refreshed, row.members_back, row.minutes),
        )
        result.problems += self._unreported(set(self.live.group.states()) if row.lasting else set())
        if row.members_back != MEMBERS:
            self.live.group.scale(MEMBERS)
            self.live.wait_until_in_service(MEMBERS, minutes=SETTLE_MINUTES)

    def _unreported(self, outdated: set[str]) -> list[str]:
        """Return a sentence if the reconcile function does not report exactly these firewalls."""
        report = self.live.invoke("reconcile", "report")
        reported = set(report["outdated"])
        if reported == outdated:
            return []
        return [f"reported as outdated: {sorted(reported)} instead of {sorted(outdated)}"]

    def _check(self, row: Row, result: Result) -> None:
        if row.check is None:
            return
        try:
            row.check(self.live)
        except DeploymentError as error:
            result.problems.append(str(error).splitlines()[0])

    def _back(self, row: Row) -> Plan:
        return parse(row.back) if row.back else parse(row.plan).reverse

    def _plan_only(self, row: Row, result: Result) -> None:
        there = changed(self.first, row.to, self.live.site)
        try:
            plan = self.live.planned(there)
        except TerraformError as error:
            text = " ".join(str(error).split())
            if row.ends is not Ends.REFUSED or row.refusal not in text:
                result.problems.append(text)
            result.plans.append("refused")
        else:
            result.plans.append(str(plan))
            if row.ends is Ends.REFUSED:
                result.problems.append(f"the plan is not refused; it {plan}")
            elif plan != parse(row.plan):
                result.problems.append(f"the plan {plan}")
        finally:
            self.live.write(self.first)

    def _step(self, result: Result, step: Step) -> None:
        live = self.live
        since = watch.now(live)
        plan = self._apply(result, step.to)
        result.plans.append(str(plan))
        if plan != step.plan:
            result.problems.append(f"the plan {plan}; the table says it {step.plan}")
        live.lab.advance(step.minutes * MINUTE)
        if step.refreshed:
            live.wait_until(self._refreshed, "the instance refresh has ended", minutes=120)
        live.wait_until_in_service(step.members, minutes=SETTLE_MINUTES)
        if step.ends is Ends.MOVED:
            live.wait_until(self._balanced, "each zone has a firewall", minutes=SETTLE_MINUTES)
        live.lab.advance(3 * MINUTE)
        entries = live.lab.timeline(since.entries)
        result.problems += watch.unsettled(live, step.members)
        self._judge(result, step, since, entries)

    def _judge(self, result: Result, step: Step, since: watch.Moment, entries: list[Entry]) -> None:
        """Add what happened to firewalls in service and must not happen."""
        problems = [*watch.forbidden(entries)]
        staying = set(self.live.group.states()) & set(since.serials)
        if step.refreshed and staying:
            problems.append(f"the refresh has not replaced {sorted(staying)}")
        if not step.refreshed and step.ends is not Ends.MOVED:
            replaced = set(since.serials) - staying
            if len(replaced) > max(0, len(since.serials) - step.members):
                problems.append(f"{sorted(replaced)} are not in service any more")
        if not step.refreshed:
            kept = {i: since.serials[i] for i in staying}
            problems += watch.cut_off(watch.Moment(since.entries, kept, since.healthy), entries)
        fewest = watch.fewest_healthy(since, entries)
        result.fewest = min(result.fewest, fewest)
        # For another zone, Auto Scaling terminates a firewall as soon as its replacement is in
        # service, and not only when that is a healthy target.
        serving = min(len(since.healthy), step.members) - (step.ends is Ends.MOVED)
        if fewest < serving:
            problems.append(f"only {fewest} targets were healthy")
        result.problems += problems[:QUOTED]

    def _apply(self, result: Result, to: Inputs) -> Plan:
        """Apply; after a failure, apply again, which must succeed."""
        try:
            return self.live.change(to)
        except TerraformError as error:
            result.problems.append(f"the apply failed: {error}")
            since = watch.now(self.live)
            result.problems += watch.unsettled(self.live, len(since.serials))
            return self.live.change(to)

    def _refreshed(self) -> bool:
        found = self.live.lab.aws.client("autoscaling").describe_instance_refreshes(
            AutoScalingGroupName=self.live.name
        )["InstanceRefreshes"]
        return bool(found) and found[0]["Status"] in ("Successful", "Failed", "Cancelled")

    def _members(self) -> list[tuple[str, str]]:
        members = (self.live.group.describe() or {"Instances": []})["Instances"]
        return [(member["AvailabilityZone"], member["LifecycleState"]) for member in members]

    def _balanced(self) -> bool:
        """Whether the firewalls are in the zones of the inputs, and as many in each as can be."""
        group = self._members()
        zones = set(self.live.inputs["interfaces"]["data"]["subnet_ids"])
        used = [zone for zone, state in group if state == "InService"]
        return (
            len(used) == len(group)
            and set(used) <= zones
            and len(set(used)) == min(len(zones), len(used))
        )

    def _restored(self) -> bool:
        """Go back to the first inputs after a failure; return whether that succeeded."""
        try:
            self.live.change(self.first)
            self.live.wait_until_in_service(MEMBERS, minutes=SETTLE_MINUTES)
        except (TerraformError, DeploymentError, LabError):
            return False
        return True


def ends(*rows: Row | None) -> set[Ends]:
    """Return what becomes of the firewalls in any of the rows."""
    return {row.ends for row in rows if row}


def run_lane(
    lane: Lane,
    rows: Sequence[Row],
    folder: Path,
    *,
    module: Path | None = None,
    built: Callable[[Live], None] = lambda _live: None,
) -> Iterator[Result]:
    """Try rows on a deployment of a lane in a new lab, destroy it, and yield the results.

    Args:
        lane: The deployment.
        rows: The rows.
        folder: Where the working copy of the repository goes; must not exist.
        module: Another checkout of the module; None for the copy of this one.
        built: Called with the deployment before it is applied.
    """
    with Lab() as lab:
        live = Live.build(lab, folder, module=module, **lane.variables)
        built(live)
        engine = Engine(live, lane)
        engine.begin()
        yield from engine.results(rows)
        yield engine.end()
