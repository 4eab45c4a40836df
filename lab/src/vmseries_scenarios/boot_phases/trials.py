"""Runs points, each in a fork of the process in which Terraform has applied the root module."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from vmseries_lab.aws.moto_patching import backend
from vmseries_scenarios.boot_phases.observation import metric, reports
from vmseries_scenarios.boot_phases.points import (
    DEAD,
    LAUNCH_MINUTES,
    MINUTE,
    Cause,
    Phase,
    Point,
    Result,
    Way,
    answers,
    returns_dead,
)
from vmseries_scenarios.boot_phases.site import BOOT, LEAVE_LIMIT, RECONCILED
from vmseries_scenarios.crash_matrix.forkable_lab import ForkableLab

VISIT_FAILED = "Visit failed; will retry"
SERIAL = "vmseries-autoscale:serial"
UNREGISTERED = 5
"""How many firewalls that never register are launched."""


class TrialError(RuntimeError):
    """A point did not reach the state in which the firewall leaves."""


@dataclass(frozen=True)
class Verdict:
    """What became of the licenses of a point.

    Attributes:
        name: Name of the point.
        before: Licenses in use when the firewall left.
        after: Licenses in use at the end.
        reported: How many licenses were reported as not returned, by instance id.
        defects: What was wrong; empty if nothing was.
        seconds: Real time.
    """

    name: str
    before: int
    after: int
    reported: int
    defects: list[str]
    seconds: float


class Trial:
    """One point in this process, which is a fork with a lab of its own."""

    def __init__(self, lab: ForkableLab, way: Way, dead: str = DEAD[0]) -> None:
        lab.resume()
        lab.simulator.world.assumptions.set(batch_license_disconnected=dead)
        self.lab = lab
        self.way = way
        self.group = lab.group(way)

    @property
    def used(self) -> int:
        """Licenses in use."""
        return self.lab.simulator.vendor.licensing.used()

    def launch(self, number: int = 1) -> list[str]:
        """Launch firewalls, which are not replaced, and return their instance ids."""
        self.group.scale(number)
        self._reach(lambda: len(self.group.states()) == number, 5 * MINUTE, "launched")
        autoscaling = self.lab.client("autoscaling")
        autoscaling.suspend_processes(
            AutoScalingGroupName=self.way, ScalingProcesses=["Launch", "AZRebalance"]
        )
        return list(self.group.states())

    def reach(self, instance_id: str, phase: Phase) -> None:
        """Wait until a firewall is in a phase."""
        firewall = partial(self.lab.simulator.fleet.get, instance_id)

        def reached() -> bool:
            found = firewall()
            if found is None:
                return False
            match phase:
                case Phase.BARE:
                    return found.machine.state == "running"
                case Phase.UNLICENSED:
                    return found.phase == "bootstrapped"
                case Phase.UNREGISTERED:
                    return found.license.active and not found.connected
                case Phase.UNIDENTIFIED:
                    return found.connected
                case Phase.OUT_OF_SYNC:
                    return self._is_identified(instance_id)
                case Phase.IN_SERVICE:
                    return self.group.is_in_service(1)

        self._reach(reached, 25 * MINUTE, phase)

    def leave(self, instance_id: str, cause: Cause) -> None:
        """Let a firewall leave."""
        match cause:
            case Cause.SCALE_IN:
                self.group.terminate(instance_id)
            case Cause.DESTROY:
                self.drain()
            case Cause.FAILURE:
                self.lab.client("ec2").terminate_instances(InstanceIds=[instance_id])
            case Cause.ABANDON:
                self.await_abandonment()

    def drain(self) -> None:
        """Do what the provider does first when it destroys a group, and then waits for."""
        self.lab.client("autoscaling").update_auto_scaling_group(
            AutoScalingGroupName=self.way, MinSize=0, MaxSize=0, DesiredCapacity=0
        )

    def await_abandonment(self) -> None:
        """Wait until all launches are abandoned."""

        def abandoned() -> bool:
            states = self.group.states().values()
            return not any(state.startswith("Pending") for state in states)

        self._reach(abandoned, (LAUNCH_MINUTES + 45) * MINUTE, "abandoned")

    def finish(self) -> list[str]:
        """Wait until the firewalls are gone, let the reconcile function run; return defects."""
        group = backend("autoscaling").autoscaling_groups[self.way]
        over = self.lab.run(
            LEAVE_LIMIT,
            lambda: (
                not group.instance_states
                and not self.lab.waiting_for(f"{self.way}-launch")
                and not self.lab.waiting_for(f"{self.way}-terminate")
            ),
        )
        self.lab.client("events").enable_rule(Name=f"{self.way}-reconcile")
        self.lab.advance(RECONCILED)
        defects = [] if over else ["a firewall is still held"]
        defects += self.lab.simulator.world.errors.all()
        return defects + reports(self.lab, self.way).errors

    def _is_identified(self, instance_id: str) -> bool:
        filters = [
            {"Name": "resource-id", "Values": [instance_id]},
            {"Name": "key", "Values": [SERIAL]},
        ]
        return bool(self.lab.client("ec2").describe_tags(Filters=filters)["Tags"])

    def _reach(self, reached: Callable[[], bool], seconds: float, what: str) -> None:
        if not self.lab.run(seconds, reached):
            raise TrialError(f"not reached: {what}")


def run_point(lab: ForkableLab, point: Point) -> Verdict:
    """Let one firewall leave, and judge what became of its license."""
    began = time.monotonic()
    trial = Trial(lab, point.way, point.dead)
    lab.simulator.fleet.times.change(**point.boot())
    if point.phase is Phase.BARE:
        lab.fault(
            service="ec2",
            action="AttachNetworkInterface",
            code="InternalError",
            status=500,
            count=None,
        )
    (instance_id,) = trial.launch()
    trial.reach(instance_id, point.phase)
    before = trial.used
    trial.leave(instance_id, point.cause)
    defects = trial.finish()
    if point.phase is Phase.BARE:
        # The calls that keep the management interface away fail on purpose.
        defects = [line for line in defects if line != VISIT_FAILED]
    after, reported = trial.used, reports(lab, point.way)
    result = _result(lab, instance_id, after, reported.lost)
    if result != point.expected:
        defects.append(f"{result}, and not {point.expected}")
    if len(reported.lost) != reported.counted or len(set(reported.lost)) != len(reported.lost):
        defects.append(f"reported {reported.lost}, counted {reported.counted}")
    if (reported.returned == 1) != (result == Result.RETURNED):
        defects.append(f"LicenseReturned is {reported.returned}")
    return Verdict(str(point), before, after, len(reported.lost), defects, time.monotonic() - began)


def _result(lab: ForkableLab, instance_id: str, after: int, lost: list[str]) -> str:
    taken = any(entry.kind == "license-activated" for entry in lab.simulator.world.timeline.since())
    told = instance_id in lost
    match (taken, after, told):
        case (True, 0, False):
            return Result.RETURNED
        case (False, 0, False):
            return Result.NONE_TAKEN
        case (True, 1, True):
            return Result.REPORTED
        case (False, 0, True):
            return Result.POSSIBLY
    return f"taken: {taken}, in use: {after}, reported: {told}"


def never_registers(lab: ForkableLab) -> Verdict:
    """Launch firewalls that take a license and never register: each loss is reported."""
    began = time.monotonic()
    trial = Trial(lab, Way.PANORAMA)
    lab.simulator.fleet.set_quirks(registers=False)
    lab.simulator.fleet.times.change(**BOOT)
    instance_ids = trial.launch(UNREGISTERED)
    for instance_id in instance_ids:
        trial.reach(instance_id, Phase.UNREGISTERED)
    before = trial.used
    trial.await_abandonment()
    defects = trial.finish()
    after, reported = trial.used, reports(lab, Way.PANORAMA)
    if sorted(reported.lost) != sorted(instance_ids):
        defects.append(f"reported {reported.lost}, and not {instance_ids}")
    if reported.counted != UNREGISTERED or after != UNREGISTERED:
        defects.append(f"counted {reported.counted}, in use {after}")
    if not metric(lab, Way.PANORAMA, "LaunchesAbandonedInARow"):
        defects.append("LaunchesAbandonedInARow was not published")
    name = f"panorama: {UNREGISTERED} firewalls that never register"
    return Verdict(name, before, after, len(reported.lost), defects, time.monotonic() - began)


def killed_by_hand(lab: ForkableLab, way: Way, dead: str, name: str) -> Verdict:
    """Terminate a firewall in service without its hook.

    The reconcile function has its license returned where that is possible, and reports it where it
    is not.
    """
    began = time.monotonic()
    trial = Trial(lab, way, dead)
    lab.simulator.fleet.times.change(**BOOT)
    (instance_id,) = trial.launch()
    trial.reach(instance_id, Phase.IN_SERVICE)
    before = trial.used
    lab.client("autoscaling").detach_instances(
        AutoScalingGroupName=way, InstanceIds=[instance_id], ShouldDecrementDesiredCapacity=True
    )
    lab.client("ec2").terminate_instances(InstanceIds=[instance_id])
    defects = trial.finish()
    after, reported = trial.used, reports(lab, way)
    lost = [] if returns_dead(way, dead) else [instance_id]
    if (after, reported.lost, reported.counted) != (len(lost), lost, len(lost)):
        defects.append(f"in use {after}, reported {reported.lost}, counted {reported.counted}")
    return Verdict(name, before, after, len(reported.lost), defects, time.monotonic() - began)


Runner = Callable[[ForkableLab], Verdict]


def trials(chosen: list[Point]) -> dict[str, Runner]:
    """Return what runs each point, and the trials that are no points, by name."""
    runners: dict[str, Runner] = {str(point): partial(run_point, point=point) for point in chosen}
    runners[f"panorama: {UNREGISTERED} firewalls that never register"] = never_registers
    for way in Way:
        possible = answers(way, dead=True)
        for dead in possible:
            answer = f" ({dead})" if len(possible) > 1 else ""
            name = f"{way}: killed by hand, without its hook{answer}"
            runners[name] = partial(killed_by_hand, way=way, dead=dead, name=name)
    return runners
