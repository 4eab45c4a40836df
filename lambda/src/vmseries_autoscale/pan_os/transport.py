"""Send one request to the XML API of a PAN-OS device over HTTPS, and read a bounded response.

docs/decisions/0011-bounded-responses.md explains why pan-os-python does not do this.
"""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from urllib.parse import urlencode

from vmseries_autoscale.bounded_https import BoundedConnection, Deadline, TooManyBytesError
from vmseries_autoscale.errors import (
    PANORAMA,
    DeviceAccessError,
    DeviceCertificateError,
    DeviceTimeoutError,
    DeviceUnavailableError,
    PanOsError,
)
from vmseries_autoscale.pan_os.values import printable
from vmseries_autoscale.pan_os.xml_limits import Limits, UnusableXmlError, check_response

_REDIRECTS = range(300, 400)
_SUCCESSES = range(200, 300)
_ACCESS_STATUSES = (401, 403)


class Transport:
    """The way to one device. Each request has its own connection.

    Redirects are not followed, and proxies of the environment are not used. Whatever the device
    sends, a request ends after ``timeout_seconds``, and its response has a limited size. Only the
    resolution of the device's host name has its own time limit, that of the system's resolver.

    Args:
        device: Name of the device in errors: ``PANORAMA``, or ``firewall`` and its address.
        address: Host name or IP address to connect to.
        port: TCP port of the XML API.
        timeout_seconds: Time limit of a whole request, from connecting to the end of the response.
        context: TLS context that verifies the device.
        limits: Limits of a response.
        gate: Returns a context in which each request is made, e.g. one that limits their number.
        clock: Clock for the time limit, in seconds; ``None`` for ``time.monotonic``.
    """

    def __init__(
        self,
        device: str,
        address: str,
        port: int,
        timeout_seconds: float,
        context: ssl.SSLContext,
        limits: Limits,
        gate: Callable[[], AbstractContextManager[None]] = nullcontext,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.device = device
        self._address = address
        self._port = port
        self._timeout_seconds = timeout_seconds
        self._context = context
        self._limits = limits
        self._gate = gate
        self._clock = clock

    @contextmanager
    def limited(self, timeout_seconds: float | None) -> Iterator[None]:
        """Give the requests inside of this context another time limit; ``None`` for the usual."""
        usual = self._timeout_seconds
        if timeout_seconds is not None:
            self._timeout_seconds = timeout_seconds
        try:
            yield
        finally:
            self._timeout_seconds = usual

    def post(self, fields: Mapping[str, str]) -> Response:
        """Send a form to the XML API and return the response, a valid XML document.

        Raises:
            DeviceCertificateError: If the server's certificate is not trusted.
            DeviceTimeoutError: If the device accepts the connection, but the response is not
                complete in time.
            DeviceAccessError: If the HTTP status says that the key or role is rejected.
            DeviceUnavailableError: If the device cannot be reached, redirects, or closes the
                connection early, or if its response is too large or not from the XML API.
        """
        with self._gate():
            response = self._send(urlencode(fields).encode())
        try:
            check_response(response.body, self._limits)
        except UnusableXmlError as error:
            raise self._not_xml_api(str(error)) from None
        return response

    def _send(self, form: bytes) -> Response:
        deadline = Deadline(self._timeout_seconds, self._clock or time.monotonic)
        connection = BoundedConnection(self._address, self._port, self._context, deadline)
        try:
            with self._connection_errors():
                connection.connect()
            with self._response_errors():
                return self._exchange(connection, form)
        finally:
            connection.close()

    def _exchange(self, connection: BoundedConnection, form: bytes) -> Response:
        _, body = connection.exchange(
            "POST",
            "/api/",
            form,
            {"Content-Type": "application/x-www-form-urlencoded"},
            self._limits.body_bytes,
            self._check_status,
        )
        return Response(body)

    def _check_status(self, status: int) -> None:
        if status in _ACCESS_STATUSES:
            raise DeviceAccessError(
                self.device,
                f"{self.device} returned HTTP {status}: the API key is wrong or expired, or the "
                "administrator's role does not allow the XML API; check the secret "
                f"{self._setting}.secret_arn and the role",
            )
        if status in _REDIRECTS:
            raise DeviceUnavailableError(
                self.device,
                f"{self.device} redirects to another address (HTTP {status}), which is not "
                "followed: no XML API is at this host name and port",
            )
        if status not in _SUCCESSES:
            raise DeviceUnavailableError(
                self.device, f"{self.device} returned HTTP {status} instead of a response"
            )

    def _not_xml_api(self, reason: str) -> DeviceUnavailableError:
        return DeviceUnavailableError(
            self.device,
            f"{self.device}: the response is not in the format of the PAN-OS XML API: {reason}",
        )

    @property
    def _setting(self) -> str:
        return "panorama" if self.device == PANORAMA else "firewall_api"

    @contextmanager
    def _connection_errors(self) -> Iterator[None]:
        """Replace errors until TLS is established: the device has not received the request."""
        try:
            yield
        except ssl.SSLCertVerificationError as exc:
            name = "its host name" if self.device == PANORAMA else "firewall_api.server_name"
            raise DeviceCertificateError(
                self.device,
                f"{self.device}: the certificate is not trusted for {name}; check ca_bundle in the "
                f"secret {self._setting}.secret_arn: {printable(str(exc))}",
            ) from exc
        except (OSError, ValueError) as exc:
            raise DeviceUnavailableError(
                self.device, f"{self.device} does not respond: {printable(str(exc))}"
            ) from exc

    @contextmanager
    def _response_errors(self) -> Iterator[None]:
        """Replace errors after the request was sent, at least in part."""
        try:
            yield
        except PanOsError:
            raise
        except TimeoutError:
            raise DeviceTimeoutError(
                self.device, f"{self._address} did not respond within {self._timeout_seconds} s"
            ) from None
        except TooManyBytesError as exc:
            raise self._not_xml_api(str(exc)) from None
        # http.client raises ValueError and OverflowError for some sizes of chunks.
        except (OSError, http.client.HTTPException, ValueError, OverflowError) as exc:
            raise DeviceUnavailableError(
                self.device,
                f"{self._address} closed the connection before its response was complete: "
                f"{type(exc).__name__}",
            ) from None  # The cause may quote the response.


@dataclass(frozen=True, slots=True)
class Response:
    """The part of urllib's response that pan-python reads.

    Attributes:
        body: XML document.
    """

    body: bytes

    def read(self) -> bytes:
        """Return the body."""
        return self.body

    def getheader(self, _name: str) -> str:
        """Return the content type, the only header that pan-python reads.

        The type that the device states does not matter, because the body is a valid document.
        """
        return "application/xml"
