"""The life of an example in an account, from apply to destroy.

``make acceptance`` runs this file; its name keeps it out of every other test run. pytest-terraform
applies the example by its name. The run itself cleans up, so that a failure or an interrupt leaves
nothing (:mod:`acceptance.main`).
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pytest_terraform import terraform
from pytest_terraform.tf import TerraformFixture, TerraformRunner, TerraformState

from acceptance.account import MINUTE
from acceptance.history import Snapshot
from acceptance.run import (
    LAUNCH_LIMIT_MINUTES,
    LEAVE_LIMIT_MINUTES,
    SHORT_LOOK_SECONDS,
    STANDBY_LIMIT_MINUTES,
    WATCH_MINUTES,
    Run,
)

EXAMPLE = os.environ.get("EXAMPLE") or "one-arm"
PLUGIN = "acceptance-run"


class Runner(TerraformRunner):
    """Runs Terraform in the working copy of the run: with time limits, and safe to interrupt."""

    def __init__(self, run: Run) -> None:
        super().__init__(str(run.root), state_path=str(run.state_file))
        self._run = run

    def init(self) -> None:
        """Do nothing: the copy is initialized."""

    def apply(self, plan: bool = True) -> TerraformState:
        """Apply the example, and return its state."""
        self._run.apply()
        return TerraformState.from_file(self.state_path, self)


class AppliedExample(TerraformFixture):
    """The fixture of an example; the run destroys it, not the fixture."""

    def get_runner(self, module_dir: Any, work_dir: Any) -> Runner:
        """Return the runner of the run that started pytest."""
        return Runner(self.config.pluginmanager.get_plugin(PLUGIN).run)


terraform.scope_class_map["session"] = AppliedExample


@pytest.fixture(autouse=True)
def environment() -> None:
    """Override the fixture that hides AWS from tests."""


@pytest.fixture(scope="session")
def run(request: pytest.FixtureRequest) -> Run:
    """The run that started pytest."""
    plugin: Any = request.config.pluginmanager.get_plugin(PLUGIN)
    found: Run = plugin.run
    return found


def in_service(number: int) -> Any:
    """Return whether a snapshot shows exactly this many members, all in service."""

    def reached(snapshot: Snapshot) -> bool:
        return list(snapshot.members.values()) == ["InService"] * number

    return reached


@terraform(EXAMPLE, scope="session", name="applied", replay=False, teardown=terraform.TEARDOWN_OFF)
def test_the_example_is_applied(run: Run, applied: Any) -> None:
    assert applied.outputs["autoscaling_group"]["value"]["name"] == run.plan.name
    run.account.settle(run.outputs)
    run.set_alarms(active=False)
    run.start_watching()


def test_the_functions_find_no_problem(run: Run, applied: Any) -> None:
    with run.phase("pre-flight check"):
        run.account.clock.wait(5 * MINUTE)  # Roles and commits take effect.
        run.look("launch")
        assert run.preflight_problems() == []
        run.record_answers("no firewall")


def test_the_firewalls_enter_service(run: Run, applied: Any) -> None:
    number = run.plan.minimum
    with run.phase("launch"):
        what = f"{number} firewalls are in service"
        run.watch("launch", in_service(number), what, LAUNCH_LIMIT_MINUTES)


def test_one_firewall_more_enters_service(run: Run, applied: Any) -> None:
    number = run.plan.minimum + 1
    with run.phase("scale out"):
        run.group.scale(number)
        what = f"{number} firewalls are in service"
        run.watch("scale out", in_service(number), what, LAUNCH_LIMIT_MINUTES)
        run.record_answers("scale out")
        run.watch_for("scale out", WATCH_MINUTES)


def test_one_firewall_returns_from_standby(run: Run, applied: Any) -> None:
    number = run.plan.minimum + 1
    instance_id = next(iter(run.group.states()))

    def on_standby(snapshot: Snapshot) -> bool:
        return snapshot.members.get(instance_id) == "Standby"

    with run.phase("standby"):
        try:
            run.move_to_standby(instance_id)
        except ClientError as error:
            # Only a question stays open.
            run.say(f"  EnterStandby was refused ({error.response['Error']['Code']})")
            return
        run.watch("standby", on_standby, "a firewall is on standby", STANDBY_LIMIT_MINUTES)
        run.move_to_standby(instance_id, back=True)
        what = f"{number} firewalls are in service"
        limit, every = LAUNCH_LIMIT_MINUTES, SHORT_LOOK_SECONDS
        run.watch("standby", in_service(number), what, limit, every)


def test_one_firewall_leaves(run: Run, applied: Any) -> None:
    number = run.plan.minimum
    before = set(run.group.states())

    def reached(snapshot: Snapshot) -> bool:
        gone = before - snapshot.members.keys()
        states = [snapshot.machines[i].state for i in gone if i in snapshot.machines]
        return in_service(number)(snapshot) and set(states) <= {"terminated"}

    with run.phase("scale in"):
        run.group.scale(number)
        what = f"{number} firewalls are in service, and one is terminated"
        run.watch("scale in", reached, what, LEAVE_LIMIT_MINUTES)
        run.watch_for("scale in", WATCH_MINUTES)


def test_the_answers_are_recorded(run: Run, applied: Any) -> None:
    with run.phase("record"):
        run.record_answers("scale in")
        run.record()


def test_everything_is_destroyed(run: Run, applied: Any) -> None:
    with run.phase("destroy"):
        run.destroy()
    assert not run.has_state()
