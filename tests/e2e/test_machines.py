"""Terraform on several machines: no machine needs a file that another one has built.

Each copy of the repository represents a machine. The layer's archive is built in the `.terraform`
folder of a copy, so other copies do not have it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from vmseries_lab.client import Lab
from vmseries_scenarios.deployment import APPLY_PACE, copy_root
from vmseries_scenarios.terraform import TerraformError, Workspace

pytestmark = pytest.mark.apply(seconds=200)

ROOT = "tests/fixtures/minimal"


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab() as lab:
        lab.pace(APPLY_PACE)
        yield lab
        assert lab.errors() == []


def built(workspace: Workspace) -> list[Path]:
    return list(workspace.folder.glob(".terraform/vmseries-autoscale/*.zip"))


def copy_state(source: Workspace, target: Workspace) -> None:
    """Copy the state to the other machine, as a remote backend would."""
    shutil.copy(source.folder / "terraform.tfstate", target.folder)


def test_a_plan_of_one_machine_is_applied_on_another(lab: Lab, tmp_path: Path) -> None:
    planner = copy_root(lab.aws.environment(), ROOT, tmp_path / "planner")
    applier = copy_root(lab.aws.environment(), ROOT, tmp_path / "applier")
    assert planner.save_plan(tmp_path / "saved.tfplan")

    applier.apply(plan=tmp_path / "saved.tfplan")

    copy_state(applier, planner)
    assert built(planner) == []
    assert [str(change) for change in planner.plan()] == []
    assert [str(change) for change in applier.plan()] == []


def test_an_apply_that_failed_after_the_build_is_completed_on_another_machine(
    lab: Lab, tmp_path: Path
) -> None:
    first = copy_root(lab.aws.environment(), ROOT, tmp_path / "first")
    second = copy_root(lab.aws.environment(), ROOT, tmp_path / "second")
    lab.faults.add("lambda", "PublishLayerVersion", code="AccessDeniedException", count=100)
    with pytest.raises(TerraformError, match="AccessDenied"):
        first.apply()
    assert len(built(first)) == 1
    lab.faults.clear()

    copy_state(first, second)
    second.apply()

    assert [str(change) for change in second.plan()] == []
    copy_state(second, first)
    shutil.rmtree(built(first)[0].parent)
    assert [str(change) for change in first.plan()] == []
