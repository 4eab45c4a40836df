"""Client of a firewall's own XML API."""

from __future__ import annotations

from vmseries_autoscale.errors import DeviceRefusedError
from vmseries_autoscale.firewall.interface import State
from vmseries_autoscale.pan_os.commands import command
from vmseries_autoscale.pan_os.connection import DeviceConnection
from vmseries_autoscale.pan_os.license_commands import PanOsLicenseCommands
from vmseries_autoscale.pan_os.values import job_number, serial_number, text_at
from vmseries_autoscale.pan_os.xml_limits import FIREWALL_LIMITS
from vmseries_autoscale.secret_store import Credentials
from vmseries_autoscale.settings import FirewallApiSettings


class PanOsFirewall(PanOsLicenseCommands):
    """Implementation of ``Firewall`` with the XML API. Not thread-safe, like its connection."""

    def __init__(
        self, address: str, settings: FirewallApiSettings, credentials: Credentials
    ) -> None:
        self._name = f"firewall {address}"
        connection = DeviceConnection(
            self._name,
            address,
            settings.port,
            settings.timeout_seconds,
            credentials,
            limits=FIREWALL_LIMITS,
            server_name=settings.server_name,
        )
        super().__init__(connection.op, license_seconds=settings.license_timeout_seconds)

    def state(self) -> State:
        """Return how far the firewall has booted.

        "show chassis-ready" and "show jobs all", PAN-OS CLI reference. A job of type AutoCom is the
        auto-commit.
        """
        chassis = self._op(command("show", "chassis-ready"))
        jobs = self._op(command("show", "jobs", "all"))
        results = {
            number: text_at(job, "result") or "PEND"
            for job in jobs.iterfind("result/job")
            if job.findtext("type") == "AutoCom"
            and (number := job_number(job.findtext("id"))) is not None
        }
        return State(
            chassis_ready=chassis.findtext("result", "").strip() == "yes",
            auto_commit=results[max(results)] if results else None,
        )

    def serial(self) -> str | None:
        """Return the serial number; ``None`` if PAN-OS reports ``unknown``, without a license.

        Raises:
            DeviceRefusedError: If the firewall reports something else than a serial number.
        """
        response = self._op(command("show", "system", "info"))
        text = text_at(response, "result/system/serial")
        if text in ("", "unknown"):
            return None
        if (serial := serial_number(text)) is None:
            raise DeviceRefusedError(
                self._name, None, f"it does not report a serial number, but {text}"
            )
        return serial
