"""Terraform in a working copy, run for real on `terraform_data`, which needs no provider."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tf_setup import TerraformTools, terraform_environment
from vmseries_scenarios.terraform import (
    Change,
    TerraformError,
    Workspace,
    clean_environment,
    diagnostic,
    planned_changes,
)

CONFIGURATION = """
variable "word" {
  type    = string
  default = "one"
}
variable "numbers" {
  type    = list(number)
  default = []
}
module "inner" {
  source = "../.."
  word   = var.word
}
output "word"    { value = module.inner.word }
output "numbers" { value = var.numbers }
"""
MODULE = """
variable "word" { type = string }
resource "terraform_data" "this" {
  input = var.word
  lifecycle {
    precondition {
      condition     = var.word != "refused"
      error_message = "The word may not be refused."
    }
  }
}
output "word" { value = terraform_data.this.output }
"""
SLEEPER = """
resource "terraform_data" "this" {
  provisioner "local-exec" { command = "sleep 600" }
}
"""


@pytest.fixture(scope="module")
def tools() -> TerraformTools:
    return terraform_environment()


def repository(folder: Path, configuration: str = CONFIGURATION) -> Path:
    """A checkout with a module at its top, an example, and what must not be copied."""
    example = folder / "examples" / "small"
    (example / ".terraform").mkdir(parents=True)
    (example / "terraform.tfstate").write_text("not a state")
    (example / "main.tf").write_text(configuration)
    (folder / "main.tf").write_text(MODULE)
    (folder / "lab").mkdir()
    (folder / "lab" / "big").write_text("")
    return folder


def workspace(tmp_path: Path, tools: TerraformTools, *texts: str) -> Workspace:
    source = repository(tmp_path / "source", *texts)
    return Workspace.copy(
        source,
        "examples/small",
        tmp_path / "copy",
        binary=tools.binary,
        environment=tools.environment,
    )


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_apply_plan_change_and_destroy_happen_in_the_copy_only(
    tmp_path: Path, tools: TerraformTools
) -> None:
    work = workspace(tmp_path, tools)
    before = files(tmp_path / "source")
    assert not (work.folder / ".terraform").exists()
    assert not (work.folder / "terraform.tfstate").exists()
    assert not (tmp_path / "copy" / "lab").exists()
    work.variables["numbers"] = [1, 2]
    work.init()
    events: list[dict[str, Any]] = []
    work.apply(on_event=lambda event: events.append(dict(event)))
    assert work.output() == {"word": "one", "numbers": [1, 2]}
    assert work.state() == ["module.inner.terraform_data.this"]
    assert work.plan() == ()
    assert {"planned_change", "apply_start", "apply_complete"} <= {str(e["type"]) for e in events}

    work.variables["word"] = "two"
    changes = work.plan()
    assert Change("module.inner.terraform_data.this", ("update",), ("input", "output")) in changes
    assert "output.word" in {change.address for change in changes}

    work.destroy()
    assert work.state() == []
    assert files(tmp_path / "source") == before


def test_an_error_is_quoted_with_its_place(tmp_path: Path, tools: TerraformTools) -> None:
    work = workspace(tmp_path, tools)
    work.init()
    work.variables["word"] = "refused"
    with pytest.raises(TerraformError, match="The word may not be refused") as caught:
        work.apply()
    assert "terraform apply failed (exit code 1)" in str(caught.value)
    assert "main.tf:7" in str(caught.value)


def test_a_command_that_hangs_is_stopped_at_its_limit(
    tmp_path: Path, tools: TerraformTools
) -> None:
    work = workspace(tmp_path, tools, SLEEPER)
    work.init()
    start = time.monotonic()
    with pytest.raises(TerraformError, match="did not end within 2 seconds"):
        work.apply(limit=2)
    assert time.monotonic() - start < 120


def test_an_interrupt_ends_the_command_and_refuses_the_next(
    tmp_path: Path, tools: TerraformTools
) -> None:
    work = workspace(tmp_path, tools, SLEEPER)
    work.init()
    started = threading.Event()

    def on_event(event: object) -> None:
        if isinstance(event, dict) and event.get("type") == "provision_start":
            started.set()

    def interrupt() -> None:
        started.wait(120)
        work.interrupt()

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(TerraformError, match="terraform apply failed"):
        work.apply(limit=300, on_event=on_event)
    thread.join()
    assert started.is_set()
    with pytest.raises(TerraformError, match="was not started: interrupted"):
        work.destroy()


def test_a_missing_root_module_is_named(tmp_path: Path, tools: TerraformTools) -> None:
    with pytest.raises(FileNotFoundError, match="examples/none"):
        Workspace.copy(
            repository(tmp_path / "source"),
            "examples/none",
            tmp_path / "copy",
            binary=tools.binary,
            environment={},
        )


def test_no_setting_of_the_user_reaches_terraform() -> None:
    mine = {"PATH": "/bin", "AWS_PROFILE": "production", "TF_VAR_name": "x", "TF_DATA_DIR": "/y"}
    result = clean_environment(mine, {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"})
    assert result["PATH"] == "/bin"
    assert result["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert result["AWS_SHARED_CREDENTIALS_FILE"] == "/dev/null"
    assert not {"AWS_PROFILE", "TF_VAR_name", "TF_DATA_DIR"} & result.keys()


def test_reads_and_unchanged_resources_are_not_changes() -> None:
    def resource(address: str, *actions: str, **more: object) -> dict[str, object]:
        return {"address": address, "change": {"actions": list(actions), **more}}

    plan = {
        "resource_changes": [
            resource("a.same", "no-op", before={"x": 1}, after={"x": 1}),
            resource("data.read", "read", before=None, after={}),
            resource("a.new", "create", after={"x": 1}, after_unknown={"id": True}),
            resource(
                "a.other", "delete", "create", before={"x": 1, "y": 2}, after={"x": 2, "y": 2}
            ),
        ],
        "output_changes": {"same": {"actions": ["no-op"]}, "new": {"actions": ["create"]}},
    }
    assert planned_changes(plan) == (
        Change("a.new", ("create",), ("id", "x")),
        Change("a.other", ("delete", "create"), ("x",)),
        Change("output.new", ("create",)),
    )


def test_a_diagnostic_is_one_paragraph() -> None:
    event = {
        "@level": "error",
        "@message": "Error: creating X",
        "type": "diagnostic",
        "diagnostic": {
            "summary": "creating X",
            "address": "module.m.aws_x.this",
            "detail": "AccessDenied",
            "range": {"filename": "main.tf", "start": {"line": 7}},
        },
    }
    assert diagnostic(event) == "module.m.aws_x.this: creating X (main.tf:7)\n  AccessDenied"
