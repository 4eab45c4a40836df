"""What this function's role may do in AWS, as far as it can be tried without doing it.

Reads are made. What changes something in EC2 is asked for exactly as a visit would, with EC2's
parameter ``DryRun``: EC2 then answers ``DryRunOperation`` to who is allowed to and
``UnauthorizedOperation`` to who is not, and does nothing ("Error codes for the Amazon EC2 API",
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html). Other services have no
such parameter; what only they could tell by doing it is not tried.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnectionError

from vmseries_autoscale.aws.clients import error_code
from vmseries_autoscale.preflight.findings import Finding, Findings, checked, problem, unchecked

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from mypy_boto3_ec2 import EC2Client

ALLOWED = "DryRunOperation"

DENIED = frozenset(
    {"UnauthorizedOperation", "AccessDenied", "AccessDeniedException", "AuthorizationError"}
)


@dataclass(frozen=True, slots=True)
class Trial:
    """One call.

    Attributes:
        what: it does, as it stands after "may".
        call: makes it.
        existing: whether it is about something that is in use, and whose state may forbid it: only
            whether the function is allowed to is of interest.
    """

    what: str
    call: Callable[[], object]
    existing: bool = False


def tried(service: str, client: BaseClient, trials: Iterable[Trial]) -> Findings:
    """What comes of calls to one service; once it cannot be reached, the others are not made."""
    cut_off = False
    for trial in trials:
        if cut_off:
            yield unchecked(f"Whether the function may {trial.what}: it cannot reach {service}.")
            continue
        try:
            trial.call()
        except ClientError as error:
            yield _meaning(trial, error)
        except (NoConnectionError, HTTPClientError) as error:
            cut_off = True
            yield problem(
                f"{service} cannot be reached at {client.meta.endpoint_url} "
                f"({type(error).__name__}): give the functions' subnets a NAT gateway, or a VPC "
                f"endpoint of {service} whose security group lets them in, and let their own "
                "security groups out to TCP 443."
            )
        else:
            yield checked(f"The function may {trial.what}.")


def _meaning(trial: Trial, error: ClientError) -> Finding:
    code, text = error_code(error), error.response.get("Error", {}).get("Message", "").rstrip(".")
    if code == ALLOWED:
        return checked(f"The function may {trial.what}.")
    if code in DENIED:
        # What is encoded in EC2's text is of no use to a reader.
        text = text.partition(" Encoded authorization failure message")[0].rstrip(".")
        return problem(
            f"The function's role may not {trial.what} ({error.operation_name}: {text}): look for "
            "a permissions boundary, a service control policy or a changed role policy."
        )
    if trial.existing:
        return unchecked(
            f"Whether the function may {trial.what}: its state forbids it now "
            f"({error.operation_name}: {code})."
        )
    return problem(
        f"AWS refuses to {trial.what} ({error.operation_name}: {code}: {text}): correct what the "
        "module is given, or what has become of it."
    )


def dry(ec2: EC2Client) -> EC2Client:
    """A client whose calls say what would come of them and do nothing."""
    return cast("EC2Client", _Dry(ec2))


class _Dry:
    def __init__(self, ec2: EC2Client) -> None:
        self._ec2 = ec2

    def __getattr__(self, name: str) -> Any:
        return functools.partial(getattr(self._ec2, name), DryRun=True)
