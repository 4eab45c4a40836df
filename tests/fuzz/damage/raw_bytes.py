"""Mutators of bytes, which know nothing of their structure."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from fuzz.damage import odd_values


def damaged(rng: Random, content: bytes, other: bytes) -> bytes:
    """Return the content with some bytes changed.

    Args:
        rng: The input's random generator.
        content: The bytes to change.
        other: Another example of the same kind, to take bytes from.
    """
    for _ in range(odd_values.count(rng)):
        content = rng.choice(_MUTATORS)(rng, content, other)
    return content


def _span(rng: Random, content: bytes) -> tuple[int, int]:
    start = rng.randrange(len(content) + 1)
    return start, min(len(content), start + rng.choice((1, 2, 5, 20, 100, 1000)))


def _flip(rng: Random, content: bytes, _: bytes) -> bytes:
    if not content:
        return b"\x80"
    position = rng.randrange(len(content))
    changed = bytes([content[position] ^ (1 << rng.randrange(8))])
    return content[:position] + changed + content[position + 1 :]


def _cut(rng: Random, content: bytes, _: bytes) -> bytes:
    start, end = _span(rng, content)
    return content[:start] + content[end:]


def _end(rng: Random, content: bytes, _: bytes) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def _splice(rng: Random, content: bytes, other: bytes) -> bytes:
    return content[: rng.randrange(len(content) + 1)] + other[rng.randrange(len(other) + 1) :]


def _repeat(rng: Random, content: bytes, _: bytes) -> bytes:
    start, end = _span(rng, content)
    piece = content[start:end] or b"A"
    return content[:end] + piece * (odd_values.length(rng) // len(piece)) + content[end:]


def _insert(rng: Random, content: bytes, _: bytes) -> bytes:
    position = rng.randrange(len(content) + 1)
    odd = odd_values.text(rng).encode("utf-8", "surrogatepass")
    piece = rng.choice((odd, rng.randbytes(3), b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\xc0\x80"))
    return content[:position] + piece + content[position:]


def _encode(rng: Random, content: bytes, _: bytes) -> bytes:
    encoding = rng.choice(("utf-16", "utf-16-be", "utf-32", "utf-7", "utf-8-sig", "cp037"))
    return content.decode("utf-8", "replace").encode(encoding, "replace")


_Mutator = Callable[[Random, bytes, bytes], bytes]
_MUTATORS: tuple[_Mutator, ...] = (_flip, _cut, _end, _splice, _repeat, _insert, _encode)
