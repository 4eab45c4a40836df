"""What EC2's error codes mean to a visit.

The codes are those of "Error codes for the Amazon EC2 API",
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html. What is in none of the
sets (throttling, server errors, whatever is new) keeps its own exception and is retried until the
deadline.
"""

from __future__ import annotations

from botocore.exceptions import ClientError

from vmseries_autoscale.aws.clients import error_code
from vmseries_autoscale.errors import (
    AutoscaleError,
    CapacityError,
    Ec2RefusedError,
    EventualConsistencyError,
)

NOT_YET = frozenset(
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
"""EC2 is eventually consistent: what was made a moment ago may be unknown, or not usable,
yet; and what a second visit removed a moment ago may still be shown. A new look tells."""

REFUSED = frozenset(
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
"""The settings do not fit the account or the instance type; time does not change that."""

SCARCE = frozenset(
    {
        "AddressLimitExceeded",
        "InsufficientAddressCapacity",
        "InsufficientFreeAddressesInSubnet",
        "NetworkInterfaceLimitExceeded",
        "UnauthorizedOperation",
    }
)
"""Comes back when another instance has gone, or when a new permission has reached all of AWS."""


def meaning(error: ClientError, *, patient: bool) -> AutoscaleError | None:
    """Our error for one of EC2's, ``None`` if it has no meaning of its own.

    Args:
        error: what EC2 answered.
        patient: whether it is early enough to hope that what is scarce comes back.
    """
    code = error_code(error)
    text = f"{error.operation_name}: {code}: {error.response['Error'].get('Message', '')}"
    if code in NOT_YET:
        return EventualConsistencyError(text)
    if code in REFUSED or (code in SCARCE and not patient):
        return Ec2RefusedError(text)
    if code in SCARCE:
        return CapacityError(text)
    return None
