"""The requests to the license plugin, sent to the plugin of the lab's Panorama."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from component.fakes import lab_panorama
from component.fakes.lab_panorama import Firewall
from vmseries_autoscale.errors import DeviceRefusedError
from vmseries_autoscale.licensing.by_plugin import request_plugin_deactivation
from vmseries_autoscale.panorama.client import PanOsPanorama
from vmseries_lab.core.world import World
from vmseries_lab.panorama.license_managers import LICENSE_MANAGER

MINUTE = 60


@dataclass
class Site:
    """The lab's Panorama with the plugin, and a connection to it."""

    world: World
    vendor: Any
    panorama: PanOsPanorama

    def join(self) -> str:
        """Add a firewall with a license of the plugin; return its serial number."""
        plugin = self.vendor.plugin
        (manager,) = plugin.managers()
        serial: str = self.vendor.licensing.activate(manager.auth_code, "UUID", "CPU")
        plugin.admit(Firewall(serial), manager.auth_key)
        return serial

    def deactivate(self, *serials: str) -> None:
        request_plugin_deactivation(self.panorama, LICENSE_MANAGER, serials, "fw")
        self.world.advance(MINUTE)

    def listed(self) -> frozenset[str]:
        return self.panorama.plugin_licensed(LICENSE_MANAGER)


@pytest.fixture
def site() -> Iterator[Site]:
    world = World()
    with lab_panorama.installed(world) as vendor:
        vendor.plugin.configure(installed=True)
        yield Site(world, vendor, lab_panorama.connect(vendor))


@pytest.mark.documents(id="licensing/plugin/normal")
def test_licenses_are_returned_when_the_plugins_changes_are_committed(site: Site) -> None:
    leaving, also_leaving, staying = site.join(), site.join(), site.join()
    assert site.listed() == {leaving, also_leaving, staying}
    site.deactivate(leaving, also_leaving)
    assert site.listed() == {leaving, also_leaving, staying}, "deactivated, but not committed"
    site.deactivate(leaving, also_leaving)
    assert site.listed() == {staying}
    assert site.vendor.licensing.used() == 1


def test_deactivating_a_license_that_was_already_returned_succeeds(site: Site) -> None:
    serial = site.join()
    for _ in range(2):
        site.deactivate(serial)
    assert not site.listed()
    site.deactivate(serial)
    site.deactivate()


@pytest.mark.documents(id="licensing/plugin/silent-failure")
def test_the_plugins_response_does_not_prove_a_deactivation(site: Site) -> None:
    """Without its licensing API key, Panorama confirms the request and does nothing."""
    serial = site.join()
    site.vendor.panorama.leading.licenses.api_key.value = None
    for _ in range(3):
        site.deactivate(serial)
    assert site.listed() == {serial}


@pytest.mark.documents(id="licensing/unregistered/by-address")
@pytest.mark.parametrize("answer", ["absent", "listed"])
def test_the_list_names_a_firewall_only_if_it_has_host_names(site: Site, answer: str) -> None:
    site.world.assumptions.set(plugin_list_host_name=answer)
    serial = site.join()
    listed = site.panorama.plugin_firewalls(LICENSE_MANAGER)
    assert listed is not None
    assert listed[serial].address == Firewall.ip_address
    assert listed[serial].is_named(Firewall.hostname) is (answer == "listed")
    assert not listed[serial].is_named("i-0124")


@pytest.mark.documents(id="licensing/plugin/wrong-license-manager")
def test_a_license_manager_serves_the_groups_of_its_configuration(site: Site) -> None:
    assert site.panorama.serves_our_groups(LICENSE_MANAGER)
    assert not site.panorama.serves_our_groups("another")
    elsewhere = lab_panorama.connect(site.vendor, group="data-center")
    assert not elsewhere.serves_our_groups(LICENSE_MANAGER)


def test_an_unknown_license_manager_is_reported(site: Site) -> None:
    with pytest.raises(DeviceRefusedError, match="another"):
        site.panorama.plugin_licensed("another")
