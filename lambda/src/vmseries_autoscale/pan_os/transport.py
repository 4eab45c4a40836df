"""Send one request to the XML API of a PAN-OS device over HTTPS, and read a bounded response.

docs/decisions/0011-bounded-responses.md explains why pan-os-python does not do this.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

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

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

MAXIMUM_HEADER_BYTES = 2**16
"""Size of a response's status line and headers, including interim responses."""

_FRAMING = 1.1
"""Factor by which the framing of chunks may enlarge a body. Tiny chunks are refused, because they
take too long to read."""

_PIECE = 2**16
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
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.device = device
        self._address = address
        self._port = port
        self._timeout_seconds = timeout_seconds
        self._context = context
        self._context.sslsocket_class = _BoundedSocket
        self._limits = limits
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
        deadline = _Deadline(self._timeout_seconds, self._clock or time.monotonic)
        connection = _Connection(self._address, self._port, self._context, deadline)
        try:
            with self._connection_errors():
                connection.connect()
            with self._response_errors():
                response = self._exchange(connection, urlencode(fields).encode())
        finally:
            connection.close()
        try:
            check_response(response.body, self._limits)
        except UnusableXmlError as error:
            raise self._not_xml_api(str(error)) from None
        return response

    def _exchange(self, connection: _Connection, form: bytes) -> Response:
        connection.request(
            "POST",
            "/api/",
            form,
            {"Content-Type": "application/x-www-form-urlencoded", "Connection": "close"},
        )
        tls = connection.sock  # The connection forgets it when it has read the headers.
        with connection.getresponse() as response:
            self._check_status(response.status)
            tls.remaining_bytes = int(_FRAMING * self._limits.body_bytes)
            return Response(self._read(response))

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

    def _read(self, response: http.client.HTTPResponse) -> bytes:
        limit = self._limits.body_bytes
        body = bytearray()
        announced = response.length or 0
        while max(announced, len(body)) <= limit and (piece := response.read(_PIECE)):
            body += piece
        if max(announced, len(body)) > limit:
            raise self._not_xml_api(f"more than {limit} bytes")
        if response.length:
            raise http.client.IncompleteRead(b"", response.length)
        return bytes(body)

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
        except _TooManyBytesError as exc:
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


class _Deadline:
    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._end = clock() + seconds

    def remaining_seconds(self) -> float:
        """Return the time until the deadline, more than zero.

        Raises:
            TimeoutError: If the deadline has passed.
        """
        remaining = self._end - self._clock()
        if remaining <= 0:
            raise TimeoutError("timed out")
        return remaining


class _TooManyBytesError(Exception):
    """The device sends more than the response may have."""


class _BoundedSocket(ssl.SSLSocket):
    """A TLS socket that reads and writes until a deadline, and reads a limited number of bytes.

    The timeout of a socket limits a single read, so a device that sends a byte each second would
    keep the function waiting without end.
    """

    deadline: _Deadline
    remaining_bytes: int = MAXIMUM_HEADER_BYTES

    def recv_into(self, buffer: WriteableBuffer, nbytes: int | None = None, flags: int = 0) -> int:
        """Read into a buffer.

        Raises:
            TimeoutError: If the deadline has passed.
            _TooManyBytesError: If the device has sent too many bytes.
        """
        self.settimeout(self.deadline.remaining_seconds())
        received = super().recv_into(buffer, nbytes, flags)
        self.remaining_bytes -= received
        if self.remaining_bytes < 0:
            raise _TooManyBytesError("too many bytes")
        return received

    def send(self, data: ReadableBuffer, flags: int = 0) -> int:
        """Send a part of the data. ``sendall`` calls this method for each part.

        Raises:
            TimeoutError: If the deadline has passed.
        """
        self.settimeout(self.deadline.remaining_seconds())
        return super().send(data, flags)


class _Connection(http.client.HTTPSConnection):
    """An HTTPS connection whose steps share one deadline."""

    sock: _BoundedSocket

    def __init__(
        self, address: str, port: int, context: ssl.SSLContext, deadline: _Deadline
    ) -> None:
        super().__init__(address, port, context=context)
        self._verifying_context = context
        self._deadline = deadline

    def connect(self) -> None:
        """Connect to the first address that responds, and establish TLS."""
        connected = self._connect_to_any()
        try:
            # Headers and body are two writes; without this option, the second waits for the first.
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connected.settimeout(self._deadline.remaining_seconds())
            self.sock = self._verifying_context.wrap_socket(  # type: ignore[assignment]
                connected, server_hostname=self.host
            )
        except BaseException:
            connected.close()
            raise
        self.sock.deadline = self._deadline

    def _connect_to_any(self) -> socket.socket:
        addresses = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        failure = OSError("the host name has no address")
        for number, (family, kind, protocol, _, address) in enumerate(addresses):
            try:
                # Fails for IPv6 on a system without it.
                attempt = socket.socket(family, kind, protocol)
            except OSError as error:
                failure = error
                continue
            try:
                # An address that does not respond leaves time for the next ones.
                share = self._deadline.remaining_seconds() / (len(addresses) - number)
                attempt.settimeout(share)
                attempt.connect(address)
            except OSError as error:
                attempt.close()
                failure = error
            else:
                return attempt
        raise failure
