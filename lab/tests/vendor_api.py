"""Requests to the XML APIs of the lab without a network, for tests of responses."""

from xml.etree import ElementTree as ET

from defusedxml.ElementTree import fromstring

from vmseries_lab.net.https import Request
from vmseries_lab.panorama import initial_config

DEACTIVATE = (
    "<request><license><deactivate><VM-Capacity><mode>auto</mode></VM-Capacity></deactivate>"
    "</license></request>"
)
INFO = "<request><license><info/></license></request>"
KEY = "<request><license><api-key><set><key>{}</key></set></api-key></license></request>"
SYSTEM = "<show><system><info/></system></show>"
JOBS = "<show><jobs><all/></jobs></show>"
DEVICES = "<show><devices><all/></devices></show>"


def ask(vendor, admin=initial_config.AUTOSCALE, **parameters):
    """Send a request to the first Panorama; return the HTTP status and the root element."""
    form = {"key": admin.key, **parameters}
    response = vendor.panorama.peers[0].api.respond(Request("/api/", form, {}))
    return response.status, fromstring(response.body)


def op(vendor, command, admin=initial_config.AUTOSCALE, **parameters):
    """Send an operational command to the first Panorama; return the root element."""
    return ask(vendor, admin, type="op", cmd=command, **parameters)[1]


def text(element: ET.Element) -> str:
    """Return all text of an element."""
    return " ".join("".join(element.itertext()).split())


def batch(action, *serials):
    """Return a command about the licenses of several firewalls."""
    devices = f"<devices>{','.join(serials)}</devices>"
    inner = (
        f"<VM-Capacity><mode>auto</mode>{devices}</VM-Capacity>"
        if action == "deactivate"
        else devices
    )
    return f"<request><batch><license><{action}>{inner}</{action}></license></batch></request>"


def job(vendor, number):
    return op(vendor, f"<show><jobs><id>{number}</id></jobs></show>").find("result/job")


def members(vendor, kind, name):
    """Return the members of a device group (``devicegroups``) or template stack by serial."""
    answer = op(vendor, f"<show><{kind}><name>{name}</name></{kind}></show>")
    return {
        device.get("name"): device
        for group in answer.iterfind("result/*/entry")
        for device in group.iterfind("devices/entry")
    }
