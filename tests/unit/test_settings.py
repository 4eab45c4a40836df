"""Settings documents are parsed strictly, and every error names the key."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from vmseries_autoscale.errors import SettingsError
from vmseries_autoscale.settings import (
    VARIABLE,
    LaunchSettings,
    LicensingMode,
    Readiness,
    ReconcileSettings,
    Role,
    TerminateSettings,
    from_environment,
    parse,
)

PANORAMA = {
    "hostnames": ["one.example.com", "two.example.com"],
    "port": 443,
    "secret_arn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama",
    "server_name": None,
    "device_group": "DG",
    "template_stack": "TS",
    "log_collector_group": None,
    "timeout_seconds": 10,
    "push_when_out_of_sync": False,
    "call_slots_table_arn": None,
}
STRATA = {
    "secret_arn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:strata",
    "folder": "autoscale",
    "api_hostname": "api.strata.paloaltonetworks.com",
    "identity_hostname": "auth.apps.paloaltonetworks.com",
    "timeout_seconds": 30,
}
COMMON = {
    "name": "fw",
    "auto_scaling_group_name": "fw",
    "records_table": "fw-firewalls",
    "panorama": PANORAMA,
    "strata_cloud_manager": None,
}
HOOK = {
    **COMMON,
    "lifecycle_hook_name": "launch",
    "queue_url": "https://queue",
    "dead_letter_queue_url": "https://dead",
    "deadline_seconds": 2700,
    "visit_interval_seconds": 30,
    "maximum_visit_interval_seconds": 30,
}
TARGET_GROUP = {
    "arn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef",
    "port": 443,
}
MANAGEMENT = {
    "role": "management",
    "device_index": 1,
    "source_dest_check": True,
    "subnet_ids": {"us-east-1a": "subnet-1"},
    "security_group_ids": ["sg-1"],
    "public_ip": False,
    "public_ipv4_pool": None,
    "target_groups": [TARGET_GROUP],
}
LAUNCH = {
    **HOOK,
    "interfaces": {"mgmt": MANAGEMENT},
    "tags": {"team": "network"},
    "readiness": "in-sync",
    "license_expected": True,
    "firewall_api": None,
    "target_group_arns": [],
}
TERMINATE: dict[str, Any] = {
    **HOOK,
    "management_device_index": 1,
    "licensing": {
        "mode": "firewall",
        "api_key_secret_arn": "arn:licensing",
        "license_manager": None,
        "join_timeout_seconds": 2700,
    },
    "firewall_api": None,
    "target_groups": {"2": [TARGET_GROUP]},
    "target_group_arns": [],
}
RECONCILE = {
    **COMMON,
    "launch": {"lifecycle_hook_name": "launch", "queue_url": "https://launch"},
    "terminate": {"lifecycle_hook_name": "terminate", "queue_url": "https://terminate"},
    "management_device_index": 1,
    "licensing_mode": "firewall",
    "license_manager": None,
    "stop_launches_after": None,
    "credit_pool": None,
    "target_groups": [
        {"arn": TARGET_GROUP["arn"], "vpc_id": "vpc-1", "cidr_blocks": ["10.0.2.0/24"]}
    ],
    "target_group_arns": [],
    "age_floor_seconds": 1500,
    "maximum_firewalls": 25,
    "maximum_share": 0.5,
    "dry_run": False,
    "metric_namespace": "VMseries-fw",
    "generation": "0123456789ab",
    "bootstrap": {"secret_arn": "arn:bootstrap", "bucket": None, "prefix": None},
    "tags": {"team": "network"},
}


def test_a_launch_document_is_parsed() -> None:
    settings = parse(LaunchSettings, json.dumps(LAUNCH))
    assert settings.readiness is Readiness.IN_SYNC
    assert settings.interfaces["mgmt"].role is Role.MANAGEMENT
    assert settings.interfaces["mgmt"].security_group_ids == ("sg-1",)
    assert settings.interfaces["mgmt"].target_groups[0].port == 443
    assert settings.management_device_index == 1
    assert settings.panorama is not None
    assert settings.panorama.hostnames == ("one.example.com", "two.example.com")
    assert settings.panorama.log_collector_group is None


def test_a_terminate_document_is_parsed() -> None:
    settings = parse(TerminateSettings, json.dumps(TERMINATE))
    assert settings.licensing.mode is LicensingMode.FIREWALL
    assert settings.management_device_index == 1
    assert settings.target_groups["2"][0].arn == TARGET_GROUP["arn"]


@pytest.mark.parametrize("share", [0.5, 1])
def test_a_reconcile_document_is_parsed(share: float) -> None:
    settings = parse(ReconcileSettings, json.dumps({**RECONCILE, "maximum_share": share}))
    assert settings.launch.queue_url == "https://launch"
    assert settings.licensing_mode is LicensingMode.FIREWALL
    assert settings.target_groups[0].cidr_blocks == ("10.0.2.0/24",)
    assert settings.maximum_share == share
    assert settings.generation == "0123456789ab"
    assert settings.tags == {"team": "network"}


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("maximum_share", "0.5", "maximum_share: must be a number"),
        ("maximum_share", True, "maximum_share: must be a number"),
        ("dry_run", 1, "dry_run: must be true or false"),
        ("launch.queue_url", ..., "launch: missing queue_url"),
    ],
)
def test_an_invalid_reconcile_document_is_refused(path: str, value: Any, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        parse(ReconcileSettings, json.dumps(changed(RECONCILE, path, value)))


GENEVE = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/fw/1"


def test_a_launch_document_with_readiness_healthy_is_parsed() -> None:
    document = {**LAUNCH, "panorama": None, "readiness": "healthy", "target_group_arns": [GENEVE]}
    settings = parse(LaunchSettings, json.dumps(document))
    assert settings.readiness is Readiness.HEALTHY
    assert settings.target_group_arns == (GENEVE,)


def test_readiness_healthy_needs_a_target_group() -> None:
    document = changed({**LAUNCH, "readiness": "healthy"}, "interfaces.mgmt.target_groups", [])
    with pytest.raises(SettingsError, match="no target group in which a firewall can be healthy"):
        parse(LaunchSettings, json.dumps(document))


def test_target_groups_of_the_group_need_the_readiness_healthy() -> None:
    document = {**LAUNCH, "target_group_arns": [GENEVE]}
    with pytest.raises(SettingsError, match="no effect with readiness in-sync"):
        parse(LaunchSettings, json.dumps(document))


def test_a_launch_document_without_panorama_is_parsed() -> None:
    document = {**LAUNCH, "panorama": None, "readiness": "off"}
    assert parse(LaunchSettings, json.dumps(document)).panorama is None


FIREWALL_API = {
    "secret_arn": "arn:secret:firewalls",
    "port": 443,
    "server_name": "firewalls.example.com",
    "timeout_seconds": 5,
}


def test_a_launch_document_with_the_firewall_api_is_parsed() -> None:
    document = {
        **LAUNCH,
        "panorama": None,
        "readiness": "connected",
        "firewall_api": FIREWALL_API,
    }
    settings = parse(LaunchSettings, json.dumps(document))
    assert settings.firewall_api is not None
    assert settings.firewall_api.server_name == "firewalls.example.com"


@pytest.mark.parametrize(("readiness", "api"), [("in-sync", FIREWALL_API), ("connected", None)])
def test_a_readiness_that_needs_panorama_is_refused_without_it(
    readiness: str, api: dict[str, Any] | None
) -> None:
    document = {**LAUNCH, "panorama": None, "readiness": readiness, "firewall_api": api}
    with pytest.raises(SettingsError, match="panorama is null"):
        parse(LaunchSettings, json.dumps(document))


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("name", ..., "missing name"),
        ("panorama.port", ..., "panorama: missing port"),
        ("surprise", 1, "unknown surprise"),
        ("interfaces.mgmt.surprise", 1, "interfaces.mgmt: unknown surprise"),
        ("deadline_seconds", "2700", "deadline_seconds: must be a whole number"),
        ("deadline_seconds", True, "deadline_seconds: must be a whole number"),
        ("license_expected", 1, "license_expected: must be true or false"),
        ("panorama", [], "panorama: must be an object"),
        ("panorama.hostnames", "one", "panorama.hostnames: must be a list"),
        ("panorama.hostnames", [1], r"panorama.hostnames\[0\]: must be a string"),
        ("interfaces.mgmt.role", "trust", "role: must be one of data, extra, management, untrust"),
        ("interfaces.mgmt.role", "data", "must have the role management"),
        ("interfaces.mgmt.subnet_ids", {"us-east-1a": None}, "us-east-1a: must be a string"),
        ("readiness", "soon", "readiness: must be one of connected, healthy, in-sync, off"),
        ("panorama", None, "readiness is in-sync.*panorama is null"),
    ],
)
def test_an_invalid_launch_document_is_refused(path: str, value: Any, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        parse(LaunchSettings, json.dumps(changed(LAUNCH, path, value)))


PLUGIN = {
    "mode": "plugin",
    "api_key_secret_arn": None,
    "license_manager": "LM",
    "join_timeout_seconds": 2700,
}


def test_licensing_by_the_plugin_is_parsed() -> None:
    settings = parse(TerminateSettings, json.dumps({**TERMINATE, "licensing": PLUGIN}))
    assert settings.licensing.mode is LicensingMode.PLUGIN
    assert settings.licensing.license_manager == "LM"


def test_licensing_by_the_firewalls_without_panorama_is_parsed() -> None:
    document = {**TERMINATE, "panorama": None, "firewall_api": FIREWALL_API}
    settings = parse(TerminateSettings, json.dumps(document))
    assert settings.firewall_api is not None
    assert settings.firewall_api.server_name == "firewalls.example.com"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"panorama": None}, "mode firewall needs panorama or firewall_api"),
        ({"panorama": None, "licensing": PLUGIN}, "mode plugin needs panorama"),
        (
            {"licensing": {**TERMINATE["licensing"], "api_key_secret_arn": None}},
            "mode firewall needs licensing.api_key_secret_arn",
        ),
        (
            {"licensing": {**TERMINATE["licensing"], "license_manager": "LM"}},
            "license_manager has no effect with licensing.mode firewall",
        ),
        (
            {"licensing": {**PLUGIN, "license_manager": None}},
            "mode plugin needs licensing.license_manager",
        ),
        (
            {"licensing": {**PLUGIN, "api_key_secret_arn": "arn:licensing"}},
            "api_key_secret_arn has no effect with licensing.mode plugin",
        ),
        (
            {"licensing": {**PLUGIN, "mode": "none"}},
            "license_manager has no effect with licensing.mode none",
        ),
    ],
)
def test_licensing_without_a_way_to_return_licenses_is_refused(
    changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(SettingsError, match=sentence):
        parse(TerminateSettings, json.dumps({**TERMINATE, **changes}))


POOL = {
    "secret_arn": "arn:credits",
    "id": "315861234",
    "credits_per_firewall": 13.68,
    "profile_firewalls": None,
}


def test_a_credit_pool_is_parsed() -> None:
    settings = parse(ReconcileSettings, json.dumps({**RECONCILE, "credit_pool": POOL}))
    assert settings.credit_pool is not None
    assert settings.credit_pool.credits_per_firewall == 13.68


@pytest.mark.parametrize("number", [0, -1])
def test_firewalls_that_take_no_credits_are_refused(number: float) -> None:
    """The number of firewalls that the credits pay would be endless."""
    document = {**RECONCILE, "credit_pool": {**POOL, "credits_per_firewall": number}}
    with pytest.raises(SettingsError, match="credits_per_firewall must be more than zero"):
        parse(ReconcileSettings, json.dumps(document))


def changed(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return a copy of a document with another value at a path; ``...`` deletes the key."""
    result = copy.deepcopy(document)
    *parents, key = path.split(".")
    target = result
    for parent in parents:
        target = target[parent]
    if value is ...:
        del target[key]
    else:
        target[key] = value
    return result


