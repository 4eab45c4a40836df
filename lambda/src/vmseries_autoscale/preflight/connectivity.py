"""Check the connection to a host: name resolution, TCP and TLS, with a remedy for each failure."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Generator

from vmseries_autoscale.preflight.findings import Finding, checked, problem

CONNECT_SECONDS = 5
"""Timeout of a connection attempt: many times the latency between AWS and any Panorama."""

_EXPIRED, _NOT_YET_VALID, _OTHER_NAME = 10, 9, (62, 64)
"""OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED, …_CERT_NOT_YET_VALID, …_HOSTNAME_MISMATCH and
…_IP_ADDRESS_MISMATCH (manual page X509_STORE_CTX_get_error)."""


def check_connection(hostname: str, port: int) -> Generator[Finding, None, bool]:
    """Check that a TCP connection can be opened.

    Returns:
        Whether it can be opened. If not, the reason is a finding.
    """
    endpoint = f"{hostname}:{port}"
    try:
        socket.getaddrinfo(hostname, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        yield problem(
            f"{endpoint}: the name cannot be resolved ({error.strerror}): correct "
            "panorama.hostnames, or let the functions' VPC resolve it (DNS support, private zone)."
        )
        return False
    try:
        socket.create_connection((hostname, port), CONNECT_SECONDS).close()
    except TimeoutError:
        yield problem(
            f"{endpoint}: no response within {CONNECT_SECONDS} s: check the outbound rules of the "
            "functions' security groups, the routes of their subnets (NAT gateway, transit "
            "gateway, VPN), and what Panorama's network allows inbound (security group, permitted "
            "addresses of its management interface)."
        )
        return False
    except OSError as error:
        yield problem(
            f"{endpoint}: the connection failed ({error.strerror or error}): check panorama.port, "
            "and that Panorama, or a load balancer or proxy in front of it, listens there."
        )
        return False
    yield checked(f"{endpoint} can be reached.")
    return True


def check_certificate(
    hostname: str,
    port: int,
    context: ssl.SSLContext,
    secret_arn: str,
    server_name: str | None = None,
) -> Generator[Finding, None, bool]:
    """Check that the server's certificate is trusted.

    Args:
        hostname: Host name to connect to.
        port: TCP port of the server.
        context: TLS context with the trusted certificates.
        secret_arn: Secret whose ca_bundle contains these certificates.
        server_name: Name that the certificate must be valid for; ``None`` for ``hostname``.

    Returns:
        Whether the certificate is trusted. If not, the reason is a finding.
    """
    endpoint = f"{hostname}:{port}"
    try:
        with (
            socket.create_connection((hostname, port), CONNECT_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=server_name or hostname),
        ):
            pass
    except ssl.SSLCertVerificationError as error:
        yield problem(f"{endpoint}: {_certificate_problem(error, secret_arn)}.")
        return False
    except (ssl.SSLError, OSError) as error:
        reason = f"{type(error).__name__}: {error}"
        yield problem(f"{endpoint}: no TLS connection ({reason}): {_tls_advice(error)}.")
        return False
    yield checked(f"{endpoint}: the certificate is trusted.")
    return True


def _tls_advice(error: OSError) -> str:
    """Return what to do about a handshake that fails before there is a certificate to check."""
    # OpenSSL 3 refuses servers that cannot renegotiate safely (RFC 5746).
    if isinstance(error, ssl.SSLError) and error.reason == "UNSAFE_LEGACY_RENEGOTIATION_DISABLED":
        return (
            "Panorama, or a proxy on the path that decrypts, speaks an old form of TLS: update "
            "it, or exclude Panorama from decryption"
        )
    return (
        "check that no other service listens there, and that no proxy or firewall on the path "
        "intercepts TLS"
    )


def _certificate_problem(error: ssl.SSLCertVerificationError, secret_arn: str) -> str:
    if error.verify_code in _OTHER_NAME:
        return (
            "the certificate is for another name: set panorama.hostnames or panorama.server_name "
            "to a name in the certificate, or install a certificate for this name in Panorama"
        )
    if error.verify_code == _EXPIRED:
        return "the certificate or an issuer's certificate has expired: renew it in Panorama"
    if error.verify_code == _NOT_YET_VALID:
        return "the certificate is not valid yet: check the clock of its issuer"
    return (
        f"the certificate is not trusted ({error.verify_message}): put the certificate of the CA "
        f"that issued it as PEM into ca_bundle of secret {secret_arn}"
    )
