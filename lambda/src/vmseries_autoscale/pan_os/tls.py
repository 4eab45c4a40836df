"""Verification of the server certificate of a PAN-OS device."""

from __future__ import annotations

import ssl
from typing import Any

from vmseries_autoscale.errors import SecretError


class _VerifyingContext(ssl.SSLContext):
    """Always verifies the server certificate, optionally against a name other than the address."""

    server_name: str | None = None

    def wrap_socket(self, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        """Expect a certificate for ``server_name``, if set, instead of the connection's address."""
        if self.server_name is not None:
            options["server_hostname"] = self.server_name
        return super().wrap_socket(*arguments, **options)


def verifying_context(ca_bundle: str | None, server_name: str | None = None) -> ssl.SSLContext:
    """Make the TLS context that verifies a device.

    Args:
        ca_bundle: trusted certificates (PEM); ``None`` means the system's trust store.
        server_name: the name that the certificate must be valid for; ``None`` means the address.

    Raises:
        SecretError: if ca_bundle is not PEM.
    """
    context = _VerifyingContext(ssl.PROTOCOL_TLS_CLIENT)
    context.server_name = server_name
    if ca_bundle is None:
        context.load_default_certs()
        return context
    try:
        context.load_verify_locations(cadata=ca_bundle)
    except ssl.SSLError as exc:
        raise SecretError("ca_bundle in the secret is not PEM certificates") from exc
    # Trust every certificate in the bundle, also intermediate CAs: a default from Python 3.13 on.
    # VERIFY_X509_STRICT, the other new default, stays off, because many private CAs issue
    # certificates without the extensions that it requires.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
