"""A connection to the XML API of a PAN-OS device, Panorama or a firewall, through pan-os-python.

The library builds the requests, requests API keys and parses the responses. ``transport`` sends the
requests and bounds the responses. No other module imports the library.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from xml.etree import ElementTree as ET

import panos.base
import panos.errors

from vmseries_autoscale.errors import DeviceUnavailableError
from vmseries_autoscale.pan_os.commands import to_xml
from vmseries_autoscale.pan_os.errors import classify_pan_os_error
from vmseries_autoscale.pan_os.tls import verifying_context
from vmseries_autoscale.pan_os.transport import Response, Transport
from vmseries_autoscale.pan_os.xml_limits import Limits
from vmseries_autoscale.redaction import redact
from vmseries_autoscale.secret_store import Credentials

_NOWHERE = "transport.invalid"
"""The host name that the library knows, which never exists (RFC 6761). If a version of the library
did not use the transport, its requests would fail."""


class DeviceConnection:
    """A connection to one device, as one administrator.

    Not thread-safe, because the library keeps the response in the connection.

    Args:
        device: Name of the device in errors: ``PANORAMA``, or ``firewall`` and its address.
        address: Host name or IP address to connect to.
        port: TCP port of the XML API.
        timeout_seconds: Time limit of one request, including its response.
        credentials: Credentials of the administrator.
        limits: Limits of a response.
        gate: Returns a context in which each request is made.
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
        limits: Limits,
        gate: Callable[[], AbstractContextManager[None]] = nullcontext,
        server_name: str | None = None,
    ) -> None:
        self._name = device
        context = verifying_context(credentials.ca_bundle, server_name)
        self._transport = Transport(device, address, port, timeout_seconds, context, limits, gate)
        self._device = _Device(self._transport, credentials)
        self._xapi: Any = None

    def op(
        self,
        command: ET.Element,
        target: str | None = None,
        *,
        secrets: Collection[str] = (),
        timeout_seconds: int | None = None,
    ) -> ET.Element:
        """Run an operational command and return the response.

        Args:
            command: Command as an XML element.
            target: Serial number of the firewall that Panorama forwards the command to; ``None``
                to run the command on this device.
            secrets: Values in the command that no error may quote.
            timeout_seconds: Time limit of this request; ``None`` for that of the connection.

        Raises:
            AutoscaleError: As for ``request``.
        """
        extra = {} if target is None else {"target": target}
        with self._transport.limited(timeout_seconds):
            return self.request(lambda xapi: xapi.op(to_xml(command), extra_qs=extra), secrets)

    def request(
        self, request: Callable[[Any], ET.Element], secrets: Collection[str] = ()
    ) -> ET.Element:
        """Make one request with the library's ``xapi`` object and return the response.

        Raises:
            AutoscaleError: If the device refuses the request or does not respond.
                ``classify_pan_os_error`` decides which subclass is raised.
        """
        try:
            if self._xapi is None:
                # With a password, the library requests an API key here.
                self._xapi = self._device.xapi
            return request(self._xapi)
        except panos.errors.PanXapiError as exc:
            code = self._xapi.status_code if self._xapi is not None else None
            # PAN-OS quotes values that it refuses. The cause is omitted, because it quotes the
            # whole response.
            text = redact(str(exc), [*self._device.secrets(), *secrets])
            raise classify_pan_os_error(self._name, code, text) from None

    @property
    def last_response(self) -> ET.Element:
        """The last response of the XML API, including refusals."""
        root: ET.Element = self._xapi.element_root
        return root


class _Device(panos.base.PanDevice):  # type: ignore[misc]  # panos has no types
    """The device class of pan-os-python, whose requests go through a transport."""

    def __init__(self, transport: Transport, credentials: Credentials) -> None:
        super().__init__(
            hostname=_NOWHERE,
            api_key=credentials.api_key,
            api_username=credentials.username,
            api_password=credentials.password,
        )
        self._transport = transport

    def secrets(self) -> list[str | None]:
        """Return the credentials, with an API key that the device generated."""
        return [self._api_password, self._api_key]

    def generate_xapi(self) -> Any:
        return _Xapi(self._transport, pan_device=self, hostname=_NOWHERE, api_key=self.api_key)

    def _retrieve_api_key(self) -> str:
        xapi = _Xapi(
            self._transport,
            pan_device=self,
            hostname=_NOWHERE,
            api_username=self._api_username,
            api_password=self._api_password,
        )
        api_key: str | None = xapi.keygen(retry_on_peer=False).findtext("result/key")
        if not api_key:
            device = self._transport.device
            raise DeviceUnavailableError(
                device, f"{device}: the response to the request for an API key contains no key"
            )
        return api_key


class _Xapi(panos.base.PanDevice.XapiWrapper):  # type: ignore[misc]
    """The XML API of pan-os-python and pan-python, with another transport."""

    def __init__(self, transport: Transport, **arguments: Any) -> None:
        self._transport = transport
        super().__init__(**arguments)

    def _PanXapi__api_request(self, query: Mapping[str, str]) -> Response:  # noqa: N802
        # The private method of pan-python through which each request goes, and the only one that
        # uses the network. Its caller reads the response.
        return self._transport.post(query)
