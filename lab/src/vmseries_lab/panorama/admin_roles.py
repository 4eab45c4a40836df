"""Roles of administrators in the running configuration, and what they allow over the XML API.

Palo Alto Networks, Panorama Administrator's Guide: "Administrative Roles" (dynamic roles, and role
profiles, which enable or disable each type of request on the tab "XML API").
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from vmseries_lab.panorama import config_tree
from vmseries_lab.panorama.responses import ApiError, ForbiddenError

TYPES = ("report", "log", "config", "op", "commit", "user-id", "export", "import")
"""Types of requests in role profiles."""
PROFILES = "/config/shared/admin-role"
_USERS = "/config/mgt-config/users"


@dataclass(frozen=True, slots=True)
class Role:
    """A role.

    Attributes:
        types: types of requests that it allows.
        writes: whether it allows changes.
    """

    types: frozenset[str]
    writes: bool = True

    def require(self, kind: str, *, write: bool) -> None:
        """Check that the role allows a request.

        A disabled type is HTTP 403, with the text that pango's tests have recorded (and
        PaloAltoNetworks/ansible-pan#264). A change by a read-only role is code 16, unauthorized
        ("PAN-OS XML API Error Codes").

        Raises:
            ForbiddenError: if the role does not allow this type of request.
            ApiError: code 16 if the request is a change and the role is read-only.
        """
        if kind in TYPES and kind not in self.types:
            raise ForbiddenError(f"Type [{kind}] not authorized for user role.")
        if write and not self.writes:
            raise ApiError("Unauthorized request", code=16)


def role_of(running: Element, admin: str) -> Role:
    """Return the role of an administrator."""
    roles = config_tree.find(
        running, config_tree.parse(f"{_USERS}/entry[@name='{admin}']/permissions/role-based")
    )
    if not roles:
        return Role(frozenset())
    if roles[0].findtext("superuser") == "yes":
        return Role(frozenset(TYPES))
    if roles[0].findtext("superreader") == "yes":
        return Role(frozenset(TYPES), writes=False)
    profile = roles[0].findtext("custom/profile") or ""
    rights = config_tree.find(running, config_tree.parse(f"{rights_path(profile)}/*"))
    return Role(frozenset(right.tag for right in rights if right.text == "enable"))


def rights_path(profile: str) -> str:
    """Return the XPath of a role profile's rights over the XML API."""
    return f"{PROFILES}/entry[@name='{profile}']/role/panorama/xmlapi"
