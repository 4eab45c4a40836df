"""Mutators of an HTTP response: its status line, its headers, and how its body ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from fuzz.damage import odd_values, raw_bytes

CONTENT_TYPE = "Content-Type: application/xml; charset=UTF-8"


@dataclass(frozen=True)
class HttpResponse:
    """What a device sends on one connection before it closes it.

    Attributes:
        head: Status line and headers; ``None`` for those of a correct response.
        body: The body as it is sent.
        repeated: Bytes that are sent again and again after the body, for ``ENDLESS`` bytes.
    """

    body: bytes
    head: bytes | None = None
    repeated: bytes = b""

    @property
    def sent(self) -> bytes:
        """All bytes, without those that are repeated."""
        return (_head(len(self.body)) if self.head is None else self.head) + self.body


ENDLESS = 1 << 25
"""After how many bytes an endless response ends after all: 32 MiB."""


def damaged(rng: Random, response: HttpResponse) -> HttpResponse:
    """Return the response with another head, or another end."""
    return rng.choice(_MUTATORS)(rng, response)


def _head(length: int, status: str = "200 OK", *headers: str) -> bytes:
    lines = (f"HTTP/1.1 {status}", *(headers or (CONTENT_TYPE,)), f"Content-Length: {length}")
    return "\r\n".join((*lines, "Connection: close", "", "")).encode("utf-8", "surrogatepass")


_STATUSES = (
    *("100 Continue", "101 Switching", "204 No Content", "206 Partial", "304 Not Modified"),
    *("400 Bad", "401 Unauthorized", "403 Forbidden", "404 Not Found", "407 Proxy", "429 Many"),
    *("500 Error", "502 Bad Gateway", "503 Unavailable", "999 Odd", "000", "-1", "abc", ""),
    *("200 " + "x" * 3000, "20 OK", "2000 OK", "403 <b>\u202e</b>"),
)
_LOCATIONS = (
    *("http://127.0.0.1:1/", "https://localhost:1/", "file:///etc/passwd", "ftp://127.0.0.1:1/"),
    *("/api/", "//127.0.0.1:1/", "", "\x00", "http://[::1", "data:text/xml,<response/>"),
)
_CONTENT_TYPES = (
    *("text/plain; charset=utf-8", "text/plain", "text/html", "application/json", "text/xml", ""),
    *("application/octet-stream", "application/xml; charset=utf-16", "application/xml;charset=x"),
    *("APPLICATION/XML", ";", "application/xml" + ";a" * 500, "multipart/mixed; boundary=x"),
)


def _status(rng: Random, response: HttpResponse) -> HttpResponse:
    return replace(response, head=_head(len(response.body), rng.choice(_STATUSES)))


def _redirect(rng: Random, response: HttpResponse) -> HttpResponse:
    status = rng.choice(("301 Moved", "302 Found", "303 Other", "307 Temporary", "308 Permanent"))
    location = f"Location: {rng.choice(_LOCATIONS)}"
    return replace(response, head=_head(len(response.body), status, CONTENT_TYPE, location))


def _content_type(rng: Random, response: HttpResponse) -> HttpResponse:
    headers = [f"Content-Type: {rng.choice(_CONTENT_TYPES)}"]
    if rng.random() < 0.5:
        headers.append("Content-Disposition: " + rng.choice(("attachment; filename=a", "inline")))
    return replace(response, head=_head(len(response.body), "200 OK", *headers))


def _no_content_type(_: Random, response: HttpResponse) -> HttpResponse:
    return replace(response, head=_head(len(response.body), "200 OK", "Server: x"))


def _length(rng: Random, response: HttpResponse) -> HttpResponse:
    length = len(response.body)
    claim = rng.choice(
        (
            *("0", str(length // 2), str(length + 1), "9" * 30, "9" * 5000, "-1", "x", "", " 5 "),
            *(f"{length}, {length}", f"{length}\r\nContent-Length: 5", "0x10", "\uff11"),
        )
    )
    head = f"HTTP/1.1 200 OK\r\n{CONTENT_TYPE}\r\nContent-Length: {claim}\r\n\r\n"
    return replace(response, head=head.encode())


def _chunked(rng: Random, response: HttpResponse) -> HttpResponse:
    size = rng.choice(
        (f"{len(response.body):x}", "0", "-1", "f" * 20, "x", "", "9" * 5000, "5;a=b")
    )
    end = rng.choice((b"\r\n0\r\n\r\n", b"", b"\r\n0\r\nTrailer: " + b"x" * 9000 + b"\r\n\r\n"))
    head = f"HTTP/1.1 200 OK\r\n{CONTENT_TYPE}\r\nTransfer-Encoding: chunked\r\n\r\n"
    return HttpResponse(size.encode() + b"\r\n" + response.body + end, head.encode())


def _compressed(rng: Random, response: HttpResponse) -> HttpResponse:
    encoding = "Content-Encoding: " + rng.choice(("gzip", "br", "identity", "x"))
    return replace(response, head=_head(len(response.body), "200 OK", CONTENT_TYPE, encoding))


def _headers(rng: Random, response: HttpResponse) -> HttpResponse:
    header = rng.choice(
        (
            "\r\n".join(f"X-{n}: y" for n in range(rng.choice((90, 101, 5000)))),
            "X: " + "y" * rng.choice((1000, 65_530, 70_000, 1_000_000)),
            f"X: {odd_values.text(rng)}",
            f"{odd_values.text(rng)}: y",
            "no colon",
            " folded: line",
            "Set-Cookie: a=b\r\nTransfer-Encoding: identity",
        )
    )
    return replace(response, head=_head(len(response.body), "200 OK", CONTENT_TYPE, header))


def _no_head(rng: Random, response: HttpResponse) -> HttpResponse:
    head = rng.choice((b"", b"\r\n", b"HTTP/1.1 200", b"HTTP/0.9 200 OK\r\n\r\n", b"SSH-2.0-x\r\n"))
    return replace(response, head=head)


def _damaged_head(rng: Random, response: HttpResponse) -> HttpResponse:
    return replace(
        response, head=raw_bytes.damaged(rng, _head(len(response.body)), b"HTTP/1.1 500\r\n")
    )


def _endless(rng: Random, response: HttpResponse) -> HttpResponse:
    if rng.random() > 0.3:  # Each of them takes a hundred times the time of the others.
        return replace(response, body=b"")
    repeated = rng.choice((b"<a/>", b" ", b"<a>", b"x", response.body)) * 1000
    lines = rng.choice(
        (
            f"HTTP/1.1 200 OK\r\n{CONTENT_TYPE}\r\n\r\n",
            f"HTTP/1.1 200 OK\r\n{CONTENT_TYPE}\r\nContent-Length: {1 << 40}\r\n\r\n",
            "HTTP/1.1 500 Error\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX: ",
        )
    )
    if rng.random() < 0.3:
        chunk = f"{len(repeated):x}\r\n".encode() + repeated + b"\r\n"
        head = f"HTTP/1.1 200 OK\r\n{CONTENT_TYPE}\r\nTransfer-Encoding: chunked\r\n\r\n"
        return HttpResponse(b"", head.encode(), chunk)
    return HttpResponse(b"<response status='success'>", lines.encode(), repeated)


_Mutator = Callable[[Random, HttpResponse], HttpResponse]
_MUTATORS: tuple[_Mutator, ...] = (
    *(_status, _redirect, _content_type, _no_content_type, _length, _chunked, _compressed),
    *(_headers, _no_head, _damaged_head, _endless),
)
