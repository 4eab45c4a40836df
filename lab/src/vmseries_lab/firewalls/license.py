"""The license of one firewall, and the commands on it.

Palo Alto Networks, VM-Series Deployment Guide: "Deactivate the License(s)" (automatic mode needs
the licensing API key on the firewall and a way to the licensing server). The words "Successfully
deactivated", "API key is same as old" and "Invalid or missing deactivation token" are known from
public clients; the other answers are in the lab's own words.
"""

from __future__ import annotations

from collections.abc import Callable
from xml.etree.ElementTree import Element

from vmseries_lab.core.clock import Clock
from vmseries_lab.core.timeline import Timeline
from vmseries_lab.licensing_api import Licensing, LicensingRefusedError
from vmseries_lab.panorama.device_licenses import ApiKey
from vmseries_lab.panorama.responses import ApiError, entry, result

FEATURE = "PA-VM"


class License:
    """What a firewall holds: a serial number, and perhaps a license of a pool.

    Attributes:
        serial: ``unknown`` until it is licensed, or enrolled as pay-as-you-go.
        active: whether it is licensed.
        pooled: whether the license comes from a pool, so that it can and must be given back.
    """

    def __init__(
        self, clock: Clock, timeline: Timeline, licensing: Licensing, online: Callable[[], bool]
    ) -> None:
        self._clock = clock
        self._timeline = timeline
        self._licensing = licensing
        self._online = online
        self._api_key = ApiKey()
        self._returned_at: float | None = None
        self.serial = "unknown"
        self.auth_code = ""
        self.active = False
        self.pooled = False

    def take(self, auth_code: str, uuid: str, cpuid: str) -> None:
        """Take a license from the pool of an auth code.

        Raises:
            LicensingRefusedError, PoolExhaustedError: as the licensing service refuses.
        """
        self.serial = self._licensing.take(auth_code, uuid, cpuid)
        self.auth_code, self.active, self.pooled = auth_code, True, True

    def enrol(self) -> None:
        """Start as a pay-as-you-go firewall."""
        self.serial, self.active = self._licensing.enrol(), True

    def tick(self, now: float) -> None:
        """Finish a deactivation that is due, and notice one that Panorama asked for."""
        if self._returned_at is not None and now >= self._returned_at:
            self._returned_at = None
            self._licensing.release(self.serial)
            self.active = self.pooled = False
        elif self.pooled and self._online() and not self._licensing.covers(self.serial):
            self.active = self.pooled = False

    def key_command(self, command: Element, _user: str) -> Element:
        """``request license api-key``."""
        answer = self._api_key.command(command)
        if command.find(".//set") is not None:
            self._timeline.add("panorama", "api-key-set", self.serial)
        return answer

    def info(self, _command: Element, _user: str) -> Element:
        """``request license info``."""
        licenses = Element("licenses")
        if self.active:
            licenses.append(
                entry(
                    FEATURE,
                    feature=FEATURE,
                    description="Standard VM-Series",
                    serial=self.serial,
                    issued="January 01, 2026",
                    expires="Never",
                    expired="no",
                    base_license_name=FEATURE,
                    authcode=self.auth_code,
                )
            )
        return result(licenses)

    def deactivate(self, _command: Element, _user: str) -> Element:
        """``request license deactivate VM-Capacity mode auto``: accepted now, done a little later.

        Raises:
            ApiError: if there is no API key or license, or the licensing server refuses.
        """
        if not self.pooled:
            raise ApiError("There is no VM-Capacity license to deactivate")
        if not self._online():
            raise ApiError("Failed to get license info. Please try again later.")
        try:
            self._licensing.may_deactivate(self._api_key.value)
        except LicensingRefusedError as error:
            raise ApiError(str(error)) from error
        if self._returned_at is None:
            self._returned_at = self._clock.now() + self._licensing.deactivation_seconds
        return result(text="Successfully deactivated old keys")
