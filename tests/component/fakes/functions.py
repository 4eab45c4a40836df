"""Select the function under test, and configure it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from component.fakes.cloud import Cloud
from vmseries_autoscale.handlers import reconcile, terminate
from vmseries_autoscale.settings import VARIABLE

if TYPE_CHECKING:
    import pytest


def configure(monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]) -> None:
    """Give the function these settings."""
    monkeypatch.setenv(VARIABLE, json.dumps(settings))


def become_terminate(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Put the terminate function under test."""
    configure(monkeypatch, cloud.terminate_settings(**changes))
    cloud.handler = terminate.handler
    cloud.calls.clear()
    cloud.completed.clear()


def become_reconcile(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Put the reconcile function under test."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "reconcile")
    configure(monkeypatch, cloud.reconcile_settings(**changes))
    cloud.handler = reconcile.handler
    cloud.calls.clear()
    cloud.completed.clear()
