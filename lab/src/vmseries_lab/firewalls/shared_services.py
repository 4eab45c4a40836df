"""What all firewalls of the lab share."""

from __future__ import annotations

from dataclasses import dataclass

from vmseries_lab.core.world import World
from vmseries_lab.firewalls.aws_calls import Cloud
from vmseries_lab.licensing_api import Licensing
from vmseries_lab.panorama.license_plugin import LicensePlugin
from vmseries_lab.panorama.service import Panorama


@dataclass
class BootTimes:
    """Lab seconds from power-on until each stage begins.

    Fifteen to twenty-five minutes until service: Palo Alto Networks, "VM-Series Integration with
    AWS Warm Pool", and the vendor's examples. The push itself takes Panorama's ``push_seconds``.

    Attributes:
        rejoin: from the start of an instance that had been stopped until it is connected again.
    """

    bootstrap: float = 150.0
    license: float = 420.0
    register: float = 720.0
    content: float = 1200.0
    rejoin: float = 300.0

    def change(self, **seconds: float) -> None:
        """Change some of the times.

        Raises:
            ValueError: for a stage that does not exist.
        """
        for name, value in seconds.items():
            if not hasattr(self, name):
                raise ValueError(f"a boot has no stage called {name}")
            setattr(self, name, float(value))


@dataclass(frozen=True)
class Surroundings:
    """The world, and the services that a firewall talks to."""

    world: World
    panorama: Panorama
    plugin: LicensePlugin
    licensing: Licensing
    cloud: Cloud
    times: BootTimes
