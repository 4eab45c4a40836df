"""Commands of Panorama's license plugin, ``sw_fw_license``."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from itertools import islice
from xml.etree import ElementTree as ET

from vmseries_autoscale.errors import DeviceRefusedError
from vmseries_autoscale.pan_os.commands import nested
from vmseries_autoscale.pan_os.license_commands import says_deactivated
from vmseries_autoscale.pan_os.values import printable, serial_number, text_at
from vmseries_autoscale.panorama import read_commands
from vmseries_autoscale.panorama.interface import PluginFirewall

logger = logging.getLogger(__name__)

_MESSAGES = frozenset({"msg", "line", "error"})
_SHOWN = 10
"""Number of element names that the log shows."""
_FIELDS = 32
"""Number of fields of an entry that are read: how many an entry has is not documented."""


class LicensePlugin:
    """The license plugin of one Panorama.

    The commands and their responses are the same as in the vendor's own auto scaling module
    (PaloAltoNetworks/terraform-aws-swfw-modules, modules/asg).

    Args:
        op: Runs an operational command on Panorama and returns its response.
    """

    def __init__(self, op: Callable[[ET.Element], ET.Element]) -> None:
        self._op = op

    def licensed(self, license_manager: str) -> frozenset[str] | None:
        """Return the serial numbers that a license manager lists as licensed.

        ``show plugins sw_fw_license devices license-manager`` responds with a list inside of
        ``result``, which has an entry with ``serial`` and ``ip`` for each firewall: the vendor's
        module reads ``response[0][0]``. What the plugin says while it starts, or while Panorama
        fails over, is recorded nowhere. A response without a list is therefore not one of an empty
        list.

        Returns:
            ``None`` if the response has no list: it says nothing about any license.
        """
        listed = self.firewalls(license_manager)
        return None if listed is None else frozenset(listed)

    def firewalls(self, license_manager: str) -> Mapping[str, PluginFirewall] | None:
        """Return what the same list shows of its firewalls, by serial number.

        Only ``serial`` and ``ip`` are recorded. Whatever else an entry has counts as a text.
        """
        response = self._op(read_commands.plugin_devices(license_manager))
        result = response.find("result")
        shape = [] if result is None else [child.tag for child in islice(result, _SHOWN)]
        logger.debug("The license plugin has responded", extra={"elements": printable(str(shape))})
        listed = None if result is None else result.find("*")
        if listed is None or not _is_list(listed):
            return None
        return {
            serial: PluginFirewall(text_at(entry, "ip").strip(), _texts(entry))
            for entry in listed.iterfind("*")
            if (serial := serial_number(entry.findtext("serial"))) is not None
        }

    def deactivate(self, license_manager: str, serials: Collection[str]) -> None:
        """Request the deactivation of all of these licenses, with one request.

        ``request plugins sw_fw_license deactivate``. The plugin responds "Deactivation request
        sent. Check system logs for status." and deactivates the licenses later. A license that was
        already returned is not an error. The license manager's list shows the other results.
        """
        request = ET.Element("request")
        deactivate = nested(request, "plugins", "sw_fw_license", "deactivate")
        nested(deactivate, "license-manager").text = license_manager
        devices = nested(deactivate, "devices")
        for serial in sorted(serials):
            nested(devices, "member").text = serial
        try:
            self._op(request)
        except DeviceRefusedError as error:
            if not says_deactivated(error.text):
                raise


def _texts(entry: ET.Element) -> frozenset[str]:
    parts = [entry.get("name"), *(child.text for child in islice(entry, _FIELDS))]
    return frozenset(printable(part).strip() for part in parts if part)


def _is_list(element: ET.Element) -> bool:
    """Return whether an element is a list of firewalls: an empty one, or one with serial numbers.

    A text, or entries without a serial number, are a message.
    """
    if element.tag in _MESSAGES or (element.text or "").strip():
        return False
    return len(element) == 0 or element.find("*/serial") is not None
