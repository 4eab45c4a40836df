"""Every call of a function decided by the policies of its role, and refused as the service does.

Nobody else's calls are decided: not the administrator's, by which Terraform and the tests work, and
not the firewalls', which have a check of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from moto.sts.models import sts_backends

from vmseries_lab.aws.iam import roles
from vmseries_lab.aws.iam.action_reference import (
    NoSuchResourceError,
    Parameters,
    UnknownActionError,
    requests,
)
from vmseries_lab.aws.iam.policy_evaluation import Request
from vmseries_lab.core.world import ACCOUNT_ID, REGION

LAMBDA = "lambda.amazonaws.com"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer to a call that is not allowed.

    Attributes:
        code: error code.
        status: HTTP status.
    """

    code: str
    message: str
    status: int


@dataclass(frozen=True, slots=True)
class Session:
    """A function's execution environment, as AWS knows it by its credentials.

    Attributes:
        name: of the session: the function's name.
    """

    role_arn: str
    name: str

    @property
    def caller_arn(self) -> str:
        """Who refusals say that it is."""
        role = self.role_arn.rsplit("/", 1)[-1]
        return f"arn:aws:sts::{ACCOUNT_ID}:assumed-role/{role}/{self.name}"

    @property
    def function_arn(self) -> str:
        """The function, which its own calls carry as ``lambda:SourceFunctionArn``.

        https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
        """
        return f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{self.name}"


class Gatekeeper:
    """Decides the calls of functions."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}

    def session(self, access_key: str) -> Session | None:
        """The function whose credentials these are, ``None`` if they are not a function's.

        A role is a function's if Lambda may assume it; one that is gone allows nothing.
        """
        session = self._sessions.get(access_key)
        if session is None:
            assumed = sts_backends[ACCOUNT_ID]["aws"].get_assumed_role_from_access_key(access_key)
            if assumed is None:
                return None
            session = Session(assumed.role_arn, assumed.session_name)
            self._sessions[access_key] = session
        gone = roles.find(session.role_arn) is None
        return session if gone or roles.service_may_assume(session.role_arn, LAMBDA) else None

    def requests(
        self, session: Session, service: str, action: str, parameters: Parameters
    ) -> list[Request]:
        """What IAM is asked for a function's own call.

        Raises:
            UnknownActionError: if the lab does not know.
            NoSuchResourceError: if something that the call names does not exist.
        """
        own = {"lambda:SourceFunctionArn": session.function_arn}
        asked = requests(service, action, parameters)
        return [replace(one, context={**one.context, **own}) for one in asked]

    def refusal(self, session: Session, service: str, asked: list[Request]) -> Refusal | None:
        """The service's refusal, if the role does not allow one of the requests."""
        refused = roles.first_refused(session.role_arn, asked)
        return None if refused is None else _refusal(session, service, refused)


def undecided(error: UnknownActionError | NoSuchResourceError) -> Refusal:
    """The lab's own refusal of a call that it cannot decide: nothing is allowed unseen."""
    return Refusal("NotImplemented", str(error), 400)


def _refusal(session: Session, service: str, refused: Request) -> Refusal:
    """How services say it: IAM User Guide, "Troubleshoot access denied error messages"."""
    about = (
        f"User: {session.caller_arn} is not authorized to perform: {refused.action} on resource: "
        f"{refused.resource} because no identity-based policy allows the {refused.action} action"
    )
    if service == "ec2":
        # Error codes for the Amazon EC2 API, https://docs.aws.amazon.com/AWSEC2/latest/APIReference/
        # errors-overview.html; what is encoded there is for sts:DecodeAuthorizationMessage only.
        return Refusal(
            "UnauthorizedOperation",
            f"You are not authorized to perform this operation. {about}. Encoded authorization "
            "failure message: lab",
            403,
        )
    if service in ("autoscaling", "elbv2", "sqs"):
        return Refusal("AccessDenied", about, 403)
    return Refusal("AccessDeniedException", about, 403 if service == "lambda" else 400)
