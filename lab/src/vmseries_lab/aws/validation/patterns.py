"""Compiles the regular expressions of AWS's models, which are Java's.

https://docs.oracle.com/javase/8/docs/api/java/util/regex/Pattern.html
"""

from __future__ import annotations

import functools
import re

import regex

_SURROGATES = re.compile(r"\\u(D[89AB][0-9A-F]{2})\\u(D[C-F][0-9A-F]{2})", re.IGNORECASE)


class UncheckedPatternError(ValueError):
    """The expression cannot be compiled, so no value can be compared with it."""


@functools.cache
def compiled(pattern: str) -> regex.Pattern[str]:
    r"""Return the compiled expression.

    Python's ``re`` knows neither ``\p{L}`` nor Java's pairs of surrogates, so pairs become the
    characters that they stand for, and ``regex`` compiles the result. As in Java, ``\w`` and ``\d``
    match ASCII characters only.

    Raises:
        UncheckedPatternError: if it is not a valid expression even so.
    """
    ascii_only = 0 if r"\p" in pattern else regex.ASCII
    try:
        return regex.compile(_SURROGATES.sub(_character, pattern), ascii_only)
    except regex.error as error:
        raise UncheckedPatternError(f"the pattern {pattern!r} does not compile: {error}") from error


def _character(pair: re.Match[str]) -> str:
    high, low = (int(digits, 16) for digits in pair.groups())
    return f"\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08X}"


def matches(pattern: str, text: str) -> bool:
    """Return whether the whole text matches, as AWS compares names with the patterns of its models.

    For example IAM, whose patterns are not anchored, answers ``The specified value for roleName is
    invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-``.

    Raises:
        UncheckedPatternError: if the expression cannot be compiled.
    """
    return compiled(pattern).fullmatch(text) is not None
