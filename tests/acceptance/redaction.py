"""No record contains a secret, an account ID, an address or the ID of a resource. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any

from vmseries_scenarios.secret_search.search import MINIMUM_LENGTH, Needle, Place, search

PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("ARN", re.compile(r"\barn:aws[\w-]*:[^\s\"',;)]+")),
    ("URL", re.compile(r"\bhttps?://[^\s\"',;)]+")),
    ("access key", re.compile(r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}\b")),
    ("host name", re.compile(r"\bip-\d{1,3}(?:-\d{1,3}){3}[\w.-]*")),
    ("address", re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?\b")),
    ("MAC address", re.compile(r"\b[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}\b")),
    ("resource ID", re.compile(r"\b[a-z]{1,16}-[0-9a-f]{8,17}\b")),
    ("number", re.compile(r"(?<![\d.])\d{12,}(?![\d.])")),
)
"""What a record must not contain, by the word that replaces it."""
_COLONS = re.compile(r"(?<![\w:])[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?![\w:])")
"""What can be an IPv6 address."""


class LeakError(Exception):
    """A record would contain a secret. The text says which, without its value."""


def redact(text: str) -> str:
    """Return a text in which words replace identifiers and addresses."""
    text = _COLONS.sub(_without_address, text)
    for word, pattern in PATTERNS:
        text = pattern.sub(f"<{word}>", text)
    return text


def _without_address(match: re.Match[str]) -> str:
    """Return ``<address>`` for an IPv6 address, and other text, such as a time, as it is."""
    try:
        ip_address(match[0].rstrip("."))
    except ValueError:
        return match[0]
    return "<address>"


def neutral(value: Any) -> Any:
    """Return a JSON value with all its texts redacted."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {redact(str(key)): neutral(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [neutral(item) for item in value]
    return value


def refuse_secrets(text: str, needles: Iterable[Needle]) -> None:
    """Check that a record has no secret, in any form.

    Raises:
        LeakError: It has one. Nothing may be written then.
    """
    long = [needle for needle in needles if len(needle.value) >= MINIMUM_LENGTH]
    (found,) = search([Place("the record", (text,))], long)
    if found.hits:
        raise LeakError(f"The record would contain {', '.join(sorted(found.hits))}.")
