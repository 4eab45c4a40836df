"""What runs outside AWS: a Panorama, and the vendor's licensing service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vmseries_lab.core.world import World
from vmseries_lab.licensing_api import Licensing
from vmseries_lab.net.certificates import Authority
from vmseries_lab.panorama.fast_delicensing import FastDelicensing
from vmseries_lab.panorama.license_plugin import LicensePlugin
from vmseries_lab.panorama.service import Panorama

Route = Callable[[dict[str, str], dict[str, Any]], Any]


@dataclass
class Outside:
    """Panorama, the licensing service, and the authority that signed their certificates."""

    authority: Authority
    licensing: Licensing
    panorama: Panorama
    plugin: LicensePlugin
    delicensing: FastDelicensing

    def tick(self, now: float) -> None:
        """Work Panorama's jobs off."""
        self.panorama.tick(now)
        self.plugin.tick(now)
        self.delicensing.tick(now)

    def busy(self) -> bool:
        """Everything here happens on the lab's clock."""
        return False

    def stop(self) -> None:
        """Stop serving."""
        self.panorama.close()
        self.licensing.close()

    def start(self) -> None:
        """Serve again, at other ports, after the servers were stopped."""
        self.panorama.start()
        self.licensing.start()

    def routes(self) -> list[tuple[str, str, Route]]:
        """What the control API may do: turn knobs, and work at Panorama's command line."""
        return [
            ("POST", "panorama", lambda _query, body: self.panorama.configure(**body)),
            ("GET", "panorama", lambda _query, _body: self.panorama.state()),
            ("POST", "panorama/pair", lambda _query, _body: self._pair()),
            ("POST", "panorama/failover", lambda _query, body: self._fail_over(body)),
            ("POST", "panorama/plugin", lambda _query, body: self.plugin.configure(**body)),
            (
                "POST",
                "panorama/delicensing",
                lambda _query, body: self.delicensing.configure(**body),
            ),
            ("POST", "panorama/cli", lambda _query, body: self._session(body)),
            ("POST", "licensing", lambda _query, body: self.licensing.configure(**body)),
        ]

    def _pair(self) -> dict[str, str]:
        self.panorama.make_pair()
        return self.panorama.world.hosts

    def _fail_over(self, body: dict[str, Any]) -> dict[str, Any]:
        self.panorama.fail_over(**body)
        return self.panorama.state()

    def _session(self, body: dict[str, Any]) -> dict[str, Any]:
        return self.panorama.operator_session(body["commands"])


def install(world: World) -> Outside:
    """Start Panorama and the licensing service, and let them live on the world's clock."""
    authority = Authority()
    licensing, panorama = Licensing(world, authority), Panorama(world, authority)
    plugin = LicensePlugin(world, panorama, licensing)
    delicensing = FastDelicensing(panorama, licensing)
    outside = Outside(authority, licensing, panorama, plugin, delicensing)
    world.engines.append(outside)
    return outside
