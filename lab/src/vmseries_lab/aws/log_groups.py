"""The KMS keys of log groups, which moto keeps from their creation on and cannot change.

A log group has the key at once. That log events are encrypted with it is not simulated, nor are
query results.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_AssociateKmsKey.html
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DisassociateKmsKey.html
"""

from __future__ import annotations

from typing import Any

from moto.logs.exceptions import (
    InvalidParameterException,
    LogsClientError,
    ResourceNotFoundException,
)
from moto.logs.models import LogsBackend
from moto.logs.responses import LogsResponse

from vmseries_lab.aws.iam import allows
from vmseries_lab.aws.moto_patching import add, backend, wrap
from vmseries_lab.core.location import LOCATION

SERVICE = f"logs.{LOCATION.region}.amazonaws.com"
"""Service principal that uses the keys."""
USES = ("DescribeKey", "Decrypt", "Encrypt", "GenerateDataKey", "ReEncryptFrom", "ReEncryptTo")
"""What the key policy must allow. The guide lists them; which of them are checked, it does not say.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html, "Step 2: Set
permissions on the KMS key"
"""


def install() -> None:
    """Let keys of log groups change, and refuse those that CloudWatch Logs cannot use."""
    wrap(LogsBackend, "create_log_group", _create)
    add(LogsResponse, "associate_kms_key", _associate)
    add(LogsResponse, "disassociate_kms_key", _disassociate)


def _create(original: Any, store: Any, log_group_name: str, tags: Any, **settings: Any) -> Any:
    """CreateLogGroup: a key that cannot be used is refused as it is by AssociateKmsKey."""
    if settings.get("kmsKeyId") and log_group_name not in store.groups:
        _require(settings["kmsKeyId"], _arn(log_group_name))
    return original(store, log_group_name, tags, **settings)


def _associate(response: Any) -> str:
    """AssociateKmsKey: a key "overrides any existing associations"."""
    group = _named(response)
    key = response._get_param("kmsKeyId")  # noqa: SLF001
    _require(key, group.arn)
    group.kms_key_id = key
    return ""


def _disassociate(response: Any) -> str:
    """DisassociateKmsKey. AWS does not document an error for a group without a key."""
    _named(response).kms_key_id = None
    return ""


def _named(response: Any) -> Any:
    """Return the log group of a request, which has either its name or its ARN.

    Raises:
        InvalidParameterException: if the request has both or neither.
        NotImplementedError: for query results.
        ResourceNotFoundException: if there is no such group.
    """
    name = response._get_param("logGroupName")  # noqa: SLF001
    identifier = response._get_param("resourceIdentifier")  # noqa: SLF001
    if (name is None) == (identifier is None):
        raise InvalidParameterException(
            "Specify either the logGroupName or the resourceIdentifier, and not both."
        )
    if identifier and ":query-result:" in identifier:
        raise NotImplementedError("keys of query results")
    for group in response.logs_backend.groups.values():
        if name == group.name or identifier == group.arn:
            return group
    raise ResourceNotFoundException


def _require(key_arn: str, group_arn: str) -> None:
    """Refuse a key that CloudWatch Logs cannot use.

    The words for a missing key: hashicorp/terraform#24194; those for a key policy:
    hashicorp/terraform-provider-aws#29282. Those for other keys are not documented.

    Raises:
        InvalidParameterException: if the key does not exist, is not enabled or is asymmetric.
        LogsClientError: if the key policy does not let CloudWatch Logs use it for this group.
    """
    key = _found(key_arn)
    if key is None:
        raise InvalidParameterException("The specified KMS Key Id could not be found.")
    if key.key_state != "Enabled":
        raise InvalidParameterException("The specified KMS Key Id is not enabled.")
    if key.key_spec != "SYMMETRIC_DEFAULT":
        raise InvalidParameterException("The specified KMS Key Id is not symmetric.")
    context = {"kms:EncryptionContext:aws:logs:arn": group_arn}
    for use in USES:
        if not allows([key.policy], f"kms:{use}", key.arn, service=SERVICE, context=context):
            raise LogsClientError(
                "AccessDeniedException",
                "The specified KMS key does not exist or is not allowed to be used with Arn "
                f"'{group_arn}'",
            )


def _found(key_arn: str) -> Any:
    """Return the key with the ARN, or with the alias of the ARN; ``None`` if there is none here."""
    store = backend("kms")
    prefix, _, name = key_arn.rpartition(":")
    if f"{prefix}:" != LOCATION.arn("kms", ""):
        return None
    if name.startswith("alias/"):
        return store.keys.get(store.get_key_id_from_alias(name))
    return store.keys.get(name.removeprefix("key/")) if name.startswith("key/") else None


def _arn(name: str) -> str:
    return LOCATION.arn("logs", f"log-group:{name}")
