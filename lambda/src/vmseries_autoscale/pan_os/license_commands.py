"""License commands of a firewall, sent directly or forwarded by Panorama."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol
from xml.etree import ElementTree as ET

from vmseries_autoscale.errors import DeviceRefusedError, DeviceTimeoutError
from vmseries_autoscale.pan_os.commands import command
from vmseries_autoscale.pan_os.values import all_text, text_at

_DEACTIVATED = re.compile(
    r"successfully (deactivated|removed)"
    r"|already (been )?((in|de)activ|de-?licensed|removed|returned)"
    r"|not found|no [\w-]+ licen[cs]e to deactivate",
    re.IGNORECASE,
)


class LicenseCommands(Protocol):
    """The license commands of one firewall.

    Every method raises a PanOsError, or a DeviceBusyError from Panorama, if it fails.
    """

    def licenses(self) -> list[str]:
        """Return the names of the licensed features, as the firewall reports them."""

    def set_licensing_api_key(self, api_key: str) -> None:
        """Set the licensing API key with which the firewall deactivates its license."""

    def deactivate_license(self) -> bool:
        """Deactivate the license and return whether the firewall confirms it."""


class PanOsLicenseCommands:
    """Implementation of ``LicenseCommands`` with the XML API.

    Args:
        op: Runs an operational command on the firewall and returns its response.
    """

    def __init__(self, op: Callable[[ET.Element], ET.Element]) -> None:
        self._op = op

    def licenses(self) -> list[str]:
        """Return the names of the licensed features, as the firewall reports them."""
        response = self._op(command("request", "license", "info"))
        entries = response.iterfind("result/licenses/entry")
        return [text_at(entry, "feature") for entry in entries]

    def set_licensing_api_key(self, api_key: str) -> None:
        """Set the licensing API key. Setting the same key again is not an error."""
        try:
            self._op(command("request", "license", "api-key", "set", "key", text=api_key))
        except DeviceRefusedError as error:
            if "same as old" not in error.text.lower():
                raise

    def deactivate_license(self) -> bool:
        """Deactivate the license and return whether the firewall confirms it.

        The firewall first contacts Palo Alto's license server, which may take minutes. A timeout is
        not a failure, because a later visit reads the licenses again. An error response may report
        success in its text.
        """
        deactivate = command("request", "license", "deactivate", "VM-Capacity", "mode", text="auto")
        try:
            return says_deactivated(all_text(self._op(deactivate)))
        except DeviceTimeoutError:
            return False
        except DeviceRefusedError as error:
            if says_deactivated(error.text):
                return True
            raise


def says_deactivated(text: str) -> bool:
    """Return whether a response says that the license was returned, or that there is no license."""
    return _DEACTIVATED.search(text) is not None
