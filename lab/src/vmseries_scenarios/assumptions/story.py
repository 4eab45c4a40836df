"""The story: firewalls launch, serve, are scaled in, fail, are replaced; the rest is reconciled."""

from __future__ import annotations

import time
from dataclasses import dataclass

from vmseries_scenarios.assumptions.answers import Answers
from vmseries_scenarios.boot_phases.observation import Reports, reports
from vmseries_scenarios.boot_phases.points import MINUTE, Way
from vmseries_scenarios.boot_phases.site import BOOT, LEAVE_LIMIT, RECONCILED
from vmseries_scenarios.crash_matrix.forkable_lab import ForkableLab
from vmseries_scenarios.deployment import Group

FIREWALLS = 3
REMAINING = FIREWALLS - 1
"""One is scaled in; the one that fails is replaced."""
LAUNCH_LIMIT = 40 * MINUTE
SERVING = 10 * MINUTE
SCALED_IN, FAILED = "scaled in", "failed"


@dataclass(frozen=True)
class Verdict:
    """What became of the firewalls of one story.

    Attributes:
        name: Name of the story.
        fact: Name of the fact; empty for the story with the default answers.
        asked: Names of all facts that the lab asked for.
        returned: How many licenses of firewalls that left were returned.
        reported: How many were reported as not returned.
        defects: What was wrong; empty if nothing was.
        seconds: Real time.
    """

    name: str
    fact: str
    asked: list[str]
    returned: int
    reported: int
    defects: list[str]
    seconds: float

    @property
    def was_played(self) -> bool:
        """Whether the story depends on the fact at all."""
        return not self.fact or self.fact in self.asked


@dataclass(frozen=True)
class _Gone:
    """A firewall that left."""

    way: Way
    instance_id: str
    serial: str
    why: str

    @property
    def name(self) -> str:
        return f"{self.way}: the firewall that {'was ' * (self.why == SCALED_IN)}{self.why}"


def tell(lab: ForkableLab, answers: Answers) -> Verdict:
    """Let the story happen in this process, which is a fork with a lab of its own."""
    began = time.monotonic()
    lab.resume()
    lab.simulator.world.assumptions.set(**answers.played)
    story = _Story(lab)
    defects = story.happen()
    gone = story.gone
    returned = sum(lab.simulator.vendor.licensing.returned(item.serial) for item in gone)
    return Verdict(
        answers.name,
        answers.fact,
        sorted(lab.simulator.world.assumptions.asked),
        returned,
        sum(len(story.reports(way).lost) for way in Way),
        defects,
        time.monotonic() - began,
    )


