"""Roles of administrators in the running configuration, and what they allow over the XML API.

Palo Alto Networks, Panorama Administrator's Guide: "Administrative Roles" (dynamic roles, and role
profiles, which enable or disable each type of request on the tab "XML API").

A role profile is ``<entry name="…"><role>…</role></entry>`` in ``/config/shared/admin-role``. The
lab reads two parts of it: ``panorama/xmlapi``, and ``panorama/webui/commit/
commit-for-other-admins`` ("Commit For Other Admins", by the name that pango uses for roles of
firewalls). A profile of type Device Group and Template has no part ``panorama``, and no XML API
(PaloAltoNetworks/pan-os-codegen#705).
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from vmseries_lab.panorama import config_tree
from vmseries_lab.panorama.config_store import ConfigStore
from vmseries_lab.panorama.responses import ApiError, ForbiddenError, parsed

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
        custom: whether it is a role profile, not a dynamic role.
        commits_for_others: whether it allows commits of other administrators' changes.
    """

    types: frozenset[str]
    writes: bool = True
    custom: bool = False
    commits_for_others: bool = True

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
    for_others = config_tree.find(running, config_tree.parse(_others_path(profile)))
    return Role(
        frozenset(right.tag for right in rights if right.text == "enable"),
        custom=True,
        commits_for_others=any(right.text == "enable" for right in for_others),
    )


def load(store: ConfigStore, profile: str, text: str) -> None:
    """Replace a role profile, in both configurations, by the one in a file.

    Args:
        store: configuration of one peer.
        profile: name of the profile in Panorama, whatever its name in the file.
        text: XML with one entry that has a ``<role>``, alone or within other elements.

    Raises:
        ValueError: if there is not exactly one such entry.
    """
    try:
        root = parsed(text)
    except ApiError as error:
        raise ValueError(f"not XML: {error}") from error
    roles = [entry.find("role") for entry in root.iter("entry") if entry.find("role") is not None]
    if len(roles) != 1 or roles[0] is None:
        raise ValueError(f"the file has {len(roles)} role profiles, not one")
    for element in roles[0].iter():
        element.text = (element.text or "").strip() or None
        element.tail = None
    store.replace(f"{PROFILES}/entry[@name='{profile}']/role", roles[0])


def _others_path(profile: str) -> str:
    """Return the XPath of the right to commit other administrators' changes."""
    path = f"{PROFILES}/entry[@name='{profile}']/role/panorama"
    return f"{path}/webui/commit/commit-for-other-admins"


def rights_path(profile: str) -> str:
    """Return the XPath of a role profile's rights over the XML API."""
    return f"{PROFILES}/entry[@name='{profile}']/role/panorama/xmlapi"
