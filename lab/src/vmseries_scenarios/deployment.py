"""Working copies of a root of the tests, for tests that apply something smaller than an example."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tf_setup import terraform_environment
from vmseries_lab.client import Lab
from vmseries_scenarios.terraform import Workspace

REPOSITORY = Path(__file__).resolve().parents[3]


def copy(
    lab: Lab, root: str, destination: Path, *, uses: Iterable[str] = (), **variables: Any
) -> Workspace:
    """Copy the module and one root, initialise it, and return it.

    Args:
        lab: what Terraform is to work on.
        root: the root's folder in the repository.
        destination: where to copy to; must not exist.
        uses: further folders of the repository that the root has modules from.
        variables: input variables.
    """
    tools = terraform_environment()
    workspace = Workspace.copy(
        REPOSITORY,
        root,
        destination,
        binary=tools.binary,
        environment={**tools.environment, **lab.aws.environment()},
        variables=variables,
        uses=uses,
    )
    workspace.init()
    workspace.keep_provider()
    return workspace
