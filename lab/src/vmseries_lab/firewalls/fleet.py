"""All firewalls, one per EC2 instance with a VM-Series image."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from vmseries_lab.core.control_api import Route
from vmseries_lab.core.world import World
from vmseries_lab.firewalls.aws_calls import AwsCalls
from vmseries_lab.firewalls.firewall import Firewall
from vmseries_lab.firewalls.machine import machines
from vmseries_lab.firewalls.quirks import Quirks
from vmseries_lab.firewalls.shared_services import BootTimes, SharedServices
from vmseries_lab.firewalls.xml_api import XmlApis
from vmseries_lab.internet import Paths
from vmseries_lab.vendor_services import VendorServices


class Fleet:
    """The firewalls whose instances are not terminated; their engine.

    Attributes:
        times: durations of a boot; changes apply to firewalls that start later.
        apis: the firewalls' own XML APIs.
        paths: what firewalls and functions reach.
        quirks: quirks of firewalls that start later.
        terminated: lab time of termination by serial number.
    """

    def __init__(self, world: World, services: VendorServices) -> None:
        self._world = world
        self._cloud = AwsCalls(world)
        self.times = BootTimes()
        self.paths = Paths(world)
        self._services = SharedServices(
            world,
            services.panorama,
            services.plugin,
            services.licensing,
            self._cloud,
            self.paths,
            self.times,
            services.strata,
        )
        self._firewalls: dict[str, Firewall] = {}
        self.apis = XmlApis(world, services.authority, self._firewalls, self.paths)
        self.quirks = Quirks()
        self.terminated: dict[str, float] = {}
        self._apis_served = False

    def tick(self, now: float) -> None:
        """Add firewalls of new instances, advance all, and remove those of terminated instances."""
        for machine in machines(self._firewalls):
            with self._world.errors.guard(f"firewall {machine.instance_id}"):
                firewall = Firewall(machine, self._services, now, self.quirks)
                self._firewalls[machine.instance_id] = firewall
        with self.paths.one_view():
            for instance_id, firewall in self._firewalls.items():
                with self._world.errors.guard(f"firewall {instance_id}"):
                    firewall.tick(now)
        for instance_id, firewall in list(self._firewalls.items()):
            if firewall.machine.state == "terminated" and not firewall.busy():
                del self._firewalls[instance_id]
                self.terminated[firewall.serial] = now
        self.apis.tick(now)

    def busy(self) -> bool:
        """Whether any firewall waits for a call to AWS."""
        return any(firewall.busy() for firewall in list(self._firewalls.values()))

    def all(self) -> list[Firewall]:
        """Return the firewalls, oldest first."""
        return list(self._firewalls.values())

    def get(self, instance_id: str) -> Firewall | None:
        """Return the firewall on an instance, ``None`` if there is none."""
        return self._firewalls.get(instance_id)

    def probe(self, instance_id: str, port: int) -> bool:
        """Whether an instance answers a load balancer's health check on a TCP port.

        Instances with other images are not simulated and always answer.
        """
        firewall = self._firewalls.get(instance_id)
        return firewall is None or firewall.answers(port)

    def status(self) -> list[dict[str, Any]]:
        """Return the state of each firewall, JSON-ready."""
        with self._world.lock:
            return [
                {
                    "instance_id": firewall.machine.instance_id,
                    "zone": firewall.machine.zone,
                    "state": firewall.machine.state,
                    "phase": firewall.phase,
                    "hostname": firewall.hostname,
                    "serial": firewall.serial,
                    "licensed": firewall.license.active,
                    "connected": firewall.connected,
                    "in_sync": firewall.phase == "in-sync",
                    "device_certificate": firewall.device_certificate,
                    "refused": dict(firewall.refused),
                    "sessions": firewall.load.sessions,
                    "max_sessions": firewall.load.capacity,
                    "utilization": round(firewall.load.utilization, 1),
                    "interfaces": [asdict(interface) for interface in firewall.interfaces],
                }
                for firewall in self._firewalls.values()
            ]

    def routes(self) -> list[tuple[str, str, Route]]:
        """Return the routes of the control API."""
        return [
            ("GET", "firewalls", lambda _query, _body: self.status()),
            ("POST", "firewalls", lambda _query, body: self.times.change(**body)),
            ("POST", "firewalls/apis", lambda _query, body: self.apis.configure(**body)),
            ("POST", "firewalls/quirks", lambda _query, body: self.set_quirks(**body)),
        ]

    def set_quirks(self, instance_id: str | None = None, **quirks: Any) -> None:
        """Change the quirks of one firewall, or of all firewalls that start later.

        Args:
            instance_id: instance of the firewall; ``None`` for firewalls that start later.
            quirks: attributes of :class:`Quirks`.

        Raises:
            ValueError: for an unknown firewall or quirk.
        """
        with self._world.lock:
            if instance_id is None:
                self.quirks = self.quirks.changed(**quirks)
            elif (firewall := self.get(instance_id)) is not None:
                firewall.quirks = firewall.quirks.changed(**quirks)
            else:
                raise ValueError(f"there is no firewall on {instance_id}")

    def stop(self) -> None:
        """Stop the threads for calls to AWS, and the XML APIs."""
        self._cloud.close()
        self._apis_served = self.apis.stop()

    def start(self) -> None:
        """Start again after :meth:`stop`."""
        self._cloud.start()
        self.apis.start(served=self._apis_served)
