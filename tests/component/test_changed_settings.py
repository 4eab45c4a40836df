"""Running firewalls after a change of the settings: what is told, and which tags are written."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import botocore.client
import pytest
from botocore.exceptions import ConnectTimeoutError

from component.fakes.base import client_error
from component.fakes.cloud import OTHER_SERIAL, Cloud, add_firewall
from component.fakes.functions import become_reconcile
from component.fakes.functions import configure as configure_launch
from component.fakes.logs import Logs, metrics
from component.fakes.panorama import FakePanorama
from component.fakes.runtime import FakeContext
from component.fakes.steps import end_without_visits, run
from vmseries_autoscale.handlers import launch

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:bootstrap-AbCdEf"
NEW_SETTINGS = "ba9876543210"
GENERATION = "vmseries-autoscale:generation"
DEPLOYMENT = "vmseries-autoscale:deployment"


@pytest.fixture
def serving(reconciling: Cloud, fake_panorama: FakePanorama, logs: Logs) -> Cloud:
    """One firewall in service, and the reconcile function."""
    reconciling.set_members({reconciling.instance_id: "InService"})
    logs()
    return reconciling


def configure(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    become_reconcile(cloud, monkeypatch, **changes)


def bootstrap(**source: str) -> dict[str, str | None]:
    return {"secret_arn": None, "bucket": None, "prefix": None, **source}


def add_serving(
    cloud: Cloud, panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch, instance_id: str
) -> None:
    """Bring another firewall into service."""
    configure_launch(monkeypatch, cloud.launch_settings())
    cloud.handler = launch.handler
    add_firewall(cloud, panorama, instance_id, OTHER_SERIAL)
    cloud.set_members({cloud.instance_id: "InService", instance_id: "InService"})


def version(cloud: Cloud, stage: str, seconds: float) -> dict[str, Any]:
    """A version of a secret, created this number of seconds after the launch."""
    created = cloud.account.now + timedelta(seconds=seconds)
    return {"VersionStages": [stage], "CreatedDate": created}


# Firewalls that differ from the settings.


def test_a_firewall_of_the_current_settings_is_not_told_of(serving: Cloud, logs: Logs) -> None:
    report = run(serving)
    assert (report["outdated"], report["not_checked"]) == ({}, {})
    assert metrics(logs())["FirewallsOutdated"] == 0


@pytest.mark.documents(id="failure-modes/G13")
@pytest.mark.parametrize("state", ["InService", "Standby"])
def test_a_firewall_of_other_settings_is_told_of(
    serving: Cloud, logs: Logs, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    serving.set_members({serving.instance_id: state})
    configure(serving, monkeypatch, generation=NEW_SETTINGS)
    report = run(serving, {"action": "report"})
    assert report["outdated"] == {serving.instance_id: ["launched with other settings"]}
    assert metrics(logs())["FirewallsOutdated"] == 1


@pytest.mark.parametrize("state", ["Pending:Wait", "Terminating:Wait"])
def test_a_firewall_that_comes_or_goes_is_not_told_of(
    serving: Cloud, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    serving.set_members({serving.instance_id: state})
    configure(serving, monkeypatch, generation=NEW_SETTINGS)
    assert run(serving)["outdated"] == {}


def test_a_firewall_without_a_generation_tag_is_not_known(serving: Cloud, logs: Logs) -> None:
    """It was launched by an earlier version of the module."""
    serving.ec2.delete_tags(Resources=[serving.instance_id], Tags=[{"Key": GENERATION}])
    report = run(serving)
    assert report["outdated"] == {}
    assert "has no generation tag" in report["not_checked"][serving.instance_id]
    assert metrics(logs())["FirewallsOutdated"] == 0


@pytest.mark.documents(id="failure-modes/G13")
def test_a_new_version_of_the_bootstrap_secret_is_told_of(
    serving: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(serving, monkeypatch, bootstrap=bootstrap(secret_arn=SECRET))
    versions = serving.account.versions
    versions[SECRET] = [version(serving, "AWSPENDING", 60), version(serving, "AWSCURRENT", -60)]
    assert run(serving)["outdated"] == {}
    versions[SECRET] = [version(serving, "AWSPREVIOUS", -60), version(serving, "AWSCURRENT", 60)]
    serving.calls.clear()
    assert run(serving)["outdated"] == {
        serving.instance_id: ["launched before the bootstrap secret was changed"]
    }
    assert serving.operations()["GetSecretValue"] == 0, "no function reads its value"


@pytest.mark.documents(id="failure-modes/G13")
def test_a_new_object_of_the_bootstrap_package_is_told_of(
    serving: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(serving, monkeypatch, bootstrap=bootstrap(bucket="firewalls", prefix="edge"))
    now, objects = serving.account.now, serving.account.objects
    objects["edge/config/init-cfg.txt"] = now - timedelta(days=1)
    objects["edge2/config/init-cfg.txt"] = now + timedelta(days=1)  # Another package.
    assert run(serving)["outdated"] == {}
    objects["edge/license/authcodes"] = now + timedelta(seconds=1)
    assert run(serving)["outdated"] == {
        serving.instance_id: ["launched before the bootstrap package was changed"]
    }


def test_no_more_than_ten_pages_of_a_package_are_listed(
    serving: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(serving, monkeypatch, bootstrap=bootstrap(bucket="firewalls"))
    serving.account.objects_per_page = 1
    serving.account.objects = {f"software/{number}": serving.account.now for number in range(30)}
    serving.calls.clear()
    run(serving)
    assert serving.operations()["ListObjectsV2"] == 10


@pytest.mark.parametrize(
    ("source", "operation", "subject"),
    [
        ({"secret_arn": SECRET}, "ListSecretVersionIds", "bootstrap secret"),
        ({"bucket": "firewalls"}, "ListObjectsV2", "bootstrap package"),
    ],
)
@pytest.mark.parametrize(
    "error",
    [
        client_error("AccessDenied", message="No resource-based policy allows it"),
        ConnectTimeoutError(endpoint_url="https://there"),
    ],
)
def test_a_bootstrap_configuration_that_cannot_be_examined_is_named(
    serving: Cloud,
    logs: Logs,
    monkeypatch: pytest.MonkeyPatch,
    source: dict[str, str],
    operation: str,
    subject: str,
    error: Exception,
) -> None:
    """A secret or a bucket of another account, for example. Other differences are told anyway."""
    configure(serving, monkeypatch, bootstrap=bootstrap(**source), generation=NEW_SETTINGS)
    serving.errors[operation] = [error]
    report = run(serving)
    assert str(error) in report["not_checked"][subject]
    assert report["outdated"] == {serving.instance_id: ["launched with other settings"]}
    assert metrics(logs())["ReconcileCompleted"] == 1


def test_a_slow_bootstrap_source_delays_no_removal(
    serving: Cloud, fake_panorama: FakePanorama, logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3 without a route, for example: each of its addresses takes the connect timeout."""
    other = serving.add_instance()
    add_serving(serving, fake_panorama, monkeypatch, other)
    gone = end_without_visits(serving, fake_panorama, other)
    configure(serving, monkeypatch, bootstrap=bootstrap(secret_arn=SECRET, bucket="firewalls"))
    context = FakeContext()
    whole = serving.account.call

    def call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if operation == "ListSecretVersionIds":
            context.milliseconds = 10_000
        return whole(client, operation, parameters)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)
    report = run(serving, context=context)
    assert report["unfinished"] == {gone: "commit job 1 was requested"}
    assert report["not_checked"]["bootstrap package"] == "no time left in this invocation"


