"""The simulated licensing API of Palo Alto Networks."""

from __future__ import annotations

import http.client
import json
from typing import Any

from vmseries_lab.client.aws import AwsClient
from vmseries_lab.client.connection import VendorHosts
from vmseries_lab.client.control import ControlApi
from vmseries_lab.client.errors import LabError

LICENSING_HOST = "api.paloaltonetworks.com"


class LicensingClient:
    """The licensing API of one lab."""

    def __init__(self, control: ControlApi, aws: AwsClient, vendor: VendorHosts) -> None:
        self._control = control
        self._aws = aws
        self._vendor = vendor

    def request(self, action: str, **parameters: str) -> Any:
        """Send a request, e.g. ``request("get", authcode=…)``; return the decoded response.

        Raises:
            LabError: if the licensing API rejects the request.
        """
        key = self._aws.secret("licensing-api-key")["api_key"]
        path = f"/api/license/{action}"
        status, body = self._vendor.post(LICENSING_HOST, path, parameters, {"apikey": key})
        if status != http.client.OK:
            raise LabError(f"The licensing API returned {status} to {action}: {body.decode()}")
        return json.loads(body)

    def configure(self, **settings: Any) -> None:
        """Change settings, such as ``pool_size`` or ``available``; see ``licensing_api``."""
        self._control.request("POST", "licensing", settings)

    def configure_credits(self, **settings: Any) -> None:
        """Change the credit pool, e.g. ``total=100.0``; see ``credit_pool``."""
        self._control.request("POST", "credit-pool", settings)

    def uses(self) -> list[dict[str, Any]]:
        """Return the use of each license that was ever activated, oldest first.

        Fields are those of ``licensing_api.LicenseUse``: which firewall has it, and if it was
        returned, when and by what.
        """
        return list(self._control.request("GET", "licensing"))
