"""The module and both examples conform to the schema of AWS provider 6.

The other tests run version 5.100 of the provider. These tests run `terraform validate` with a
stand-in that has the schema of version 6.25.0, recovered by tools/aws_schema.py. They find names,
types and required arguments that version 6 has changed. Values are not checked, and nothing is
applied.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from terraform.stand_in_provider import serving

import tf_setup
from vmseries_scenarios.terraform import clean_environment

REPOSITORY = Path(__file__).resolve().parents[2]
SCHEMA = REPOSITORY / "tests" / "fixtures" / "aws-6.25.0-schema.json"
READ_BY_TERRAFORM = (
    "*.tf",
    "modules/*/*.tf",
    "examples/*/*.tf",
    "examples/modules/*/*.tf",
    "lambda/dist/functions.zip",
    "lambda/layer/layer.json",
)
ROOTS = (".", "examples/one-arm", "examples/two-arm")


@pytest.fixture(scope="module")
def version_6() -> Iterator[Mapping[str, str]]:
    """Environment variables that make `hashicorp/aws` the stand-in for version 6."""
    with serving(json.loads(SCHEMA.read_text()), "hashicorp/aws") as reattach:
        tools = tf_setup.terraform_environment()
        yield clean_environment(os.environ, {**tools.environment, **reattach})


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A copy of the files that Terraform reads."""
    for pattern in READ_BY_TERRAFORM:
        for path in REPOSITORY.glob(pattern):
            target = tmp_path / path.relative_to(REPOSITORY)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    return tmp_path


def terraform(folder: Path, environment: Mapping[str, str], *arguments: str) -> str:
    """Run Terraform in a folder, and return its output."""
    binary = tf_setup.terraform_environment().binary
    command = [binary, f"-chdir={folder}", *arguments]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return result.stdout + result.stderr


def problems(folder: Path, environment: Mapping[str, str]) -> list[str]:
    """Return the errors and warnings of `terraform validate`."""
    output = terraform(folder, environment, "init", "-input=false", "-no-color")
    assert "successfully initialized" in output, output
    result: Any = json.loads(terraform(folder, environment, "validate", "-json"))
    return [f"{item['summary']}: {item['detail']}" for item in result["diagnostics"]]


@pytest.mark.parametrize("root", ROOTS)
def test_a_root_module_conforms_to_the_schema_of_version_6(
    sources: Path, version_6: Mapping[str, str], root: str
) -> None:
    assert problems(sources / root, version_6) == []


INVALID = {
    "unknown argument": (
        'resource "aws_sqs_queue" "invalid" {\n  color = "red"\n}\n',
        'An argument named "color" is not expected here',
    ),
    "missing argument": (
        'resource "aws_subnet" "invalid" {}\n',
        'The argument "vpc_id" is required',
    ),
    "unknown block": (
        'resource "aws_sqs_queue" "invalid" {\n  paint {}\n}\n',
        'Blocks of type "paint" are not expected here',
    ),
    "repeated single block": (
        'resource "aws_lb_target_group" "invalid" {\n  health_check {}\n  health_check {}\n}\n',
        'No more than 1 "health_check" blocks are allowed',
    ),
    "wrong type": (
        'resource "aws_subnet" "invalid" {\n  vpc_id = ["a"]\n}\n',
        'Inappropriate value for attribute "vpc_id": string required',
    ),
    "unknown attribute of a reference": (
        'resource "aws_eip" "eip" {}\noutput "invalid" {\n  value = aws_eip.eip.color\n}\n',
        'has no argument, nested block, or exported attribute named "color"',
    ),
    "resource type that version 6 removed": (
        'resource "aws_opsworks_stack" "invalid" {}\n',
        'does not support resource type "aws_opsworks_stack"',
    ),
}


@pytest.mark.parametrize(("invalid", "message"), INVALID.values(), ids=INVALID.keys())
def test_an_invalid_configuration_is_reported(
    tmp_path: Path, version_6: Mapping[str, str], invalid: str, message: str
) -> None:
    (tmp_path / "main.tf").write_text(
        'terraform {\n  required_providers {\n    aws = { source = "hashicorp/aws" }\n  }\n}\n'
        + invalid
    )
    (problem,) = problems(tmp_path, version_6)
    assert message in problem
