"""Any root can plan the module: with values that it makes, and with depends_on on the module."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from vmseries_lab.client import Lab
from vmseries_scenarios.deployment import Deployment

pytestmark = pytest.mark.apply(seconds=50)

MODULE = "module.firewalls."
BUILDER = f"{MODULE}module.dependencies.terraform_data.build[0]"
CHANGED = {
    "aws_secretsmanager_secret.bootstrap",
    "aws_sns_topic.this",
    'aws_subnet.this["data"]',
    'aws_subnet.this["management"]',
    "aws_vpc.this",
    "terraform_data.network",
}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab("us-east-1") as lab:
        yield lab
        assert lab.errors() == []


@pytest.fixture(scope="module")
def deployment(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """A deployment with a depends_on, and with subnets, a secret and a topic of its root."""
    folder = tmp_path_factory.mktemp("pending") / "copy"
    deployment = Deployment.copy(lab, "tests/fixtures/pending-changes", folder)
    deployment.apply()
    return deployment


def planned(deployment: Deployment) -> set[str]:
    """Return the addresses of what an apply would change."""
    return {change.address for change in deployment.workspace.plan()}


def test_a_root_that_makes_every_value_can_plan_three_deployments_that_share_a_layer(
    lab: Lab, tmp_path: Path
) -> None:
    root = Deployment.copy(lab, "tests/fixtures/values-of-this-root", tmp_path / "copy")
    changes = root.workspace.plan()
    assert {change.actions for change in changes} == {("create",)}
    layers = [change.address for change in changes if "aws_lambda_layer_version" in change.address]
    assert layers == ["module.panorama.module.dependencies.aws_lambda_layer_version.this[0]"]


def test_a_pending_change_of_what_the_module_depends_on_changes_nothing_in_it(
    deployment: Deployment,
) -> None:
    assert planned(deployment) == set()

    deployment.workspace.variables["owner"] = "security"
    assert planned(deployment) == CHANGED

    # The archive of the layer is on the machine that built it. Without it, a plan that cannot see
    # the group does not know whether the layer was uploaded.
    shutil.rmtree(deployment.workspace.folder / ".terraform" / "vmseries-autoscale")
    assert planned(deployment) == CHANGED | {BUILDER}

    deployment.apply()
    assert planned(deployment) == set()
