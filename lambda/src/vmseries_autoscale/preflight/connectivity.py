"""The way to a host: its name, a connection, and TLS, each with what to look at if it fails."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Generator

from vmseries_autoscale.preflight.findings import Finding, checked, problem

CONNECT_SECONDS = 5
"""How long to wait for a connection: many times what any network between AWS and Panorama takes."""

_EXPIRED, _NOT_YET_VALID, _OTHER_NAME = 10, 9, (62, 64)
"""OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED, …_CERT_NOT_YET_VALID, …_HOSTNAME_MISMATCH and
…_IP_ADDRESS_MISMATCH (manual page X509_STORE_CTX_get_error)."""


def connected(hostname: str, port: int) -> Generator[Finding, None, bool]:
    """Whether a connection can be made; a reason why not is yielded."""
    where = f"{hostname}:{port}"
    try:
        socket.getaddrinfo(hostname, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        yield problem(
            f"{where}: the name cannot be resolved ({error.strerror}): correct "
            "panorama.hostnames, or let the functions' VPC resolve it (DNS support, private zone)."
        )
        return False
    try:
        socket.create_connection((hostname, port), CONNECT_SECONDS).close()
    except TimeoutError:
        yield problem(
            f"{where}: no answer within {CONNECT_SECONDS} s: look at the outbound rules of the "
            "functions' security groups, at the routes of their subnets (NAT gateway, transit "
            "gateway, VPN), and at what Panorama's side lets in (security group, permitted "
            "addresses of its management interface)."
        )
        return False
    except OSError as error:
        yield problem(
            f"{where}: the connection fails ({error.strerror or error}): look at panorama.port, "
            "and at whether Panorama, or something in its place, listens there."
        )
        return False
    yield checked(f"{where} can be reached.")
    return True


def trusted(
    hostname: str, port: int, context: ssl.SSLContext, secret_arn: str
) -> Generator[Finding, None, bool]:
    """Whether the server proves by its certificate who it is; a reason why not is yielded.

    Args:
        hostname: what the certificate must name.
        port: where the server listens.
        context: with the trusted certificates.
        secret_arn: the secret whose ca_bundle these are.
    """
    where = f"{hostname}:{port}"
    try:
        with (
            socket.create_connection((hostname, port), CONNECT_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=hostname),
        ):
            pass
    except ssl.SSLCertVerificationError as error:
        yield problem(f"{where}: {_mistrust(error, secret_arn)}.")
        return False
    except (ssl.SSLError, OSError) as error:
        yield problem(
            f"{where}: no TLS connection ({type(error).__name__}: {error}): something else may "
            "listen there, or an inspecting proxy or firewall on the way may break it."
        )
        return False
    yield checked(f"{where}: its certificate is trusted.")
    return True


def _mistrust(error: ssl.SSLCertVerificationError, secret_arn: str) -> str:
    if error.verify_code in _OTHER_NAME:
        return (
            "the certificate is for another name: write a name that is in it into "
            "panorama.hostnames, or give Panorama a certificate with this one"
        )
    if error.verify_code == _EXPIRED:
        return "the certificate, or one of those that signed it, has expired: renew it in Panorama"
    if error.verify_code == _NOT_YET_VALID:
        return "the certificate is not valid yet: look at the clock of whoever issued it"
    return (
        f"the certificate is not trusted ({error.verify_message}): put the CA that signed it as "
        f"PEM into ca_bundle of secret {secret_arn}"
    )
