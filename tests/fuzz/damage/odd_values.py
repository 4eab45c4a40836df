"""Values that break parsers: texts, numbers, sizes and depths."""

from __future__ import annotations

from random import Random

TEXTS = (
    *("", " ", "\t", "\n", "0", "-1", "null", "true", "None", "NaN", "[]", "{}", "yes", "no"),
    *("é", "ß", "İ", "\uff11\uff12\uff13", "٣", "²", "Ⅷ", "\U0001d7d9", "😀", "a\u0301", "\ufdfa"),
    *("\x00", "a\x00b", "\x1b[31m", "\x7f", "\x85", "\u2028", "\ufffe", "\uffff"),
    *("\u202eevil", "a\u200bb", "\u2066x\u2069", "\ufeff", "a\ufeffb", "\u00a0"),
    *("\ud800", "\udc80x", "x\udfff", "\udc00\ud800"),
    *("'", '"', "'\"", "`", "\\", "\\u0000", "../../etc/passwd", "%00", "%s%n", "${jndi:ldap://x}"),
    *("<a>", "</response>", "&amp;", "&#0;", "]]>", "<!--", "' or '1'='1", "entry[@name='x']"),
    *("i-1234567890abcdef0\n", " i-1234567890abcdef0", "I-1234567890ABCDEF0", "i-\uff11234567"),
    *("*", "?", "i-*", "arn:aws:iam::123456789012:role/x", "file:///etc/passwd", "http://[::1"),
    *("2026-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
    *("2026-11-22T10:00:00", "2026-W01-1T00:00Z", "20261122T100000Z", "2026-11-22T10:00:00+99:99"),
    *("007951000000099", "FIN", "FAIL", "PEND", "Commit", "CommitAll", "AutoCom", "autoscale"),
)
"""Texts, with NUL, direction marks, characters without a width, lone surrogates and near misses."""

NUMBERS = (
    *("0", "-0", "1", "-1", "17", "1.0", "0.1e-3", "1E400", "-1e999999", "1e-999999"),
    *("2147483648", "9223372036854775808", "18446744073709551616", "9" * 400, "9" * 5000),
    *("-" + "9" * 5000, "0." + "1" * 5000, "1e" + "9" * 40, "NaN", "Infinity", "-Infinity"),
    *("01", "+1", "0x10", "1_000", ".5", "5.", "1e", "-", "\uff11"),
)
"""Numbers as text, JSON's and others; Python refuses to convert more than 4,300 digits."""

_LENGTHS = (2, 40, 300, 1_100, 5_000, 20_000)
_LARGE_LENGTHS = (70_000, 300_000, 1_100_000, 2_500_000)
_DEPTHS = (1, 2, 20, 150, 250, 900, 1_100, 5_000)
_LARGE_DEPTHS = (20_000, 100_000, 200_000, 200_000)

MAXIMUM_LENGTH = 3_000_000
"""No input is longer, whatever several mutations make of it together."""

_LARGE = 0.03
_DEEP = 0.1
"""The shares of large sizes and depths. Each takes a hundred times as long as a small one."""


def text(rng: Random) -> str:
    """Return an odd text."""
    return rng.choice(TEXTS)


def number(rng: Random) -> str:
    """Return a number as text."""
    return rng.choice(NUMBERS)


def length(rng: Random) -> int:
    """Return a number of characters: mostly small, seldom megabytes."""
    return rng.choice(_LARGE_LENGTHS if rng.random() < _LARGE else _LENGTHS)


def depth(rng: Random) -> int:
    """Return a number of levels: mostly small, seldom 200,000."""
    return rng.choice(_LARGE_DEPTHS if rng.random() < _DEEP else _DEPTHS)


def lengthened(rng: Random, short: str) -> str:
    """Return the text, repeated until it is long."""
    size = length(rng)
    piece = short or rng.choice(("A", "é", "\u200b", "😀"))
    return (piece * (size // len(piece) + 1))[:size]


def renamed(rng: Random, name: str) -> str:
    """Return another name, often a similar one."""
    return rng.choice(
        (
            *(name.upper(), name.lower(), name + " ", " " + name, name[1:], name + "\u200b"),
            *(name + "2", "x" + name, name.replace("-", "_"), name[::-1]),
            *("", "a", "entry", "result", "response", "Event", "__class__", text(rng)),
        )
    )


def count(rng: Random) -> int:
    """Return how many mutations an input gets: mostly one or two."""
    number_of_mutations = 1
    while number_of_mutations < 6 and rng.random() < 0.45:
        number_of_mutations += 1
    return number_of_mutations
