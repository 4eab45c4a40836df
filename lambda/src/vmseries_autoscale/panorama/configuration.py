"""Configuration requests to Panorama: read and delete by XPath."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from vmseries_autoscale.errors import PANORAMA, DeviceRefusedError
from vmseries_autoscale.pan_os.commands import all_text, to_xml
from vmseries_autoscale.pan_os.connection import DeviceConnection
from vmseries_autoscale.pan_os.errors import classify_pan_os_error, is_missing_node


@dataclass(frozen=True, slots=True)
class RefusedDelete:
    """The first delete that Panorama refuses in a multi-config request.

    Attributes:
        index: position of the delete in the request; ``None`` if the response does not say.
        error: the reason.
    """

    index: int | None
    error: DeviceRefusedError


class Configuration:
    """The configuration of one Panorama, through its XML API."""

    def __init__(self, connection: DeviceConnection) -> None:
        self._connection = connection

    def running(self, xpath: str) -> ET.Element | None:
        """Return the response for an XPath of the running configuration, ``None`` if absent."""
        return self._read(lambda xapi: xapi.show(xpath))

    def candidate(self, xpath: str) -> ET.Element | None:
        """Return the response for an XPath of the candidate configuration, ``None`` if absent."""
        return self._read(lambda xapi: xapi.get(xpath))

    def _read(self, request: Callable[[Any], ET.Element]) -> ET.Element | None:
        try:
            return self._connection.request(request)
        except DeviceRefusedError as error:
            if is_missing_node(error):
                return None
            raise

    def delete(self, xpath: str) -> None:
        """Delete from the candidate configuration. Panorama reports success if it is absent."""
        self._connection.request(lambda xapi: xapi.delete(xpath))

    def delete_together(self, xpaths: Sequence[str]) -> RefusedDelete | None:
        """Delete all of these from the candidate configuration with one request, or none of them.

        "Multi-Config Request (API)" in the PAN-OS and Panorama API guide. Without
        ``strict-transactional``, which first reverts the administrator's uncommitted changes
        (among them other visits' removals) and is refused while a commit is in progress.

        Returns:
            ``None`` if all are deleted, otherwise the delete that is refused.
        """
        root = ET.Element("multi-configure-request")
        for number, xpath in enumerate(xpaths):
            ET.SubElement(root, "delete", {"id": str(number), "xpath": xpath})
        # A mapping, because pan-python would encode a string a second time.
        fields = {"type": "config", "action": "multi-config", "element": to_xml(root)}
        refusal: DeviceRefusedError | None = None
        try:
            response = self._connection.request(lambda xapi: xapi.ad_hoc(qs=fields, modify_qs=True))
        except DeviceRefusedError as error:
            # The library's error omits the nested responses, which hold the reason.
            response, refusal = self._connection.last_response, error
        refused = _first_refusal(response)
        if refused is None and refusal is not None:
            return RefusedDelete(None, refusal)
        return refused


def _first_refusal(response: ET.Element) -> RefusedDelete | None:
    """The first refusal among the nested responses of a multi-config request.

    Raises:
        AutoscaleError: if it is not a refusal of this delete, such as a busy Panorama.
    """
    for index, nested in enumerate(response.findall("response")):
        if nested.get("status") != "success":
            error = classify_pan_os_error(PANORAMA, nested.get("code"), all_text(nested))
            if not isinstance(error, DeviceRefusedError):
                raise error
            return RefusedDelete(index, error)
    return None
