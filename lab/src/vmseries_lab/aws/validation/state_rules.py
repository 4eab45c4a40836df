"""Documented rules that depend on what the account has, which moto does not apply."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.backends import get_backend

from vmseries_lab.aws.validation.constraints import Constraint
from vmseries_lab.aws.validation.errors import Violation

_SET_SUBNETS = (
    "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_SetSubnets.html"
)

_IAM_QUOTAS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"
ROLE_POLICY_CHARACTERS = 10_240


def violation_of_state(
    response: Any, service: str, action: str, parameters: dict[str, Any]
) -> list[Violation]:
    """Return what is wrong with a call whose parameters are right by themselves."""
    rule = _RULES.get((service, action))
    return [] if rule is None else rule(response, parameters)


def _set_subnets(response: Any, parameters: dict[str, Any]) -> list[Violation]:
    """A Gateway Load Balancer keeps its subnets.

    "You must include all subnets that were enabled previously, with their existing configurations,
    plus any additional subnets" (API_SetSubnets).

    AWS documents neither the code nor the words. The code is one that the reference lists for the
    action, and that SetSubnets returns for what a type of load balancer does not support
    (hashicorp/terraform-provider-aws#20609).
    """
    store = get_backend("elbv2")[response.current_account][response.region]
    balancer = store.load_balancers.get(parameters["LoadBalancerArn"])
    if balancer is None or balancer.type != "gateway":
        return []
    mappings = [mapping.get("SubnetId") for mapping in parameters.get("SubnetMappings", ())]
    given = {*parameters.get("Subnets", ()), *mappings}
    missing = sorted({subnet.id for subnet in balancer.subnets} - given)
    if not missing:
        return []
    words = (
        "Subnets cannot be removed from a load balancer of type 'gateway'. Missing: "
        + ", ".join(missing)
    )
    constraint = Constraint("state", None, _SET_SUBNETS, words, "InvalidConfigurationRequest")
    return [Violation("invalid", "Subnets", "", words, _SET_SUBNETS, constraint)]


def _put_role_policy(response: Any, parameters: dict[str, Any]) -> list[Violation]:
    """All inline policies of a role together have at most 10,240 characters, without white space.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html. The words and the
    status: serverless/serverless#7643.
    """
    store = get_backend("iam")[response.current_account][response.partition]
    name = parameters["RoleName"]
    roles = [role for role in store.roles.values() if role.name == name]
    policies = {**(roles[0].policies if roles else {})}
    policies[parameters["PolicyName"]] = parameters["PolicyDocument"]
    size = sum(len("".join(document.split())) for document in policies.values())
    if size <= ROLE_POLICY_CHARACTERS:
        return []
    words = f"Maximum policy size of {ROLE_POLICY_CHARACTERS} bytes exceeded for role {name}"
    constraint = Constraint("state", None, _IAM_QUOTAS, words, "LimitExceeded", 409)
    return [Violation("invalid", "PolicyDocument", "", words, _IAM_QUOTAS, constraint)]


_RULES: dict[tuple[str, str], Callable[[Any, dict[str, Any]], list[Violation]]] = {
    ("elbv2", "SetSubnets"): _set_subnets,
    ("iam", "PutRolePolicy"): _put_role_policy,
}
