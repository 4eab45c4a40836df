"""The EC2 instance of a firewall as seen from inside: interfaces and instance metadata.

Product codes of the images: Palo Alto Networks, terraform-aws-swfw-modules, modules/vmseries.
All functions read moto's stores; the caller must hold the world's lock.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Any

from vmseries_lab.aws.moto_patching import backend
from vmseries_lab.firewalls.bootstrap_parameters import DEFAULT_HOSTNAME

BYOL_CODES = frozenset({"6njl1pau431dv1qxipg63mvah", "70xbkm08ivye46l4gfa6c85v7"})
PAY_AS_YOU_GO_CODES = frozenset({"e9yfvyj3uag5uo5j2hjikv74n", "hd44w1chf26uv4p52cdynb2o"})
_POWERED = ("pending", "running")
_VERSION = re.compile(r"PA-VM(?:ARM)?-AWS-(\d+\.\d+\.\d+(?:-h\d+)?)")


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface that was attached to the instance.

    Attributes:
        device_index: its number in the guest.
        mac: its MAC address, in lower case.
    """

    interface_id: str
    device_index: int
    private_ip: str
    mac: str = ""


class Machine:
    """An instance with a VM-Series image."""

    def __init__(self, instance: Any, image: Any) -> None:
        self._instance = instance
        self.instance_id: str = instance.id
        self.zone: str = instance.placement.zone
        self.instance_type: str = instance.instance_type
        self.product_code = min(image.product_codes & (BYOL_CODES | PAY_AS_YOU_GO_CODES))
        self.bring_your_own_license = self.product_code in BYOL_CODES
        version = _VERSION.match(image.name or "")
        self.sw_version = version[1] if version else "11.2.15"

    @property
    def region(self) -> str:
        """Region of the instance."""
        return self.zone[:-1]

    @property
    def state(self) -> str:
        """State of the instance."""
        return str(self._instance.state)

    @property
    def powered(self) -> bool:
        """Whether it is pending or running."""
        return self.state in _POWERED

    def interfaces(self, order: str) -> tuple[Interface, ...]:
        """Return the attached interfaces as the guest numbers them.

        A device index is the position of an attachment for EC2 (AttachNetworkInterface). Whether a
        guest that finds the devices while it runs numbers them in the same way is not documented.

        Args:
            order: answer to the assumption ``guest-interface-order``.
        """
        # moto adds each attachment at the end.
        attached = [(int(index), nic) for index, nic in self._instance.nics.items()]
        if order == "attach-order":
            attached = [(number, nic) for number, (_, nic) in enumerate(attached)]
        return tuple(
            Interface(
                nic.id, number, str(nic.private_ip_address), str(nic.mac_address or "").lower()
            )
            for number, nic in sorted(attached, key=lambda item: item[0])
        )

    def holds(self, interface: Interface) -> bool:
        """Whether an interface is still attached."""
        return any(nic.id == interface.interface_id for nic in self._instance.nics.values())

    def user_data(self) -> str:
        """Return the user data as text."""
        data = self._instance.user_data
        if data is None:
            return ""
        return str(data.decode()) if hasattr(data, "decode") else str(data)

    def dhcp_hostname(self, management: Interface, late_name: str) -> str:
        """Return the host name that DHCP offers on the management interface.

        An interface that was created at launch has the name of the instance: by its ID or its
        address, as its host name type says. For one that was attached later, that type "has no
        effect" (RunInstances), and CreateNetworkInterface has no such option; which name it gets is
        not documented.
        https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-naming.html

        Args:
            management: the management interface.
            late_name: answer to the assumption ``late-interface-host-name``.
        """
        nics = self._instance.nics.values()
        nic = next((nic for nic in nics if nic.id == management.interface_id), None)
        late = nic is not None and nic.attach_time > self._instance.launch_time
        if late:
            if late_name == "instance-id":
                return self.instance_id
            if late_name == "pa-vm":
                return DEFAULT_HOSTNAME  # DHCP offers no name: the firewall keeps its own.
            return "ip-" + management.private_ip.replace(".", "-")
        return str(self._instance.private_dns_name).split(".", maxsplit=1)[0]

    def role_arn(self) -> str | None:
        """Return the ARN of the role in its instance profile, ``None`` if there is none."""
        associations = backend("ec2").iam_instance_profile_associations
        association = associations.get(self.instance_id)
        if association is None or not association.iam_instance_profile.roles:
            return None
        return str(association.iam_instance_profile.roles[0].arn)


def machines(known: Container[str]) -> Iterator[Machine]:
    """Yield the pending and running instances with VM-Series images, except those in ``known``."""
    store = backend("ec2")
    for reservation in store.reservations.values():
        for instance in reservation.instances:
            if instance.id in known or instance.state not in _POWERED:
                continue
            image = store.amis.get(instance.image_id)
            if image is not None and image.product_codes & (BYOL_CODES | PAY_AS_YOU_GO_CODES):
                yield Machine(instance, image)
