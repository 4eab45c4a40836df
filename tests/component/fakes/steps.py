"""Steps that several tests of one function under test share."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from component.fakes.cloud import SERIAL, Cloud, ago
from component.fakes.panorama import FakePanorama
from component.fakes.runtime import FakeContext
from vmseries_autoscale.aws.autoscaling_group import ActivityType
from vmseries_autoscale.errors import (
    PANORAMA,
    DeviceUnavailableError,
    ObjectReferencedError,
)
from vmseries_autoscale.firewall_records import LicenseState
from vmseries_autoscale.lifecycle.events import Transition
from vmseries_autoscale.panorama import Part

SCHEDULED = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}
FLOOR = 1500
LONG = 3600
DAY = 86400


def run(
    cloud: Cloud, event: dict[str, Any] | None = None, context: FakeContext | None = None
) -> dict[str, Any]:
    """Run the reconcile function once, and return its report."""
    with cloud.warm():
        report = cloud.handler(event or SCHEDULED, context or FakeContext())
    return json.loads(json.dumps(report))


def termination_event(cloud: Cloud, instance_id: str = "", age: float = 0) -> dict[str, Any]:
    """The event of a termination; its hook is open."""
    return cloud.event(Transition.TERMINATING, instance_id, age)


def record_activity(
    cloud: Cloud, kind: ActivityType, instance_id: str, began: float, ended: float | None = None
) -> None:
    """Add an activity to the group's history; the times are seconds ago."""
    activity = cloud.account.begin_activity(kind, instance_id, ago(began))
    if ended is not None:
        activity["EndTime"] = ago(ended)


def end_without_visits(
    cloud: Cloud, panorama: FakePanorama, instance_id: str = "", since: float = LONG
) -> str:
    """End an instance without any visit, so that its interfaces outlive it; returns its id."""
    instance_id = instance_id or cloud.instance_id
    for item in cloud.attached(instance_id)[1:]:
        cloud.ec2.detach_network_interface(AttachmentId=item["Attachment"]["AttachmentId"])
    cloud.ec2.terminate_instances(InstanceIds=[instance_id])
    cloud.account.instances[instance_id].terminated = ago(since)
    cloud.account.members.pop(instance_id, None)
    for serial, device in panorama.firewalls.items():
        if device.hostname == instance_id:
            panorama.firewalls[serial] = replace(device, connected=False)
    return instance_id


def change_device(panorama: FakePanorama, **fields: Any) -> None:
    """Change what Panorama shows of the first firewall."""
    panorama.firewalls[SERIAL] = replace(panorama.firewalls[SERIAL], **fields)


def refer_to_device(
    panorama: FakePanorama,
    monkeypatch: pytest.MonkeyPatch,
    serial: str = SERIAL,
    text: str = "a policy target",
) -> None:
    """Let a reference keep Panorama from deleting a managed device."""
    remove = panorama.remove

    def refuse(part: Part, removed: str, group: str | None = None) -> None:
        if part is Part.MANAGED_DEVICES and removed == serial:
            raise ObjectReferencedError(PANORAMA, "10", text)
        remove(part, removed, group)

    monkeypatch.setattr(panorama, "remove", refuse)


def finish_removal(cloud: Cloud, panorama: FakePanorama, event: dict[str, Any]) -> None:
    """Finish the commit of a removal, then deliver the event until the hook is completed."""
    panorama.finish_job()
    cloud.deliver(event)
    assert cloud.deliver(event) == []
    assert_terminated(cloud)


def pass_time(cloud: Cloud, seconds: float = 60) -> None:
    """Let time pass between two visits, or two runs."""
    cloud.account.now += timedelta(seconds=seconds)


def license_of(cloud: Cloud) -> LicenseState:
    """How far the record says that the license is."""
    return cloud.account.record(cloud.instance_id).license


def visit_until_done(cloud: Cloud, panorama: FakePanorama, event: dict[str, Any]) -> None:
    """Deliver the event once a minute until its message is deleted, while Panorama works."""
    for _ in range(10):
        if not cloud.deliver(event):
            return
        pass_time(cloud)
        panorama.finish_plugin()
        panorama.finish_job()
    pytest.fail("the message is still in the queue")


def unreachable(_name: str) -> None:
    """Fail as a request to a Panorama that does not respond."""
    raise DeviceUnavailableError(PANORAMA, "no answer")


def assert_terminated(cloud: Cloud) -> None:
    """Assert that no resource remains in EC2, and that the hook was completed once."""
    assert cloud.own_interfaces() == []
    assert cloud.addresses() == []
    assert cloud.results == ["CONTINUE"]
