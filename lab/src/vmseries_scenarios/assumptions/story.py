"""The story: firewalls launch, serve, leave, fail and are replaced; the rest is reconciled."""

from __future__ import annotations

import time
from dataclasses import dataclass

from vmseries_scenarios.assumptions import control
from vmseries_scenarios.assumptions.answers import Answers
from vmseries_scenarios.boot_phases.observation import Reports, gauge, reports
from vmseries_scenarios.boot_phases.points import MINUTE, Way
from vmseries_scenarios.boot_phases.site import BOOT, DEPLOYMENTS, LEAVE_LIMIT, RECONCILED, STRATA
from vmseries_scenarios.crash_matrix.forkable_lab import ForkableLab
from vmseries_scenarios.deployment import Group

FIREWALLS = 3
REMAINING = FIREWALLS - 1
"""One is scaled in; the one that fails is replaced."""
LAUNCH_LIMIT = 40 * MINUTE
SERVING = 10 * MINUTE
GIVEN_UP = 24 * 60 * MINUTE
"""Lab time after which the reconcile function reports a license that nothing shows as returned."""
SCALED_IN, FAILED = "scaled in", "failed"


@dataclass(frozen=True)
class Verdict:
    """What became of the firewalls of one story.

    Attributes:
        name: Name of the story.
        returned: How many licenses of firewalls that left were returned.
        reported: How many were reported as not returned.
        defects: What was wrong; empty if nothing was.
        seconds: Real time.
    """

    name: str
    returned: int
    reported: int
    defects: list[str]
    seconds: float


@dataclass(frozen=True)
class _Gone:
    """A firewall that left."""

    deployment: str
    instance_id: str
    serial: str
    why: str

    @property
    def name(self) -> str:
        return f"{self.deployment}: the firewall that {'was ' * (self.why == SCALED_IN)}{self.why}"


def tell(lab: ForkableLab, answers: Answers) -> Verdict:
    """Let the story happen in this process, which is a fork with a lab of its own."""
    began = time.monotonic()
    lab.resume()
    assumptions = lab.simulator.world.assumptions
    assumptions.set(**answers.played)
    assumptions.asked.clear()
    story = _Story(lab, answers)
    defects = story.happen()
    returned = sum(lab.simulator.vendor.licensing.returned(item.serial) for item in story.gone)
    reported = sum(len(story.reports(name).lost) for name in DEPLOYMENTS)
    if not defects:
        defects += story.unnoticed()
    if missed := sorted(answers.met - assumptions.asked):
        defects.append(f"the lab has not played: {', '.join(missed)}")
    return Verdict(answers.name, returned, reported, defects, time.monotonic() - began)


