"""Calls that Lambda makes with a function's role: network interfaces, traces and decryption.

Network interfaces and traces are not simulated: the calls are only authorized and logged, and the
lab behaves as Lambda does if a permission is missing.
"""

from __future__ import annotations

from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException

from vmseries_lab.aws.iam import Request
from vmseries_lab.aws.requests import Calls
from vmseries_lab.core.location import LOCATION

NO_KEY = "Lambda was unable to decrypt the environment variables because KMS access was denied."

_INTERFACE = LOCATION.arn("ec2", "network-interface/*")
_VPC_ACTIONS = {
    "AssignPrivateIpAddresses": _INTERFACE,
    "CreateNetworkInterface": _INTERFACE,
    "DeleteNetworkInterface": _INTERFACE,
    "DescribeNetworkInterfaces": "*",
    "DescribeSubnets": "*",
    "UnassignPrivateIpAddresses": _INTERFACE,
}


def join_vpc(calls: Calls, function: dict[str, Any]) -> None:
    """Check the permissions that a new function in a VPC needs.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html, "Required IAM permissions"

    Args:
        calls: log of calls.
        function: parameters of CreateFunction.

    Raises:
        InvalidParameterValueException: with Lambda's message, if the role lacks a permission.
    """
    if not (function.get("VpcConfig") or {}).get("SubnetIds"):
        return
    for action, resource in _VPC_ACTIONS.items():
        needed = [Request(f"ec2:{action}", resource)]
        if not calls.by_service("ec2", action, function["Role"], needed=needed):
            raise InvalidParameterValueException(
                f"The provided execution role does not have permissions to call {action} on EC2"
            )


def start(calls: Calls, function: Any) -> bool:
    """Make the calls at the start of an execution environment: traces and decryption.

    Environment variables with a customer managed key are decrypted with the function's ARN as
    encryption context (Lambda Developer Guide, "Securing Lambda environment variables"). Without
    permission, traces are lost without an error ("Visualize Lambda function invocations using AWS
    X-Ray").

    Returns:
        Whether the environment can start.
    """
    if function.tracing_config.get("Mode") == "Active":
        calls.by_service("xray", "PutTelemetryRecords", function.role)
        calls.by_service("xray", "PutTraceSegments", function.role)
    if not function.kms_key_arn:
        return True
    return calls.by_service(
        "kms",
        "Decrypt",
        function.role,
        KeyId=function.kms_key_arn,
        EncryptionContext={"aws:lambda:FunctionArn": function.function_arn},
    )
