"""Recorded responses of Panorama's XML API, and what tests of the client share."""

from __future__ import annotations

from defusedxml.ElementTree import fromstring

from vmseries_autoscale.panorama import Part, Removal

SERIAL = "007951000012345"
OTHER = "007951000000099"
LOCALHOST = "/config/devices/entry[@name='localhost.localdomain']"

OK = '<response status="success" code="20"><msg>command succeeded</msg></response>'
QUEUED = (
    '<response status="success" code="19"><result><msg><line>Commit job enqueued with jobid 17'
    "</line></msg><job>17</job></result></response>"
)

REMOVALS = [
    *(Removal(Part.DEVICE_GROUP, SERIAL), Removal(Part.DEVICE_GROUP, OTHER)),
    *(Removal(Part.MANAGED_DEVICES, SERIAL), Removal(Part.MANAGED_DEVICES, OTHER)),
]


def always() -> bool:
    return True


def deletes(request: dict[str, str]) -> list[str | None]:
    """The XPaths that a multi-config request deletes."""
    return [action.get("xpath") for action in fromstring(request["element"]).iterfind("delete")]
