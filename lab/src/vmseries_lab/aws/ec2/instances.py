"""Instances: their states over time, and their interfaces on termination.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html
"""

from __future__ import annotations

import copy
from typing import Any

from moto.autoscaling.models import AutoScalingBackend
from moto.ec2.models import EC2Backend, instances
from moto.ec2.models.instances import Instance, InstanceState
from moto.ec2.utils import filter_dict_attribute_mapping

from vmseries_lab.aws.ec2 import errors
from vmseries_lab.aws.ec2.interfaces import Interfaces
from vmseries_lab.aws.ec2.launch_checks import LaunchChecks, unusable_key
from vmseries_lab.aws.moto_patching import backend, replace, wrap
from vmseries_lab.core.location import LOCATION
from vmseries_lab.core.world import World

PENDING_SECONDS = 10.0
"""Lab seconds from RunInstances until ``running``."""

SHUTTING_DOWN_SECONDS = 30.0
"""Lab seconds from TerminateInstances until ``terminated``."""

_CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48}

_FILTERS = {
    "network-interface.network-interface-id": "network_interfaces.id",
    "network-interface.subnet-id": "network_interfaces.subnet_id",
    "instance-state-code": "state_code",
    "iam-instance-profile.arn": "iam_instance_profile.Arn",
    "root-device-type": "root_device_type",
}
"""Filters of DescribeInstances that moto lacks.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html
"""


class Instances:
    """Starts and terminates instances on the lab's clock."""

    def __init__(self, world: World, interfaces: Interfaces, checks: LaunchChecks) -> None:
        self._world = world
        self._checks = checks
        self._interfaces = interfaces
        self._due: dict[str, tuple[float, str]] = {}
        self._patch()

    def tick(self, now: float) -> None:
        """Change the states of instances that are due."""
        for instance_id in [i for i, (due, _) in self._due.items() if due <= now]:
            _, state = self._due.pop(instance_id)
            instance = backend("ec2").get_instance_by_id(instance_id)
            if instance is None:
                continue
            with self._world.errors.guard(f"instance {instance_id}"):
                if state == "terminated":
                    self._finish(instance)
                self._enter(instance, state)

    def started(self, instance: Any) -> None:
        """Set a new instance to ``pending``."""
        instance.launch_time = self._world.clock.utc()
        for interface in instance.nics.values():
            interface.attach_time = self._world.clock.utc()
        self._enter(instance, "pending")
        self._due[instance.id] = (self._world.clock.now() + PENDING_SECONDS, "running")

    def terminate(self, _original: Any, instance: Any) -> Any:
        """TerminateInstances: shutting down at once, terminated later; repeating has no effect.

        https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TerminateInstances.html
        """
        previous = copy.copy(instance._state)  # noqa: SLF001
        if previous.name in ("shutting-down", "terminated"):
            return previous
        self._enter(instance, "shutting-down")
        # EC2's real format; the documentation says only that it is "the reason for the most recent
        # state transition", which "might be an empty string".
        # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html
        now = self._world.clock.utc()
        instance._reason = f"User initiated ({now:%Y-%m-%d %H:%M:%S} GMT)"  # noqa: SLF001
        instance.state_reason = instances.StateReason(
            "Client.UserInitiatedShutdown: User initiated shutdown", "Client.UserInitiatedShutdown"
        )
        self._due[instance.id] = (self._world.clock.now() + SHUTTING_DOWN_SECONDS, "terminated")
        return previous

    def _enter(self, instance: Any, state: str) -> None:
        instance._state = InstanceState(state, _CODES[state])  # noqa: SLF001
        self._world.emit(
            "aws.ec2",
            "EC2 Instance State-change Notification",
            [LOCATION.arn("ec2", f"instance/{instance.id}")],
            {"instance-id": instance.id, "state": state},
        )

    def _finish(self, instance: Any) -> None:
        """Delete or detach each interface according to its DeleteOnTermination.

        https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/terminating-instances.html
        """
        for interface in list(instance.nics.values()):
            delete = bool(interface.delete_on_termination)
            self._interfaces.finish_detaching(interface)
            if delete:
                self._interfaces.remove(instance.ec2_backend, interface)
        instance.teardown_defaults()
        associations = instance.ec2_backend.iam_instance_profile_associations
        associations.pop(instance.id, None)

    def _run(
        self, original: Any, store: Any, image_id: str, count: int, *args: Any, **kwargs: Any
    ) -> Any:
        """RunInstances with EC2's checks.

        https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html
        """
        template = kwargs.get("launch_template")
        data = store._get_template_from_args(template).data if template else {}  # noqa: SLF001
        kind = kwargs.get("instance_type")
        if data.get("InstanceType") and kwargs.get("is_instance_type_default"):
            kind = data["InstanceType"]
        self._checks.check_request(store, image_id or data.get("ImageId", ""), str(kind))
        nics = kwargs.get("nics") or []
        subnet_id = kwargs.get("subnet_id") or (nics[0].get("SubnetId") if nics else None)
        if subnet_id:
            subnet = store.get_subnet(subnet_id)
            self._checks.check_place(store, str(kind), subnet.availability_zone, int(count))
            new = [nic for nic in nics or [{}] if not nic.get("NetworkInterfaceId")]
            if subnet.available_ip_address_count < int(count) * len(new):
                raise errors.too_few_addresses(subnet_id)
        try:
            reservation = original(store, image_id, count, *args, **kwargs)
        except StopIteration:
            raise errors.too_few_addresses(str(subnet_id)) from None
        broken = unusable_key(kwargs.get("block_device_mappings") or [])
        for instance in reservation.instances:
            self.started(instance)
            if broken:
                self._fail(instance)
        return reservation

    def _fail(self, instance: Any) -> None:
        """Let EC2 terminate a new instance whose volumes it cannot encrypt.

        https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/troubleshooting-launch.html
        """
        code, text = "Client.InternalError", "Client error on launch"
        instance._reason = code  # noqa: SLF001
        instance.state_reason = instances.StateReason(f"{code}: {text}", code)
        self._due[instance.id] = (self._world.clock.now() + PENDING_SECONDS, "terminated")

    def _patch(self) -> None:
        wrap(EC2Backend, "run_instances", self._run)
        wrap(EC2Backend, "modify_instance_attribute", _also_on_primary)
        wrap(Instance, "terminate", self.terminate)
        wrap(Instance, "attach_eni", _default_delete_on_termination)
        wrap(AutoScalingBackend, "notify_terminate_instances", _nothing)
        for name in ("private_ip", "private_ip_address"):
            replace(Instance, name, lambda _: property(_of_primary("private_ip_address")))
        for name in ("public_ip", "public_ip_address"):
            replace(Instance, name, lambda _: property(_of_primary("public_ip")))
        replace(Instance, "private_dns_name", lambda _: property(private_dns_name))
        filter_dict_attribute_mapping.update(_FILTERS)


