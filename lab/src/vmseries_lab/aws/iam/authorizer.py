"""Authorizes the calls of roles, of functions and operators, and rejects as the services do.

Other calls are not authorized here: neither those of the account's administrator, which Terraform
and the tests use, nor those of the firewalls, which ``firewalls.aws_calls`` authorizes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from vmseries_lab.aws.iam import roles
from vmseries_lab.aws.iam.action_reference import (
    NoSuchResourceError,
    Parameters,
    UnknownActionError,
    requests,
)
from vmseries_lab.aws.iam.policy_evaluation import Request
from vmseries_lab.aws.moto_patching import backend
from vmseries_lab.core.location import LOCATION

LAMBDA = "lambda.amazonaws.com"


@dataclass(frozen=True, slots=True)
class Rejection:
    """The error response to a call that is not allowed.

    Attributes:
        code: error code.
        message: error message.
        status: HTTP status.
    """

    code: str
    message: str
    status: int


@dataclass(frozen=True, slots=True)
class Session:
    """A role session: of a function's execution environment, or of another caller.

    Attributes:
        role_arn: ARN of the role.
        name: session name, which is the function's name for a function.
        of_function: whether it is the session of a function's execution environment.
    """

    role_arn: str
    name: str
    of_function: bool = True

    @property
    def caller_arn(self) -> str:
        """ARN of the session in error messages."""
        role = self.role_arn.rsplit("/", 1)[-1]
        return LOCATION.global_arn("sts", f"assumed-role/{role}/{self.name}")

    @property
    def function_arn(self) -> str:
        """ARN of the function, value of ``lambda:SourceFunctionArn`` in its own calls.

        https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
        """
        return LOCATION.arn("lambda", f"function:{self.name}")


class Authorizer:
    """Authorizes the calls of role sessions."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}

    def session(self, access_key: str) -> Session | None:
        """Return the session with this access key, ``None`` if it is not a role's or a firewall's.

        A session is a function's if Lambda can assume its role, or if the role was deleted, in
        which case it allows nothing. It is a firewall's if EC2 can assume its role.
        """
        session = self._sessions.get(access_key)
        if session is None:
            assumed = backend("sts").get_assumed_role_from_access_key(access_key)
            if assumed is None:
                return None
            session = Session(assumed.role_arn, assumed.session_name)
            self._sessions[access_key] = session
        if roles.find(session.role_arn) is None or roles.service_may_assume(
            session.role_arn, LAMBDA
        ):
            return session
        if roles.service_may_assume(session.role_arn, LOCATION.ec2_principal):
            return None
        return replace(session, of_function=False)

    def requests(
        self, session: Session, service: str, action: str, parameters: Parameters
    ) -> list[Request]:
        """Return the authorization requests of a call.

        Raises:
            UnknownActionError: if the action is not in the action reference.
            NoSuchResourceError: if a resource of the call does not exist.
        """
        own = {"lambda:SourceFunctionArn": session.function_arn} if session.of_function else {}
        needed = requests(service, action, parameters)
        return [replace(request, context={**request.context, **own}) for request in needed]

    def rejection(self, session: Session, service: str, needed: list[Request]) -> Rejection | None:
        """Return the service's error if the role denies one of the requests, otherwise ``None``."""
        denied = roles.first_denied(session.role_arn, needed)
        return None if denied is None else _rejection(session, service, denied)


def undecided(error: UnknownActionError | NoSuchResourceError) -> Rejection:
    """Return the lab's error for a call that it cannot authorize."""
    return Rejection("NotImplemented", str(error), 400)


def _rejection(session: Session, service: str, denied: Request) -> Rejection:
    """Return the service's error. IAM User Guide, "Troubleshoot access denied error messages"."""
    message = (
        f"User: {session.caller_arn} is not authorized to perform: {denied.action} on resource: "
        f"{denied.resource} because no policy allows the {denied.action} action, or one denies it"
    )
    if service == "ec2":
        # Error codes for the Amazon EC2 API, https://docs.aws.amazon.com/AWSEC2/latest/APIReference/
        # errors-overview.html. The encoded part is only for sts:DecodeAuthorizationMessage.
        return Rejection(
            "UnauthorizedOperation",
            f"You are not authorized to perform this operation. {message}. Encoded authorization "
            "failure message: lab",
            403,
        )
    if service in ("autoscaling", "elbv2", "sqs"):
        return Rejection("AccessDenied", message, 403)
    return Rejection("AccessDeniedException", message, 403 if service == "lambda" else 400)
