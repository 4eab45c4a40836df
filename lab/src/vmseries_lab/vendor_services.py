"""Palo Alto Networks services outside AWS: Panorama with its plugins, and the licensing API."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from vmseries_lab.core.control_api import Route, since
from vmseries_lab.core.world import World
from vmseries_lab.credit_pool import CreditPool
from vmseries_lab.licensing_api import Licensing
from vmseries_lab.net.certificates import Authority
from vmseries_lab.panorama import lab_settings, operator_session
from vmseries_lab.panorama.fast_delicensing import FastDelicensing
from vmseries_lab.panorama.license_plugin import LicensePlugin
from vmseries_lab.panorama.service import Panorama
from vmseries_lab.strata_cloud_manager import StrataCloudManager


@dataclass
class VendorServices:
    """The services, the Panorama plugins, and the authority that signed their certificates.

    Attributes:
        authority: CA of the certificates of Panorama, the licensing API and the firewalls.
        licensing: licensing API and its pools of licenses.
        credits: credit-pool API and its identity service.
        panorama: one Panorama or a high availability pair.
        plugin: Panorama plugin ``sw_fw_license``.
        delicensing: fast delicensing of the Panorama plugin for AWS.
        strata: a tenant of Strata Cloud Manager.
    """

    authority: Authority
    licensing: Licensing
    credits: CreditPool
    panorama: Panorama
    plugin: LicensePlugin
    delicensing: FastDelicensing
    strata: StrataCloudManager

    def tick(self, now: float) -> None:
        """Advance the jobs of the managers, and Panorama's plugins."""
        self.panorama.tick(now)
        self.plugin.tick(now)
        self.delicensing.tick(now)
        self.strata.tick(now)

    def busy(self) -> bool:
        """Return False: these services have no work in real time."""
        return False

    def stop(self) -> None:
        """Stop serving."""
        self.panorama.close()
        self.licensing.close()
        self.strata.close()
        self.credits.close()

    def start(self) -> None:
        """Serve again, on new ports, after :meth:`stop`."""
        self.panorama.start()
        self.licensing.start()
        self.strata.start()
        self.credits.start()

    def routes(self) -> list[tuple[str, str, Route]]:
        """Return the routes of the control API."""
        return [
            ("POST", "panorama", lambda _query, body: self._configure(body)),
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
            (
                "GET",
                "panorama/requests",
                lambda query, _body: self.panorama.requests.since(since(query)),
            ),
            (
                "GET",
                "panorama/request-counts",
                lambda query, _body: self.panorama.requests.counts(since(query)),
            ),
            (
                "GET",
                "licensing",
                lambda _query, _body: [asdict(use) for use in self.licensing.uses()],
            ),
            ("POST", "licensing", lambda _query, body: self.licensing.configure(**body)),
            ("POST", "strata", lambda _query, body: self.strata.configure(**body)),
            ("POST", "strata/push", lambda _query, body: self.strata.push(**body)),
            ("POST", "strata/remove", lambda _query, body: self.strata.remove(**body)),
            ("GET", "strata", lambda _query, _body: self.strata.state()),
            ("POST", "credit-pool", lambda _query, body: self.credits.configure(**body)),
        ]

    def _pair(self) -> dict[str, str]:
        self.panorama.make_pair()
        return self.panorama.world.hosts

    def _fail_over(self, body: dict[str, Any]) -> dict[str, Any]:
        self.panorama.fail_over(**body)
        return self.panorama.state()

    def _session(self, body: dict[str, Any]) -> dict[str, Any]:
        return operator_session.run_commands(self.panorama, body["commands"])

    def _configure(self, body: dict[str, Any]) -> dict[str, Any]:
        return lab_settings.configure(self.panorama, **body)


def install(world: World) -> VendorServices:
    """Start Panorama and the licensing API, and run them on the world's clock."""
    authority = Authority()
    licensing = Licensing(world, authority)
    panorama = Panorama(world, authority, licensing)
    credits_ = CreditPool(world, authority, licensing)
    plugin = LicensePlugin(world, panorama, licensing)
    delicensing = FastDelicensing(panorama, licensing)
    strata = StrataCloudManager(world, authority)
    services = VendorServices(authority, licensing, credits_, panorama, plugin, delicensing, strata)
    world.engines.append(services)
    return services
