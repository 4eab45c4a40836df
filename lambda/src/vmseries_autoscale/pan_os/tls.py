"""Verify the server certificate of a PAN-OS device."""

from __future__ import annotations

import ssl
from typing import Any

from vmseries_autoscale.errors import SecretError


class _VerifyingContext(ssl.SSLContext):
    """A TLS context that verifies the certificate, optionally for a name other than the address."""

    server_name: str | None = None

    def wrap_socket(self, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        """Wrap the socket, and verify the certificate for ``server_name`` if it is set."""
        if self.server_name is not None:
            options["server_hostname"] = self.server_name
        return super().wrap_socket(*arguments, **options)


def verifying_context(ca_bundle: str | None, server_name: str | None = None) -> ssl.SSLContext:
    """Create the TLS context that verifies a device.

    Args:
        ca_bundle: Trusted certificates (PEM); ``None`` for the trust store of the system.
        server_name: Name that the certificate must be valid for; ``None`` for the address.

    Raises:
        SecretError: If ca_bundle is not in PEM format.
    """
    context = _VerifyingContext(ssl.PROTOCOL_TLS_CLIENT)
    context.server_name = server_name
    if ca_bundle is None:
        context.load_default_certs()
        return context
    try:
        context.load_verify_locations(cadata=ca_bundle)
    # Not only SSLError: the empty string is a ValueError, text that is not ASCII a TypeError.
    except (ssl.SSLError, ValueError, TypeError) as exc:
        raise SecretError(
            "ca_bundle in the secret does not contain certificates in PEM format"
        ) from exc
    # Trust every certificate in the bundle, including intermediate CAs, as Python 3.13 does by
    # default. Its other new default, VERIFY_X509_STRICT, stays off, because many private CAs issue
    # certificates without the extensions that it requires.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
