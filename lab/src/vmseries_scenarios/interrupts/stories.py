"""The trials: each is interrupted, repeats the command, and ends with a destroy."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL
from typing import Any

from vmseries_lab.client import Lab
from vmseries_scenarios.deployment import MINUTE, Deployment
from vmseries_scenarios.interrupts import points, recovery
from vmseries_scenarios.interrupts.interruption import (
    Watch,
    interrupt,
    interrupt_at,
    run_to_its_end,
)
from vmseries_scenarios.interrupts.points import Point
from vmseries_scenarios.interrupts.residue import inventory
from vmseries_scenarios.interrupts.state_server import StateServer

FIXTURE = "tests/fixtures/interrupts"
NAME = "interrupts"
QUICK_BOOT = {"license": 160.0, "register": 165.0, "content": 170.0}
"""A boot of three minutes: nothing here depends on its length."""
HELD = Point("autoscaling", "DescribeAutoScalingGroups", 8)
"""Terraform looks for the group to be empty, again and again: the drain."""
EXPIRED = "The security token included in the request is expired"


class UnfinishedError(AssertionError):
    """Something is left, or something is not as it should be."""


@dataclass
class Trial:
    """One trial, in a lab of its own.

    Attributes:
        deployment: The deployment.
        before: What the account contained before the first apply.
        log: Called for each interruption that is completed, with what was done.
    """

    deployment: Deployment
    before: frozenset[str]
    log: Callable[[str], None]
    _pending: list[str] = field(default_factory=list)

    @property
    def lab(self) -> Lab:
        """The lab."""
        return self.deployment.lab

    def network(self) -> None:
        """Create what the module needs around it."""
        variables = self.deployment.workspace.variables
        variables["firewalls"] = False
        self.deployment.apply()
        del variables["firewalls"]

    def configure(self, **variables: Any) -> None:
        """Set input variables of the root module."""
        self.deployment.workspace.variables.update(variables)

    def serve(self) -> None:
        """Apply, and wait until a firewall is in service."""
        self.deployment.apply()
        self.deployment.wait_until_in_service(1)

    def interrupt(self, command: str, point: Point) -> None:
        """Interrupt a command."""
        interrupt(self.deployment, command, point)
        restored = recovery.restore_state(self.deployment.workspace.folder)
        self._pending.append(f"{command}: {point}{', backup restored' if restored else ''}")

    def apply_again(self) -> None:
        """Repeat the apply, and check that a plan is empty."""
        imported = recovery.apply(self.deployment)
        deleted = recovery.remove_unnamed(self.deployment)
        changes = self.deployment.workspace.plan()
        require(not changes, f"the second plan changes {[str(change) for change in changes]}")
        remedies = [f"imported {kind}" for kind in imported]
        self.done(", ".join(remedies + [f"deleted {kind}" for kind in deleted]))

    def destroy_again(self) -> None:
        """Repeat the destroy, and check that nothing is left."""
        require(self.deployment.workspace.state(), "the state was lost")
        self.deployment.destroy()
        require(not self.deployment.workspace.state(), "the state is not empty")
        self.check_residue()
        self.done()

    def check_residue(self) -> None:
        """Check that nothing is left in AWS, Panorama and the licensing API."""
        left = sorted(inventory(self.lab) - self.before)
        require(not left, f"left in AWS: {left}")
        require(not self.lab.leftovers(), f"left behind: {self.lab.leftovers()}")
        require(not self.lab.errors(), f"errors of the lab: {self.lab.errors()}")

    def done(self, remedy: str = "", name: str = "") -> None:
        """Count the interruptions that are completed now."""
        if name:
            self._pending.append(name)
        for pending in self._pending:
            self.log(f"{pending}{f' ({remedy})' if remedy else ''}")
        self._pending.clear()

    def alarms(self) -> set[str]:
        """Return the names of the deployment's alarms."""
        alarms = self.lab.aws.client("cloudwatch").describe_alarms(AlarmNamePrefix=f"{NAME}-")
        return {alarm["AlarmName"] for alarm in alarms["MetricAlarms"]}


