"""Remove secrets from texts that others wrote, before the texts become errors, logs or reports."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

from vmseries_autoscale.errors import shortened

HIDDEN = "***"
"""What replaces a secret."""

MINIMUM_LENGTH = 8
"""Shorter values are not hidden, because they may be parts of ordinary words by which errors are
recognized. Passwords of PAN-OS have at least eight characters by default ("Minimum Password
Complexity", PAN-OS Administrator's Guide), and API keys are longer."""


def redact(text: str, secrets: Iterable[str | None]) -> str:
    """Return ``text`` with every occurrence of a secret replaced by ``HIDDEN``.

    Args:
        text: Text of an AWS service or of a PAN-OS device, which may quote the request.
        secrets: Values to hide, also as they are encoded in forms and in XML. ``None`` and values
            shorter than ``MINIMUM_LENGTH`` are ignored.
    """
    forms = {form for secret in secrets if secret for form in _forms(secret)}
    # A longer form may contain a shorter one.
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, HIDDEN)
    return text


_ENCODED = re.compile(r"\s*Encoded authorization failure message:\s*\S+")
"""EC2 appends the details of a refusal, encoded ("Troubleshoot instance launch issues", Amazon EC2
User Guide). They are not readable, and they contain the request."""

_UNPRINTABLE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def readable(text: str, maximum: int) -> str:
    """Return a message of an AWS service as one line of at most ``maximum`` characters.

    Omits the encoded part of EC2's messages.
    """
    return shortened(_UNPRINTABLE.sub(" ", _ENCODED.sub("", text)).strip(), maximum)


def _forms(secret: str) -> tuple[str, ...]:
    """Return a secret as texts may contain it."""
    if len(secret) < MINIMUM_LENGTH:
        return ()
    return (
        secret,
        escape(secret),
        quote(secret, safe="", errors="replace"),
        quote_plus(secret, errors="replace"),
    )
