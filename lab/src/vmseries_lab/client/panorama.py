"""The simulated Panorama: its settings, its command line and its XML API."""

from __future__ import annotations

import http.client
from collections.abc import Iterable
from typing import Any
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring

from vmseries_lab.client.aws import AwsClient
from vmseries_lab.client.connection import VendorHosts
from vmseries_lab.client.control import ControlApi
from vmseries_lab.client.errors import LabError

PANORAMA_HOST = "panorama.example.com"
ESTATE_SERIALS = "0079520"
"""How the serial numbers of the operator's own firewalls begin (``panorama.estate``)."""
_HOST_ENTRY = "/config/devices/entry[@name='localhost.localdomain']"
_DEVICE_ENTRIES = {
    "/config/mgt-config/devices": "devices/entry",
    f"{_HOST_ENTRY}/device-group": "device-group/entry/devices/entry",
    f"{_HOST_ENTRY}/template-stack": "template-stack/entry/devices/entry",
    f"{_HOST_ENTRY}/log-collector-group": "log-collector-group/entry/logfwd-setting/devices/entry",
}
"""XPath of each part of the configuration that lists firewalls, and their path in the result."""


class PanoramaClient:
    """Panorama of one lab: a single one, or a high availability pair."""

    def __init__(self, control: ControlApi, aws: AwsClient, vendor: VendorHosts) -> None:
        self._control = control
        self._aws = aws
        self._vendor = vendor

    def configure(self, **settings: Any) -> None:
        """Change settings, e.g. ``available=False``; ``peer`` restricts them to one peer."""
        self._control.request("POST", "panorama", settings)

    def make_pair(self) -> None:
        """Make Panorama a high availability pair: ``panorama-2.example.com`` is passive."""
        # In place: the lab shows the same mapping as its ``hosts``.
        self._vendor.hosts.update(self._control.request("POST", "panorama/pair"))

    def fail_over(self, cause: str = "power") -> None:
        """Let the active peer fail.

        ``configure(peer=..., available=True)`` restores it, as the passive peer.

        Args:
            cause: ``power``, ``suspended`` or ``non-functional``.
        """
        self._control.request("POST", "panorama/failover", {"cause": cause})

    def state(self) -> dict[str, Any]:
        """Return ``active`` (host name or ``None``), ``peers`` and ``most_requests_at_once``."""
        return dict(self._control.request("GET", "panorama"))

    def active_host(self) -> str:
        """Return the host name of the active Panorama, or of the first one if none is active."""
        return str(self.state()["active"] or PANORAMA_HOST)

    def install_license_plugin(self, *, installed: bool = True) -> None:
        """Install the plugin ``sw_fw_license`` with a license manager, or uninstall it."""
        self._control.request("POST", "panorama/plugin", {"installed": installed})

    def configure_license_plugin(self, **settings: Any) -> None:
        """Change settings of the plugin, e.g. ``odd_answers=["empty"]``; see ``license_plugin``."""
        self._control.request("POST", "panorama/plugin", settings)

    def requests(self, since: int = 0) -> list[dict[str, Any]]:
        """Return the requests to Panorama's XML API, from a number on.

        Fields are those of ``panorama.request_log.LoggedRequest``.
        """
        return list(self._control.request("GET", f"panorama/requests?since={since}"))

    def request_counts(self, since: int = 0) -> dict[str, int]:
        """Return the number of requests by kind, such as ``op show jobs all``."""
        return dict(self._control.request("GET", f"panorama/request-counts?since={since}"))

    def configure_fast_delicensing(self, **settings: Any) -> None:
        """Enable the vendor's fast delicensing; ``enabled=False`` disables it."""
        self._control.request("POST", "panorama/delicensing", settings)

    def run_commands(self, commands: Iterable[str]) -> None:
        """Enter set commands and commit them, as the administrator ``operator``."""
        self._control.request("POST", "panorama/cli", {"commands": list(commands)})

    def request(self, **parameters: str) -> Element:
        """Send a request to the XML API of the active Panorama; return the root element.

        Args:
            parameters: as in the XML API, e.g. ``type`` and ``xpath``. Without ``key``, the request
                is sent as the administrator of the functions.

        Raises:
            LabError: if Panorama rejects the request.
        """
        if "key" not in parameters:
            parameters["key"] = self._aws.secret("panorama")["api_key"]
        host = self.active_host()
        status, body = self._vendor.post(host, "/api/", parameters, {})
        response: Element = fromstring(body)
        if status != http.client.OK or response.get("status") != "success":
            raise LabError(f"Panorama rejected {parameters.get('type')}: {body.decode()}")
        return response

    def count_device_entries(self) -> int:
        """Count the entries of firewalls in the running configuration.

        A firewall counts once in each of: managed devices, device groups, template stacks and log
        collector groups.
        """
        return sum(len(serials) for serials in self.device_entries().values())

    def device_entries(self) -> dict[str, list[str]]:
        """Return the serial numbers in each of these parts of the running configuration.

        Those of the operator's own firewalls are left out.
        """
        return {
            xpath.rpartition("/")[2]: [
                serial
                for entry in self.request(type="config", action="show", xpath=xpath).findall(
                    f"result/{path}"
                )
                if not (serial := entry.get("name", "")).startswith(ESTATE_SERIALS)
            ]
            for xpath, path in _DEVICE_ENTRIES.items()
        }
