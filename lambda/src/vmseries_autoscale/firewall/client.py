"""A firewall's XML API: what it is asked, and what its answers mean."""

from __future__ import annotations

from vmseries_autoscale.errors import (
    FirewallAccessError,
    FirewallCertificateError,
    FirewallError,
    FirewallRefusedError,
    FirewallTimeoutError,
    FirewallUnavailableError,
    PanoramaAccessError,
    PanoramaCertificateError,
    PanoramaUnavailableError,
)
from vmseries_autoscale.firewall.interface import State
from vmseries_autoscale.pan_os import errors
from vmseries_autoscale.pan_os.connection import Connection, Errors, command, says_deactivated
from vmseries_autoscale.secret_store import Credentials
from vmseries_autoscale.settings import FirewallApiSettings


class PanOsFirewall:
    """The Firewall protocol, by pan-os-python. Not thread-safe: answers live in the library."""

    def __init__(
        self, address: str, settings: FirewallApiSettings, credentials: Credentials
    ) -> None:
        self._connection = Connection(
            address,
            settings.port,
            settings.timeout_seconds,
            credentials,
            Errors(_meaning, FirewallTimeoutError, FirewallUnavailableError),
            server_name=settings.server_name,
        )

    def state(self) -> State:
        """How far it has come since it was booted.

        "show chassis-ready" and "show jobs all", PAN-OS CLI reference; a job of type AutoCom is the
        auto-commit.
        """
        chassis = self._connection.op(command("show", "chassis-ready"))
        jobs = self._connection.op(command("show", "jobs", "all"))
        results = {
            int(job.findtext("id", "0")): job.findtext("result", "PEND")
            for job in jobs.iterfind("result/job")
            if job.findtext("type") == "AutoCom"
        }
        return State(
            chassis_ready=chassis.findtext("result", "").strip() == "yes",
            auto_commit=results[max(results)] if results else None,
        )

    def is_ready(self) -> bool:
        """Whether it forwards traffic by its configuration."""
        return self.state().ready

    def serial(self) -> str | None:
        """Its serial number, ``None`` before it has a license: then it says ``unknown``."""
        answer = self._connection.op(command("show", "system", "info"))
        serial = answer.findtext("result/system/serial", "")
        return None if serial in ("", "unknown") else serial

    def licenses(self) -> list[str]:
        """Features that it has a license for."""
        answer = self._connection.op(command("request", "license", "info"))
        return [entry.findtext("feature", "") for entry in answer.iterfind("result/licenses/entry")]

    def set_licensing_api_key(self, api_key: str) -> None:
        """Give it the licensing API key; that it has this one already is success."""
        try:
            self._connection.op(
                command("request", "license", "api-key", "set", "key", text=api_key)
            )
        except FirewallRefusedError as error:
            if "same as old" not in error.text.lower():
                raise

    def deactivate_license(self) -> bool:
        """Have it give its license back; whether it says that it has.

        It asks Palo Alto's license server first, which may take minutes: no answer in time is no
        failure, the licenses are read back by a later visit. A success can come in an envelope of
        an error.
        """
        deactivate = command("request", "license", "deactivate", "VM-Capacity", "mode", text="auto")
        try:
            return says_deactivated("".join(self._connection.op(deactivate).itertext()))
        except FirewallTimeoutError:
            return False
        except FirewallRefusedError as error:
            if says_deactivated(error.text):
                return True
            raise


def _meaning(code: str | None, text: str) -> FirewallError:
    """The error for an answer with this code and text, or for no answer at all.

    It is recognised like Panorama's, which has the same API; what Panorama alone can be busy with
    is a refusal here.
    """
    match errors.meaning(code, text):
        case PanoramaCertificateError():
            return FirewallCertificateError(
                "the firewall's certificate is not valid for firewall_api.server_name by the "
                f"ca_bundle of its secret: {text}"
            )
        case PanoramaUnavailableError():
            return FirewallUnavailableError(f"the firewall does not answer: {text}")
        case PanoramaAccessError():
            return FirewallAccessError(
                f"the firewall refuses the administrator's key, password or role: {text}"
            )
    return FirewallRefusedError(code, text)