def test_the_environment_variable_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, json.dumps(LAUNCH))
    first = from_environment(LaunchSettings)
    monkeypatch.setenv(VARIABLE, "changed")
    assert from_environment(LaunchSettings) is first


def test_a_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(SettingsError, match=VARIABLE):
        from_environment(LaunchSettings)


def test_the_error_about_invalid_json_does_not_quote_it() -> None:
    with pytest.raises(SettingsError) as raised:
        parse(LaunchSettings, '{"secret": hidden}')
    assert "hidden" not in str(raised.value)


def test_a_licensing_key_without_effect_is_refused() -> None:
    with pytest.raises(SettingsError, match="has no effect"):
        parse(TerminateSettings, json.dumps(changed(TERMINATE, "licensing.mode", "none")))


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        ("9" * 5000, "too long"),
        ("1e999", "deadline_seconds: must be a whole number"),
        ("NaN", "deadline_seconds: must be a whole number"),
        ("9" * 400, "deadline_seconds: must be at most"),
    ],
)
def test_a_number_that_no_clock_can_use_is_refused(number: str, sentence: str) -> None:
    document = json.dumps(LAUNCH).replace("2700", number)
    with pytest.raises(SettingsError, match=sentence):
        parse(LaunchSettings, document)


@pytest.mark.parametrize("share", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_share_that_is_not_a_finite_number_is_refused(share: str) -> None:
    document = json.dumps(RECONCILE).replace("0.5", share)
    with pytest.raises(SettingsError, match="maximum_share: must be at most"):
        parse(ReconcileSettings, document)


@pytest.mark.parametrize("document", ["[" * 200_000, '{"a":' * 200_000])
def test_a_document_of_any_depth_is_refused(document: str) -> None:
    with pytest.raises(SettingsError, match="too deep"):
        parse(LaunchSettings, document)


@pytest.mark.parametrize(
    "document",
    [
        {**LAUNCH, "x" * 1_000_000: 1},
        {**LAUNCH, **{f"x{number}": 1 for number in range(10_000)}},
        {**LAUNCH, "tags": {"x" * 1_000_000: 1}},
    ],
    ids=["a long name", "many names", "a long name of a tag"],
)
def test_an_error_repeats_only_the_beginning_of_long_names(document: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as raised:
        parse(LaunchSettings, json.dumps(document))
    assert len(str(raised.value)) < 500


MANAGED = {"panorama": None, "strata_cloud_manager": STRATA, "firewall_api": FIREWALL_API}
"""Settings of a deployment that Strata Cloud Manager manages."""


@pytest.mark.parametrize("readiness", ["in-sync", "connected"])
def test_strata_cloud_manager_reports_readiness(readiness: str) -> None:
    document = {**LAUNCH, **MANAGED, "readiness": readiness}
    settings = parse(LaunchSettings, json.dumps(document))
    assert settings.strata_cloud_manager is not None
    assert settings.strata_cloud_manager.folder == "autoscale"
    assert settings.asks_firewalls


def test_a_firewall_is_asked_for_its_license_only_if_one_is_expected() -> None:
    document = {**LAUNCH, **MANAGED, "license_expected": False, "firewall_api": None}
    assert not parse(LaunchSettings, json.dumps(document)).asks_firewalls
    with pytest.raises(SettingsError, match="set firewall_api"):
        parse(LaunchSettings, json.dumps({**document, "license_expected": True}))


@pytest.mark.parametrize("kind", [LaunchSettings, TerminateSettings, ReconcileSettings])
def test_a_firewall_has_one_manager(kind: Any) -> None:
    document = {LaunchSettings: LAUNCH, TerminateSettings: TERMINATE, ReconcileSettings: RECONCILE}
    both = {**document[kind], "strata_cloud_manager": STRATA}
    with pytest.raises(SettingsError, match="one manager"):
        parse(kind, json.dumps(both))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"firewall_api": None}, "mode firewall needs panorama or firewall_api"),
        ({"licensing": PLUGIN}, "mode plugin needs panorama"),
    ],
)
def test_strata_cloud_manager_returns_no_license(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        parse(TerminateSettings, json.dumps({**TERMINATE, **MANAGED, **changes}))
