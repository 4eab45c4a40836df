"""Gateway Load Balancers and GENEVE target groups: names, defaults and validation.

https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/introduction.html
"""

from __future__ import annotations

import inspect
import re
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
    "send_tcp_reset.on_deregistration.enabled": ("true", "false"),
    "send_tcp_reset.on_unhealthy.enabled": ("true", "false"),
}
_GENEVE_ATTRIBUTES = {*_CHOICES, "deregistration_delay.timeout_seconds"}
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroupAttribute.html"""

_LONGEST_DELAY = 3600

_IDLE_TIMEOUT = "tcp.idle_timeout.seconds"
_IDLE_RESET = "send_tcp_reset.on_idle_timeout.enabled"
_IDLE_SECONDS = (60, 6000)
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/gateway-listeners.html"""


def patch() -> None:
    """Complete moto's Elastic Load Balancing."""
    wrap(ELBv2Backend, "create_load_balancer", _create_load_balancer)
    wrap(ELBv2Backend, "delete_load_balancer", _delete_load_balancer)
    wrap(ELBv2Backend, "create_target_group", _create_target_group)
    wrap(ELBv2Backend, "modify_target_group", _modify_target_group)
    wrap(ELBv2Backend, "modify_target_group_attributes", _modify_attributes)
    wrap(ELBv2Backend, "modify_listener_attributes", _modify_listener_attributes)
    wrap(ELBv2Backend, "describe_listener_attributes", _describe_listener_attributes)
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
        _check_codes((kwargs.get("matcher") or {}).get("HttpCode"))
    for key, (low, high) in _RANGES.items():
        value = kwargs.get(key)
        if value is not None and not low <= int(value) <= high:
            raise ValidationError(f"{key} '{value}' must be between {low}-{high} inclusive")
    return original(store, name, **kwargs)


def _modify_target_group(original: Any, store: Any, arn: str, *args: Any, **kwargs: Any) -> Any:
    """ModifyTargetGroup: path and codes belong to health checks by HTTP and HTTPS only.

    The codes are those that CreateTargetGroup accepts.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyTargetGroup.html
    """
    given = inspect.signature(original).bind_partial(store, arn, *args, **kwargs)
    codes = given.arguments.get("http_codes")
    group = store.target_groups.get(arn)
    if group is not None and group.protocol == "GENEVE":
        _check_codes(codes)
    group = original(store, arn, *args, **kwargs)
    if group.health_check_protocol in ("HTTP", "HTTPS"):
        codes = codes or getattr(group, "matcher", {}).get("HttpCode", "200-399")
        group.matcher = {"HttpCode": codes}
    else:
        group.health_check_path = None
        vars(group).pop("matcher", None)
    return group


def _check_codes(codes: str | None) -> None:
    """Health checks of GENEVE groups accept HTTP codes from 200 to 399. The words are invented.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/health-checks.html
    """
    if codes and not re.fullmatch(r"[23]\d\d([,-][23]\d\d)*", codes):
        raise ValidationError(f"Health check matcher HTTP code '{codes}' must be within '200-399'")


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
            "send_tcp_reset.on_deregistration.enabled": "false",
            "send_tcp_reset.on_unhealthy.enabled": "false",
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
    _check_resets(merged)
    group.attributes.update(attributes)


def _check_resets(attributes: dict[str, Any]) -> None:
    """Check that TCP resets, if they are enabled, can be sent.

    They need 5-tuple stickiness, and do not apply with ``rebalance``. Whether the API refuses the
    combination or ignores it is not documented.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroupAttribute.html
    """
    resets = [
        key
        for key, value in attributes.items()
        if key.startswith("send_tcp_reset.") and value == "true"
    ]
    if resets and attributes["stickiness.enabled"] == "true":
        raise ValidationError(f"{resets[0]} requires that 'stickiness.enabled' is 'false'")
    if resets and attributes["target_failover.on_unhealthy"] == "rebalance":
        raise ValidationError(f"{resets[0]} does not apply with the target failover 'rebalance'")


def _describe_listener_attributes(original: Any, store: Any, listener_arn: str) -> dict[str, Any]:
    """DescribeListenerAttributes: listeners of Gateway Load Balancers can send TCP resets."""
    attributes: dict[str, Any] = original(store, listener_arn)
    if _is_gateway(store, listener_arn):
        attributes.setdefault(_IDLE_RESET, "false")
    return attributes


def _modify_listener_attributes(
    original: Any, store: Any, listener_arn: str, attrs: list[dict[str, str]]
) -> dict[str, Any]:
    """ModifyListenerAttributes: keys and values of Gateway Load Balancers are validated.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ListenerAttribute.html
    """
    if _is_gateway(store, listener_arn):
        for attribute in attrs:
            _check_listener_attribute(attribute["Key"], attribute["Value"])
    changed: dict[str, Any] = original(store, listener_arn, attrs)
    return changed


def _check_listener_attribute(key: str, value: str) -> None:
    low, high = _IDLE_SECONDS
    if key == _IDLE_TIMEOUT:
        if not value.isdecimal() or not low <= int(value) <= high:
            raise ValidationError(f"'{key}' value '{value}' must be between '{low}-{high}'")
    elif key == _IDLE_RESET:
        if value not in ("true", "false"):
            raise ValidationError(f"'{value}' must be one of [true, false]")
    else:
        raise ValidationError(f"Listener attribute key '{key}' is not recognized")


def _is_gateway(store: Any, listener_arn: str) -> bool:
    (listener,) = store.describe_listeners(load_balancer_arn=None, listener_arns=[listener_arn])
    balancer = store.load_balancers[listener.load_balancer_arn]
    return bool(balancer.type == "gateway")
