"""No response of Panorama or of a firewall stops a function: each one is bounded, or a named error.

F4: a server that is trusted, but hostile or broken.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import ssl
import traceback
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl

import pan.xapi
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from component.fakes.raw_server import RawServer, http
from vmseries_autoscale.bounded_https import MAXIMUM_HEADER_BYTES
from vmseries_autoscale.errors import (
    PANORAMA,
    AutoscaleError,
    DeviceAccessError,
    DeviceCertificateError,
    DeviceRefusedError,
    DeviceTimeoutError,
    DeviceUnavailableError,
    PanOsError,
)
from vmseries_autoscale.pan_os.commands import command
from vmseries_autoscale.pan_os.connection import DeviceConnection
from vmseries_autoscale.pan_os.tls import verifying_context
from vmseries_autoscale.pan_os.transport import Transport
from vmseries_autoscale.pan_os.values import MAXIMUM_TEXT_LENGTH
from vmseries_autoscale.pan_os.xml_limits import FIREWALL_LIMITS, PANORAMA_LIMITS
from vmseries_autoscale.secret_store import Credentials

FIREWALL = "firewall 10.0.1.7"
SUCCESS = b'<response status="success"><result>yes</result></response>'
MIB = bytes(2**20)
FAR_TOO_MUCH = 4 * PANORAMA_LIMITS.body_bytes
"""More than the client reads, with everything that can be on the way."""


@pytest.fixture(scope="module")
def server() -> Iterator[RawServer]:
    with RawServer() as raw_server:
        yield raw_server


def connect(
    server: RawServer, device: str = PANORAMA, administrator: Credentials | None = None
) -> DeviceConnection:
    limits = PANORAMA_LIMITS if device == PANORAMA else FIREWALL_LIMITS
    return DeviceConnection(
        device, "localhost", server.port, 30, administrator or server.credentials, limits=limits
    )


def transport_with(server: RawServer, clock: Callable[[], float]) -> Transport:
    """A transport with a time limit of 10 s on this clock."""
    context = verifying_context(server.credentials.ca_bundle)
    return Transport(PANORAMA, "localhost", server.port, 10, context, PANORAMA_LIMITS, clock=clock)


def ask(server: RawServer, device: str = PANORAMA) -> str:
    """Make a request, and return the text of the result."""
    response = connect(server, device).op(command("show", "chassis-ready"))
    return response.findtext("result", "")


def refusal(text: str, attributes: str = "") -> bytes:
    return f'<response status="error" {attributes}><msg>{text}</msg></response>'.encode()


def chunked(chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nTransfer-Encoding: chunked\r\n\r\n"
    for chunk in chunks:
        yield b"%x\r\n%s\r\n" % (len(chunk), chunk)


# Responses that are accepted.


@pytest.mark.parametrize(
    "content_type",
    [
        "application/xml; charset=UTF-8",
        "application/xml",
        "text/xml",
        "text/plain; charset=utf-8",
        "text/html",
        "application/octet-stream",
        "",
    ],
)
def test_the_content_type_does_not_matter(server: RawServer, content_type: str) -> None:
    server.writes(http(SUCCESS, content_type=content_type))
    assert ask(server) == "yes"


@pytest.mark.parametrize("content_type", ["application/octet-stream", "text/plain"])
def test_an_attachment_is_read_like_any_response(server: RawServer, content_type: str) -> None:
    disposition = "Content-Disposition: attachment; filename=x.xml"
    server.writes(http(SUCCESS, disposition, content_type=content_type))
    assert ask(server) == "yes"


def test_a_chunked_response_and_one_without_length_are_read(server: RawServer) -> None:
    pieces = (SUCCESS[number : number + 7] for number in range(0, len(SUCCESS), 7))
    server.writes(*chunked(pieces), b"0\r\n\r\n")
    assert ask(server) == "yes"
    server.writes(b"HTTP/1.1 200 OK\r\n\r\n" + SUCCESS)
    assert ask(server) == "yes"


def test_an_address_of_an_unsupported_family_does_not_hide_the_next_one(
    server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an IPv6 address on a system without IPv6."""
    usable = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", server.port))
    unsupported = (socket.AF_APPLETALK, *usable[1:])
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [unsupported, usable])
    server.writes(http(SUCCESS))
    assert ask(server) == "yes"


