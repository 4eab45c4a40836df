"""Checkouts for builds, and the layer that Terraform would build."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from packaging_support import LAMBDA, Checkout


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "index: downloads packages from the Python package index")


@pytest.fixture(scope="session")
def current(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of lambda/ with an up-to-date archive, even if the committed one is stale."""
    folder = tmp_path_factory.mktemp("current") / "lambda"
    shutil.copytree(LAMBDA, folder, ignore=shutil.ignore_patterns("__pycache__"))
    Checkout(folder).succeed("functions")
    return folder


@pytest.fixture
def checkout(current: Path, tmp_path: Path) -> Checkout:
    return Checkout(shutil.copytree(current, tmp_path / "lambda"))


@pytest.fixture(scope="session")
def repository() -> Checkout:
    """The checkout under test, which no test changes."""
    return Checkout(LAMBDA)


@pytest.fixture(scope="session")
def layer(repository: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layer as `terraform apply` builds it, with wheels from the package index."""
    target = (
        tmp_path_factory.mktemp("layer") / json.loads(repository.layer_lock.read_text())["file"]
    )
    repository.succeed("layer", "--output", target)
    return target