def require(condition: object, text: str) -> None:
    """Raise an error if a condition does not hold."""
    if not condition:
        raise UnfinishedError(text)


@contextmanager
def trial(folder: Path, log: Callable[[str], None]) -> Iterator[Trial]:
    """Start a lab with the network of a deployment."""
    with Lab() as lab:
        lab.firewalls.set_boot_times(**QUICK_BOOT)
        before = inventory(lab)
        deployment = Deployment.copy(lab, FIXTURE, folder / "copy")
        running = Trial(deployment, before, log)
        running.network()
        yield running


# -- signals ---------------------------------------------------------------------------------------


def pair(applied: Point, destroyed: Point) -> Callable[[Trial], None]:
    """Return a trial whose apply and whose destroy are interrupted once."""

    def perform(running: Trial) -> None:
        running.interrupt("apply", applied)
        running.apply_again()
        running.deployment.wait_until_in_service(1)
        running.interrupt("destroy", destroyed)
        running.destroy_again()

    return perform


def layer(running: Trial) -> None:
    """Ctrl-C while the layer of the functions is built."""
    running.configure(load_balancer=False)
    point = Point("local-exec", "build.py")
    interrupt_at(running.deployment, "apply", point, "terraform_data.build[0]")
    running.apply_again()
    running.done(name="apply: SIGINT while the layer is built")
    running.deployment.destroy()
    running.check_residue()


# -- instance refresh ------------------------------------------------------------------------------


def refresh(point: Point) -> Callable[[Trial], None]:
    """Return a trial whose apply is interrupted when it starts an instance refresh."""

    def perform(running: Trial) -> None:
        capacity = {"min": 1, "max": 4, "instance_refresh": {}}
        running.configure(load_balancer=False, capacity=capacity)
        running.serve()
        running.configure(instance_type="m5.2xlarge")
        running.interrupt("apply", point)
        running.apply_again()
        replace_firewalls(running)
        running.deployment.destroy()
        running.check_residue()

    return perform


def replace_firewalls(running: Trial) -> None:
    """Wait for the refresh, or start it as docs/operations.md says; check the firewalls."""
    deployment, autoscaling = running.deployment, running.lab.aws.client("autoscaling")
    refreshes = autoscaling.describe_instance_refreshes(AutoScalingGroupName=NAME)
    if not refreshes["InstanceRefreshes"]:
        autoscaling.start_instance_refresh(
            AutoScalingGroupName=NAME, Preferences={"SkipMatching": True}
        )
        running.done(name="the refresh was started by hand")

    def replaced() -> bool:
        types = [instance["InstanceType"] for instance in deployment.instances().values()]
        return types == ["m5.2xlarge"] and deployment.group.is_in_service(1)

    deployment.wait_until(replaced, "the firewall of the old type is replaced", minutes=180)


# -- credentials, state ----------------------------------------------------------------------------


@contextmanager
def remote_state(running: Trial) -> Iterator[StateServer]:
    """Move the state to a server that locks it."""
    workspace = running.deployment.workspace
    with StateServer() as server:
        (workspace.folder / "backend.tf").write_text('terraform {\n  backend "http" {}\n}\n')
        workspace.set_environment(**server.environment())
        workspace.migrate_state()
        yield server


def locked(running: Trial) -> None:
    """The machine dies while it holds the lock of a remote state."""
    with remote_state(running) as server:
        point = Point("lambda", "CreateFunction", 2, SIGKILL)
        running.interrupt("apply", point)
        require(server.lock, "the dead command has left no lock")
        said = run_to_its_end(running.deployment, "apply")
        require("Error acquiring the state lock" in said, f"the lock holds nobody: {said}")
        running.deployment.workspace.force_unlock(json.loads(server.lock)["ID"])
        running.apply_again()
        running.deployment.destroy()
        running.check_residue()


