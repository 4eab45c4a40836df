"""Terraform from several machines: no file that one of them built may be needed by another.

A copy of the repository stands for a machine. The layer's archive is built into the copy's own
`.terraform`, so another copy does not have it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from vmseries_lab.client import Lab
from vmseries_scenarios import deployment
from vmseries_scenarios.terraform import TerraformError, Workspace

pytestmark = pytest.mark.apply(seconds=200)

ROOT = "tests/fixtures/minimal"
PACE = 60.0


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab() as lab:
        lab.pace(PACE)
        yield lab
        assert lab.errors() == []


def built(workspace: Workspace) -> list[Path]:
    return list(workspace.folder.glob(".terraform/vmseries-autoscale/*.zip"))


def hand_over(there: Workspace, here: Workspace) -> None:
    """Give the other machine the state, as a remote backend would."""
    shutil.copy(there.folder / "terraform.tfstate", here.folder)


def test_plan_on_one_machine_apply_on_another(lab: Lab, tmp_path: Path) -> None:
    planner = deployment.copy(lab, ROOT, tmp_path / "planner")
    applier = deployment.copy(lab, ROOT, tmp_path / "applier")
    assert planner.save_plan(tmp_path / "saved.tfplan")

    applier.apply(plan=tmp_path / "saved.tfplan")

    hand_over(applier, planner)
    assert built(planner) == []
    assert [str(change) for change in planner.plan()] == []
    assert [str(change) for change in applier.plan()] == []


def test_apply_that_failed_after_the_build_is_finished_on_another_machine(
    lab: Lab, tmp_path: Path
) -> None:
    first = deployment.copy(lab, ROOT, tmp_path / "first")
    second = deployment.copy(lab, ROOT, tmp_path / "second")
    lab.faults.add("lambda", "PublishLayerVersion", code="AccessDeniedException", count=100)
    with pytest.raises(TerraformError, match="AccessDenied"):
        first.apply()
    assert len(built(first)) == 1
    lab.faults.clear()

    hand_over(first, second)
    second.apply()

    assert [str(change) for change in second.plan()] == []
    hand_over(second, first)
    shutil.rmtree(built(first)[0].parent)
    assert [str(change) for change in first.plan()] == []
