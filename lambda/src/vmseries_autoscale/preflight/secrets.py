"""Secrets: readable with this function's role, and of the right shape. Never what is in them."""

from __future__ import annotations

import ssl
from collections.abc import Generator, Mapping

from vmseries_autoscale import secret_store
from vmseries_autoscale.errors import SecretError
from vmseries_autoscale.preflight.findings import Finding, Findings, checked, problem
from vmseries_autoscale.secret_store import Credentials

READING = (
    "check the secret's ARN, its resource policy and the policy of its KMS key and, for a "
    "function in a VPC, the route to Secrets Manager"
)
SHAPE = "put a new version of the secret; a visit notices it after five minutes"


def administrator(secret_arn: str) -> Generator[Finding, None, Credentials | None]:
    """Who we are to Panorama or to firewalls; what is wrong with the secret is yielded."""
    try:
        found = secret_store.of_administrator(secret_arn)
    except SecretError as error:
        yield _unusable(error)
        return None
    values = {
        "username": found.username,
        "api_key": found.api_key,
        "password": found.password,
    }
    yield from _spoiled(secret_arn, values)
    certificates = "a ca_bundle" if found.ca_bundle else "no ca_bundle, so the system's CAs count"
    yield checked(f"Secret {secret_arn}: {found.username}, {certificates}.")
    return found


def trust(
    secret_arn: str, found: Credentials | None
) -> Generator[Finding, None, ssl.SSLContext | None]:
    """How a server is verified by what is in a secret; what is wrong with that is yielded."""
    # Slow to load, and only wanted here.
    from vmseries_autoscale.pan_os.connection import verifying_context  # noqa: PLC0415

    if found is None:
        return None
    try:
        return verifying_context(found.ca_bundle)
    except SecretError as error:
        yield problem(f"Secret {secret_arn}: {error}: {SHAPE}.")
        return None


def of_firewalls(secret_arn: str) -> Findings:
    """The administrator of the firewalls' own API."""
    found = yield from administrator(secret_arn)
    yield from trust(secret_arn, found)


def licensing_api_key(secret_arn: str) -> Findings:
    """The key by which firewalls give their licenses back."""
    try:
        key = secret_store.licensing_api_key(secret_arn)
    except SecretError as error:
        yield _unusable(error)
        return
    yield from _spoiled(secret_arn, {"api_key": key})
    yield checked(f"Secret {secret_arn}: a licensing API key.")


def _unusable(error: SecretError) -> Finding:
    # What has a cause could not be read; what has none was read.
    todo = SHAPE if error.__cause__ is None else READING
    return problem(f"{str(error)[:1].upper()}{str(error)[1:].rstrip('.')}: {todo}.")


def _spoiled(secret_arn: str, values: Mapping[str, str | None]) -> Findings:
    """The values that were stored with what came with them when they were copied."""
    for name, value in values.items():
        if value is not None and (not value.strip() or value != value.strip()):
            wrong = "begins or ends with white space" if value.strip() else "is empty"
            yield problem(f"Secret {secret_arn}: the value of {name} {wrong}: {SHAPE}.")
