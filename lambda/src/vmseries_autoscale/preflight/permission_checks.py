"""Test the permissions of a function's role in AWS without changing anything.

Calls that read are made. EC2 calls that change resources are made exactly as in a visit, but with
EC2's parameter ``DryRun``: EC2 then returns ``DryRunOperation`` if the role allows the call and
``UnauthorizedOperation`` if it does not, and changes nothing ("Error codes for the Amazon EC2 API",
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html). Other services have no
such parameter. Their permissions to make changes are not tested.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnectionError

from vmseries_autoscale.errors import aws_error_code
from vmseries_autoscale.preflight.findings import Finding, Findings, checked, problem, unchecked
from vmseries_autoscale.redaction import readable

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from mypy_boto3_ec2 import EC2Client

MAXIMUM_TEXT = 500
"""Number of characters of AWS's message that a finding repeats."""

ALLOWED = "DryRunOperation"
"""The error code of a dry run that would have succeeded."""

DENIED = frozenset(
    {"UnauthorizedOperation", "AccessDenied", "AccessDeniedException", "AuthorizationError"}
)
"""The error codes of calls that the role does not allow."""


@dataclass(frozen=True, slots=True)
class PermissionCheck:
    """One call that tests a permission.

    Attributes:
        action: Action of the call, as a phrase that follows "may".
        call: Makes the call.
        on_existing: Whether the call refers to a resource in use, whose state may not allow the
            call. In this case, only the permission matters.
    """

    action: str
    call: Callable[[], object]
    on_existing: bool = False


def check_permissions(
    service: str, client: BaseClient, checks: Iterable[PermissionCheck]
) -> Findings:
    """Make the calls of one service. If the service cannot be reached, skip the remaining calls."""
    unreachable = False
    for check in checks:
        if unreachable:
            yield unchecked(f"Whether the function may {check.action}: {service} is not reachable.")
            continue
        try:
            check.call()
        except ClientError as error:
            yield _finding(check, error)
        except (NoConnectionError, HTTPClientError) as error:
            unreachable = True
            yield problem(
                f"{service} cannot be reached at {client.meta.endpoint_url} "
                f"({type(error).__name__}): give the functions' subnets a NAT gateway, or a VPC "
                f"endpoint of {service} whose security group allows the functions, and allow "
                "outbound TCP 443 in the functions' security groups."
            )
        else:
            yield checked(f"The function may {check.action}.")


def _finding(check: PermissionCheck, error: ClientError) -> Finding:
    code, text = (
        aws_error_code(error),
        error.response.get("Error", {}).get("Message", "").rstrip("."),
    )
    if code == ALLOWED:
        return checked(f"The function may {check.action}.")
    if code in DENIED:
        text = readable(text, MAXIMUM_TEXT).rstrip(".")
        return problem(
            f"The function's role may not {check.action} ({error.operation_name}: {text}): check "
            "for a permissions boundary, a service control policy or a changed role policy."
        )
    if check.on_existing:
        return unchecked(
            f"Whether the function may {check.action}: the resource's state does not allow it now "
            f"({error.operation_name}: {code})."
        )
    return problem(
        f"AWS refuses to {check.action} ({error.operation_name}: {code}: {text}): correct the "
        "module's inputs, or restore the resource that they name."
    )


def dry_run_client(ec2: EC2Client) -> EC2Client:
    """Wrap a client so that its calls only test permissions."""
    return cast("EC2Client", DryRunClient(ec2))


class DryRunClient:
    """An EC2 client that adds ``DryRun`` to every call."""

    def __init__(self, ec2: EC2Client) -> None:
        self._ec2 = ec2

    def __getattr__(self, name: str) -> Any:
        """Return the method of this name, with ``DryRun`` set."""
        return functools.partial(getattr(self._ec2, name), DryRun=True)
