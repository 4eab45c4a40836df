"""The lab's certificate authority, for Panorama, the licensing API and the firewalls."""

from __future__ import annotations

import ssl

import trustme

PANORAMA_NAMES = ("panorama.example.com", "panorama-2.example.com")
FIREWALL_NAME = "firewall.example.com"
"""Name in the certificate of all firewalls."""
LICENSING_NAME = "api.paloaltonetworks.com"
STRATA_API_NAME = "api.strata.paloaltonetworks.com"
STRATA_IDENTITY_NAME = "auth.apps.paloaltonetworks.com"
IDENTITY_NAME = "identity.paloaltonetworks.com"


class Authority:
    """A private CA; only clients with :attr:`pem` trust its servers."""

    def __init__(self) -> None:
        self._authority = trustme.CA(
            organization_name="VM-Series lab", organization_unit_name="Certificate authority"
        )

    @property
    def pem(self) -> str:
        """CA certificate in PEM format, usable as a CA bundle."""
        return self._authority.cert_pem.bytes().decode()

    def server_context(self, *names: str) -> ssl.SSLContext:
        """Return a TLS server context with a certificate for ``names``, signed by this CA."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._authority.issue_cert(*names).configure_cert(context)
        return context
