"""Panorama's XML API, for reading only.

PAN-OS and Panorama API guide: "PAN-OS XML API Request Types" and "Run Operational Mode Commands
(API)".
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from xml.etree.ElementTree import Element, ParseError

from botocore.exceptions import ClientError
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from acceptance.account import Account

PORT = 443
TIMEOUT_SECONDS = 30.0
LARGEST_RESPONSE = 16 * 1024 * 1024
DEVICES = "<show><devices><all/></devices></show>"
SYSTEM = "<show><system><info/></system></show>"


class PanoramaError(Exception):
    """Panorama does not answer, or refuses. The text has no secret and no address."""


@dataclass(frozen=True)
class Device:
    """A firewall in Panorama's list; the texts are empty if Panorama shows none."""

    serial: str
    hostname: str
    address: str
    connected: bool


@dataclass(frozen=True)
class DeviceList:
    """Panorama's list of firewalls.

    Attributes:
        devices: The firewalls.
        bytes_per_device: Length of the response, divided by the number of firewalls.
        elements_per_device: XML elements of the response, divided likewise.
    """

    devices: tuple[Device, ...]
    bytes_per_device: int
    elements_per_device: int


class _Connection(http.client.HTTPSConnection):
    """An HTTPS connection that verifies one name, and may connect to another address."""

    def __init__(self, host: str, address: tuple[str, int], context: ssl.SSLContext) -> None:
        super().__init__(host, timeout=TIMEOUT_SECONDS, context=context)
        self._address, self._tls = address, context

    def connect(self) -> None:
        """Connect, and start TLS with the name of the host."""
        plain = socket.create_connection(self._address, self.timeout)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)


class Panorama:
    """The XML API of one Panorama, with the credentials in the secret of the functions."""

    def __init__(self, hostname: str, address: tuple[str, int], secret: dict[str, Any]) -> None:
        self._hostname, self._address = hostname, address
        bundle = secret.get("ca_bundle")
        self._tls = ssl.create_default_context(cadata=bundle if isinstance(bundle, str) else None)
        self._key = secret.get("api_key") or self._generate(secret)

    def devices(self) -> DeviceList:
        """Return the list of firewalls.

        Raises:
            PanoramaError: Panorama does not answer, or refuses.
        """
        body = self._post({"type": "op", "cmd": DEVICES})
        root = self._parsed(body)
        entries = root.findall("result/devices/entry")
        number = max(len(entries), 1)
        return DeviceList(
            tuple(_device(entry) for entry in entries),
            len(body) // number,
            sum(1 for _ in root.iter()) // number,
        )

    def mac_address(self, serial: str) -> str:
        """Return the MAC address of a firewall's management interface; empty if it shows none.

        Raises:
            PanoramaError: Panorama or the firewall does not answer, or refuses.
        """
        root = self._parsed(self._post({"type": "op", "cmd": SYSTEM, "target": serial}))
        return (root.findtext("result/system/mac-address") or "").lower()

    def _generate(self, secret: dict[str, Any]) -> str:
        self._key = ""
        form = {"type": "keygen", "user": str(secret.get("username", ""))}
        root = self._parsed(self._post(form | {"password": str(secret.get("password", ""))}))
        return root.findtext("result/key") or ""

    def _post(self, form: dict[str, str]) -> bytes:
        connection = _Connection(self._hostname, self._address, self._tls)
        headers = {"Content-Type": "application/x-www-form-urlencoded", "X-PAN-KEY": self._key}
        try:
            connection.request("POST", "/api/", urlencode(form), headers)
            response = connection.getresponse()
            body = response.read(LARGEST_RESPONSE)
        except (OSError, http.client.HTTPException) as error:
            # The error's text can contain an address.
            raise PanoramaError(f"does not answer this machine ({type(error).__name__})") from None
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise PanoramaError(f"answers with HTTP {response.status}")
        return body

    @staticmethod
    def _parsed(body: bytes) -> Element:
        try:
            root: Element = fromstring(body)
        except (ParseError, DefusedXmlException):
            raise PanoramaError("answers with something that is not XML") from None
        if root.get("status") != "success":
            raise PanoramaError(f"refuses the request (code {(root.get('code') or 'unknown')[:5]})")
        return root


def _device(entry: Element) -> Device:
    def text(name: str) -> str:
        return (entry.findtext(name) or "").strip()

    return Device(
        text("serial") or entry.get("name", ""),
        text("hostname"),
        text("ip-address"),
        text("connected") == "yes",
    )


def connect(account: Account, hostnames: tuple[str, ...], secret_name: str | None) -> Panorama:
    """Connect to the first Panorama that lists its firewalls to this machine.

    Raises:
        PanoramaError: None does.
    """
    if not hostnames or secret_name is None:
        raise PanoramaError("is not used by this deployment")
    manager = account.client("secretsmanager")
    try:
        secret = json.loads(manager.get_secret_value(SecretId=secret_name)["SecretString"])
    except (ClientError, KeyError, ValueError) as error:
        # The text of a ValueError quotes the secret.
        raise PanoramaError(f"has no readable secret ({type(error).__name__})") from None
    failure = PanoramaError("does not answer")
    for hostname in hostnames:
        try:
            panorama = Panorama(hostname, account.address_of(hostname, PORT), secret)
            panorama.devices()
        except PanoramaError as error:
            failure = error
        except (OSError, KeyError) as error:
            failure = PanoramaError(f"cannot be reached ({type(error).__name__})")
        else:
            return panorama
    raise failure
