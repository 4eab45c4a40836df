"""What every test can rely on: no real account, no real Region, nothing kept between tests."""

from __future__ import annotations

import pytest
from container import cold_start
from hypothesis import settings

REGION = "us-east-1"

# A busy machine fails no test.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment in which no AWS call can reach anything real."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "launch")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "VMSeriesAutoscale")
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "INFO")


@pytest.fixture(autouse=True)
def container() -> None:
    """A new container for each test."""
    cold_start()
