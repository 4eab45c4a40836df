"""The parts of `make prove-interrupts` that decide: what to import, and what the documents say."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from signal import SIGKILL, Signals
from typing import Any

import pytest

from tf_setup import terraform_environment
from vmseries_lab.aws.requests import Fault
from vmseries_scenarios.interrupts.main import run
from vmseries_scenarios.interrupts.points import APPLY, DESTROY, KILLED_APPLY, KILLED_DESTROY
from vmseries_scenarios.interrupts.recovery import (
    IDENTIFIERS,
    Conflicts,
    import_block,
    mapping,
    restore_state,
    type_of,
)
from vmseries_scenarios.interrupts.state_server import StateServer
from vmseries_scenarios.terraform import TerraformError, Workspace

OPERATIONS = Path(__file__).resolve().parents[3] / "docs" / "operations.md"
QUEUE = 'module.firewalls.module.lifecycle.aws_sqs_queue.events["launch"]'
SLEEPER = """
terraform {
  backend "http" {}
}
resource "terraform_data" "first" {}
resource "terraform_data" "second" {
  depends_on = [terraform_data.first]
  provisioner "local-exec" { command = "sleep 600" }
}
"""


def error(summary: str, address: str = QUEUE) -> dict[str, Any]:
    return {"diagnostic": {"severity": "error", "summary": summary, "address": address}}


@pytest.mark.parametrize(
    ("summary", "taken"),
    [
        ("EntityAlreadyExists: Role with name edge already exists.", True),
        ("InvalidGroup.Duplicate: The security group 'edge' already exists", True),
        ("ResourceConflictException: Function already exist: edge", True),
        ("creating IAM Role (edge): context canceled", False),
        ("ExpiredToken: The security token included in the request is expired", False),
    ],
)
def test_only_a_name_that_is_taken_is_a_conflict(summary: str, taken: bool) -> None:
    conflicts = Conflicts()
    conflicts(error(summary))
    conflicts({"type": "apply_start", "hook": {}})
    assert (QUEUE in conflicts.found) == taken


def test_an_import_block_names_the_address_as_terraform_prints_it() -> None:
    assert type_of(QUEUE) == "aws_sqs_queue"
    assert type_of("module.a[0].aws_lb.this") == "aws_lb"
    assert import_block(QUEUE, 'a"b') == f'import {{\n  to = {QUEUE}\n  id = "a\\"b"\n}}\n'


def test_the_id_of_an_event_source_mapping_is_in_the_error() -> None:
    uuid = "f3d3f9f7-dd37-4e26-8a61-684fc7199469"
    text = f"RequestID: 00000000-0000-0000-0000-000000000000, mapping with UUID {uuid}"
    lab: Any = None
    assert mapping(lab, {}, text) == uuid


def test_the_documents_say_which_id_each_type_is_imported_by() -> None:
    section = OPERATIONS.read_text().partition("### After an interruption")[2]
    rows = re.findall(r"^\| (`aws_\w+`(?:, `aws_\w+`)*) \|", section, re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"aws_\w+", row)}
    assert documented == set(IDENTIFIERS)


def test_apply_and_destroy_are_interrupted_at_ten_points_each_and_killed_at_more() -> None:
    assert len(set(APPLY)) == len(set(DESTROY)) == 10
    assert {point.signal for point in KILLED_APPLY + KILLED_DESTROY} == {SIGKILL}


def test_a_fault_can_be_for_callers_without_a_role() -> None:
    """Such as Terraform, whose credentials expire while the functions go on."""
    fault = Fault(role="-")
    assert fault.matches("iam", "GetRole", "", "")
    assert not fault.matches("iam", "GetRole", "edge-launch", "")


def test_an_unknown_trial_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("nothing") == 1
    assert "deadline" in capsys.readouterr().out


@pytest.mark.parametrize(("state", "restored"), [("", True), ('{"ver', True), ("{}", False)])
def test_a_state_that_a_kill_has_cut_off_is_restored(
    tmp_path: Path, state: str, restored: bool
) -> None:
    """Terraform takes an empty file for no state, and a destroy would succeed at once."""
    (tmp_path / "terraform.tfstate").write_text(state)
    (tmp_path / "terraform.tfstate.backup").write_text('{"version": 4}')
    assert restore_state(tmp_path) == restored
    expected = '{"version": 4}' if restored else state
    assert (tmp_path / "terraform.tfstate").read_text() == expected


# -- remote state ----------------------------------------------------------------------------------


@pytest.fixture
def server() -> Any:
    with StateServer() as running:
        yield running


def workspace(folder: Path, server: StateServer) -> Workspace:
    (folder / "main.tf").write_text(SLEEPER)
    tools = terraform_environment()
    environment = {**tools.environment, **server.environment()}
    work = Workspace(folder, binary=tools.binary, environment=environment)
    work.init()
    return work


def apply_until_the_second(work: Workspace, act: Callable[[], None]) -> None:
    with pytest.raises(TerraformError):
        work.apply(on_event=lambda event: act() if event.get("type") == "provision_start" else None)


def test_a_dead_command_leaves_its_lock_and_force_unlock_removes_it(
    tmp_path: Path, server: StateServer
) -> None:
    """Terraform, "State: Locking": force-unlock is for a lock whose release has failed."""
    work = workspace(tmp_path, server)
    apply_until_the_second(work, lambda: work.signal(SIGKILL))
    with pytest.raises(TerraformError, match="Error acquiring the state lock") as refused:
        work.destroy()
    found = re.search(r"ID:\s+(\S+)", str(refused.value))
    assert found is not None
    work.force_unlock(found[1])
    work.destroy()
    assert work.state() == []


def test_a_state_that_cannot_be_uploaded_is_a_file_that_can_be_pushed(
    tmp_path: Path, server: StateServer
) -> None:
    """Terraform's local operations: "errored.tfstate"."""
    work = workspace(tmp_path, server)

    def expire() -> None:
        server.refusing = True
        work.signal(Signals.SIGINT)

    apply_until_the_second(work, expire)
    server.refusing = False
    lock = re.search(r'"ID":"([^"]+)"', server.lock.decode())
    assert lock is not None
    work.force_unlock(lock[1])
    work.push_state(tmp_path / "errored.tfstate")
    assert "terraform_data.first" in work.state()
