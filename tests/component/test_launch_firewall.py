"""The readiness gate without Panorama, from the API of the firewall."""

from __future__ import annotations

from typing import Any

import pytest

from component.fakes import settings
from component.fakes.cloud import SERIAL, Cloud
from component.fakes.firewall import FakeFirewall, raising
from component.fakes.functions import configure
from component.fakes.logs import Logs, metrics, reasons
from vmseries_autoscale import firewall
from vmseries_autoscale.errors import (
    DeviceAccessError,
    DeviceCertificateError,
    DeviceUnavailableError,
)
from vmseries_autoscale.firewall import State
from vmseries_autoscale.lifecycle.events import Transition

FIREWALL = "firewall 10.0.1.7"


def without_panorama(cloud: Cloud, **changes: Any) -> dict[str, Any]:
    api = settings.firewall_api()
    changes = {"readiness": "connected", "panorama": None, "firewall_api": api, **changes}
    return cloud.launch_settings(**changes)


@pytest.fixture
def fake_firewall(launching: Cloud, monkeypatch: pytest.MonkeyPatch) -> FakeFirewall:
    fake = FakeFirewall()
    monkeypatch.setattr(firewall, "connect", fake.connect)
    configure(monkeypatch, without_panorama(launching))
    return fake


def launch_attached(cloud: Cloud) -> dict[str, Any]:
    """Deliver a launch event, which attaches the interfaces; return the event."""
    event = cloud.event(Transition.LAUNCHING)
    assert cloud.deliver(event) == ["message-0"]
    return event


@pytest.mark.documents(id="readiness/gate/firewall-api")
def test_a_ready_firewall_enters_service(
    launching: Cloud, fake_firewall: FakeFirewall, logs: Logs
) -> None:
    event = launch_attached(launching)
    assert fake_firewall.addresses == [], "a firewall that was just attached has not booted"
    assert launching.deliver(event) == []
    management = launching.attached()[1]
    assert fake_firewall.addresses == [management["PrivateIpAddress"]]
    assert launching.results == ["CONTINUE"]
    assert launching.tags()["vmseries-autoscale:serial"] == SERIAL
    assert launching.account.record(launching.instance_id).evidence == {"firewall"}


@pytest.mark.documents(id="readiness/gate/overdue")
@pytest.mark.documents(id="readiness/gate/firewall-not-ready")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"now": State(chassis_ready=False, auto_commit="PEND")}, "chassis is not ready"),
        ({"now": State(chassis_ready=True, auto_commit="PEND")}, "auto-commit is in progress"),
        ({"now": State(chassis_ready=True, auto_commit="FAIL")}, "auto-commit has failed"),
        ({"licensed": []}, "no license"),
        (
            {"fail": raising(DeviceUnavailableError(FIREWALL, "does not answer"))},
            "does not answer",
        ),
        ({"fail": raising(DeviceCertificateError(FIREWALL, "not valid"))}, "not valid"),
        ({"fail": raising(DeviceAccessError(FIREWALL, "wrong key"))}, "wrong key"),
    ],
)
def test_a_firewall_that_is_not_ready_is_abandoned_at_the_deadline(
    launching: Cloud, fake_firewall: FakeFirewall, logs: Logs, changes: dict[str, Any], reason: str
) -> None:
    for name, value in changes.items():
        setattr(fake_firewall, name, value)
    event = launch_attached(launching)
    assert launching.deliver(event) == ["message-0"]
    records = logs()
    assert reason in reasons(records)[-1]
    assert "VisitFailed" not in metrics(records), "a booting firewall is not a failure"
    almost_late = launching.event(Transition.LAUNCHING, age=2600)
    assert launching.deliver(almost_late) == ["message-0"]
    asked = len(fake_firewall.addresses)
    late = launching.event(Transition.LAUNCHING, age=2700)
    assert launching.deliver(late) == []
    assert len(fake_firewall.addresses) == asked, "the firewall is not asked again"
    assert launching.results == ["ABANDON"]
    assert reason in launching.tags()["vmseries-autoscale:abandoned"]


def test_a_bundle_needs_neither_a_license_nor_a_serial_number(
    launching: Cloud, fake_firewall: FakeFirewall, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_firewall.licensed, fake_firewall.number = [], None
    configure(monkeypatch, without_panorama(launching, license_expected=False))
    assert launching.deliver(launch_attached(launching)) == []
    assert "vmseries-autoscale:serial" not in launching.tags()
