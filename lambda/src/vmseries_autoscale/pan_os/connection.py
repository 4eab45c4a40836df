"""The XML API of a PAN-OS device, Panorama's or a firewall's, spoken with pan-os-python.

The library does requests, keys and answers. What its version 1.13.1 gets wrong is put right here:
it does not verify certificates, waits twenty minutes, lets time-outs and broken answers escape as
other libraries' exceptions, and does not encode keys. Nothing else imports it.
"""

from __future__ import annotations

import http.client
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

import panos.base
import panos.errors

from vmseries_autoscale.errors import AutoscaleError, SecretError
from vmseries_autoscale.secret_store import Credentials

_DEACTIVATED = re.compile(
    r"successfully (deactivated|removed)"
    r"|already (been )?((in|de)activ|de-?licensed|removed|returned)"
    r"|not found|no [\w-]+ licen[cs]e to deactivate",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Errors:
    """What a kind of device's errors are called here.

    Attributes:
        refused: makes one of the XML API's code, if there is one, and text; also of the text that
            the library has for what is no answer of the XML API.
        timed_out: the device has the request, and does not answer in time.
        broken_off: the connection ended within the answer.
    """

    refused: Callable[[str | None, str], AutoscaleError]
    timed_out: type[AutoscaleError]
    broken_off: type[AutoscaleError]


class Connection:
    """One device, as one administrator. Not thread-safe: answers live in the library.

    Args:
        address: where to dial.
        port: of its API.
        timeout_seconds: the longest that a request may take.
        credentials: who we are to it.
        errors: what its errors are called.
        server_name: what its certificate must be valid for; ``None`` is the address.

    Raises:
        SecretError: if the credentials' ca_bundle is none.
    """

    def __init__(
        self,
        address: str,
        port: int,
        timeout_seconds: int,
        credentials: Credentials,
        errors: Errors,
        *,
        server_name: str | None = None,
    ) -> None:
        self._address = address
        self._timeout_seconds = timeout_seconds
        self._errors = errors
        self._device = _VerifiedDevice(
            verifying_context(credentials.ca_bundle, server_name),
            hostname=address,
            port=port,
            timeout=timeout_seconds,
            api_key=credentials.api_key and _encoded(credentials.api_key),
            api_username=credentials.username,
            api_password=credentials.password,
        )
        self._xapi: Any = None

    def op(self, command: ET.Element, target: str | None = None) -> ET.Element:
        """Run an operational command, on the firewall behind this device if ``target`` names one.

        Raises:
            AutoscaleError: as ``errors`` has it, if it is refused or not answered.
        """
        extra = {} if target is None else {"target": target}
        return self.request(lambda xapi: xapi.op(xml(command), extra_qs=extra))

    def request(self, request: Callable[[Any], ET.Element]) -> ET.Element:
        """Make one request with the library's ``xapi``.

        Raises:
            AutoscaleError: as ``errors`` has it, if it is refused or not answered.
        """
        with self._translated_errors():
            if self._xapi is None:
                # With a password, this is where the key is asked for.
                self._xapi = self._device.xapi
            return request(self._xapi)

    @property
    def answer(self) -> ET.Element:
        """The last answer of the XML API, also one that was a refusal."""
        root: ET.Element = self._xapi.element_root
        return root

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except panos.errors.PanXapiError as exc:
            code = self._xapi.status_code if self._xapi is not None else None
            raise self._errors.refused(code, str(exc)) from exc
        except TimeoutError as exc:
            raise self._errors.timed_out(
                f"{self._address} did not answer within {self._timeout_seconds} s"
            ) from exc
        except (OSError, http.client.HTTPException, UnicodeDecodeError) as exc:
            raise self._errors.broken_off(
                f"{self._address} broke off its answer: {type(exc).__name__}"
            ) from exc


class _VerifiedDevice(panos.base.PanDevice):  # type: ignore[misc]  # panos has no types
    """pan-os-python's device, with certificates verified and API keys encoded."""

    def __init__(self, context: ssl.SSLContext, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._context = context

    def generate_xapi(self) -> Any:
        xapi = super().generate_xapi()
        xapi.ssl_context = self._context
        return xapi

    def _retrieve_api_key(self) -> str:
        # The library's own would send the password over a connection that is not verified.
        xapi = panos.base.PanDevice.XapiWrapper(
            pan_device=self,
            api_username=self._api_username,
            api_password=self._api_password,
            hostname=self.hostname,
            port=self.port,
            timeout=self.timeout,
            ssl_context=self._context,
        )
        answer: ET.Element = xapi.keygen(retry_on_peer=False)
        return _encoded(answer.findtext("result/key", ""))


class _VerifyingContext(ssl.SSLContext):
    """Trusts nobody but whom it can verify, as the system does or by certificates of the user's."""

    server_name: str | None = None

    def wrap_socket(self, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        """Expect a certificate for ``server_name``, if it is set, whatever was dialled."""
        if self.server_name is not None:
            options["server_hostname"] = self.server_name
        return super().wrap_socket(*arguments, **options)


def verifying_context(ca_bundle: str | None, server_name: str | None = None) -> ssl.SSLContext:
    """How a server is verified.

    Args:
        ca_bundle: certificates (PEM) to verify it by; ``None`` is the system's trust.
        server_name: what its certificate must be valid for; ``None`` is the address.

    Raises:
        SecretError: if ca_bundle is none.
    """
    context = _VerifyingContext(ssl.PROTOCOL_TLS_CLIENT)
    context.server_name = server_name
    if ca_bundle is None:
        context.load_default_certs()
        return context
    try:
        context.load_verify_locations(cadata=ca_bundle)
    except ssl.SSLError as exc:
        raise SecretError("ca_bundle in the secret is not PEM certificates") from exc
    # What is named is trusted, root or not: a default from Python 3.13 on. Its other new default is
    # none here: certificates that lack extensions, as those of many private CAs do, are accepted.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _encoded(api_key: str) -> str:
    """A key as pan-python wants it: it puts keys into a form body as they are."""
    return quote(api_key, safe="")


def command(*path: str, text: str | None = None) -> ET.Element:
    """An operational command: elements within each other, the last one with a text."""
    root = ET.Element(path[0])
    nested(root, *path[1:]).text = text
    return root


def nested(parent: ET.Element, *path: str) -> ET.Element:
    """The innermost of new elements within each other, in ``parent``."""
    for name in path:
        parent = ET.SubElement(parent, name)
    return parent


def xml(element: ET.Element) -> str:
    """An element as it is sent."""
    return str(ET.tostring(element, encoding="unicode"))


def says_deactivated(text: str) -> bool:
    """Whether an answer says that a license has been given back, or that there is none."""
    return _DEACTIVATED.search(text) is not None
