"""A lab with Panorama, and pan-os-python as its client, for the tests of Panorama."""

import base64
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from unittest import mock
from xml.etree import ElementTree as ET

import panos.errors
import panos.panorama
import pytest

from vmseries_lab import vendor_services
from vmseries_lab.core.world import World
from vmseries_lab.panorama import initial_config, references
from vmseries_lab.panorama.responses import result

HOST = "panorama.example.com"
SECOND_HOST = "panorama-2.example.com"
OTHER_HOST = "other-host.example.com"
MANAGED = "/config/mgt-config/devices"
GROUP = references.members_path("device-group", "autoscale")
STACK = references.members_path("template-stack", "autoscale-stack")
LOGS = references.members_path("log-collector-group", "autoscale-logs")


class VerifiedPanorama(panos.panorama.Panorama):
    """pan-os-python with verified certificates and the lab's host names."""

    def __init__(self, vendor, peer=0, **arguments):
        peer = vendor.panorama.peers[peer]
        super().__init__(peer.host, port=peer.server.port, **arguments)
        self._context = ssl.create_default_context(cadata=vendor.authority.pem)
        self.timeout = 5

    def generate_xapi(self):
        xapi = super().generate_xapi()
        xapi.ssl_context = self._context
        return xapi


class Firewall:
    """A minimal firewall for Panorama."""

    hostname = "i-0123"
    sw_version = "11.2.15"
    ip_address = "10.0.1.7"

    def __init__(self, serial):
        self.serial = serial
        self.received = []
        self.commands = []

    def operate(self, command):
        self.commands.append(ET.tostring(command, encoding="unicode"))
        return result(text=f"{self.serial} obeys")

    def receive(self, configuration):
        self.received.append(configuration)


@dataclass
class Site:
    """A Panorama, and two administrators' connections to it."""

    world: World
    vendor: vendor_services.VendorServices
    device: VerifiedPanorama
    operator: VerifiedPanorama


@contextmanager
def names_lead_to_the_lab():
    """Look the lab's host names up as its loopback address."""
    real = socket.getaddrinfo

    def look_up(host, *rest, **more):
        return real("127.0.0.1" if host in (HOST, SECOND_HOST, OTHER_HOST) else host, *rest, **more)

    with mock.patch("socket.getaddrinfo", look_up):
        yield


@contextmanager
def panorama_lab():
    """A lab with only Panorama and licensing; host names are resolved to it."""
    world = World()
    vendor = vendor_services.install(world)
    device = VerifiedPanorama(vendor, api_key=initial_config.AUTOSCALE.key)
    operator = VerifiedPanorama(vendor, api_key=initial_config.OPERATOR.key)
    with names_lead_to_the_lab():
        yield Site(world, vendor, device, operator)
    vendor.stop()


def ask(vendor, *, header=None, basic=None, get=False, **parameters):
    """Send one request without a client library; return status and body."""
    url = f"https://{HOST}:{vendor.panorama.peers[0].server.port}/api/"
    form = urllib.parse.urlencode(parameters)
    headers = {"X-PAN-KEY": header} if header else {}
    if basic:
        headers["Authorization"] = f"Basic {base64.b64encode(basic.encode()).decode()}"
    request = urllib.request.Request(  # noqa: S310 - always https
        f"{url}?{form}" if get else url, None if get else form.encode(), headers
    )
    context = ssl.create_default_context(cadata=vendor.authority.pem)
    try:
        with urllib.request.urlopen(request, context=context, timeout=60) as answer:  # noqa: S310 - the same
            assert answer.headers.get_content_type() == "application/xml"
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@contextmanager
def rejected(device, text, code):
    """Expect that Panorama rejects the request inside with this text and code."""
    with pytest.raises(panos.errors.PanDeviceXapiError, match=text):
        yield
    assert device.xapi.status_code == code


def job(device, number):
    return device.op(f"<show><jobs><id>{number}</id></jobs></show>", cmd_xml=False).find(
        "result/job"
    )


def commit(device, *admins):
    members = "".join(f"<member>{admin}</member>" for admin in admins)
    partial = f"<partial><admin>{members}</admin></partial>" if admins else ""
    return device.commit(cmd=f"<commit>{partial}</commit>", sync=False)


def add(device, xpath, *serials):
    for serial in serials:
        device.xapi.set(xpath, f"<entry name='{serial}'/>")


def serials(device, action, xpath):
    answer = getattr(device.xapi, action)(xpath)
    return [entry.get("name") for entry in answer.iterfind("result/devices/entry")]
