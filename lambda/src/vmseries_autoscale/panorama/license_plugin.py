"""Commands of Panorama's license plugin, ``sw_fw_license``."""

from __future__ import annotations

from collections.abc import Callable, Collection
from xml.etree import ElementTree as ET

from vmseries_autoscale.errors import DeviceRefusedError
from vmseries_autoscale.pan_os.commands import command, nested
from vmseries_autoscale.pan_os.license_commands import says_deactivated
from vmseries_autoscale.pan_os.values import serial_number


class LicensePlugin:
    """The license plugin of one Panorama.

    The commands and their responses are the same as in the vendor's own auto scaling module
    (PaloAltoNetworks/terraform-aws-swfw-modules, modules/asg).

    Args:
        op: Runs an operational command on Panorama and returns its response.
    """

    def __init__(self, op: Callable[[ET.Element], ET.Element]) -> None:
        self._op = op

    def licensed(self, license_manager: str) -> frozenset[str]:
        """Return the serial numbers that a license manager lists as licensed.

        ``show plugins sw_fw_license devices license-manager`` returns one entry with a serial
        number for each firewall.
        """
        show = ("show", "plugins", "sw_fw_license", "devices", "license-manager")
        response = self._op(command(*show, text=license_manager))
        serials = (serial_number(serial.text) for serial in response.iterfind("result//serial"))
        return frozenset(serial for serial in serials if serial is not None)

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
