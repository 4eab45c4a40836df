"""Reduces recordings of applied resources to the parts that the tests read."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

KEPT = (
    "aws_autoscaling_group",
    "aws_cloudwatch_event_rule",
    "aws_lambda_event_source_mapping",
    "aws_lambda_function",
    "aws_launch_template",
    "aws_sqs_queue",
)
"""Resource types in a recording: those that a test reads."""


@pytest.hookimpl(optionalhook=True)  # Other tests in this folder run without pytest-terraform.
def pytest_terraform_modify_state(tfstate: Any) -> None:
    """Shorten what pytest-terraform writes, and remove the lab's port from it."""
    state = tfstate.dict
    state["resources"] = {kind: state["resources"][kind] for kind in KEPT}
    text = re.sub(
        r"http://127\.0\.0\.1:\d+", "https://sqs.us-east-1.amazonaws.com", json.dumps(state)
    )
    tfstate.dict = json.loads(text)
