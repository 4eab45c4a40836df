"""Classify EC2's error codes by how a visit handles them.

The codes come from "Error codes for the Amazon EC2 API",
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html. A code in none of the
sets (throttling, server errors, new codes) keeps its own exception and is retried until the
deadline.
"""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from vmseries_autoscale.errors import (
    AutoscaleError,
    CapacityError,
    Ec2RefusedError,
    EventualConsistencyError,
    TransientError,
    aws_error_code,
)

EVENTUAL_CONSISTENCY_CODES = frozenset(
    {
        "InvalidNetworkInterfaceID.NotFound",
        "InvalidAllocationID.NotFound",
        "InvalidAssociationID.NotFound",
        "InvalidAttachmentID.NotFound",
        "InvalidIPAddress.InUse",
        "InvalidInstanceID.NotFound",
        "InvalidNetworkInterface.InUse",
        "IncorrectState",
        "IncorrectInstanceState",
    }
)
"""A new object may be unknown or not usable yet, and EC2 may still show a removed object. The next
visit reads the state again."""

PERMANENT_CODES = frozenset(
    {
        "AttachmentLimitExceeded",
        "InvalidGroup.NotFound",
        "InvalidGroupId.Malformed",
        "InvalidSecurityGroupID.NotFound",
        "InvalidSubnet",
        "InvalidSubnetID.NotFound",
        "SecurityGroupsPerInterfaceLimitExceeded",
        "UnsupportedOperation",
    }
)
"""The settings do not fit the account or the instance type. A retry cannot succeed."""

CAPACITY_CODES = frozenset(
    {
        "AddressLimitExceeded",
        "InsufficientAddressCapacity",
        "InsufficientFreeAddressesInSubnet",
        "NetworkInterfaceLimitExceeded",
        "UnauthorizedOperation",
    }
)
"""A retry can succeed after another instance has terminated or a new permission has propagated."""


SERVER_ERROR_CODES = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "Unavailable",
    }
)
"""EC2 failed, and not the request ("Server error codes")."""


def ends_by_itself(error: Exception) -> bool:
    """Return whether the cause of an error ends without a change by an operator.

    Causes that end are an earlier state that EC2 still shows, the end of an invocation, a lost
    response and a failure of EC2. Missing permissions and refused requests do not end.
    """
    if isinstance(error, ClientError):
        return aws_error_code(error) in SERVER_ERROR_CODES
    return isinstance(error, BotoCoreError | TransientError)


def classify_ec2_error(error: ClientError, *, retry_capacity_errors: bool) -> AutoscaleError | None:
    """Return this package's error for an EC2 error; ``None`` if it has no class of its own.

    Args:
        error: The error of an EC2 call.
        retry_capacity_errors: Whether a capacity error is temporary. If false, it is permanent.
    """
    code = aws_error_code(error)
    text = f"{error.operation_name}: {code}: {error.response['Error'].get('Message', '')}"
    if code in EVENTUAL_CONSISTENCY_CODES:
        return EventualConsistencyError(text)
    if code in PERMANENT_CODES or (code in CAPACITY_CODES and not retry_capacity_errors):
        return Ec2RefusedError(text)
    if code in CAPACITY_CODES:
        return CapacityError(text)
    return None