class _Story:
    """The story of one group for each way in which licenses are returned."""

    def __init__(self, lab: ForkableLab) -> None:
        self.gone: list[_Gone] = []
        self._lab = lab
        self._groups: dict[Way, Group] = {way: lab.group(way) for way in Way}
        self._reports: dict[Way, Reports] = {}
        self._free_before = self._free_interfaces()

    def happen(self) -> list[str]:
        """Let everything happen, and return what was wrong."""
        lab = self._lab
        lab.simulator.fleet.times.change(**BOOT)
        for group in self._groups.values():
            group.scale(FIREWALLS)
        if not lab.run(LAUNCH_LIMIT, lambda: self._serve(FIREWALLS)):
            return [f"not in service: {self._states()}"]
        lab.advance(SERVING)
        defects = [] if self._serve(FIREWALLS) else [f"left service: {self._states()}"]
        for way, group in self._groups.items():
            self._leave(way, group.terminate_one(), SCALED_IN)
        for way, group in self._groups.items():
            states = group.states()
            self._leave(way, next(id_ for id_ in states if states[id_] == "InService"), FAILED)
        lab.client("ec2").terminate_instances(
            InstanceIds=[item.instance_id for item in self.gone if item.why == FAILED]
        )
        if not lab.run(LEAVE_LIMIT, lambda: self._serve(REMAINING) and not self._messages()):
            defects.append(f"held or not replaced: {self._states()}, {self._messages()}")
        for way in Way:
            lab.client("events").enable_rule(Name=f"{way}-reconcile")
        lab.advance(RECONCILED)
        return defects + self._licenses() + self._leftovers() + self._survivors()

    def reports(self, way: Way) -> Reports:
        """Return what the functions of a deployment reported in the end."""
        if way not in self._reports:
            self._reports[way] = reports(self._lab, way)
        return self._reports[way]

    def _leave(self, way: Way, instance_id: str, why: str) -> None:
        firewall = self._lab.simulator.fleet.get(instance_id)
        if firewall is None:
            raise LookupError(f"{instance_id} in service is no firewall")
        self.gone.append(_Gone(way, instance_id, firewall.serial, why))

    def _serve(self, number: int) -> bool:
        return all(group.is_in_service(number) for group in self._groups.values())

    def _states(self) -> dict[str, dict[str, int]]:
        return {str(way): dict(group.count_states()) for way, group in self._groups.items()}

    def _messages(self) -> list[str]:
        queues = [f"{way}-{name}" for way in Way for name in ("launch", "terminate")]
        return [instance_id for name in queues for instance_id in self._lab.waiting_for(name)]

    def _licenses(self) -> list[str]:
        """Nothing is lost without a report, and nothing is reported that is not lost."""
        licensing = self._lab.simulator.vendor.licensing
        defects = []
        for item in self.gone:
            times = self.reports(item.way).lost.count(item.instance_id)
            returned = licensing.returned(item.serial)
            if times != (0 if returned else 1):
                state = "was" if returned else "was not"
                defects.append(f"{item.name}: its license {state} returned, reported {times} times")
            elif not returned and item.why == SCALED_IN:
                defects.append(f"{item.name}: its license was not returned")
        gone = {item.instance_id for item in self.gone}
        for way in Way:
            told = self.reports(way)
            if told.counted != len(told.lost):
                defects.append(f"{way}: LicenseNotReturned is {told.counted} for {told.lost}")
            if others := set(told.lost) - gone:
                defects.append(f"{way}: reported firewalls in service: {sorted(others)}")
            defects += [f"{way}: {error}" for error in told.errors]
        return defects

    def _leftovers(self) -> list[str]:
        """Nothing of the firewalls that left remains in Panorama or in AWS."""
        lab = self._lab
        panorama = lab.simulator.vendor.panorama
        defects = [
            f"{item.name} is still in Panorama"
            for item in self.gone
            if item.way is not Way.DIRECT and panorama.is_managed(item.serial)
        ]
        if free := self._free_interfaces() - self._free_before:
            defects.append(f"network interfaces without an instance: {sorted(free)}")
        # A failed one may stay (terminated-target). The reconcile function deregisters unhealthy
        # targets, and without a load balancer, as here, a target is neither healthy nor unhealthy.
        drained = {item.instance_id for item in self.gone if item.why == SCALED_IN}
        if gone := self._targets() & drained:
            defects.append(f"firewalls that left are targets: {sorted(gone)}")
        return defects + lab.simulator.world.errors.all()

    def _survivors(self) -> list[str]:
        """The firewalls in service keep their licenses and their places in Panorama."""
        defects = []
        vendor = self._lab.simulator.vendor
        for way, group in self._groups.items():
            for instance_id, state in group.states().items():
                if state != "InService":
                    continue
                firewall = self._lab.simulator.fleet.get(instance_id)
                if firewall is None or not vendor.licensing.covers(firewall.serial):
                    defects.append(f"{way}: {instance_id} in service has no license")
                elif way is not Way.DIRECT and not firewall.connected:
                    defects.append(f"{way}: {instance_id} in service is not connected")
        return defects

    def _free_interfaces(self) -> set[str]:
        """Return the network interfaces that are attached to nothing."""
        found = self._lab.client("ec2").describe_network_interfaces()["NetworkInterfaces"]
        return {item["NetworkInterfaceId"] for item in found if item["Status"] == "available"}

    def _targets(self) -> set[str]:
        """Return the instances in the target group, which all deployments share."""
        elbv2 = self._lab.client("elbv2")
        (group,) = elbv2.describe_target_groups()["TargetGroups"]
        answer = elbv2.describe_target_health(TargetGroupArn=group["TargetGroupArn"])
        return {target["Target"]["Id"] for target in answer["TargetHealthDescriptions"]}
