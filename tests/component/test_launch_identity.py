"""A launch whose firewall is not identified with certainty changes no firewall."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from component.fakes.base import NAME
from component.fakes.cloud import Cloud, in_service_at
from component.fakes.functions import configure
from component.fakes.logs import Logs, reasons
from component.fakes.panorama import FakePanorama
from vmseries_autoscale.lifecycle.events import Transition
from vmseries_autoscale.panorama import Device

UNNAMED = "PA-VM"
OTHER = "i-0fedcba9876543210"


@pytest.fixture
def event(
    launching: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """The event of an instance with its interfaces; a push would be requested."""
    settings = launching.launch_settings()
    settings["panorama"]["push_when_out_of_sync"] = True
    configure(monkeypatch, settings)
    event = launching.event(Transition.LAUNCHING)
    launching.deliver(event)
    return event


def shown_as(cloud: Cloud, serial: str, **changes: Any) -> Device:
    """The instance's firewall as Panorama shows it: out of sync, with another host name."""
    address = cloud.attached()[1]["PrivateIpAddress"]
    device = in_service_at(UNNAMED, serial)
    return replace(device, ip_address=address, policy_status="Out of Sync", **changes)


UNIDENTIFIED: dict[str, Callable[[Cloud], list[Device]]] = {
    "a reused address": lambda cloud: [shown_as(cloud, "S1", hostname=OTHER)],
    "an old entry": lambda cloud: [shown_as(cloud, "S1", connected=False)],
    "another deployment's, overlapping VPCs": lambda cloud: [
        shown_as(cloud, "S1", template_status=None)
    ],
    "ours and another's, overlapping VPCs": lambda cloud: [
        shown_as(cloud, "S1"),
        shown_as(cloud, "S2"),
    ],
    "behind NAT": lambda cloud: [replace(shown_as(cloud, "S1"), ip_address="203.0.113.9")],
    "two of one name": lambda cloud: [
        in_service_at(cloud.instance_id, "S1"),
        in_service_at(cloud.instance_id, "S2"),
    ],
    "never registered": lambda cloud: [],
}


@pytest.mark.documents(id="readiness/identity/never-registered")
@pytest.mark.documents(id="readiness/identity/overlapping")
@pytest.mark.documents(id="readiness/identity/reused-address")
@pytest.mark.documents(id="readiness/identity/same-name")
@pytest.mark.parametrize("situation", UNIDENTIFIED)
def test_an_unidentified_firewall_is_not_changed_and_the_launch_waits(
    launching: Cloud, fake_panorama: FakePanorama, event: dict[str, Any], situation: str
) -> None:
    for device in UNIDENTIFIED[situation](launching):
        fake_panorama.register(device)
    assert launching.deliver(event) == ["message-0"]
    assert fake_panorama.calls == ["members"]
    assert not [key for key in launching.tags() if "serial" in key]
    assert launching.completed == []


@pytest.mark.documents(id="readiness/identity/reused-address")
def test_a_firewall_tagged_for_another_instance_is_not_matched(
    launching: Cloud, fake_panorama: FakePanorama, event: dict[str, Any], logs: Logs
) -> None:
    """Its instance is gone, this instance has its address, and Panorama has not noticed."""
    old = launching.add_instance()
    tags = {"vmseries-autoscale:deployment": NAME, "vmseries-autoscale:serial": "S1"}
    launching.ec2.create_tags(
        Resources=[old], Tags=[{"Key": key, "Value": value} for key, value in tags.items()]
    )
    launching.ec2.terminate_instances(InstanceIds=[old])
    fake_panorama.register(shown_as(launching, "S1"))
    logs()
    assert launching.deliver(event) == ["message-0"]
    assert fake_panorama.calls == ["members"]
    assert reasons(logs())[-1].endswith(f"but belongs to {old} by its serial tag")
    assert not [key for key in launching.tags() if "serial" in key]


def test_a_unique_management_address_identifies_the_firewall(
    launching: Cloud, fake_panorama: FakePanorama, event: dict[str, Any]
) -> None:
    fake_panorama.register(replace(shown_as(launching, "S1"), policy_status="In Sync"))
    assert launching.deliver(event) == []
    assert launching.tags()["vmseries-autoscale:serial-evidence"] == "management-ip"
