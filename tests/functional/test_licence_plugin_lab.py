"""What we ask of the licence plugin, asked of the plugin of the lab's Panorama."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock
from xml.etree.ElementTree import Element

import pytest

from vmseries_autoscale import licensing
from vmseries_autoscale.credentials import Credentials
from vmseries_autoscale.errors import PanoramaRefusedError
from vmseries_autoscale.panorama.adapter import PanOsPanorama, connect_to_active
from vmseries_autoscale.settings import PanoramaSettings
from vmseries_lab import panorama as lab_panorama
from vmseries_lab.panorama import initial
from vmseries_lab.panorama.answers import result
from vmseries_lab.panorama.plugin import LICENSE_MANAGER
from vmseries_lab.world import World

HOST = "panorama.example.com"
MINUTE = 60


@dataclass
class Firewall:
    """Just enough of one for Panorama to manage."""

    serial: str
    hostname: str = "i-0123"
    sw_version: str = "11.1.4-h7"
    ip_address: str = "10.0.1.7"

    def operate(self, _command: Element) -> Element:
        return result(text="obeys")

    def receive(self, _configuration: Element) -> None:
        pass


@dataclass
class Site:
    """The lab's Panorama with the plugin, and our connection to it."""

    world: World
    outside: Any
    panorama: PanOsPanorama

    def join(self) -> str:
        """A firewall that the plugin licenses; its serial number."""
        plugin = self.outside.plugin
        (manager,) = plugin.managers()
        serial: str = self.outside.licensing.take(manager.auth_code, "UUID", "CPU")
        plugin.admit(Firewall(serial), manager.auth_key)
        return serial

    def ask(self, *serials: str) -> None:
        licensing.ask_plugin(self.panorama, LICENSE_MANAGER, serials, "fw")
        self.world.advance(MINUTE)

    def listed(self) -> frozenset[str]:
        return self.panorama.plugin_licensed(LICENSE_MANAGER)


@pytest.fixture
def site() -> Iterator[Site]:
    world = World()
    outside = lab_panorama.install(world)
    outside.plugin.configure(installed=True)
    settings = PanoramaSettings(
        hostnames=(HOST,),
        port=outside.panorama.server.port,
        secret_arn="arn:secret",
        device_group=initial.DEVICE_GROUP,
        template_stack=initial.TEMPLATE_STACK,
        log_collector_group=None,
        timeout_seconds=5,
        push_when_out_of_sync=False,
    )
    admin = initial.AUTOSCALE
    credentials = Credentials(admin.name, admin.key, None, outside.authority.pem)
    real = socket.getaddrinfo

    def look_up(host: str, *rest: Any, **more: Any) -> Any:
        return real("127.0.0.1" if host == HOST else host, *rest, **more)

    with mock.patch("socket.getaddrinfo", look_up):
        yield Site(world, outside, connect_to_active(settings, credentials))
    outside.stop()


def test_licences_are_back_when_the_plugin_s_changes_are_committed(site: Site) -> None:
    leaving, also_leaving, staying = site.join(), site.join(), site.join()
    assert site.listed() == {leaving, also_leaving, staying}
    site.ask(leaving, also_leaving)
    assert site.listed() == {leaving, also_leaving, staying}, "done, and not committed"
    site.ask(leaving, also_leaving)
    assert site.listed() == {staying}
    assert site.outside.licensing.used() == 1


def test_a_licence_that_is_back_already_is_success(site: Site) -> None:
    serial = site.join()
    for _ in range(2):
        site.ask(serial)
    assert site.listed() == frozenset()
    site.ask(serial)
    site.ask()


def test_what_the_plugin_answers_is_no_proof(site: Site) -> None:
    """Without its key Panorama promises as ever, and nothing comes of it."""
    serial = site.join()
    site.outside.panorama.licences.api_key.value = None
    for _ in range(3):
        site.ask(serial)
    assert site.listed() == {serial}


def test_an_unknown_license_manager_is_told(site: Site) -> None:
    with pytest.raises(PanoramaRefusedError, match="another"):
        site.panorama.plugin_licensed("another")