def private_dns_name(instance: Any) -> str:
    """Return the private DNS name of an instance, by its address or ID (host name type).

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-naming.html
    """
    if instance.state in ("shutting-down", "terminated") and not instance.private_ip:
        return ""
    options = getattr(instance, "private_dns_name_options", None) or {}
    by_id = options.get("HostnameType") == "resource-name"
    label = instance.id if by_id else "ip-" + str(instance.private_ip).replace(".", "-")
    region = LOCATION.region
    domain = "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"
    return f"{label}.{domain}"


def _of_primary(attribute: str) -> Any:
    def value(instance: Any) -> Any:
        primary = instance.nics.get(0)
        return getattr(primary, attribute) if primary else None

    return value


def _also_on_primary(original: Any, store: Any, instance_id: str, key: str, value: Any) -> Any:
    """Set the source/destination check of the primary interface together with the instance's."""
    instance = original(store, instance_id, key, value)
    if key == "source_dest_check" and 0 in instance.nics:
        instance.nics[0].source_dest_check = value
    return instance


def _default_delete_on_termination(
    original: Any, instance: Any, eni: Any, device_index: Any
) -> Any:
    """Set DeleteOnTermination of the primary interface, which is the default at launch.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/terminating-instances.html
    """
    attachment_id = original(instance, eni, device_index)
    if int(device_index) == 0:
        eni.delete_on_termination = True
    return attachment_id


def _nothing(_original: Any, _store: Any, _instance_ids: list[str]) -> None:
    """Do nothing: the group's health check detects terminated instances."""
