"""The functions can read the settings and resources that Terraform creates from the module.

The resources were applied to the lab once and recorded in firewalls/tf_resources.json.
pytest-terraform replays them, so that these tests need neither Terraform nor a lab. After a change
to the module's resources, record them again, without pytest-xdist, and review the difference:

    RECORD_TERRAFORM=1 pytest tests/terraform/test_recorded.py
"""

from __future__ import annotations

import importlib
import json
import os
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_terraform import terraform

from tf_setup import terraform_environment
from vmseries_autoscale import settings
from vmseries_lab.client import Lab
from vmseries_scenarios.terraform import clean_environment

RECORDING = bool(os.environ.get("RECORD_TERRAFORM"))
EVENTS = Path(__file__).resolve().parents[1] / "events"

LAUNCH = "aws_lambda_function.launch"
TERMINATE = "aws_lambda_function.terminate"
RECONCILE = "aws_lambda_function.reconcile"


@pytest.fixture(scope="session", autouse=True)
def lab_to_record_from() -> Iterator[None]:
    """While recording: start a lab, and set the environment variables that Terraform needs."""
    if not RECORDING:
        yield
        return
    with pytest.MonkeyPatch.context() as patch, Lab() as lab:
        variables = {**terraform_environment().environment, **lab.aws.environment()}
        for name, value in clean_environment(os.environ, variables).items():
            patch.setenv(name, value)
        yield


@pytest.fixture(autouse=True)
def environment() -> None:
    """Override the fixture that hides AWS from tests: pytest-terraform destroys during a test."""


def recorded_settings(state: Any, function: str) -> str:
    """Return the settings document of a function."""
    document = state[f"{function}.environment[0].variables.{settings.VARIABLE}"]
    assert isinstance(document, str)
    return document


@terraform("firewalls", scope="session", replay=not RECORDING)
def test_the_launch_function_can_parse_its_settings(firewalls: Any) -> None:
    parsed = settings.parse(settings.LaunchSettings, recorded_settings(firewalls, LAUNCH))
    assert parsed.auto_scaling_group_name == "recorded"
    assert parsed.tags == {"team": "network"}
    assert {name: interface.device_index for name, interface in parsed.interfaces.items()} == {
        "data": 0,
        "management": 1,
        "untrust": 2,
    }
    for name, interface in parsed.interfaces.items():
        assert sorted(interface.subnet_ids) == ["us-east-1a", "us-east-1b"]
        assert len(interface.security_group_ids) == 1
        assert interface.public_ip == (name == "untrust")
        assert interface.source_dest_check == (name == "management")


def test_the_reconcile_function_can_parse_its_settings(firewalls: Any) -> None:
    parsed = settings.parse(settings.ReconcileSettings, recorded_settings(firewalls, RECONCILE))
    launch = settings.parse(settings.LaunchSettings, recorded_settings(firewalls, LAUNCH))
    assert parsed.launch.queue_url == launch.queue_url
    assert parsed.launch.lifecycle_hook_name == launch.lifecycle_hook_name
    assert parsed.licensing_mode is settings.LicensingMode.FIREWALL
    assert parsed.age_floor_seconds == 1680
    assert not parsed.dry_run


def test_the_terminate_function_can_parse_its_settings(firewalls: Any) -> None:
    parsed = settings.parse(settings.TerminateSettings, recorded_settings(firewalls, TERMINATE))
    assert parsed.licensing.mode is settings.LicensingMode.FIREWALL
    assert parsed.management_device_index == 1
    assert parsed.panorama is not None
    assert parsed.panorama.hostnames == ("panorama.example.com",)


def test_settings_with_an_unknown_or_a_missing_key_are_rejected(firewalls: Any) -> None:
    document = json.loads(recorded_settings(firewalls, LAUNCH))
    for changed in (
        {**document, "color": "red"},
        {key: value for key, value in document.items() if key != "tags"},
    ):
        with pytest.raises(settings.SettingsError):
            settings.parse(settings.LaunchSettings, json.dumps(changed))


