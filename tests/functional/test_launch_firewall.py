"""The readiness gate without Panorama: what the firewall says of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from functional.conftest import Cloud, configure, metrics, reasons
from vmseries_autoscale import firewall
from vmseries_autoscale.errors import (
    DeviceAccessError,
    DeviceCertificateError,
    DeviceUnavailableError,
)
from vmseries_autoscale.firewall import State
from vmseries_autoscale.lifecycle.events import Transition
from vmseries_autoscale.settings import FirewallApiSettings

SERIAL = "007951000012345"
READY = State(chassis_ready=True, auto_commit="OK")
Logs = Callable[[], list[dict[str, Any]]]

FIREWALL = "firewall 10.0.1.7"


@dataclass
class FakeFirewall:
    """One at any address.

    Attributes:
        dialled: the addresses it was reached at.
        error: what every question is answered with.
    """

    now: State = READY
    number: str | None = SERIAL
    features: list[str] = field(default_factory=lambda: ["PA-VM"])
    error: Exception | None = None
    dialled: list[str] = field(default_factory=list)

    def connect(self, settings: FirewallApiSettings, address: str) -> FakeFirewall:
        assert settings.server_name == "firewalls.example.com"
        self.dialled.append(address)
        return self

    def state(self) -> State:
        if self.error is not None:
            raise self.error
        return self.now

    def licenses(self) -> list[str]:
        return self.features

    def serial(self) -> str | None:
        return self.number


def without_panorama(cloud: Cloud, **changes: Any) -> dict[str, Any]:
    api = {
        "secret_arn": cloud.panorama_secret,
        "port": 443,
        "server_name": "firewalls.example.com",
        "timeout_seconds": 5,
    }
    changes = {"readiness": "connected", "panorama": None, "firewall_api": api, **changes}
    return cloud.launch_settings(**changes)


@pytest.fixture
def own(launching: Cloud, monkeypatch: pytest.MonkeyPatch) -> FakeFirewall:
    fake = FakeFirewall()
    monkeypatch.setattr(firewall, "connect", fake.connect)
    configure(monkeypatch, without_panorama(launching))
    return fake


def wired(cloud: Cloud) -> dict[str, Any]:
    event = cloud.event(Transition.LAUNCHING)
    assert cloud.deliver(event) == ["message-0"]
    return event


@pytest.mark.documents(id="readiness/gate/firewall-api")
def test_from_event_to_service(launching: Cloud, own: FakeFirewall, logs: Logs) -> None:
    event = wired(launching)
    assert own.dialled == [], "a firewall that has just been wired has not booted"
    assert launching.deliver(event) == []
    management = launching.attached()[1]
    assert own.dialled == [management["PrivateIpAddress"]]
    assert [result for _, result in launching.completed] == ["CONTINUE"]
    assert launching.tags()["vmseries-autoscale:serial"] == SERIAL
    assert launching.tags()["vmseries-autoscale:serial-evidence"] == "firewall"


@pytest.mark.documents(id="readiness/gate/firewall-not-ready")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"now": State(chassis_ready=False, auto_commit="PEND")}, "chassis is not ready"),
        ({"now": State(chassis_ready=True, auto_commit="PEND")}, "auto-commit is in progress"),
        ({"now": State(chassis_ready=True, auto_commit="FAIL")}, "auto-commit has failed"),
        ({"features": []}, "no license"),
        (
            {"error": DeviceUnavailableError(FIREWALL, "does not answer")},
            "does not answer",
        ),
        ({"error": DeviceCertificateError(FIREWALL, "not valid")}, "not valid"),
        ({"error": DeviceAccessError(FIREWALL, "wrong key")}, "wrong key"),
    ],
)
def test_what_is_not_ready_waits_and_is_abandoned_at_the_deadline(
    launching: Cloud, own: FakeFirewall, logs: Logs, changes: dict[str, Any], reason: str
) -> None:
    for name, value in changes.items():
        setattr(own, name, value)
    event = wired(launching)
    assert launching.deliver(event) == ["message-0"]
    records = logs()
    assert reason in reasons(records)[-1]
    assert "VisitFailed" not in metrics(records), "booting is no failure"
    assert launching.deliver(event | {"time": "2026-01-01T00:00:00Z"}) == []
    assert [result for _, result in launching.completed] == ["ABANDON"]
    assert reason in launching.tags()["vmseries-autoscale:abandoned"]


def test_a_bundle_needs_no_license_and_a_serial_may_be_unknown(
    launching: Cloud, own: FakeFirewall, monkeypatch: pytest.MonkeyPatch
) -> None:
    own.features, own.number = [], None
    configure(monkeypatch, without_panorama(launching, license_expected=False))
    assert launching.deliver(wired(launching)) == []
    assert "vmseries-autoscale:serial" not in launching.tags()
