"""A lab that another process serves."""

from __future__ import annotations

import http.client
from typing import Any
from urllib.parse import urlsplit

from vmseries_lab.client.control import send
from vmseries_lab.client.errors import LabError

ANSWER_LIMIT_SECONDS = 10.0


class AttachedLab:
    """A lab that runs already, and that this process neither starts nor stops.

    Args:
        endpoint: base URL of the lab.
    """

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._attached = False

    @property
    def running(self) -> bool:
        """Whether this process is attached to the lab."""
        return self._attached

    def start(self) -> dict[str, Any]:
        """Find the lab; return what ``GET /lab/ready`` responds.

        Raises:
            LabError: if no lab answers at the endpoint.
        """
        ready = ask(self._endpoint)
        self._attached = True
        return ready

    def stop(self) -> None:
        """Detach; the lab continues to run. A second call does nothing."""
        self._attached = False

    def log(self) -> str:
        """Return nothing: the standard error of the lab belongs to the one who serves it."""
        return ""


def ask(endpoint: str) -> dict[str, Any]:
    """Return what a lab responds to ``GET /lab/ready``.

    Raises:
        LabError: if no lab answers at the endpoint.
    """
    if not _is_address(endpoint):
        raise LabError(
            f"{endpoint!r} is not the endpoint of a lab, such as http://127.0.0.1:41523."
        )
    try:
        status, ready = send(endpoint, "GET", "ready", limit_seconds=ANSWER_LIMIT_SECONDS)
    except ValueError as error:
        raise LabError(f"What answers at {endpoint} is not a lab.") from error
    except (OSError, http.client.HTTPException) as error:
        raise LabError(f"No lab answers at {endpoint}: {error}.") from error
    if status != http.client.OK or not isinstance(ready, dict) or "ca_pem" not in ready:
        raise LabError(f"What answers at {endpoint} is not a lab.")
    return ready


def _is_address(endpoint: str) -> bool:
    url = urlsplit(endpoint)
    try:
        return url.scheme == "http" and bool(url.hostname) and bool(url.port)
    except ValueError:  # The port is not a number.
        return False