class _Story:
    """The story of one group for each way in which licenses are returned."""

    def __init__(self, lab: ForkableLab, answers: Answers) -> None:
        self.gone: list[_Gone] = []
        self._lab = lab
        self._groups: dict[str, Group] = {name: lab.group(name) for name in DEPLOYMENTS}
        self._reports: dict[str, Reports] = {}
        self._free_before = self._free_interfaces()
        self._kept = answers.played.get("plugin-list-after-deactivation") == "kept"

    def happen(self) -> list[str]:
        """Let everything happen, and return what was wrong."""
        lab = self._lab
        lab.simulator.fleet.times.change(**BOOT)
        for group in self._groups.values():
            group.scale(FIREWALLS)
        if not self._reach(FIREWALLS, LAUNCH_LIMIT):
            return [f"not in service: {self._states()}"]
        lab.advance(SERVING)
        defects = [] if self._serve(FIREWALLS) else [f"left service: {self._states()}"]
        if not self._return_from_standby():
            defects.append(f"not back from standby: {self._states()}")
        self._scale_in()
        self._fail()
        if not self._reach(REMAINING, LEAVE_LIMIT):
            defects.append(f"held or not replaced: {self._states()}, {self._messages()}")
        for name in DEPLOYMENTS:
            lab.client("events").enable_rule(Name=f"{name}-reconcile")
        lab.advance(2 * RECONCILED + GIVEN_UP if self._kept else RECONCILED)
        return defects + self._judge()

    def unnoticed(self) -> list[str]:
        """Plant a fault of each kind, and return those that are not among the defects."""
        lab = self._lab
        item = next(item for item in self.gone if item.why == SCALED_IN)
        lost = _Gone(item.deployment, control.NAME, control.lose_license(lab), FAILED)
        self.gone.append(lost)
        control.leave_interface(lab)
        control.report_falsely(lab, item.deployment, item.instance_id)
        serving = next(iter(self._groups[item.deployment].states()))
        firewall = lab.simulator.fleet.get(serving)
        if firewall is not None:
            lab.simulator.vendor.licensing.return_license(firewall.serial)
        self._reports.clear()
        defects = self._judge()
        planted = (
            f"{lost.name}: its license was not returned, reported 0 times",
            "network interfaces without an instance",
            f"{item.name}: its license was returned, reported 1 times",
            f"{item.deployment}: {serving} in service has no license",
        )
        return [
            f"a planted fault was not noticed: {text}"
            for text in planted
            if not any(defect.startswith(text) for defect in defects)
        ]

    def reports(self, deployment: str) -> Reports:
        """Return what the functions of a deployment reported in the end."""
        if deployment not in self._reports:
            self._reports[deployment] = reports(self._lab, deployment)
        return self._reports[deployment]

    # -- what happens ------------------------------------------------------------------------------

    def _return_from_standby(self) -> bool:
        """Let one firewall go to standby and return; return whether it is in service again."""
        autoscaling = self._lab.client("autoscaling")
        named = {
            "AutoScalingGroupName": str(Way.PANORAMA),
            "InstanceIds": [min(self._groups[Way.PANORAMA].states())],
        }
        autoscaling.enter_standby(**named, ShouldDecrementDesiredCapacity=True)
        self._lab.advance(SERVING)
        autoscaling.exit_standby(**named)
        return self._reach(FIREWALLS, LAUNCH_LIMIT)

    def _scale_in(self) -> None:
        """Scale in one firewall of each group. One event arrives only when an operator moves it."""
        self._lab.fault(service="events", action="DeliverToTarget", code="NO_PERMISSIONS", count=1)
        for name, group in self._groups.items():
            self._leave(name, group.terminate_one(), SCALED_IN)
            self._lab.advance(MINUTE)
        self._redrive(f"{next(iter(self._groups))}-terminate")

    def _redrive(self, queue: str) -> None:
        """Move the messages of a dead-letter queue as docs/operations.md describes."""
        sqs = self._lab.client("sqs")
        url, source = (
            sqs.get_queue_url(QueueName=name)["QueueUrl"]
            for name in (queue, f"{queue}-dead-letters")
        )
        arns = [
            sqs.get_queue_attributes(QueueUrl=each, AttributeNames=["QueueArn"])["Attributes"]
            for each in (source, url)
        ]
        sqs.start_message_move_task(
            SourceArn=arns[0]["QueueArn"], DestinationArn=arns[1]["QueueArn"]
        )
        self._lab.advance(MINUTE)
        while messages := sqs.receive_message(QueueUrl=source).get("Messages"):
            for message in messages:
                sqs.send_message(QueueUrl=url, MessageBody=message["Body"])
                sqs.delete_message(QueueUrl=source, ReceiptHandle=message["ReceiptHandle"])

    def _fail(self) -> None:
        """Terminate one firewall of each group without its hook."""
        for name, group in self._groups.items():
            states = group.states()
            self._leave(name, next(id_ for id_ in states if states[id_] == "InService"), FAILED)
        self._lab.client("ec2").terminate_instances(
            InstanceIds=[item.instance_id for item in self.gone if item.why == FAILED]
        )

    def _leave(self, deployment: str, instance_id: str, why: str) -> None:
        firewall = self._lab.simulator.fleet.get(instance_id)
        if firewall is None:
            raise LookupError(f"{instance_id} in service is no firewall")
        self.gone.append(_Gone(deployment, instance_id, firewall.serial, why))

    def _reach(self, number: int, seconds: float) -> bool:
        """Wait until all groups have so many firewalls, and nothing waits to be handled."""
        return self._lab.run(
            seconds, lambda: self._serve(number) and not self._messages(), self._push
        )

    def _push(self) -> None:
        """Push to the firewalls in Strata Cloud Manager, as an administrator does if it does not.

        Without a first push, a firewall never is in sync.
        """
        strata = self._lab.simulator.vendor.strata
        if any(
            entry.version is None and entry.first_push is None and entry.gone is None
            for entry in strata.entries.values()
        ):
            strata.push()

    def _serve(self, number: int) -> bool:
        return all(group.is_in_service(number) for group in self._groups.values())

    def _states(self) -> dict[str, dict[str, int]]:
        return {name: dict(group.count_states()) for name, group in self._groups.items()}

    def _messages(self) -> list[str]:
        queues = [f"{name}-{way}" for name in DEPLOYMENTS for way in ("launch", "terminate")]
        return [instance_id for name in queues for instance_id in self._lab.waiting_for(name)]

    # -- what must be so in the end ----------------------------------------------------------------

    def _judge(self) -> list[str]:
        return self._licenses() + self._leftovers() + self._survivors()

    def _licenses(self) -> list[str]:
        """Nothing is lost without a report, and nothing is reported that is not lost."""
        licensing = self._lab.simulator.vendor.licensing
        defects = []
        for item in self.gone:
            times = self.reports(item.deployment).lost.count(item.instance_id)
            returned = licensing.returned(item.serial)
            known = returned and not self._stays_listed(item)
            if times != (0 if known else 1):
                state = "was" if returned else "was not"
                defects.append(f"{item.name}: its license {state} returned, reported {times} times")
            elif not returned and item.why == SCALED_IN:
                defects.append(f"{item.name}: its license was not returned")
        gone = {item.instance_id for item in self.gone}
        for name in DEPLOYMENTS:
            told = self.reports(name)
            if told.counted != len(told.lost):
                defects.append(f"{name}: LicenseNotReturned is {told.counted} for {told.lost}")
            if others := set(told.lost) - gone:
                defects.append(f"{name}: reported firewalls in service: {sorted(others)}")
            defects += [f"{name}: {error}" for error in told.errors]
        return defects

    def _stays_listed(self, item: _Gone) -> bool:
        """Return whether the plugin keeps on listing a firewall, which nobody can ask any more.

        Nothing shows that its license is returned. It is reported, and stays in Panorama, because
        the plugin finds a firewall by its entry there.
        """
        return self._kept and (item.deployment, item.why) == (Way.PLUGIN, FAILED)

    def _leftovers(self) -> list[str]:
        """Nothing of the firewalls that left remains in AWS or in a manager without a report.

        The bootstrap parameters of the deployment without Panorama name it, too.
        """
        lab = self._lab
        panorama = lab.simulator.vendor.panorama
        defects = [
            f"{item.name}: in Panorama is {panorama.is_managed(item.serial)}"
            for item in self.gone
            if item.deployment != Way.DIRECT
            and panorama.is_managed(item.serial) != self._stays_listed(item)
        ]
        # The API of Strata Cloud Manager cannot remove a firewall. An operator is told.
        listed = [
            item
            for item in self.gone
            if item.deployment == STRATA and item.serial in lab.simulator.vendor.strata.entries
        ]
        if (told := gauge(lab, STRATA, "LeftRegistered")) != len(listed):
            defects.append(f"LeftRegistered is {told}, and {len(listed)} stay listed")
        if free := self._free_interfaces() - self._free_before:
            defects.append(f"network interfaces without an instance: {sorted(free)}")
        if left := self._targets() & {item.instance_id for item in self.gone}:
            defects.append(f"firewalls that left are targets: {sorted(left)}")
        return defects + lab.simulator.world.errors.all()

    def _survivors(self) -> list[str]:
        """The firewalls in service keep their licenses and their places in their managers."""
        defects = []
        vendor = self._lab.simulator.vendor
        for name, group in self._groups.items():
            for instance_id, state in group.states().items():
                if state != "InService":
                    continue
                firewall = self._lab.simulator.fleet.get(instance_id)
                if firewall is None or not vendor.licensing.covers(firewall.serial):
                    defects.append(f"{name}: {instance_id} in service has no license")
                elif name != Way.DIRECT and not firewall.connected:
                    defects.append(f"{name}: {instance_id} in service is not connected")
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
