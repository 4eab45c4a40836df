"""Licenses that Panorama itself returns and lists: ``request batch license``.

Panorama returns the license with its own licensing API key (``request license api-key set``), so
that the firewall need not be connected, or exist. Every public tool that returns licenses through
Panorama uses this command, several of them for firewalls that are gone: the Azure-Transit-VNet
templates of Palo Alto Networks (azure-hub/monitor.py), thresh97/aws-vmseries-builds
(asglambda.py), and a Panorama tool of an engineer of the vendor.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from xml.etree import ElementTree as ET

from vmseries_autoscale.errors import (
    PANORAMA,
    DeniedOnPeerError,
    DeviceRefusedError,
    LicensingKeyError,
    SecondaryPeerError,
)
from vmseries_autoscale.pan_os.commands import nested
from vmseries_autoscale.pan_os.license_commands import is_capacity_license, says_deactivated
from vmseries_autoscale.pan_os.values import all_text, job_number, serial_number, text_at
from vmseries_autoscale.panorama import read_commands
from vmseries_autoscale.panorama.interface import BatchLicense

_KEY = re.compile(
    r"api[- ]key|(invalid|missing) deactivation token|authorization has been denied", re.IGNORECASE
)
_NO_FIREWALL = re.compile(r"\b(device|firewall|serial)[^.;]{0,80} not found", re.IGNORECASE)
KEY_ADVICE = (
    "install the support account's current licensing API key (Customer Support Portal, Products, "
    "API Key Management) on Panorama: request license api-key set key …"
)
"""What to do if Panorama has no valid licensing API key."""


class BatchLicenses:
    """The license commands of one Panorama for its firewalls.

    Args:
        op: Runs an operational command on Panorama and returns its response.
    """

    def __init__(self, op: Callable[[ET.Element], ET.Element]) -> None:
        self._op = op

    def deactivate(self, serials: Collection[str]) -> str | None:
        """Request the return of these firewalls' capacity licenses.

        ``request batch license deactivate VM-Capacity mode auto devices``, with the serial numbers
        separated by commas as in the other batch commands. All recordings have one serial number.

        Returns:
            The id of the job that returns them; ``None`` if the response confirms it at once.

        Raises:
            LicensingKeyError: If Panorama has no licensing API key, or the key is rejected.
            SecondaryPeerError: If the peer is in a state in which it returns no licenses. The
                secondary peer manages no deployments such as license updates while it is active
                (Panorama Administrator's Guide, "Priority and Failover on Panorama in HA").
            DeviceRefusedError: If Panorama refuses the request, or responds with neither a job nor
                a confirmation.
        """
        request = ET.Element("request")
        capacity = nested(request, "batch", "license", "deactivate", "VM-Capacity")
        nested(capacity, "mode").text = "auto"
        nested(capacity, "devices").text = ",".join(sorted(serials))
        try:
            response = self._op(request)
        except DeviceRefusedError as error:
            if says_returned(error.text):
                return None
            raise _explained(error) from None
        except DeniedOnPeerError as error:
            raise SecondaryPeerError(
                f"{error}; the secondary Panorama peer returns no licenses while it is active"
            ) from error
        number = job_number(response.findtext("result/job"))
        if number is not None:
            return str(number)
        text = " ".join(all_text(response).split())
        if says_returned(text):
            return None
        refusal = f"the response to the deactivation of licenses has no job id: {text}"
        raise _explained(DeviceRefusedError(PANORAMA, None, refusal))

    def licensed(self) -> Mapping[str, BatchLicense] | None:
        """Return the capacity licenses that Panorama has stored, by serial number.

        ``request batch license info`` responds with ``result/devices/entry``, each with
        ``serial-no``, ``devicename`` and ``licenses/entry``, whose attribute ``name`` is the
        feature (licdump of Palo Alto Networks; pan-os-php, exportLicenseToExcel).

        Returns:
            ``None`` if the response has no list of devices, or the peer does not execute the
            command in its state: it says nothing about any license.
        """
        try:
            response = self._op(read_commands.batch_licenses())
        except DeniedOnPeerError:
            return None
        devices = response.find("result/devices")
        if devices is None:
            return None
        return {
            serial: BatchLicense(
                licensed=any(
                    is_capacity_license(entry.get("name") or text_at(entry, "feature"))
                    for entry in device.iterfind("licenses/entry")
                ),
                hostname=text_at(device, "devicename"),
            )
            for device in devices.iterfind("entry")
            if (serial := _serial(device)) is not None
        }


def says_key_rejected(text: str) -> bool:
    """Return whether a response or a job says that Panorama has no valid licensing API key.

    "API Key is not set" is the answer to ``request license api-key show`` without a key (pango),
    "Invalid or missing deactivation token" that of a deactivation (recorded by a public script).
    """
    return _KEY.search(text) is not None


def says_returned(text: str) -> bool:
    """Return whether an answer says that the license is returned.

    "Not found" is said of a license, and also of a key, or of a firewall whose license Panorama
    then cannot return.
    """
    return not says_key_rejected(text) and not _NO_FIREWALL.search(text) and says_deactivated(text)


def _explained(error: DeviceRefusedError) -> LicensingKeyError | DeviceRefusedError:
    if not says_key_rejected(error.text):
        return error
    return LicensingKeyError(
        f"Panorama cannot return a license ({error.text}): its licensing API key is missing, has "
        f"expired or was regenerated; {KEY_ADVICE}"
    )


def _serial(device: ET.Element) -> str | None:
    return serial_number(device.findtext("serial-no", device.get("name", "")))
