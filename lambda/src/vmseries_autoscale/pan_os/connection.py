"""A connection to the XML API of a PAN-OS device, Panorama or a firewall, through pan-os-python.

The library provides requests, API keys and response parsing. This module corrects faults of version
1.13.1, which does not verify certificates, waits up to twenty minutes, raises other libraries'
exceptions for timeouts and broken responses, and does not encode API keys. No other module imports
the library.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

import panos.base
import panos.errors

from vmseries_autoscale.errors import DeviceTimeoutError, DeviceUnavailableError
from vmseries_autoscale.pan_os.commands import to_xml
from vmseries_autoscale.pan_os.errors import classify_pan_os_error
from vmseries_autoscale.pan_os.tls import verifying_context
from vmseries_autoscale.redaction import redact
from vmseries_autoscale.secret_store import Credentials


class DeviceConnection:
    """A connection to one device, as one administrator.

    Not thread-safe, because the library keeps the response in the connection.

    Args:
        device: Name of the device in errors: ``PANORAMA``, or ``firewall`` and its address.
        address: Host name or IP address to connect to.
        port: TCP port of the XML API.
        timeout_seconds: Timeout of one request.
        credentials: Credentials of the administrator.
        server_name: Name that the certificate must be valid for; ``None`` for ``address``.

    Raises:
        SecretError: If the ca_bundle of the credentials is not in PEM format.
    """

    def __init__(
        self,
        device: str,
        address: str,
        port: int,
        timeout_seconds: int,
        credentials: Credentials,
        *,
        server_name: str | None = None,
    ) -> None:
        self._name = device
        self._address = address
        self._timeout_seconds = timeout_seconds
        self._device = _VerifiedDevice(
            verifying_context(credentials.ca_bundle, server_name),
            hostname=address,
            port=port,
            timeout=timeout_seconds,
            api_key=credentials.api_key and _encoded(credentials.api_key),
            api_username=credentials.username,
            api_password=credentials.password,
        )
        self._xapi: Any = None
        self._secrets = (credentials.api_key, credentials.password)

    def op(
        self, command: ET.Element, target: str | None = None, *, secrets: Collection[str] = ()
    ) -> ET.Element:
        """Run an operational command and return the response.

        Args:
            command: Command as an XML element.
            target: Serial number of the firewall that Panorama forwards the command to; ``None``
                to run the command on this device.
            secrets: Values in the command that no error may quote.

        Raises:
            AutoscaleError: As for ``request``.
        """
        extra = {} if target is None else {"target": target}
        return self.request(lambda xapi: xapi.op(to_xml(command), extra_qs=extra), secrets)

    def request(
        self, request: Callable[[Any], ET.Element], secrets: Collection[str] = ()
    ) -> ET.Element:
        """Make one request with the library's ``xapi`` object and return the response.

        Raises:
            AutoscaleError: If the device refuses the request or does not respond.
                ``classify_pan_os_error`` decides which subclass is raised.
        """
        with self._classified_errors(secrets):
            if self._xapi is None:
                # With a password, the library requests an API key here.
                self._xapi = self._device.xapi
            return request(self._xapi)

    @property
    def last_response(self) -> ET.Element:
        """The last response of the XML API, including refusals."""
        root: ET.Element = self._xapi.element_root
        return root

    @contextmanager
    def _classified_errors(self, secrets: Collection[str]) -> Iterator[None]:
        try:
            yield
        except panos.errors.PanXapiError as exc:
            code = self._xapi.status_code if self._xapi is not None else None
            # PAN-OS quotes values that it refuses. The cause is omitted, because it quotes them.
            text = redact(str(exc), [*self._secrets, *secrets, self._device.generated_api_key])
            raise classify_pan_os_error(self._name, code, text) from None
        except TimeoutError as exc:
            raise DeviceTimeoutError(
                self._name, f"{self._address} did not respond within {self._timeout_seconds} s"
            ) from exc
        except (OSError, http.client.HTTPException, UnicodeDecodeError) as exc:
            raise DeviceUnavailableError(
                self._name,
                f"{self._address} closed the connection before its response was complete: "
                f"{type(exc).__name__}",
            ) from exc


class _VerifiedDevice(panos.base.PanDevice):  # type: ignore[misc]  # panos has no types
    """The device class of pan-os-python, with verified certificates and encoded API keys."""

    def __init__(self, context: ssl.SSLContext, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._context = context
        self.generated_api_key: str | None = None

    def generate_xapi(self) -> Any:
        xapi = super().generate_xapi()
        xapi.ssl_context = self._context
        return xapi

    def _retrieve_api_key(self) -> str:
        # The library's own method would send the password over an unverified connection.
        xapi = panos.base.PanDevice.XapiWrapper(
            pan_device=self,
            api_username=self._api_username,
            api_password=self._api_password,
            hostname=self.hostname,
            port=self.port,
            timeout=self.timeout,
            ssl_context=self._context,
        )
        response: ET.Element = xapi.keygen(retry_on_peer=False)
        self.generated_api_key = response.findtext("result/key", "")
        return _encoded(self.generated_api_key)


def _encoded(api_key: str) -> str:
    """Encode an API key, because pan-python puts it into the form body without encoding."""
    return quote(api_key, safe="")
