"""Fixtures for one function under test, on an account and a Panorama in memory."""

from __future__ import annotations

import json
from typing import Any

import pytest

from component.fakes.cloud import SERIAL, Cloud, add_firewall
from component.fakes.functions import become_reconcile, become_terminate, configure
from component.fakes.logs import Logs
from component.fakes.panorama import FakePanorama
from component.fakes.runtime import simulate
from vmseries_autoscale import panorama
from vmseries_autoscale.handlers import terminate


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """The account, which the clients and the clock of the functions use."""
    cloud = Cloud()

    def call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        return cloud.call(client, operation, parameters)  # A test may replace the method.

    simulate(monkeypatch, call, lambda: cloud.account.now, cloud.pauses_of_functions.append)
    return cloud


@pytest.fixture
def logs(capsys: pytest.CaptureFixture[str]) -> Logs:
    """Returns the log records and metrics that the functions have written since the last call."""

    def read() -> list[dict[str, Any]]:
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return read


@pytest.fixture
def fake_panorama(monkeypatch: pytest.MonkeyPatch) -> FakePanorama:
    """The Panorama that the functions connect to."""
    # Firewalls return their licenses themselves, unless a test is about Panorama's own request.
    fake = FakePanorama(no_key=True)
    monkeypatch.setattr(panorama, "connect", lambda _settings: fake)
    return fake


@pytest.fixture
def launching(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """The account and the launch function."""
    configure(monkeypatch, cloud.launch_settings())
    return cloud


@pytest.fixture
def terminating(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """The account and the terminate function."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "terminate")
    cloud.handler = terminate.handler
    configure(monkeypatch, cloud.terminate_settings())
    return cloud


@pytest.fixture
def in_service(
    launching: Cloud, fake_panorama: FakePanorama, capsys: pytest.CaptureFixture[str]
) -> Cloud:
    """One firewall in service, with everything that the launch function has created for it."""
    add_firewall(launching, fake_panorama, launching.instance_id, SERIAL)
    fake_panorama.calls.clear()
    capsys.readouterr()
    return launching


@pytest.fixture
def running(in_service: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """One firewall in service, and the terminate function."""
    become_terminate(in_service, monkeypatch)
    return in_service


@pytest.fixture
def reconciling(in_service: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """One firewall in service, and the reconcile function."""
    become_reconcile(in_service, monkeypatch)
    return in_service
