"""All firewalls: found on the instances of EC2, and let live by the lab's clock."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from vmseries_lab.core.world import World
from vmseries_lab.firewalls.aws_calls import Cloud
from vmseries_lab.firewalls.firewall import Firewall
from vmseries_lab.firewalls.machine import machines
from vmseries_lab.firewalls.quirks import Oddities
from vmseries_lab.firewalls.shared_services import BootTimes, Surroundings
from vmseries_lab.firewalls.xml_api import Apis
from vmseries_lab.panorama import Outside, Route


class Fleet:
    """Every firewall whose instance has not been terminated.

    Attributes:
        times: how long a boot takes; firewalls that start later follow a change.
        apis: their own XML API.
        oddities: what is odd about firewalls that start later.
        terminated: when the instances of which serial numbers were gone.
    """

    def __init__(self, world: World, outside: Outside) -> None:
        self._world = world
        self._cloud = Cloud(world)
        self.times = BootTimes()
        self._surroundings = Surroundings(
            world, outside.panorama, outside.plugin, outside.licensing, self._cloud, self.times
        )
        self._firewalls: dict[str, Firewall] = {}
        self.apis = Apis(world, outside.authority, self._firewalls)
        self.oddities = Oddities()
        self.terminated: dict[str, float] = {}
        self._apis_served = False

    def tick(self, now: float) -> None:
        """Find new firewalls, let all live, and forget those whose instance is gone."""
        for machine in machines(self._firewalls):
            firewall = Firewall(machine, self._surroundings, now, self.oddities)
            self._firewalls[machine.instance_id] = firewall
        for instance_id, firewall in list(self._firewalls.items()):
            firewall.tick(now)
            if firewall.machine.state == "terminated" and not firewall.busy():
                del self._firewalls[instance_id]
                self.terminated[firewall.serial] = now
        self.apis.tick(now)

    def busy(self) -> bool:
        """Whether any firewall waits for AWS."""
        return any(firewall.busy() for firewall in list(self._firewalls.values()))

    def all(self) -> list[Firewall]:
        """The firewalls, oldest first."""
        return list(self._firewalls.values())

    def get(self, instance_id: str) -> Firewall | None:
        """The firewall on an instance."""
        return self._firewalls.get(instance_id)

    def probe(self, instance_id: str, port: int) -> bool:
        """Whether an instance answers a load balancer's health check.

        What runs on instances of other images is not simulated: they answer.
        """
        firewall = self._firewalls.get(instance_id)
        return firewall is None or firewall.answers(port)

    def status(self) -> list[dict[str, Any]]:
        """A table of the fleet, JSON-ready."""
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
                    "sessions": firewall.load.sessions,
                    "max_sessions": firewall.load.capacity,
                    "utilization": round(firewall.load.utilization, 1),
                    "interfaces": [asdict(interface) for interface in firewall.interfaces],
                }
                for firewall in self._firewalls.values()
            ]

    def routes(self) -> list[tuple[str, str, Route]]:
        """What the control API shows and may do."""
        return [
            ("GET", "firewalls", lambda _query, _body: self.status()),
            ("POST", "firewalls", lambda _query, body: self.times.change(**body)),
            ("POST", "firewalls/apis", lambda _query, body: self.apis.configure(**body)),
            ("POST", "firewalls/odd", lambda _query, body: self.make_odd(**body)),
        ]

    def make_odd(self, instance_id: str | None = None, **oddities: Any) -> None:
        """Change what is odd about one firewall, or about all that start later.

        Raises:
            ValueError: if there is no such firewall or oddity.
        """
        with self._world.lock:
            if instance_id is None:
                self.oddities = self.oddities.changed(**oddities)
            elif (firewall := self.get(instance_id)) is not None:
                firewall.oddities = firewall.oddities.changed(**oddities)
            else:
                raise ValueError(f"there is no firewall on {instance_id}")

    def stop(self) -> None:
        """Let the workers go."""
        self._cloud.close()
        self._apis_served = self.apis.stop()

    def start(self) -> None:
        """Have workers again, after :meth:`stop`."""
        self._cloud.start()
        self.apis.start(served=self._apis_served)
