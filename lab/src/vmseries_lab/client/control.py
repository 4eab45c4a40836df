"""Requests to the control API (``lab/control-api.md``)."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from vmseries_lab.client.errors import LabError
from vmseries_lab.client.process import LabProcess

REQUEST_LIMIT_SECONDS = 600.0


class ControlApi:
    """The control API of one lab.

    Attributes:
        endpoint: base URL of the lab; set when the lab has started.
        region: the Region that the lab simulates; set when the lab has started.
    """

    endpoint: str
    region: str

    def __init__(self, process: LabProcess) -> None:
        self._process = process

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request to ``/lab/<path>``; return the decoded JSON response.

        Raises:
            LabError: if the lab rejects the request, does not answer, or is not running.
        """
        if not self._process.running:
            raise LabError("The lab is not running.")
        url = urlsplit(self.endpoint)
        connection = http.client.HTTPConnection(
            str(url.hostname), url.port, timeout=REQUEST_LIMIT_SECONDS
        )
        try:
            connection.request(method, f"/lab/{path}", json.dumps(body or {}))
            response = connection.getresponse()
            content = json.loads(response.read())
        except OSError as error:
            raise LabError(
                f"The lab does not answer: {error}. Its standard error:\n{self._process.log()}"
            ) from error
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise LabError(f"{method} /lab/{path}: {content['error']}")
        return content