def test_nothing_is_examined_for_an_empty_group(
    serving: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving.set_members({})
    configure(
        serving, monkeypatch, bootstrap=bootstrap(secret_arn=SECRET), tags={"team": "security"}
    )
    serving.calls.clear()
    run(serving)
    assert not serving.operations().keys() & {"ListSecretVersionIds", "DescribeTags"}


# Tags.


def resources(cloud: Cloud) -> set[str]:
    """Everything of the firewall that has tags."""
    account = cloud.account
    instance = account.instances[cloud.instance_id]
    assert instance.volume is not None
    return {
        instance.instance_id,
        instance.volume.volume_id,
        *(item.interface_id for item in account.attached(instance.instance_id)),
        *account.allocated,
    }


def tags(cloud: Cloud, resource_id: str) -> dict[str, str]:
    return cloud.account._tags(resource_id)


def test_changed_tags_reach_everything_of_a_running_firewall_in_one_call(
    serving: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {key: dict(tags(serving, key)) for key in resources(serving)}
    configure(serving, monkeypatch, tags={"team": "security", "Name": "fw"})
    serving.calls.clear()
    report = run(serving)
    assert set(report["tagged"]) == resources(serving)
    assert len(resources(serving)) == 7, "an instance, its volume, 3 interfaces and 2 addresses"
    for key, before in kept.items():
        assert tags(serving, key) == {**before, "team": "security"}, "no other tag changes"
    assert serving.operations()["CreateTags"] == 1
    assert serving.operations()["DescribeTags"] == 1
    serving.calls.clear()
    assert run(serving)["tagged"] == []
    assert serving.operations()["CreateTags"] == 0


def test_a_tag_that_is_removed_from_the_settings_stays(
    serving: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(serving, monkeypatch, tags={"team": "security", "cost": "7"})
    run(serving)
    configure(serving, monkeypatch, tags={"team": "security"})
    assert run(serving)["tagged"] == []
    assert tags(serving, serving.instance_id)["cost"] == "7"


@pytest.mark.parametrize(
    ("event", "changes"),
    [({"action": "report"}, {}), ({"action": "reconcile"}, {"dry_run": True})],
)
def test_a_dry_run_only_names_the_resources(
    serving: Cloud, monkeypatch: pytest.MonkeyPatch, event: dict[str, str], changes: dict[str, Any]
) -> None:
    configure(serving, monkeypatch, tags={"team": "security"}, **changes)
    assert set(run(serving, event)["tagged"]) == resources(serving)
    assert serving.operations()["CreateTags"] == 0
    assert tags(serving, serving.instance_id).get("team") != "security"


@pytest.mark.parametrize("state", ["Pending:Wait", "Terminating:Wait"])
def test_a_firewall_that_comes_or_goes_is_not_tagged(
    serving: Cloud, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    """The launch function tags what it creates, and a visit may delete what it tags."""
    serving.set_members({serving.instance_id: state})
    configure(serving, monkeypatch, tags={"team": "security"})
    assert run(serving)["tagged"] == []


def test_a_resource_without_the_tag_of_the_deployment_is_left_alone(
    serving: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody attached a volume of their own, for example. The role could not tag it either."""
    volume = serving.account.instances[serving.instance_id].volume
    assert volume is not None
    del volume.tags[DEPLOYMENT]
    configure(serving, monkeypatch, tags={"team": "security"})
    assert set(run(serving)["tagged"]) == resources(serving) - {volume.volume_id}
    assert volume.tags.get("team") is None


@pytest.mark.parametrize("code", ["TagPolicyViolation", "TagLimitExceeded", "AccessDenied"])
def test_tags_that_aws_refuses_are_an_error_that_ends_no_run(
    serving: Cloud, logs: Logs, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    configure(serving, monkeypatch, tags={"team": "security"})
    serving.errors["CreateTags"] = [client_error(code, message="not this value")]
    report = run(serving)
    assert code in report["not_checked"]["tags"]
    assert report["tagged"] == []
    records = logs()
    assert metrics(records)["TagsNotWritten"] == 1
    assert metrics(records)["ReconcileCompleted"] == 1
    assert set(run(serving)["tagged"]) == resources(serving), "the next run writes them"


def test_a_resource_that_cannot_be_tagged_keeps_no_tags_from_other_firewalls(
    serving: Cloud, fake_panorama: FakePanorama, logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that has 50 tags, for example: EC2 then refuses the whole call."""
    other = serving.add_instance()
    add_serving(serving, fake_panorama, monkeypatch, other)
    configure(serving, monkeypatch, tags={"team": "security"})
    serving.errors["CreateTags"] = [client_error("TagLimitExceeded"), client_error("InternalError")]
    logs()
    report = run(serving)
    assert report["tagged"], "one of the two firewalls is tagged"
    tagged = {key for key in (serving.instance_id, other) if key in report["tagged"]}
    assert len(tagged) == 1
    assert report["not_checked"].keys() == {"tags"}
    assert metrics(logs())["TagsNotWritten"] == 1


def test_throttled_tags_are_written_by_the_next_run(
    serving: Cloud, logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(serving, monkeypatch, tags={"team": "security"})
    serving.errors["CreateTags"] = [client_error("RequestLimitExceeded")]
    run(serving)
    assert "TagsNotWritten" not in metrics(logs())
    assert set(run(serving)["tagged"]) == resources(serving)


def test_a_run_without_anything_to_do_makes_nine_calls(
    serving: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number in docs/operations.md."""
    configure(
        serving, monkeypatch, bootstrap=bootstrap(secret_arn=SECRET), tags={"team": "network"}
    )
    serving.account.versions[SECRET] = [version(serving, "AWSCURRENT", -60)]
    run(serving)
    serving.calls.clear()
    run(serving)
    assert serving.operations() == {
        "DescribeAutoScalingGroups": 2,
        "DescribeScalingActivities": 1,
        "DescribeNetworkInterfaces": 1,
        "DescribeAddresses": 1,
        "DescribeInstances": 1,
        "ListSecretVersionIds": 1,
        "DescribeTags": 1,
        "Scan": 1,
    }
