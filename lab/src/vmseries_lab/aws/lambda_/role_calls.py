"""What Lambda calls for a function with the permissions of its role, beside logs and queues.

The interfaces themselves and the traces are not simulated: these calls are decided and written
down, and what Lambda does without the permission is what happens.
"""

from __future__ import annotations

from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException

from vmseries_lab.aws.iam import Request
from vmseries_lab.aws.requests import Calls
from vmseries_lab.core.world import ACCOUNT_ID, REGION

NO_KEY = "Lambda was unable to decrypt the environment variables because KMS access was denied."

_INTERFACE = f"arn:aws:ec2:{REGION}:{ACCOUNT_ID}:network-interface/*"
_VPC_ACTIONS = {
    "AssignPrivateIpAddresses": _INTERFACE,
    "CreateNetworkInterface": _INTERFACE,
    "DeleteNetworkInterface": _INTERFACE,
    "DescribeNetworkInterfaces": "*",
    "DescribeSubnets": "*",
    "UnassignPrivateIpAddresses": _INTERFACE,
}


def join_vpc(calls: Calls, function: dict[str, Any]) -> None:
    """Check what a new function in a VPC needs; Lambda refuses one whose role lacks any of it.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html, "Required IAM permissions"

    Args:
        calls: the log of calls.
        function: the request for CreateFunction.

    Raises:
        InvalidParameterValueException: with Lambda's sentence.
    """
    if not (function.get("VpcConfig") or {}).get("SubnetIds"):
        return
    for action, resource in _VPC_ACTIONS.items():
        asked = [Request(f"ec2:{action}", resource)]
        if not calls.by_service("ec2", action, function["Role"], asked=asked):
            raise InvalidParameterValueException(
                f"The provided execution role does not have permissions to call {action} on EC2"
            )


def start(calls: Calls, function: Any) -> bool:
    """What an execution environment begins with: its settings, and its traces.

    Settings that a key of the user's own encrypts are decrypted with the function's ARN as context
    (Lambda Developer Guide, "Securing Lambda environment variables"); traces that may not be
    sent are lost without an error ("Visualize Lambda function invocations using AWS X-Ray").

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
