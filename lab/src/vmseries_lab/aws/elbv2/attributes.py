"""Gateway Load Balancers and GENEVE target groups: names, defaults and validation.

https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/introduction.html
"""

from __future__ import annotations

from typing import Any

from moto.elbv2 import models
from moto.elbv2.exceptions import DuplicateLoadBalancerName, ELBClientError, ValidationError
from moto.elbv2.models import ELBv2Backend, FakeTargetGroup

from vmseries_lab.aws.moto_patching import replace, wrap

GENEVE_PORT = 6081

_KINDS = {"gateway": "gwy", "network": "net", "application": "app"}
"""Load balancer types as ARNs abbreviate them.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awselasticloadbalancingv2.html
"""

_RANGES = {
    "healthcheck_interval_seconds": (5, 300),
    "healthcheck_timeout_seconds": (2, 120),
    "healthy_threshold_count": (2, 10),
    "unhealthy_threshold_count": (2, 10),
}
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/health-checks.html"""

_CHOICES = {
    "target_failover.on_deregistration": ("rebalance", "no_rebalance"),
    "target_failover.on_unhealthy": ("rebalance", "no_rebalance"),
    "stickiness.enabled": ("true", "false"),
    "stickiness.type": ("source_ip_dest_ip", "source_ip_dest_ip_proto"),
    "load_balancing.cross_zone.enabled": ("true", "false", "use_load_balancer_configuration"),
}
_GENEVE_ATTRIBUTES = {*_CHOICES, "deregistration_delay.timeout_seconds"}
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroupAttribute.html"""

_LONGEST_DELAY = 3600


def patch() -> None:
    """Complete moto's Elastic Load Balancing."""
    wrap(ELBv2Backend, "create_load_balancer", _create_load_balancer)
    wrap(ELBv2Backend, "delete_load_balancer", _delete_load_balancer)
    wrap(ELBv2Backend, "create_target_group", _create_target_group)
    wrap(ELBv2Backend, "modify_target_group_attributes", _modify_attributes)
    wrap(FakeTargetGroup, "__init__", _new_target_group)


def _create_load_balancer(original: Any, store: Any, *args: Any, **kwargs: Any) -> Any:
    """CreateLoadBalancer: the type is part of the ARN; names are unique.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
    """
    if any(balancer.name == kwargs["name"] for balancer in store.load_balancers.values()):
        raise DuplicateLoadBalancerName
    kind = _KINDS[kwargs.get("loadbalancer_type") or "application"]

    def make(original_arn: Any) -> Any:
        return lambda **names: original_arn(**names).replace(
            "loadbalancer/app/", f"loadbalancer/{kind}/"
        )

    # The caller holds the world's lock, so only this creation uses the replacement.
    replace(models, "make_arn_for_load_balancer", make)
    return original(store, *args, **kwargs)


def _delete_load_balancer(original: Any, store: Any, arn: str) -> None:
    """DeleteLoadBalancer: rejected while deletion protection is enabled.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeleteLoadBalancer.html
    """
    balancer = store.load_balancers.get(arn)
    if balancer and balancer.attrs.get("deletion_protection.enabled") == "true":
        raise ELBClientError(
            "OperationNotPermitted",
            f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled",
        )
    original(store, arn)


def _create_target_group(original: Any, store: Any, name: str, **kwargs: Any) -> Any:
    """CreateTargetGroup: values that GENEVE groups do not support are rejected.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html
    """
    if kwargs.get("protocol") == "GENEVE":
        if int(kwargs.get("port") or 0) != GENEVE_PORT:
            raise ValidationError(f"The port for the GENEVE protocol must be {GENEVE_PORT}")
        if kwargs.get("healthcheck_protocol") not in (None, "TCP", "HTTP", "HTTPS"):
            raise ValidationError(
                "Health check protocol for GENEVE target groups must be one of TCP, HTTP, HTTPS"
            )
    for key, (low, high) in _RANGES.items():
        value = kwargs.get(key)
        if value is not None and not low <= int(value) <= high:
            raise ValidationError(f"{key} '{value}' must be between {low}-{high} inclusive")
    return original(store, name, **kwargs)


def _new_target_group(original: Any, group: Any, *args: Any, **kwargs: Any) -> None:
    original(group, *args, **kwargs)
    if group.protocol == "GENEVE":
        group.attributes = {
            "deregistration_delay.timeout_seconds": "300",
            "stickiness.enabled": "false",
            "stickiness.type": "source_ip_dest_ip_proto",
            "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
            "target_failover.on_deregistration": "no_rebalance",
            "target_failover.on_unhealthy": "no_rebalance",
        }


def _modify_attributes(
    original: Any, store: Any, target_group_arn: str, attributes: dict[str, Any]
) -> None:
    """ModifyTargetGroupAttributes: keys and values are validated; failover attributes must match.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/edit-target-group-attributes.html
    """
    group = store.target_groups.get(target_group_arn)
    if group is None or group.protocol != "GENEVE":
        original(store, target_group_arn, attributes)
        return
    for key, value in attributes.items():
        if key not in _GENEVE_ATTRIBUTES:
            raise ValidationError(f"Target group attribute key '{key}' is not recognized")
        if key in _CHOICES and value not in _CHOICES[key]:
            raise ValidationError(f"'{value}' must be one of [{', '.join(_CHOICES[key])}]")
    delay = int(attributes.get("deregistration_delay.timeout_seconds") or 0)
    if not 0 <= delay <= _LONGEST_DELAY:
        raise ValidationError(
            f"'deregistration_delay.timeout_seconds' value '{delay}' must be between "
            f"'0-{_LONGEST_DELAY}' inclusive"
        )
    merged = {**group.attributes, **attributes}
    if merged["target_failover.on_deregistration"] != merged["target_failover.on_unhealthy"]:
        raise ValidationError(
            "The values of 'target_failover.on_deregistration' and 'target_failover.on_unhealthy' "
            "must be the same"
        )
    group.attributes.update(attributes)
