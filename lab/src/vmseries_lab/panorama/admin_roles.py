"""What administrators may do over the XML API, as the running configuration has it.

Palo Alto Networks, Panorama Administrator's Guide: "Administrative Roles" (dynamic roles, and role
profiles that allow or deny each type of request on the tab "XML API").
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from vmseries_lab.panorama import config_tree
from vmseries_lab.panorama.responses import ApiError, ForbiddenError

TYPES = ("report", "log", "config", "op", "commit", "user-id", "export", "import")
"""Types of requests, as role profiles name them."""
PROFILES = "/config/shared/admin-role"
_USERS = "/config/mgt-config/users"


@dataclass(frozen=True, slots=True)
class Role:
    """A role.

    Attributes:
        types: types of requests that it may make.
        writes: whether it may change anything.
    """

    types: frozenset[str]
    writes: bool = True

    def require(self, kind: str, *, write: bool) -> None:
        """Check that the role allows a request.

        That a type is switched off is HTTP 403, in the words that pango's tests have recorded (and
        PaloAltoNetworks/ansible-pan#264); that a role may only look is code 16, unauthorized ("PAN-
        OS XML API Error Codes").

        Raises:
            ForbiddenError: if the role may not make requests of this type.
            ApiError: code 16 if it may only look.
        """
        if kind in TYPES and kind not in self.types:
            raise ForbiddenError(f"Type [{kind}] not authorized for user role.")
        if write and not self.writes:
            raise ApiError("Unauthorized request", code=16)


def role_of(running: Element, admin: str) -> Role:
    """The role of an administrator."""
    found = config_tree.find(
        running, config_tree.parse(f"{_USERS}/entry[@name='{admin}']/permissions/role-based")
    )
    if not found:
        return Role(frozenset())
    if found[0].findtext("superuser") == "yes":
        return Role(frozenset(TYPES))
    if found[0].findtext("superreader") == "yes":
        return Role(frozenset(TYPES), writes=False)
    profile = found[0].findtext("custom/profile") or ""
    rights = config_tree.find(running, config_tree.parse(f"{rights_path(profile)}/*"))
    return Role(frozenset(right.tag for right in rights if right.text == "enable"))


def rights_path(profile: str) -> str:
    """XPath of what a profile allows over the XML API."""
    return f"{PROFILES}/entry[@name='{profile}']/role/panorama/xmlapi"
