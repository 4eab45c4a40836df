"""Roles: their trust policies, and what their policies allow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from moto.iam.exceptions import NotFoundException

from vmseries_lab.aws.iam.policy_evaluation import Request, allows, effects
from vmseries_lab.aws.moto_patching import backend


def find(role_arn: str) -> Any:
    """Return moto's role, ``None`` if there is no such role."""
    try:
        return backend("iam").get_role_by_arn(role_arn)
    except NotFoundException:
        return None


def issued_credentials() -> list[dict[str, str]]:
    """Return the temporary credentials of all role sessions so far."""
    return [
        {
            "role": session.role_arn.rsplit("/", 1)[-1],
            "access_key_id": session.access_key_id,
            "secret_access_key": session.secret_access_key,
            "session_token": session.session_token,
        }
        for session in backend("sts").assumed_roles
    ]


def service_may_assume(role_arn: str, service: str) -> bool:
    """Whether the role exists and its trust policy allows ``service`` to assume it."""
    role = find(role_arn)
    if role is None:
        return False
    return allows([role.assume_role_policy_document], "sts:AssumeRole", role_arn, service=service)


def role_allows(role_arn: str, action: str, resource: str) -> bool:
    """Whether the role allows ``action`` on ``resource`` in a request without context."""
    return first_denied(role_arn, [Request(action, resource)]) is None


def documents(role: Any) -> list[str]:
    """Return the role's inline policies and the default versions of its attached policies."""
    return [*role.policies.values(), *map(_document, role.managed_policies.values())]


def first_denied(role_arn: str, requests: Iterable[Request]) -> Request | None:
    """Return the first request that the role does not allow, ``None`` if it allows all.

    Within an account, no policy may deny the request, and either the role's policies or the policy
    of the resource must allow it. So must the role's permissions boundary, if it has one (IAM User
    Guide, "Policy evaluation logic" and "Permissions boundaries for IAM entities"). The only
    resource policies that are evaluated are those of queues: the module gives no others to the
    resources that functions call, and a key's default policy delegates to IAM.
    """
    role = find(role_arn)
    if role is None:
        return next(iter(requests), None)
    policies, boundary = documents(role), _boundary(role)
    for request in requests:
        # "IAM role: the ARN of the role, and not that of the session" (IAM User Guide, "AWS global
        # condition context keys", aws:PrincipalArn).
        known = replace(request, context={**request.context, "aws:PrincipalArn": role_arn})
        allowed = effects(policies, known)
        allowed |= effects(_resource_policies(request.resource), known, principal=role_arn)
        limit = {"Allow"} if boundary is None else effects([boundary], known)
        if allowed != {"Allow"} or limit != {"Allow"}:
            return request
    return None


def _resource_policies(resource: str) -> list[str]:
    """Return the policy of a queue as a list; an empty list for other resources."""
    if ":sqs:" not in resource:
        return []
    queue = backend("sqs").queues.get(resource.rsplit(":", 1)[-1])
    return [queue.policy] if queue is not None and queue.policy else []


def _document(policy: Any) -> str:
    versions = {version.version_id: version for version in policy.versions}
    return str(versions[policy.default_version_id].document)


def _boundary(role: Any) -> str | None:
    """Return the role's permissions boundary, if any; a deleted one allows nothing."""
    arn = role.permissions_boundary_arn
    if not arn:
        return None
    policy = backend("iam").managed_policies.get(arn)
    return _document(policy) if policy else '{"Statement": []}'
