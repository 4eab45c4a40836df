"""Check whether the function's role can read its secrets, and whether their format is correct.

No finding contains the content of a secret, except for user names.
"""

from __future__ import annotations

import ssl
from collections.abc import Generator, Mapping

from vmseries_autoscale import secret_store
from vmseries_autoscale.errors import SecretError
from vmseries_autoscale.pan_os.tls import verifying_context
from vmseries_autoscale.preflight.findings import Finding, Findings, checked, problem
from vmseries_autoscale.secret_store import Credentials, CreditPoolCredentials

READ_REMEDY = (
    "check the secret's ARN, its resource policy and the policy of its KMS key and, for a "
    "function in a VPC, the route to Secrets Manager"
)
FORMAT_REMEDY = (
    "put a new version of the secret; the functions use it after at most "
    f"{secret_store.CACHE_SECONDS // 60} minutes"
)


def check_administrator(secret_arn: str) -> Generator[Finding, None, Credentials | None]:
    """Check a secret with the credentials of an administrator.

    Returns:
        The credentials; ``None`` if the secret cannot be used. The reason is a finding.
    """
    try:
        credentials = secret_store.administrator_credentials(secret_arn)
    except SecretError as error:
        yield _unusable(error)
        return None
    values = {
        "username": credentials.username,
        "api_key": credentials.api_key,
        "password": credentials.password,
    }
    yield from _check_white_space(secret_arn, values)
    yield checked(f"Secret {secret_arn}: {credentials.username}, {_trust(credentials.ca_bundle)}.")
    return credentials


def check_credit_pool_credentials(
    secret_arn: str,
) -> Generator[Finding, None, CreditPoolCredentials | None]:
    """Check a secret with OAuth credentials for the credit-pool API.

    Returns:
        The credentials; ``None`` if the secret cannot be used. The reason is a finding.
    """
    try:
        credentials = secret_store.credit_pool_credentials(secret_arn)
    except SecretError as error:
        yield _unusable(error)
        return None
    values = {
        "client_id": credentials.client_id,
        "client_secret": credentials.client_secret,
    }
    yield from _check_white_space(secret_arn, values)
    auth_code = "an" if credentials.auth_code else "no"
    trust = _trust(credentials.ca_bundle)
    yield checked(f"Secret {secret_arn}: OAuth credentials, {auth_code} auth_code, {trust}.")
    return credentials


def check_trusted_certificates(
    secret_arn: str, credentials: Credentials | CreditPoolCredentials | None
) -> Generator[Finding, None, ssl.SSLContext | None]:
    """Check the trusted certificates in the ca_bundle of a secret.

    Returns:
        The TLS context; ``None`` if there are no credentials, or if their ca_bundle cannot be used.
        The reason is a finding.
    """
    if credentials is None:
        return None
    try:
        return verifying_context(credentials.ca_bundle)
    except SecretError as error:
        yield problem(f"Secret {secret_arn}: {error}: {FORMAT_REMEDY}.")
        return None


def check_firewall_administrator(secret_arn: str) -> Findings:
    """Check the secret with the credentials for the firewalls' own API."""
    credentials = yield from check_administrator(secret_arn)
    yield from check_trusted_certificates(secret_arn, credentials)


def check_licensing_api_key(secret_arn: str) -> Findings:
    """Check the secret with the licensing API key."""
    try:
        key = secret_store.licensing_api_key(secret_arn)
    except SecretError as error:
        yield _unusable(error)
        return
    yield from _check_white_space(secret_arn, {"api_key": key})
    yield checked(f"Secret {secret_arn}: a licensing API key.")


def _trust(ca_bundle: str | None) -> str:
    return "a ca_bundle" if ca_bundle else "no ca_bundle, so the CAs of the system are trusted"


def _unusable(error: SecretError) -> Finding:
    # An error with a cause means that the secret could not be read. Otherwise its format is wrong.
    remedy = FORMAT_REMEDY if error.__cause__ is None else READ_REMEDY
    return problem(f"{str(error)[:1].upper()}{str(error)[1:].rstrip('.')}: {remedy}.")


def _check_white_space(secret_arn: str, values: Mapping[str, str | None]) -> Findings:
    """Yield a problem for each value that is empty or has white space around it."""
    for name, value in values.items():
        if value is not None and (not value.strip() or value != value.strip()):
            defect = "begins or ends with white space" if value.strip() else "is empty"
            yield problem(f"Secret {secret_arn}: the value of {name} {defect}: {FORMAT_REMEDY}.")