def expired(running: Trial) -> None:
    """The credentials of Terraform and of its backend expire while the group drains."""
    with remote_state(running) as server:
        workspace, lab = running.deployment.workspace, running.lab
        running.configure(load_balancer=False)
        running.serve()
        instances = len(running.deployment.group.states())

        def expire() -> None:
            server.refusing = True
            lab.faults.add(
                "*", "*", code="ExpiredToken", message=EXPIRED, status=403, count=None, role="-"
            )

        with Watch(lab, HELD, expire) as watch:
            said = run_to_its_end(running.deployment, "destroy")
            require(watch.acted and "ExpiredToken" in said, f"nothing has expired: {said}")
            # The functions have credentials of their own.
            lab.advance(60 * MINUTE)
            gone = [entry for entry in lab.timeline() if entry.kind == "license-returned"]
            require(len(gone) == instances, "the firewall did not leave without Terraform")
        server.refusing = False
        saved = workspace.folder / "errored.tfstate"
        require(server.lock, "the lock was released without credentials")
        workspace.force_unlock(json.loads(server.lock)["ID"])
        if saved.exists():
            workspace.push_state(saved)
        running.done("force-unlock, state push", "destroy: credentials expire")
        running.destroy_again()


# -- Panorama --------------------------------------------------------------------------------------


def panorama_returns(running: Trial) -> None:
    """Panorama is away while the group drains; the destroy is interrupted, and repeated later."""
    running.configure(load_balancer=False)
    running.serve()
    running.lab.panorama.configure(available=False)
    running.interrupt("destroy", HELD)
    running.lab.advance(120 * MINUTE)
    require(running.deployment.group.states(), "the firewall did not wait for Panorama")
    require(running.alarms(), "no alarm of the deployment is left while a firewall is held")
    running.lab.panorama.configure(available=True)
    running.destroy_again()
    running.done(name="destroy: Panorama away, and back")


def deadline(running: Trial) -> None:
    """Panorama is away for good: the deadline is shortened after the destroy was interrupted."""
    deployment, lab = running.deployment, running.lab
    running.configure(load_balancer=False)
    running.serve()
    lab.panorama.configure(available=False)
    running.interrupt("destroy", HELD)
    launched = count(lab, "instance-launched")
    running.configure(deadlines={"terminate_minutes": 15}, capacity={"min": 0, "max": 4})
    running.apply_again()
    lab.advance(60 * MINUTE)
    require(count(lab, "instance-launched") == launched, "the apply has launched a firewall")
    require(not deployment.group.states(), "the firewall waits longer than the new deadline")
    lost = deployment.metric("LicenseNotReturned", lab.now() - 120 * MINUTE)
    require(lost == 1, f"the license that was lost was counted {lost:.0f} times")
    deployment.destroy()
    left = sorted(inventory(lab) - running.before)
    require(not left, f"left in AWS: {left}")
    running.done(name="destroy: deadline shortened, Panorama away for good")


def count(lab: Lab, kind: str) -> int:
    """Return how many entries of a kind the timeline has."""
    return sum(entry.kind == kind for entry in lab.timeline())


def pairs(
    applied: Iterable[Point], destroyed: Iterable[Point]
) -> Mapping[str, Callable[[Trial], None]]:
    """Return a trial for each pair of points, by name."""
    return {
        f"{'killed-' * (one.signal == SIGKILL)}{one.action}-{other.action}": pair(one, other)
        for one, other in zip(applied, destroyed, strict=True)
    }


TRIALS: Mapping[str, Callable[[Trial], None]] = {
    "locked": locked,
    "expired": expired,
    "deadline": deadline,
    "panorama-returns": panorama_returns,
    "refresh-started": refresh(Point("autoscaling", "StartInstanceRefresh")),
    "refresh-not-started": refresh(Point("autoscaling", "UpdateAutoScalingGroup")),
    "layer": layer,
    **pairs(points.KILLED_APPLY, points.KILLED_DESTROY),
    **pairs(points.APPLY, points.DESTROY),
}
