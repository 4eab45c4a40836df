"""Administrators and their API keys.

Palo Alto Networks, PAN-OS and Panorama API guide:
"Get Your API Key", "API Authentication and Security".
"""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass

from vmseries_lab.net.https import Request
from vmseries_lab.panorama.responses import ForbiddenError


@dataclass
class Admin:
    """An administrator; the configuration has the role (``admin_roles``)."""

    name: str
    password: str
    key: str


class Administrators:
    """The administrators who can use the API, by name."""

    def __init__(self, *admins: Admin) -> None:
        self.admins = {admin.name: admin for admin in admins}

    def key(self, name: str, password: str) -> str:
        """Return the API key of an administrator (``type=keygen``).

        Raises:
            ForbiddenError: if the name or the password is wrong.
        """
        admin = self.admins.get(name)
        if admin is None or not hmac.compare_digest(admin.password.encode(), password.encode()):
            raise ForbiddenError
        return admin.key

    def authenticate(self, request: Request) -> Admin:
        """Return the administrator of a request, by API key (parameter or header) or HTTP Basic.

        Raises:
            ForbiddenError: if the credentials are missing or wrong.
        """
        key = request.parameters.get("key") or request.headers.get("x-pan-key")
        if key is None:
            key = self._basic(request.headers.get("authorization", ""))
        for admin in self.admins.values():
            if hmac.compare_digest(admin.key.encode(), key.encode()):
                return admin
        raise ForbiddenError

    def name_of(self, request: Request) -> str:
        """Return the name of a request's administrator, empty if there is none."""
        try:
            return self.authenticate(request).name
        except ForbiddenError:
            return request.parameters.get("user", "")

    def _basic(self, header: str) -> str:
        scheme, _, credentials = header.partition(" ")
        try:
            name, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise ForbiddenError from error
        if scheme.lower() != "basic":
            raise ForbiddenError
        return self.key(name, password)
