"""Registered targets: health checks and draining on the lab's clock.

https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/health-checks.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/target-groups.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-register-targets.html

A health check passes security groups, network ACLs and routes from the nodes of the load balancer.
With cross-zone load balancing, the nodes of all enabled zones check a target, otherwise that of its
zone. How the nodes agree is not documented ("a consensus mechanism"); in the lab, a check fails if
one of them cannot reach the target.

Each check of a GENEVE target also looks whether the tunnel passes, which security groups can refuse
without the health checks: the timeline has an entry when that changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from moto.elbv2.exceptions import InvalidTargetError, TargetGroupNotFoundError
from moto.elbv2.models import ELBv2Backend, FakeHealthStatus

from vmseries_lab.aws.moto_patching import backend, wrap
from vmseries_lab.aws.network_view import cross_zone, network_view
from vmseries_lab.core.world import World
from vmseries_lab.network import connect
from vmseries_lab.network.model import Interface, Network
from vmseries_lab.network.tunnels import tunnel

_DESCRIPTIONS = {
    "Elb.RegistrationInProgress": "Target registration is in progress",
    "Target.FailedHealthChecks": "Health checks failed",
    "Target.DeregistrationInProgress": "Target deregistration is in progress",
    "Target.NotRegistered": "Target is not registered to the target group",
    "Target.NotInUse": "Target group is not configured to receive traffic from the load balancer",
    "Target.InvalidState": "Target is in the stopped or terminated state",
}
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html"""


_REACHABLE = [
    IPv4Network(block)
    for block in ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16")
]
"""Networks in which targets of type ip can be; VPCs with public addresses are not simulated.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html
"""


@dataclass(slots=True)
class Target:
    """One instance or address registered on one port.

    Attributes:
        target_id: instance ID, or IP address in a group of type ip.
        port: port of traffic, and of health checks unless the group has a health check port.
        state: ``initial``, ``healthy``, ``unhealthy`` or ``draining``.
        successes: number of consecutive successful checks.
        failures: number of consecutive failed checks.
        next_check: lab time of the next health check.
        drained_at: lab time at which the deregistration delay is over.
        tunnel_refusal: what refuses its GENEVE packets; empty if they pass.
    """

    target_id: str
    port: int
    next_check: float
    state: str = "initial"
    successes: int = 0
    failures: int = 0
    drained_at: float = 0.0
    tunnel_refusal: str = ""

    def record_check(self, succeeded: bool, healthy_after: int, unhealthy_after: int) -> None:
        """Update the state with the result of a health check.

        Args:
            succeeded: result of the check.
            healthy_after: consecutive successes until the target is healthy.
            unhealthy_after: consecutive failures until the target is unhealthy.
        """
        self.successes = self.successes + 1 if succeeded else 0
        self.failures = 0 if succeeded else self.failures + 1
        if self.successes >= healthy_after:
            self.state = "healthy"
        elif self.failures >= unhealthy_after:
            self.state = "unhealthy"


