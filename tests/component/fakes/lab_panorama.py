"""The lab's Panorama and the functions' own client, in one process."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock
from xml.etree.ElementTree import Element

from vmseries_autoscale.panorama.client import PanOsPanorama, connect_to_active
from vmseries_autoscale.secret_store import Credentials
from vmseries_autoscale.settings import PanoramaSettings
from vmseries_lab import vendor_services
from vmseries_lab.core.world import World
from vmseries_lab.panorama import initial_config
from vmseries_lab.panorama.administrators import Admin
from vmseries_lab.panorama.responses import result

HOST = "panorama.example.com"


@dataclass
class Firewall:
    """The part of a firewall that Panorama needs to manage it."""

    serial: str
    hostname: str = "i-0123"
    sw_version: str = "11.2.15"
    ip_address: str = "10.0.1.7"

    def operate(self, _command: Element) -> Element:
        return result(text="ok")

    def receive(self, _configuration: Element) -> None:
        pass


@contextmanager
def installed(world: World) -> Iterator[Any]:
    """Panorama and the licensing API of a lab; Panorama's host name leads to this machine."""
    vendor = vendor_services.install(world)
    real = socket.getaddrinfo

    def look_up(host: str, *rest: Any, **more: Any) -> Any:
        return real("127.0.0.1" if host == HOST else host, *rest, **more)

    with mock.patch("socket.getaddrinfo", look_up):
        yield vendor
    vendor.stop()


def settings(vendor: Any, group: str = initial_config.DEVICE_GROUP) -> PanoramaSettings:
    """The settings of the functions for the lab's Panorama."""
    return PanoramaSettings(
        hostnames=(HOST,),
        port=vendor.panorama.peers[0].server.port,
        secret_arn="arn:secret",
        server_name=None,
        device_group=group,
        template_stack=initial_config.TEMPLATE_STACK,
        log_collector_group=initial_config.COLLECTOR_GROUP,
        timeout_seconds=1,
        push_when_out_of_sync=False,
    )


def credentials(vendor: Any, admin: Admin = initial_config.AUTOSCALE) -> Credentials:
    """The credentials of one of its administrators."""
    return Credentials(admin.name, admin.key, None, vendor.authority.pem)


def connect(
    vendor: Any, admin: Admin = initial_config.AUTOSCALE, group: str = initial_config.DEVICE_GROUP
) -> PanOsPanorama:
    """A connection as the functions make it."""
    return connect_to_active(settings(vendor, group), credentials(vendor, admin))
