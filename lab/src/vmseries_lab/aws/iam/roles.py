"""Roles: who may assume them, and what they may do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends

from vmseries_lab.aws.iam.policy_evaluation import Request, allows, permits
from vmseries_lab.core.world import ACCOUNT_ID


def find(role_arn: str) -> Any:
    """The role as moto keeps it, ``None`` if there is none."""
    try:
        return iam_backends[ACCOUNT_ID]["aws"].get_role_by_arn(role_arn)
    except NotFoundException:
        return None


def service_may_assume(role_arn: str, service: str) -> bool:
    """Whether the role exists and its trust policy lets ``service`` assume it."""
    role = find(role_arn)
    if role is None:
        return False
    return allows([role.assume_role_policy_document], "sts:AssumeRole", role_arn, service=service)


def role_allows(role_arn: str, action: str, resource: str) -> bool:
    """Whether the role allows ``action`` on ``resource``, in a request without any context."""
    return first_refused(role_arn, [Request(action, resource)]) is None


def documents(role: Any) -> list[str]:
    """The role's inline policies, and the attached ones in their default versions."""
    return [*role.policies.values(), *map(_document, role.managed_policies.values())]


def first_refused(role_arn: str, requests: Iterable[Request]) -> Request | None:
    """The first of the requests that the role does not allow, ``None`` if it allows all.

    Its policies must allow it, and its permissions boundary must, if it has one (IAM User Guide,
    "Permissions boundaries for IAM entities"). Policies of the resources (of a queue, a secret, a
    key) are not looked at: none that the module meets allows a function anything, and a key's
    default policy leaves it to IAM.
    """
    role = find(role_arn)
    if role is None:
        return next(iter(requests), None)
    policies, boundary = documents(role), _boundary(role)
    for request in requests:
        if not permits(policies, request):
            return request
        if boundary is not None and not permits([boundary], request):
            return request
    return None


def _document(policy: Any) -> str:
    versions = {version.version_id: version for version in policy.versions}
    return str(versions[policy.default_version_id].document)


def _boundary(role: Any) -> str | None:
    """The document of the role's permissions boundary; one that allows nothing if it is gone."""
    arn = role.permissions_boundary_arn
    if not arn:
        return None
    policy = iam_backends[ACCOUNT_ID]["aws"].managed_policies.get(arn)
    return _document(policy) if policy else '{"Statement": []}'