class Targets:
    """The targets of all target groups."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._groups: dict[str, dict[tuple[str, int], Target]] = {}
        wrap(ELBv2Backend, "register_targets", self.register)
        wrap(ELBv2Backend, "deregister_targets", self.deregister)
        wrap(ELBv2Backend, "describe_target_health", self.describe)
        wrap(ELBv2Backend, "notify_terminate_instances", self.instances_terminated)

    def register(self, _original: Any, store: Any, arn: str, targets: list[dict[str, Any]]) -> None:
        """RegisterTargets: an instance must be running, in the VPC of the target group.

        An IP address must be private; no interface needs to have it. A draining address cannot be
        registered before its deregistration delay is over; the error is not documented.
        https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RegisterTargets.html
        https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-register-targets.html
        """
        group = _group(store, arn)
        known = self._groups.setdefault(arn, {})
        for wanted in targets:
            key = _key(group, wanted)
            current = known.get(key)
            if group.target_type == "instance":
                _check_instance(group, key[0])
            elif group.target_type == "ip":
                _check_address(key[0], current)
            if current and current.state != "draining":
                continue
            interval = float(group.health_check_interval_seconds)
            known[key] = Target(*key, next_check=self._world.clock.now() + interval)
            self._note("target-registered", known[key], group)

    def deregister(
        self, _original: Any, store: Any, arn: str, targets: list[dict[str, Any]]
    ) -> None:
        """DeregisterTargets: targets drain at once and are removed after the deregistration delay.

        Targets are identified by ID and port (by default the group's). "If the specified target
        does not exist, the action returns successfully".
        https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeregisterTargets.html
        """
        group = _group(store, arn)
        known = self._groups.get(arn, {})
        for wanted in targets:
            if target := known.get(_key(group, wanted)):
                self._drain(group, target)

    def describe(
        self, _original: Any, store: Any, arn: str, targets: list[dict[str, Any]]
    ) -> list[Any]:
        """DescribeTargetHealth: requested targets that are not registered are ``unused``.

        https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTargetHealth.html
        """
        group = _group(store, arn)
        known = self._groups.get(arn, {})
        if not targets:
            return [_health(store, group, target) for target in known.values()]
        descriptions = []
        for wanted in targets:
            key = _key(group, wanted)
            if target := known.get(key):
                descriptions.append(_health(store, group, target))
            else:
                descriptions.append(_status(group, *key, "unused", "Target.NotRegistered"))
        return descriptions

    def instances_terminated(self, _original: Any, store: Any, instance_ids: list[str]) -> None:
        """Deregister instances that are being terminated; targets by IP address stay.

        Whether Elastic Load Balancing does so is not documented: assumption ``terminated-target``.
        """
        if self._world.assumptions["terminated-target"] == "stays":
            return
        for arn, known in self._groups.items():
            for target in known.values():
                if target.target_id in instance_ids and arn in store.target_groups:
                    self._drain(store.target_groups[arn], target)

    def tick(self, now: float) -> None:
        """Run the health checks that are due, and remove drained targets."""
        store = backend("elbv2")
        network = network_view()
        for arn, known in self._groups.items():
            group = store.target_groups.get(arn)
            for key, target in list(known.items()):
                if group is None or (target.state == "draining" and target.drained_at <= now):
                    del known[key]
                    if group:
                        self._note("target-drained", target, group)
                elif target.state != "draining" and target.next_check <= now:
                    target.next_check += float(group.health_check_interval_seconds)
                    with self._world.errors.guard(f"health check of {target.target_id}"):
                        self._check(store, group, target, network)

    def _check(self, store: Any, group: Any, target: Target, network: Network) -> None:
        balancers = load_balancers_of(store, group.arn)
        if not balancers or not _zone_enabled(balancers, group, target):
            return
        by_address = group.target_type == "ip"
        instance = _at_address(group, target) if by_address else _instance(target.target_id)
        if not by_address and _ended(target.target_id):
            self.instances_terminated(None, store, [target.target_id])
            return
        wanted = group.health_check_port
        port = target.port if wanted == "traffic-port" else int(wanted)
        before = target.state
        target.record_check(
            instance is not None
            and instance.state == "running"
            and self._world.probe(instance.id, port)
            and _reachable(network, balancers, group, target, port),
            int(group.healthy_threshold_count),
            int(group.unhealthy_threshold_count),
        )
        if target.state != before:
            self._note(f"target-{target.state}", target, group)
        if group.protocol == "GENEVE":
            self._check_tunnel(network, balancers, group, target)

    def _check_tunnel(
        self, network: Network, balancers: list[Any], group: Any, target: Target
    ) -> None:
        """Note in the timeline when the tunnel to a target is refused, and when it passes again."""
        refusals = (
            str(verdict)
            for node, interface in _nodes(network, balancers, group, target)
            if not (verdict := tunnel(network, node, interface))
        )
        before, target.tunnel_refusal = target.tunnel_refusal, next(refusals, "")
        if bool(before) != bool(target.tunnel_refusal):
            kind = "tunnel-refused" if target.tunnel_refusal else "tunnel-passes"
            self._note(kind, target, group, reason=target.tunnel_refusal)

    def _drain(self, group: Any, target: Target) -> None:
        if target.state == "draining":
            return
        target.state = "draining"
        in_use = load_balancers_of(backend("elbv2"), group.arn)
        delay = float(group.attributes["deregistration_delay.timeout_seconds"]) if in_use else 0.0
        target.drained_at = self._world.clock.now() + delay
        self._note("target-draining", target, group, seconds=delay)

    def _note(self, kind: str, target: Target, group: Any, **detail: Any) -> None:
        self._world.timeline.add(
            "autoscaling", kind, target.target_id, target_group=group.name, **detail
        )


def load_balancers_of(store: Any, target_group_arn: str) -> list[Any]:
    """Return the load balancers with a listener that forwards to the target group."""
    return [
        balancer
        for balancer in store.load_balancers.values()
        if any(
            target_group_arn in store._get_target_group_arns_from(action_data=action.data)  # noqa: SLF001
            for listener in balancer.listeners.values()
            for rule in listener.rules.values()
            for action in rule.actions
        )
    ]


def _health(store: Any, group: Any, target: Target) -> Any:
    if target.state == "draining":
        reason: str | None = "Target.DeregistrationInProgress"
    elif group.target_type == "instance" and _ended(target.target_id):
        return _status(group, target.target_id, target.port, "unused", "Target.InvalidState")
    elif not _zone_enabled(load_balancers_of(store, group.arn), group, target):
        return _status(group, target.target_id, target.port, "unused", "Target.NotInUse")
    elif target.state == "initial":
        reason = "Elb.RegistrationInProgress"
    else:
        reason = "Target.FailedHealthChecks" if target.state == "unhealthy" else None
    return _status(group, target.target_id, target.port, target.state, reason)


def _status(group: Any, target_id: str, port: int, state: str, reason: str | None) -> Any:
    check_port = group.health_check_port
    return FakeHealthStatus(
        target_id,
        port,
        str(port) if check_port == "traffic-port" else str(check_port),
        state,
        reason,
        _DESCRIPTIONS.get(reason or ""),
    )


def _group(store: Any, arn: str) -> Any:
    group = store.target_groups.get(arn)
    if group is None:
        raise TargetGroupNotFoundError
    return group


def _key(group: Any, wanted: dict[str, Any]) -> tuple[str, int]:
    return wanted["Id"], int(wanted.get("Port") or group.port)


def _instance(instance_id: str) -> Any:
    return backend("ec2").get_instance_by_id(instance_id)


def _ended(instance_id: str) -> bool:
    instance = _instance(instance_id)
    return instance is None or instance.state in ("shutting-down", "terminated")


def _at_address(group: Any, target: Target) -> Any:
    """Return the instance whose interface has a target's address, ``None`` if there is none."""
    interface = _interface_at(group, target)
    return None if interface is None else interface.instance


def _interface_at(group: Any, target: Target) -> Any:
    for interface in backend("ec2").enis.values():
        if (interface.vpc_id, interface.private_ip_address) == (group.vpc_id, target.target_id):
            return interface
    return None


def _interface_of(group: Any, target: Target) -> Any:
    """Return the interface to which traffic for a target goes, ``None`` if there is none.

    That of an instance is its primary one.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/target-groups.html#target-type
    """
    if group.target_type == "ip":
        return _interface_at(group, target)
    instance = _instance(target.target_id)
    return None if instance is None else instance.nics.get(0)


def _zone_enabled(balancers: list[Any], group: Any, target: Target) -> bool:
    """Whether a load balancer uses the group and is enabled in the target's zone.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/health-checks.html
    """
    interface = _interface_of(group, target)
    zones = {str(subnet.availability_zone) for balancer in balancers for subnet in balancer.subnets}
    return bool(zones) and (interface is None or str(interface.availability_zone) in zones)


def _reachable(
    network: Network, balancers: list[Any], group: Any, target: Target, port: int
) -> bool:
    """Whether the nodes that check a target reach its port."""
    if _interface_of(group, target) is None:
        return False
    pairs = _nodes(network, balancers, group, target)
    return all(connect(network, node, interface, port) for node, interface in pairs)


def _nodes(
    network: Network, balancers: list[Any], group: Any, target: Target
) -> Iterator[tuple[Interface, Interface]]:
    """Yield the nodes that use a target, each with the interface of the target."""
    found = _interface_of(group, target)
    if found is None:
        return
    interface: Interface = network.interfaces[found.id]
    zone = network.subnets[interface.subnet_id].zone
    for balancer in balancers:
        for where, node in network.load_balancers[balancer.arn].nodes.items():
            if where == zone or cross_zone(balancer, group):
                yield node, interface


def _check_address(address: str, current: Target | None) -> None:
    try:
        reachable = any(IPv4Address(address) in network for network in _REACHABLE)
    except ValueError:
        reachable = False
    if not reachable:
        raise InvalidTargetError(
            f"The IP address '{address}' is not a valid IPv4 address of the VPC"
        )
    if current and current.state == "draining":
        raise InvalidTargetError(f"The following targets are still deregistering: '{address}'")


def _check_instance(group: Any, instance_id: str) -> None:
    instance = _instance(instance_id)
    if instance is None or instance.vpc_id != group.vpc_id:
        raise InvalidTargetError(
            f"The following targets are not in the target group VPC '{group.vpc_id}': "
            f"'{instance_id}'"
        )
    if instance.state != "running":
        raise InvalidTargetError(
            f"The following targets are not in a running state and cannot be registered: "
            f"'{instance_id}'"
        )
