"""The license of a firewall, and its commands.

Palo Alto Networks, VM-Series Deployment Guide: "Deactivate the License(s)" (automatic mode needs
the licensing API key on the firewall and access to the licensing server). The texts "Successfully
deactivated", "API key is same as old" and "Invalid or missing deactivation token" are known from
public clients; other texts are the lab's own. Where the answer to a deactivation has its text, and
which licenses stay, are assumptions: pan-python, doc/panlicapi.rst, has the text in a line of a
message; pan-os-ansible and skilletlib look for the word in any place.
"""

from __future__ import annotations

from collections.abc import Callable
from xml.etree.ElementTree import Element

from vmseries_lab.core.world import World
from vmseries_lab.licensing_api import Licensing, LicensingRejectedError
from vmseries_lab.panorama import license_features
from vmseries_lab.panorama.device_licenses import DEACTIVATED, UNREACHABLE, ApiKey
from vmseries_lab.panorama.responses import ApiError, result, with_lines


class License:
    """The serial number and license of a firewall.

    Attributes:
        serial: serial number, ``unknown`` until the firewall is licensed.
        auth_code: auth code of the license, empty for pay-as-you-go.
        active: whether the firewall is licensed.
        pooled: whether the license is from a pool, to which it must be returned.
        deactivated: whether the license was deactivated, by this firewall or through Panorama.
    """

    def __init__(self, world: World, licensing: Licensing, online: Callable[[], bool]) -> None:
        self._clock = world.clock
        self._timeline = world.timeline
        self._assumptions = world.assumptions
        self._licensing = licensing
        self._online = online
        self._api_key = ApiKey()
        self._returned_at: float | None = None
        self.serial = "unknown"
        self.auth_code = ""
        self.active = False
        self.pooled = False
        self.deactivated = False

    def activate(self, auth_code: str, uuid: str, cpuid: str) -> None:
        """Activate a license of an auth code.

        Raises:
            LicensingRejectedError: if the licensing API rejects the request.
            PoolExhaustedError: if all licenses of the auth code are in use.
        """
        self.serial = self._licensing.activate(auth_code, uuid, cpuid)
        self.auth_code, self.active, self.pooled = auth_code, True, True

    def enroll(self) -> None:
        """License a pay-as-you-go firewall."""
        self.serial, self.active = self._licensing.assign_serial(), True

    def tick(self, now: float) -> None:
        """Finish a deactivation that is due, and detect a deactivation through Panorama."""
        if self._returned_at is not None and now >= self._returned_at:
            self.complete()
        elif self.pooled and not self._licensing.covers(self.serial) and self._online():
            self._end()

    def complete(self) -> None:
        """Return the license now, if its deactivation has begun."""
        if self._returned_at is not None:
            self._returned_at = None
            self._licensing.return_license(self.serial, by="firewall")
            self._end()

    @property
    def leaving(self) -> bool:
        """Whether the deactivation has begun, or is complete."""
        return self._returned_at is not None or self.deactivated

    def _end(self) -> None:
        self.active = self.pooled = False
        self.deactivated = True

    def key_command(self, command: Element, _user: str) -> Element:
        """Execute ``request license api-key``."""
        response = self._api_key.command(command)
        if command.find(".//set") is not None:
            self._timeline.add("panorama", "api-key-set", self.serial)
        return response

    def info(self, _command: Element, _user: str) -> Element:
        """Execute ``request license info``."""
        listed = license_features.features(
            licensed=self.active,
            deactivated=self.deactivated,
            survivors=self._assumptions["features-after-deactivation"],
        )
        return result(license_features.own_list(listed, self.serial, self.auth_code))

    def deactivate(self, _command: Element, _user: str) -> Element:
        """Execute ``request license deactivate VM-Capacity mode auto``.

        The command succeeds at once; the license is returned ``Licensing.deactivation_seconds``
        later.

        Raises:
            ApiError: if there is no API key or license, or the licensing API rejects the request.
        """
        if not self.pooled:
            raise ApiError("There is no VM-Capacity license to deactivate")
        if not self._online():
            raise ApiError(UNREACHABLE)
        try:
            self._licensing.may_deactivate(self._api_key.value)
        except LicensingRejectedError as error:
            raise ApiError(str(error)) from error
        if self._returned_at is None:
            self._returned_at = self._clock.now() + self._licensing.deactivation_seconds
        if self._assumptions["deactivation-text"] == "msg-line":
            return result(with_lines(Element("msg"), DEACTIVATED))
        return result(text="Successfully deactivated old keys")
