"""What a function keeps for the life of its container, and a new container without it."""

from __future__ import annotations

import logging

from vmseries_autoscale import credentials, settings, telemetry


def cold_start() -> None:
    """Forget settings, secrets, logger and metrics; only the AWS clients stay, for speed."""
    for cached in (
        credentials._provider,
        settings.from_environment,
        telemetry._logger,
        telemetry._metrics,
    ):
        cached.cache_clear()
    # Powertools keeps its handler, and with it an older standard output, on the logger that is
    # called like the service.
    for service in ("launch", "terminate"):
        logging.Logger.manager.loggerDict.pop(service, None)
    logging.getLogger("vmseries_autoscale").handlers.clear()
