"""Documented rules that depend on what the account has, which moto does not apply."""

from __future__ import annotations

from typing import Any

from moto.backends import get_backend

from vmseries_lab.aws.validation.constraints import Constraint
from vmseries_lab.aws.validation.errors import Violation

_SET_SUBNETS = (
    "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_SetSubnets.html"
)


def violation_of_state(
    response: Any, service: str, action: str, parameters: dict[str, Any]
) -> list[Violation]:
    """Return what is wrong with a call whose parameters are right by themselves."""
    if (service, action) == ("elbv2", "SetSubnets"):
        return _set_subnets(response, parameters)
    return []


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
