"""The state that a function caches in its container, and how to reset it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from aws_lambda_powertools import Metrics

from vmseries_autoscale import secret_store, settings, telemetry

if TYPE_CHECKING:
    import pytest


def set_environment(patch: pytest.MonkeyPatch) -> None:
    """An environment in which no AWS call can reach anything real."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        patch.delenv(name, raising=False)
    patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    patch.setenv("AWS_ACCESS_KEY_ID", "test")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    patch.setenv("POWERTOOLS_SERVICE_NAME", "launch")
    patch.setenv("POWERTOOLS_METRICS_NAMESPACE", "VMSeriesAutoscale")
    patch.setenv("POWERTOOLS_LOG_LEVEL", "INFO")
    # Moto would make a thousand public images for every account.
    patch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")


def cold_start() -> None:
    """Clear the cached settings, secrets, logger and metrics; keep the AWS clients, for speed."""
    for cached in (
        secret_store._provider,
        settings.from_environment,
        telemetry._logger,
        telemetry._metrics,
    ):
        cached.cache_clear()
    # All objects of the class share the dimensions, which name the deployment.
    Metrics._dimensions.clear()
    Metrics._default_dimensions.clear()
    # Powertools keeps its handler, and with it an older standard output, on the logger with the
    # name of the service.
    for service in ("launch", "terminate", "reconcile"):
        logging.Logger.manager.loggerDict.pop(service, None)
    logging.getLogger("vmseries_autoscale").handlers.clear()
