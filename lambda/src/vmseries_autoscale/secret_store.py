"""Read secrets: credentials for managers, firewalls and the vendor's licensing services."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from vmseries_autoscale.aws import clients
from vmseries_autoscale.errors import SecretError

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.parameters import SecretsProvider

MAXIMUM_LENGTH = 65_536
"""Length of a secret, in characters. Secrets Manager allows no more bytes (``PutSecretValue``, AWS
Secrets Manager API Reference)."""

_SINGLE_LINE = (
    "username",
    "api_key",
    "password",
    "client_id",
    "client_secret",
    "auth_code",
    "tsg_id",
)
"""Keys whose values go into requests. ``ca_bundle`` is checked when TLS is set up."""

_AUTH_CODE = re.compile(r"[A-Za-z0-9]{1,32}")
"""The known auth codes are a letter and seven digits."""

_TSG_ID = re.compile(r"[0-9]{1,20}")
"""The known ids of tenant service groups have ten digits."""

CACHE_SECONDS = 300
"""Time for which a secret is cached, and after which a new version takes effect at the latest."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Credentials of an administrator of Panorama or of the firewalls.

    Either ``api_key`` or ``password`` is ``None``.

    Attributes:
        username: Name of the administrator. Required with an API key too, because commits are
            limited to this administrator's changes.
        ca_bundle: Trusted certificates (PEM) for the server; ``None`` for the trust store of the
            system.
    """

    username: str
    api_key: str | None = field(repr=False)
    password: str | None = field(repr=False)
    ca_bundle: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class CreditPoolCredentials:
    """OAuth credentials for the vendor's credit-pool API.

    Attributes:
        auth_code: Auth code of the firewalls' deployment profile, which takes licenses; ``None``
            without one.
        ca_bundle: Trusted certificates (PEM), for a proxy that inspects TLS; ``None`` for the trust
            store of the system.
    """

    client_id: str
    client_secret: str = field(repr=False)
    auth_code: str | None = field(repr=False)
    ca_bundle: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class StrataCloudManagerCredentials:
    """Credentials of a service account of Strata Cloud Manager.

    Attributes:
        client_id: Client id, of the form ``name@tsg_id.iam.panserviceaccount.com``.
        tsg_id: Id of the tenant service group.
        ca_bundle: Trusted certificates (PEM), for a proxy that inspects TLS; ``None`` for the trust
            store of the system.
    """

    client_id: str
    client_secret: str = field(repr=False)
    tsg_id: str
    ca_bundle: str | None = field(default=None, repr=False)


def administrator_credentials(secret_arn: str) -> Credentials:
    """Read a secret of the form ``{"api_key" or "password", "username", "ca_bundle"?}``.

    Raises:
        SecretError: If the secret cannot be read or has the wrong keys. The message never contains
            the content of the secret.
    """
    content = _read(secret_arn)
    api_key, password = content.get("api_key"), content.get("password")
    if (api_key is None) == (password is None) or "username" not in content:
        raise SecretError(
            f"secret {secret_arn} must have the keys username and either api_key or password"
        )
    return Credentials(content["username"], api_key, password, content.get("ca_bundle"))


def licensing_api_key(secret_arn: str) -> str:
    """Read the licensing API key from a secret of the form ``{"api_key"}``.

    Raises:
        SecretError: If the secret cannot be read or has no such key.
    """
    content = _read(secret_arn)
    if "api_key" not in content:
        raise SecretError(f"secret {secret_arn} must have the key api_key")
    return content["api_key"]


def credit_pool_credentials(secret_arn: str) -> CreditPoolCredentials:
    """Read a secret of the form ``{"client_id", "client_secret", "auth_code"?, "ca_bundle"?}``.

    Raises:
        SecretError: If the secret cannot be read, or has other keys. The message never contains the
            content of the secret.
    """
    content = _read(secret_arn)
    if not {"client_id", "client_secret"} <= content.keys():
        raise SecretError(f"secret {secret_arn} must have the keys client_id and client_secret")
    auth_code = content.get("auth_code")
    if auth_code is not None and not _AUTH_CODE.fullmatch(auth_code):
        raise SecretError(
            f"secret {secret_arn}: the value of auth_code is not one auth code, which has only "
            "letters and digits"
        )
    return CreditPoolCredentials(
        content["client_id"], content["client_secret"], auth_code, content.get("ca_bundle")
    )


def strata_cloud_manager_credentials(secret_arn: str) -> StrataCloudManagerCredentials:
    """Read a secret of the form ``{"client_id", "client_secret", "tsg_id", "ca_bundle"?}``.

    Raises:
        SecretError: If the secret cannot be read, or has other keys. The message never contains the
            content of the secret.
    """
    content = _read(secret_arn)
    if not {"client_id", "client_secret", "tsg_id"} <= content.keys():
        raise SecretError(
            f"secret {secret_arn} must have the keys client_id, client_secret and tsg_id"
        )
    if not _TSG_ID.fullmatch(content["tsg_id"]):
        raise SecretError(
            f"secret {secret_arn}: the value of tsg_id is not the id of a tenant service group, "
            "which has only digits"
        )
    return StrataCloudManagerCredentials(
        content["client_id"], content["client_secret"], content["tsg_id"], content.get("ca_bundle")
    )


def clear_cache() -> None:
    """Discard all cached secrets, so that the next use of each reads it again."""
    _provider.cache_clear()


def _read(secret_arn: str) -> dict[str, str]:
    from aws_lambda_powertools.utilities.parameters.exceptions import (  # noqa: PLC0415
        GetParameterError,
    )

    try:
        document = str(_provider().get(secret_arn, max_age=CACHE_SECONDS))
    except GetParameterError as exc:
        raise SecretError(f"secret {secret_arn} cannot be read: {exc}") from exc
    if len(document) > MAXIMUM_LENGTH:
        raise SecretError(f"secret {secret_arn} is longer than {MAXIMUM_LENGTH} characters")
    try:
        content = json.loads(document)
    except (ValueError, RecursionError):
        # The cause is omitted, because it quotes the document.
        raise SecretError(f"secret {secret_arn} is not JSON") from None
    if not isinstance(content, dict) or not all(isinstance(item, str) for item in content.values()):
        raise SecretError(f"secret {secret_arn} must be a JSON object of strings")
    for key in _SINGLE_LINE:
        if key in content:
            _check_value(secret_arn, key, content[key])
    return content


def _check_value(secret_arn: str, key: str, value: str) -> None:
    """Check a value that goes into requests.

    Raises:
        SecretError: If the value is empty, or contains a line break or another character that
            cannot be printed, such as NUL.
    """
    if not value:
        raise SecretError(f"secret {secret_arn}: the value of {key} is empty")
    if not value.isprintable():
        raise SecretError(
            f"secret {secret_arn}: the value of {key} contains a character that cannot be printed, "
            "such as a line break"
        )


@cache
def _provider() -> SecretsProvider:
    from aws_lambda_powertools.utilities.parameters import SecretsProvider  # noqa: PLC0415

    return SecretsProvider(boto3_client=clients.secrets())
