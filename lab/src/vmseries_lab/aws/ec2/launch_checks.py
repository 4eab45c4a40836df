"""Decides whether EC2 launches an instance: the checks of RunInstances, quotas and capacity.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/troubleshooting-launch.html
https://docs.aws.amazon.com/autoscaling/ec2/userguide/ts-as-instancelaunchfailure.html
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS, INSTANCE_TYPES

from vmseries_lab.aws.ec2 import errors
from vmseries_lab.aws.moto_patching import backend
from vmseries_lab.core.location import LOCATION

USED_BY = ("pending", "running")
"""States of instances that count against the quota of vCPUs.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-on-demand-instances.html
"""
ZONAL = ("InsufficientInstanceCapacity", "Unsupported", "InsufficientFreeAddressesInSubnet")
"""Codes of errors that a launch in another zone or subnet may avoid."""


@dataclass
class LaunchChecks:
    """What limits the launches of an account; by default, nothing.

    Attributes:
        without_capacity: (instance type, zone) for which EC2 has no capacity; ``"*"`` for any.
        vcpus: quota of vCPUs of running On-Demand instances; ``None`` for no limit.
        unsubscribed: Marketplace product codes without accepted terms.
    """

    without_capacity: set[tuple[str, str]] = field(default_factory=set)
    vcpus: int | None = None
    unsubscribed: set[str] = field(default_factory=set)

    def change(
        self,
        *,
        without_capacity: Iterable[Iterable[str]] | None = None,
        vcpus: int | None = None,
        unsubscribed: Iterable[str] | None = None,
    ) -> None:
        """Change what is given; ``vcpus=-1`` ends the limit.

        Raises:
            ValueError: if an entry of ``without_capacity`` is no pair of type and zone.
        """
        if without_capacity is not None:
            pairs = [tuple(pair) for pair in without_capacity]
            if any(len(pair) != 2 for pair in pairs):
                raise ValueError("without_capacity takes pairs of an instance type and a zone")
            self.without_capacity = {(str(kind), str(zone)) for kind, zone in pairs}
        if vcpus is not None:
            self.vcpus = None if vcpus < 0 else vcpus
        if unsubscribed is not None:
            self.unsubscribed = set(unsubscribed)

    def describe(self) -> dict[str, Any]:
        """Return the limits, JSON-ready."""
        return {
            "without_capacity": sorted(self.without_capacity),
            "vcpus": self.vcpus,
            "unsubscribed": sorted(self.unsubscribed),
        }

    def check_request(self, store: Any, image_id: str, instance_type: str) -> None:
        """Check what is wrong in any zone and at any time.

        Auto Scaling checks this when a group gets its launch template.

        Raises:
            EC2ClientError: as RunInstances would.
        """
        image = store.amis.get(image_id)
        if image is None:
            raise errors.no_such_image(image_id)
        if instance_type not in INSTANCE_TYPES:
            raise errors.no_such_instance_type(instance_type)
        architectures = INSTANCE_TYPES[instance_type]["ProcessorInfo"]["SupportedArchitectures"]
        if image.architecture not in architectures:
            raise errors.architecture_mismatch(architectures[-1], image.architecture)
        for code in image.product_codes or ():
            if code in self.unsubscribed:
                raise errors.terms_not_accepted(code)

    def check_place(self, store: Any, instance_type: str, zone: str, count: int = 1) -> None:
        """Check what depends on the zone and on the other instances.

        Raises:
            EC2ClientError: as RunInstances would.
        """
        zones = sorted(_offered(instance_type))
        if zones and zone not in zones:
            raise errors.unsupported_in_zone(instance_type, zone, zones)
        if self.vcpus is not None:
            wanted = self._used(store) + count * _vcpus(instance_type)
            if wanted > self.vcpus:
                raise errors.vcpu_limit(self.vcpus)
        if not self._has_capacity(instance_type, zone):
            others = [z for z in zones if z != zone and self._has_capacity(instance_type, z)]
            raise errors.no_capacity(instance_type, zone, others)

    def _has_capacity(self, instance_type: str, zone: str) -> bool:
        places = {(kind, where) for kind in (instance_type, "*") for where in (zone, "*")}
        return not places & self.without_capacity

    @staticmethod
    def _used(store: Any) -> int:
        return sum(
            _vcpus(str(instance.instance_type))
            for instance in store.all_instances()
            if instance.state in USED_BY
        )


def unusable_key(mappings: Iterable[dict[str, Any]]) -> str | None:
    """Return the first KMS key of block device mappings with which EC2 cannot encrypt a volume.

    EC2 starts the instance and terminates it with ``Client.InternalError``.
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/troubleshooting-launch.html
    """
    store = backend("kms")
    for mapping in mappings:
        wanted = (mapping.get("Ebs") or {}).get("KmsKeyId")
        if not wanted:
            continue
        name = str(wanted).split(":")[-1]
        key_id = (
            store.get_key_id_from_alias(name)
            if name.startswith("alias/")
            else name.removeprefix("key/")
        )
        key = store.keys.get(key_id)
        if key is None or key.key_state != "Enabled":
            return str(wanted)
    return None


@cache
def _offered(instance_type: str) -> frozenset[str]:
    """Return the zones that offer a type; empty if moto has no data for the Region."""
    offers = INSTANCE_TYPE_OFFERINGS["availability-zone"].get(LOCATION.region, [])
    return frozenset(o["Location"] for o in offers if o["InstanceType"] == instance_type)


def _vcpus(instance_type: str) -> int:
    known = INSTANCE_TYPES.get(instance_type)
    return int(known["VCpuInfo"]["DefaultVCpus"]) if known else 1