@pytest.mark.parametrize("function", [LAUNCH, TERMINATE, RECONCILE])
def test_the_handler_exists(firewalls: Any, function: str) -> None:
    module, name = firewalls[f"{function}.handler"].rsplit(".", 1)
    assert callable(getattr(importlib.import_module(module), name))


@pytest.mark.parametrize("function", [LAUNCH, TERMINATE, RECONCILE])
def test_the_environment_has_only_the_arns_of_secrets(firewalls: Any, function: str) -> None:
    variables = firewalls[f"{function}.environment[0].variables"]
    text = json.dumps(variables)
    assert "arn:aws:secretsmanager:" in text
    assert set(variables) == {
        settings.VARIABLE,
        "POWERTOOLS_SERVICE_NAME",
        "POWERTOOLS_METRICS_NAMESPACE",
        "POWERTOOLS_LOG_LEVEL",
    }


def test_the_launch_rule_matches_the_events_of_the_hook(firewalls: Any) -> None:
    pattern = json.loads(firewalls["aws_cloudwatch_event_rule.this.event_pattern"])
    parsed = settings.parse(settings.LaunchSettings, recorded_settings(firewalls, LAUNCH))
    assert pattern == {
        "source": ["aws.autoscaling"],
        "detail-type": ["EC2 Instance-launch Lifecycle Action"],
        "detail": {
            "AutoScalingGroupName": [parsed.auto_scaling_group_name],
            "LifecycleHookName": [parsed.lifecycle_hook_name],
        },
    }


@pytest.mark.documents(id="failure-modes/G4")
def test_the_hooks_are_part_of_the_group_with_constant_values(firewalls: Any) -> None:
    hooks = firewalls["aws_autoscaling_group.this.initial_lifecycle_hook"]
    assert {
        hook["name"]: (hook["default_result"], hook["heartbeat_timeout"]) for hook in hooks
    } == {"launch": ("ABANDON", 3600), "terminate": ("CONTINUE", 3600)}
    assert firewalls["aws_autoscaling_group.this.wait_for_capacity_timeout"] == "0"


def test_a_message_is_invisible_for_six_runs_and_the_batching_window(firewalls: Any) -> None:
    timeout = firewalls[f"{LAUNCH}.timeout"]
    queue = firewalls["aws_sqs_queue.events"]
    mapping = firewalls["aws_lambda_event_source_mapping.this"]
    window = mapping["maximum_batching_window_in_seconds"]
    assert queue["visibility_timeout_seconds"] >= 6 * timeout + window
    assert json.loads(queue["redrive_policy"])["maxReceiveCount"] == 1000
    assert mapping["function_response_types"] == ["ReportBatchItemFailures"]


def test_the_user_data_names_the_secret_without_its_content(firewalls: Any) -> None:
    user_data = b64decode(firewalls["aws_launch_template.this.user_data"]).decode()
    assert "secret_name=vmseries-autoscale/bootstrap" in user_data
    assert "mgmt-interface-swap" in user_data
    assert "auth" not in user_data.replace("vmseries-autoscale", "")


def test_instances_require_imdsv2_and_have_an_encrypted_volume(firewalls: Any) -> None:
    template = firewalls["aws_launch_template.this"]
    assert template["metadata_options"][0]["http_tokens"] == "required"
    assert template["block_device_mappings"][0]["ebs"][0]["encrypted"] == "true"
    assert template["private_dns_name_options"][0]["hostname_type"] == "resource-name"


def test_the_set_commands_name_the_namespace(firewalls: Any) -> None:
    namespace = firewalls.outputs["metric_namespace"]["value"]
    commands = firewalls.outputs["set_commands"]["value"]
    assert any(command.endswith(f"aws-cloudwatch name {namespace}") for command in commands)
