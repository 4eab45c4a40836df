"""Services that all firewalls share."""

from __future__ import annotations

from dataclasses import dataclass

from vmseries_lab.core.world import World
from vmseries_lab.firewalls.aws_calls import AwsCalls
from vmseries_lab.internet import Paths
from vmseries_lab.licensing_api import Licensing
from vmseries_lab.panorama.license_plugin import LicensePlugin
from vmseries_lab.panorama.service import Panorama
from vmseries_lab.strata_cloud_manager import StrataCloudManager


@dataclass
class BootTimes:
    """Lab seconds from power-on until each stage of the boot starts.

    A boot takes 15 to 25 minutes: Palo Alto Networks, "VM-Series Integration with AWS Warm Pool",
    and the vendor's examples. The push takes Panorama's ``push_seconds`` in addition.

    Attributes:
        bootstrap: reading the bootstrap parameters.
        license: activating the license.
        register: registering with Panorama.
        content: installing content, after which Panorama pushes.
        rejoin: connecting again after a stopped instance was started.
    """

    bootstrap: float = 150.0
    license: float = 420.0
    register: float = 720.0
    content: float = 1200.0
    rejoin: float = 300.0

    def change(self, **seconds: float) -> None:
        """Change some of the times.

        Raises:
            ValueError: for an unknown stage.
        """
        for name, value in seconds.items():
            if not hasattr(self, name):
                raise ValueError(f"unknown stage of the boot: {name}")
            setattr(self, name, float(value))


@dataclass(frozen=True)
class SharedServices:
    """The lab, and the services that firewalls use."""

    world: World
    panorama: Panorama
    plugin: LicensePlugin
    licensing: Licensing
    cloud: AwsCalls
    paths: Paths
    times: BootTimes
    strata: StrataCloudManager
