"""The licenses that a firewall has, as its own and Panorama's license lists show them.

``request license info`` has the elements that pango and pan-os-python read. Panorama's ``request
batch license info`` has other ones: ``devices/entry`` with ``serial-no``, ``devicename`` and
``licenses/entry``, whose children are, in this order, type, description, date of expiry and warning
(read by several public clients, such as licdump of Palo Alto Networks). A VM-Series has the
capacity license ``PA-VM``, a support license and others, such as ``Logging Service``.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from vmseries_lab.panorama.responses import entry, leaf

SURVIVORS = {"none": (), "logging-service": ("Logging Service",)}
"""Names of the licenses that stay, by the answers to ``features-after-deactivation``."""


@dataclass(frozen=True, slots=True)
class Feature:
    """A license of a firewall."""

    name: str
    description: str
    expires: str


CAPACITY = Feature("PA-VM", "Standard VM-Series", "Never")
FEATURES = (
    CAPACITY,
    Feature("Premium", "24 x 7 phone support; advanced replacement hardware service", "Never"),
    Feature("Logging Service", "Device Logging Service", "January 01, 2036"),
)


def features(*, licensed: bool, deactivated: bool, survivors: str) -> list[Feature]:
    """Return the licenses that a firewall lists.

    Args:
        licensed: whether it has its capacity license.
        deactivated: whether its capacity license was deactivated.
        survivors: answer to the assumption ``features-after-deactivation``.
    """
    if licensed:
        return list(FEATURES)
    stay = SURVIVORS[survivors] if deactivated else ()
    return [feature for feature in FEATURES if feature.name in stay]


def own_list(listed: list[Feature], serial: str, auth_code: str) -> Element:
    """Return the ``<licenses>`` of ``request license info``."""
    licenses = Element("licenses")
    for feature in listed:
        shown = entry(
            feature.name,
            feature=feature.name,
            description=feature.description,
            serial=serial,
            issued="January 01, 2026",
            expires=feature.expires,
            expired="no",
        )
        if feature is CAPACITY:
            shown.append(leaf("base-license-name", feature.name))
        shown.append(leaf("authcode", auth_code))
        licenses.append(shown)
    return licenses


def batch_list(listed: list[Feature]) -> Element:
    """Return the ``<licenses>`` of one firewall in ``request batch license info``."""
    licenses = Element("licenses")
    for feature in listed:
        shown = entry(feature.name, type="SUB")
        shown.append(leaf("feature-description", feature.description))
        shown.append(leaf("expiry-date", feature.expires))
        shown.append(leaf("warning", ""))
        licenses.append(shown)
    return licenses
