"""Bootstrap parameters, which a VM-Series firewall reads at its first boot.

Palo Alto Networks, VM-Series Deployment Guide: "init-cfg.txt File Components", "Bootstrap the
VM-Series Firewall on AWS" (user data as pairs separated by semicolons or new lines; ``secret_name``
for a secret of AWS Secrets Manager; ``vmseries-bootstrap-aws-s3bucket`` for a bootstrap package).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

DEFAULT_HOSTNAME = "PA-VM"


def parse(text: str) -> dict[str, str]:
    """Parse ``key=value`` pairs that are separated by semicolons or newlines."""
    pairs = (line.partition("=") for line in re.split(r"[;\n]", text))
    return {key.strip(): value.strip() for key, separator, value in pairs if separator}


@dataclass(frozen=True, slots=True)
class BootstrapParameters:
    """Bootstrap parameters, under their names in init-cfg.txt."""

    parameters: Mapping[str, str] = field(default_factory=dict)

    def _get(self, key: str) -> str | None:
        return self.parameters.get(key) or None

    @property
    def swaps_management(self) -> bool:
        """Whether the interface at index 1 is the management interface, and 0 ``ethernet1/1``.

        "Management Interface Mapping for Use with Amazon ELB"; the option has two spellings.
        """
        modes = (self._get("op-command-modes") or "").split(",")
        return "mgmt-interface-swap" in modes or self._get("mgmt-interface-swap") == "enable"

    @property
    def secret(self) -> str | None:
        """Name of the secret that holds the other parameters."""
        return self._get("secret_name")

    @property
    def bucket(self) -> str | None:
        """S3 bucket, optionally with a folder, that holds the bootstrap package."""
        return self._get("vmseries-bootstrap-aws-s3bucket")

    @property
    def source(self) -> str | None:
        """AWS service from which it reads its other parameters, as boto3 names it."""
        if self.secret is not None:
            return "secretsmanager"
        return "s3" if self.bucket is not None else None

    @property
    def auth_codes(self) -> str | None:
        """Auth code for its license."""
        return self._get("authcodes")

    @property
    def panoramas(self) -> list[str]:
        """Addresses of its Panorama servers, the preferred one first."""
        keys = ("panorama-server", "panorama-server-2")
        return [address for key in keys if (address := self._get(key))]

    @property
    def managed_by_cloud(self) -> bool:
        """Whether it registers with Strata Cloud Manager instead of Panorama."""
        return self._get("panorama-server") == "cloud"

    @property
    def vm_auth_key(self) -> str | None:
        """VM auth key for its registration with Panorama."""
        return self._get("vm-auth-key")

    @property
    def licensed_by_panorama(self) -> bool:
        """Whether Panorama's plugin licenses it.

        "Use Panorama-Based Software Firewall License Management".
        """
        return "panorama-licensing-mode-on" in self._plugin_commands

    @property
    def inspects_geneve(self) -> bool:
        """Whether it inspects the traffic in the GENEVE tunnels of a load balancer.

        "VM-Series Integration with AWS Gateway Load Balancer".
        """
        return "aws-gwlb-inspect:enable" in self._plugin_commands

    @property
    def _plugin_commands(self) -> list[str]:
        return (self._get("plugin-op-commands") or "").split(",")

    @property
    def auth_key(self) -> str | None:
        """Auth key for its registration with a license manager of Panorama's plugin."""
        return self._get("auth-key")

    @property
    def registration_pin(self) -> bool:
        """Whether it has a registration PIN, with which it requests its device certificate.

        "Install a Device Certificate on the VM-Series Firewall" (VM-Series Deployment Guide).
        """
        return self._get("vm-series-auto-registration-pin-id") is not None

    @property
    def device_group(self) -> str | None:
        """Device group that it joins."""
        return self._get("dgname")

    @property
    def template_stack(self) -> str | None:
        """Template stack that it joins."""
        return self._get("tplname")

    @property
    def collector_group(self) -> str | None:
        """Log collector group that it joins."""
        return self._get("cgname")

    def hostname(self, offered: str) -> str:
        """Return its host name: the configured one, or ``offered`` (by DHCP) if it accepts that."""
        if fixed := self._get("hostname"):
            return fixed
        return offered if self._get("dhcp-accept-server-hostname") == "yes" else DEFAULT_HOSTNAME
