"""Rows L16 and G1 to G11 of docs/proofs/failure-modes.md that no other test covers."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import hcl2
import pytest
from hcl2 import SerializationOptions

REPOSITORY = Path(__file__).resolve().parents[2]
PLAIN = SerializationOptions(
    strip_string_quotes=True, explicit_blocks=False, with_comments=False, preserve_heredocs=False
)
HOOK_DEPENDENCIES = (
    "aws_cloudwatch_event_target.this",
    "aws_lambda_event_source_mapping.this",
    "function.role.policy_id",
    "function.log_group_name",
)


@cache
def read(path: str) -> Any:
    with (REPOSITORY / path).open(encoding="utf-8") as source:
        return hcl2.load(source, serialization_options=PLAIN)


def resource(path: str, kind: str, name: str = "this") -> dict[str, Any]:
    """Return a resource of a Terraform file as it is written there."""
    (resource_block,) = [
        block[kind][name]
        for block in read(path)["resource"]
        if kind in block and name in block[kind]
    ]
    assert isinstance(resource_block, dict)
    return resource_block


def sources() -> dict[Path, str]:
    """Every Terraform file of the module."""
    paths = [*REPOSITORY.glob("*.tf"), *REPOSITORY.glob("modules/*/*.tf")]
    return {path: path.read_text(encoding="utf-8") for path in paths}


@pytest.mark.documents(id="failure-modes/L16")
def test_l16_the_group_is_created_after_everything_that_handles_its_hooks() -> None:
    text = (REPOSITORY / "modules/lifecycle/outputs.tf").read_text(encoding="utf-8")
    output = text[text.index('output "hook_dependencies"') : text.index('output "functions"')]
    assert all(name in output for name in HOOK_DEPENDENCIES)
    root = (REPOSITORY / "main.tf").read_text(encoding="utf-8")
    assert re.search(r"hook_dependencies\s+= module\.lifecycle\.hook_dependencies\n", root)
    group = "modules/firewall-group/main.tf"
    dependencies = resource(group, "terraform_data", "hook_dependencies")
    assert dependencies["input"] == "${var.hook_dependencies}"
    depends_on = resource(group, "aws_autoscaling_group")["depends_on"]
    assert "${terraform_data.hook_dependencies}" in depends_on


@pytest.mark.documents(id="failure-modes/G2")
def test_g2_a_function_is_deleted_before_the_policy_that_lets_lambda_delete_interfaces() -> None:
    function = resource("modules/function/main.tf", "aws_lambda_function")
    assert function["depends_on"] == ["${aws_iam_role_policy.this}"]


@pytest.mark.documents(id="failure-modes/G3")
def test_g3_an_apply_does_not_change_the_desired_capacity() -> None:
    group = resource("modules/firewall-group/main.tf", "aws_autoscaling_group")
    (lifecycle,) = group["lifecycle"]
    assert lifecycle["ignore_changes"] == ["desired_capacity"]


@pytest.mark.documents(id="failure-modes/G7")
def test_g7_no_key_is_looked_up() -> None:
    for path, text in sources().items():
        assert 'data "aws_kms' not in text, path
        assert "alias/aws/" not in text, path


@pytest.mark.documents(id="failure-modes/G9")
def test_g9_no_concurrency_is_reserved() -> None:
    for path, text in sources().items():
        assert "reserved_concurrent_executions" not in text, path
    mapping = resource("modules/lifecycle/functions.tf", "aws_lambda_event_source_mapping")
    assert mapping["scaling_config"] == [{"maximum_concurrency": "${each.value.concurrency}"}]
