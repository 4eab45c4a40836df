"""License commands of a firewall, sent directly or forwarded by Panorama."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol
from xml.etree import ElementTree as ET

from vmseries_autoscale.errors import DeviceRefusedError, DeviceTimeoutError
from vmseries_autoscale.pan_os.commands import command
from vmseries_autoscale.pan_os.system_info import SystemInfo, system_info
from vmseries_autoscale.pan_os.values import all_text, printable, text_at

_DEACTIVATED = re.compile(
    r"successfully (deactivated|removed)"
    r"|already (been )?((in|de)activ|de-?licensed|removed|returned)"
    r"|not found|no [\w-]+ licen[cs]e to deactivate",
    re.IGNORECASE,
)

_CAPACITY = re.compile(
    r"pa-vm|vm[- ]?(series)?[- ]?(capacity|flex|\d+)\b.*|vm-series.*capacity.*", re.IGNORECASE
)


class LicenseCommands(Protocol):
    """The license commands of one firewall.

    Every method raises a PanOsError, or a DeviceBusyError from Panorama, if it fails.
    """

    def system_info(self) -> SystemInfo:
        """Return what the firewall says about itself."""

    def licenses(self) -> list[str]:
        """Return the names of the capacity licenses, also of expired ones.

        Licenses of other features, such as support or logging, are left out: they are not what a
        deactivation returns.
        """

    def valid_licenses(self) -> list[str]:
        """Return the names of the capacity licenses that have not expired."""

    def set_licensing_api_key(self, api_key: str) -> None:
        """Set the licensing API key with which the firewall deactivates its license."""

    def deactivate_license(self) -> bool:
        """Deactivate the license and return whether the firewall confirms it."""


class PanOsLicenseCommands:
    """Implementation of ``LicenseCommands`` with the XML API.

    Args:
        op: Runs an operational command on the firewall and returns its response. The keyword
            argument ``secrets`` has the values in the command that no error may quote;
            ``timeout_seconds`` is the time limit of a request that contacts the license server.
        license_seconds: That time limit; ``None`` for the usual one.
    """

    def __init__(
        self, op: Callable[..., ET.Element], *, license_seconds: int | None = None
    ) -> None:
        self._op = op
        self._license_seconds = license_seconds

    def system_info(self) -> SystemInfo:
        """Return what the firewall says about itself."""
        return system_info(self._op(command("show", "system", "info")))

    def licenses(self) -> list[str]:
        """Return the names of the capacity licenses, also of expired ones."""
        return [text_at(entry, "feature") for entry in self._capacity_licenses()]

    def valid_licenses(self) -> list[str]:
        """Return the names of the capacity licenses that have not expired."""
        return [
            text_at(entry, "feature")
            for entry in self._capacity_licenses()
            if text_at(entry, "expired").strip().lower() != "yes"
        ]

    def _capacity_licenses(self) -> list[ET.Element]:
        response = self._op(command("request", "license", "info"))
        return [
            entry
            for entry in response.iterfind("result/licenses/entry")
            if is_capacity_license(text_at(entry, "feature"))
        ]

    def set_licensing_api_key(self, api_key: str) -> None:
        """Set the licensing API key. Setting the same key again is not an error."""
        try:
            set_key = command("request", "license", "api-key", "set", "key", text=api_key)
            self._op(set_key, secrets=(api_key,))
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
            response = self._op(deactivate, timeout_seconds=self._license_seconds)
            return says_deactivated(all_text(response))
        except DeviceTimeoutError:
            return False
        except DeviceRefusedError as error:
            if says_deactivated(error.text):
                return True
            raise


def is_capacity_license(feature: str | None) -> bool:
    """Return whether a license is the capacity license of a VM-Series firewall.

    ``request license info`` of a firewall calls it ``PA-VM``, with a description such as
    ``Standard VM-300`` (recorded answers in public clients of PAN-OS 7 to 11), and so does
    ``request batch license info`` of Panorama (licdump, Palo Alto Networks). The deactivation
    command calls it ``VM-Capacity``.
    """
    return _CAPACITY.fullmatch(printable(feature).strip()) is not None


def says_deactivated(text: str) -> bool:
    """Return whether a response says that the license was returned, or that there is no license."""
    return _DEACTIVATED.search(text) is not None