def test_the_device_list_of_the_largest_panorama_is_read(server: RawServer) -> None:
    """A Panorama manages up to 5,000 firewalls."""
    fields = "".join(
        f"<field-{number}>value {number} of it</field-{number}>" for number in range(60)
    )
    entry = f'<entry name="007951000012345">{fields}</entry>'
    body = f'<response status="success"><result>yes{entry * 5000}</result></response>'.encode()
    assert len(body) > 10 * 2**20
    server.writes(http(body))
    assert ask(server) == "yes"


def test_a_proxy_of_the_environment_is_not_used(
    server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    server.writes(http(SUCCESS))
    assert ask(server) == "yes"


# Size.


@pytest.mark.documents(id="panorama/contention/oversized")
@pytest.mark.documents(id="readiness/gate/hostile-firewall")
def test_a_body_of_a_gibibyte_is_not_read(server: RawServer) -> None:
    headers = b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\n"
    for length in (b"Content-Length: 1073741824\r\n\r\n", b"\r\n"):
        server.streams(lambda length=length: [headers + length, *itertools.repeat(MIB, 1024)])  # type: ignore[misc]
        for device, limit in ((PANORAMA, 2**24), (FIREWALL, 2**20)):
            with pytest.raises(DeviceUnavailableError, match=f"more than {limit} bytes"):
                ask(server, device)
            assert server.sent < FAR_TOO_MUCH


@pytest.mark.documents(id="panorama/contention/oversized")
@pytest.mark.parametrize("size", [200, 2**10, 2**20])
def test_an_endless_chunked_body_is_not_read(server: RawServer, size: int) -> None:
    many = 2**16 // size + 1
    server.streams(
        lambda: (
            b"".join(chunked(itertools.repeat(b"x" * size, many))) if first else b"".join(rest)
            for first, rest in zip(
                itertools.chain([True], itertools.repeat(False)),
                itertools.repeat([b"%x\r\n%s\r\n" % (size, b"x" * size)] * many),
                strict=False,
            )
        )
    )
    with pytest.raises(DeviceUnavailableError, match="not in the format of the PAN-OS XML API"):
        ask(server)
    assert server.sent < FAR_TOO_MUCH


@pytest.mark.parametrize(
    "headers",
    [
        lambda: itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
        lambda: itertools.chain([b"HTTP/1.1 200 OK\r\n"], itertools.repeat(b"X-A: b\r\n" * 1000)),
        lambda: itertools.chain([b"HTTP/1.1 200 OK\r\nX-A: "], itertools.repeat(b"x" * 10_000)),
        lambda: itertools.repeat(b"x" * 10_000),
    ],
    ids=["interim responses", "headers", "a header", "the status line"],
)
def test_endless_headers_are_not_read(server: RawServer, headers: Any) -> None:
    server.streams(headers)
    with pytest.raises(DeviceUnavailableError):
        ask(server)
    assert server.sent < FAR_TOO_MUCH


# Time. The server moves the clock, so that no test waits.


class Clock:
    """A clock that the server moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.documents(id="panorama/contention/timeout")
@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Type: ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
    ],
    ids=["status", "headers", "body", "chunked", "without length"],
)
def test_a_response_of_one_byte_each_second_ends_at_the_time_limit(
    server: RawServer, beginning: bytes
) -> None:
    """The timeout of a socket would start again with each byte."""
    clock = Clock()

    def drip(connection: ssl.SSLSocket) -> None:
        connection.sendall(beginning)
        for _ in range(100_000):
            clock.now += 1
            connection.sendall(b"x")
            server.sent += 1

    server.script = drip
    transport = transport_with(server, clock)
    with pytest.raises(DeviceTimeoutError, match="localhost did not respond within 10 s"):
        transport.post({"type": "op"})
    assert server.sent < 100_000


def test_a_device_that_accepts_the_connection_only_is_unavailable(server: RawServer) -> None:
    """Nothing was sent to it, so the request cannot have been executed."""
    clock = iter([0.0, 0.0, 20.0])
    transport = transport_with(server, lambda: next(clock))
    server.requests.clear()
    with pytest.raises(DeviceUnavailableError, match="does not respond: timed out") as raised:
        transport.post({"type": "op"})
    assert not isinstance(raised.value, DeviceTimeoutError)
    assert server.requests == []


# Redirects and other statuses.


@pytest.mark.documents(id="panorama/contention/bad-response")
@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 Other", "307 Temporary", "308 P"]
)
@pytest.mark.parametrize("target", ["http://127.0.0.1:{}/", "https://localhost:{}/", "file:///"])
def test_a_redirect_is_not_followed(server: RawServer, status: str, target: str) -> None:
    server.requests.clear()
    server.writes(http(SUCCESS, f"Location: {target.format(server.port)}", status=status))
    with pytest.raises(DeviceUnavailableError, match="redirects to another address"):
        ask(server)
    assert len(server.requests) == 1


@pytest.mark.parametrize("device", [PANORAMA, FIREWALL])
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("401 Unauthorized", DeviceAccessError),
        ("403 Forbidden", DeviceAccessError),
        ("404 Not Found", DeviceUnavailableError),
        ("500 Error", DeviceUnavailableError),
        ("502 Bad Gateway", DeviceUnavailableError),
        ("503 Unavailable", DeviceUnavailableError),
        ("199 Odd", DeviceUnavailableError),
        ("999 Odd", DeviceUnavailableError),
        ("20 Odd", DeviceUnavailableError),
        ("abc", DeviceUnavailableError),
    ],
)
def test_each_http_status_has_its_error(
    server: RawServer, device: str, status: str, expected: type[PanOsError]
) -> None:
    server.writes(http(SUCCESS, status=status))
    with pytest.raises(PanOsError) as raised:
        ask(server, device)
    assert type(raised.value) is expected
    assert raised.value.device == device


@pytest.mark.parametrize(
    ("device", "setting"),
    [(PANORAMA, "panorama.secret_arn"), (FIREWALL, "firewall_api.secret_arn")],
)
def test_an_error_of_the_credentials_names_the_secret(
    server: RawServer, device: str, setting: str
) -> None:
    server.writes(http(b"", status="403 Forbidden"))
    with pytest.raises(DeviceAccessError, match=setting):
        ask(server, device)
    untrusting = Credentials("autoscale", "key", None, None)
    connection = connect(server, device, untrusting)
    with pytest.raises(DeviceCertificateError, match=setting):
        connection.op(command("show"))


# Contents.


@pytest.mark.documents(id="panorama/contention/oversized")
@pytest.mark.parametrize(
    "body",
    [
        b'<response status="success">' + b"<a>" * 200_000 + b"</a>" * 200_000 + b"</response>",
        b'<response status="success">' + b"<a>" * 1_000_000,
        b'<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><r a="">&b;</r>',
        '<!DOCTYPE response><response status="success"/>'.encode("utf-16"),
        '<!DOCTYPE response><response status="success"/>'.encode("utf-16-le"),
        b'<html lang="en"><body>Sign in to the network</body></html>',
        b"<response/>",
        b"{}",
        b"",
        b"\xff\xfe",
        b'<response status="success">\xe9</response>',
    ],
    ids=lambda body: repr(body[:40]),
)
@pytest.mark.parametrize("content_type", ["application/xml", "text/plain; charset=utf-8"])
def test_a_response_that_is_not_from_the_xml_api_is_refused(
    server: RawServer, body: bytes, content_type: str
) -> None:
    server.writes(http(body, content_type=content_type))
    with pytest.raises(DeviceUnavailableError, match="not in the format of the PAN-OS XML API"):
        ask(server)


@pytest.mark.parametrize(
    "response",
    [
        http(SUCCESS)[:-10],
        b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + SUCCESS,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n" + SUCCESS,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n" + SUCCESS,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n" + SUCCESS,
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n<response",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Enc",
        b"HTTP/9.9 200 OK\r\n\r\n" + SUCCESS,
        http(SUCCESS, "Content-Encoding: gzip")[:-1] + b"\x1f\x8b",
        SUCCESS,
        b"\r\n\r\n",
        b"\x00" * 100,
        b"",
    ],
    ids=lambda value: repr(value[-45:]),
)
def test_a_broken_response_makes_the_device_unavailable(server: RawServer, response: bytes) -> None:
    server.writes(response)
    with pytest.raises(DeviceUnavailableError):
        ask(server)


@pytest.mark.documents(id="panorama/contention/odd-values")
@pytest.mark.documents(id="readiness/gate/hostile-firewall")
@pytest.mark.parametrize("device", [PANORAMA, FIREWALL])
def test_the_text_of_a_refusal_is_cut(server: RawServer, device: str) -> None:
    text = "x" * (5_000_000 if device == PANORAMA else 500_000)
    server.writes(http(refusal(text, f'code="{"1" * len(text)}"')))
    with pytest.raises(DeviceRefusedError) as raised:
        ask(server, device)
    assert raised.value.code is None
    assert len(raised.value.text) == MAXIMUM_TEXT_LENGTH + 1
    assert len(str(raised.value)) < MAXIMUM_TEXT_LENGTH + 100
    trace = "".join(traceback.format_exception(raised.value))
    assert trace.count("x") < 3 * MAXIMUM_TEXT_LENGTH, "the cause is not quoted either"


def test_a_refusal_that_looks_like_many_texts_is_classified_quickly(server: RawServer) -> None:
    """Patterns with two wildcards would need hours for megabytes of their beginnings."""
    server.writes(http(refusal("commit queue no config holding " * 300_000)))
    with pytest.raises(AutoscaleError):
        ask(server)


@pytest.mark.parametrize("result", ["", "<key/>", "<key><a/></key>"])
def test_a_response_to_keygen_without_a_key_is_an_error(server: RawServer, result: str) -> None:
    server.writes(http(f'<response status="success"><result>{result}</result></response>'.encode()))
    password = Credentials("autoscale", None, "password", server.credentials.ca_bundle)
    connection = connect(server, FIREWALL, password)
    with pytest.raises(PanOsError, match="key"):
        connection.op(command("show"))
    assert b"keygen" in server.requests[-1]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=200)
    | st.builds(
        lambda status, headers, body: b"HTTP/1.1 %d\r\n%s\r\n\r\n%s" % (status, headers, body),
        st.integers(0, 1000),
        st.sampled_from([b"", b"A: b", b"Content-Length: 5", b"Transfer-Encoding: chunked", b":"]),
        st.binary(max_size=100) | st.just(SUCCESS),
    )
)
def test_any_bytes_are_a_response_or_a_named_error(server: RawServer, data: bytes) -> None:
    server.writes(data)
    with contextlib.suppress(PanOsError):
        ask(server)


# The library.


def test_each_request_of_the_library_goes_through_the_transport(
    server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transport replaces a private method of pan-python.

    If a new version of pan-python or pan-os-python does not call this method, this test fails.
    """

    def refuse(**_: object) -> None:
        raise AssertionError("pan-python uses its own transport")

    monkeypatch.setattr(pan.xapi, "urlopen", refuse)
    server.requests.clear()
    server.writes(http(b'<response status="success"><result><key>k</key></result></response>'))
    password = Credentials("autoscale", None, "password", server.credentials.ca_bundle)
    connection = connect(server, PANORAMA, password)
    connection.op(command("show"))
    connection.op(command("show"), target="007951000012345")
    requests = [
        lambda xapi: xapi.show("/config"),
        lambda xapi: xapi.get("/config"),
        lambda xapi: xapi.delete("/config"),
        lambda xapi: xapi.commit(cmd="<commit/>"),
        lambda xapi: xapi.commit(cmd="<commit-all/>", action="all"),
        lambda xapi: xapi.ad_hoc(qs={"type": "config"}, modify_qs=True),
    ]
    for request in requests:
        connection.request(request)
    kinds = [dict(parse_qsl(request.decode()))["type"] for request in server.requests]
    assert kinds == ["keygen", *["op"] * 2, *["config"] * 3, *["commit"] * 2, "config"]


def test_without_the_transport_the_library_reaches_no_device(
    server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(
        "vmseries_autoscale.pan_os.connection._Xapi._PanXapi__api_request", raising=True
    )
    server.requests.clear()
    with pytest.raises(PanOsError):
        ask(server)
    assert server.requests == []


def test_the_limits_leave_room_for_headers_in_the_first_read() -> None:
    assert MAXIMUM_HEADER_BYTES > 2**15
