"""Filters and pages of EC2's responses.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html: values of one filter are
alternatives, several filters must all match, ``*`` and ``?`` are wildcards, values are
case-sensitive. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html: pages.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from vmseries_lab.aws.ec2 import errors

SMALLEST_PAGE, LARGEST_PAGE = 5, 1000


def text(value: Any) -> str:
    """Return a value as text for a comparison: booleans are in lower case."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def matches(value: Any, wanted: Iterable[str]) -> bool:
    """Whether a value, or one of several values, matches one of the patterns."""
    if value is None:
        return False
    values = value if isinstance(value, (list, tuple, set)) else [value]
    return any(fnmatchcase(text(value), pattern) for value in values for pattern in wanted)


def matches_all(resource: Any, filters: Mapping[str, Sequence[str]] | None) -> bool:
    """Whether a moto resource matches every filter."""
    return all(
        matches(resource.get_filter_value(name), wanted) for name, wanted in (filters or {}).items()
    )


def page(
    items: Sequence[Any], size: int | None, token: str | None
) -> tuple[Sequence[Any], str | None]:
    """Return one page of ``items``, and the token of the next page or ``None``.

    Raises:
        EC2ClientError: for a size that is not from 5 to 1000, or an invalid token.
    """
    start = _position(token)
    if size is None:
        return items[start:], None
    if not SMALLEST_PAGE <= size <= LARGEST_PAGE:
        raise errors.bad_page_size(size)
    end = start + size
    following = base64.b64encode(f"from {end}".encode()).decode() if end < len(items) else None
    return items[start:end], following


def _position(token: str | None) -> int:
    if not token:
        return 0
    try:
        word, number = base64.b64decode(token, validate=True).decode().split()
        if word != "from":
            raise errors.bad_token()
        return int(number)
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise errors.bad_token() from None
