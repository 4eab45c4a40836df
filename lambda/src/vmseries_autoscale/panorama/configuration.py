"""Read and delete parts of Panorama's configuration by XPath."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from vmseries_autoscale.errors import PANORAMA, DeviceRefusedError
from vmseries_autoscale.pan_os.commands import to_xml
from vmseries_autoscale.pan_os.connection import DeviceConnection
from vmseries_autoscale.pan_os.errors import classify_pan_os_error, is_missing_node
from vmseries_autoscale.pan_os.values import all_text, job_number


@dataclass(frozen=True, slots=True)
class RefusedDelete:
    """The first delete that Panorama refuses in a multi-config request.

    Attributes:
        index: Position of the delete in the request; ``None`` if the response does not say it.
        error: Reason of the refusal.
    """

    index: int | None
    error: DeviceRefusedError


class Configuration:
    """The configuration of one Panorama."""

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
        """Delete an element, if present, from the candidate configuration."""
        self._connection.request(lambda xapi: xapi.delete(xpath))

    def delete_together(self, xpaths: Sequence[str]) -> RefusedDelete | None:
        """Delete all of these elements, or none, from the candidate configuration in one request.

        "Multi-Config Request (API)" in the PAN-OS and Panorama API guide. The request does not set
        ``strict-transactional``, because Panorama would first revert the administrator's
        uncommitted changes, including removals of other visits, and refuse the request while a
        commit is in progress.

        Returns:
            ``None`` if all elements are deleted, otherwise the delete that Panorama refuses.
        """
        root = ET.Element("multi-configure-request")
        for number, xpath in enumerate(xpaths):
            ET.SubElement(root, "delete", {"id": str(number), "xpath": xpath})
        # A mapping, because pan-python would encode a string twice.
        fields = {"type": "config", "action": "multi-config", "element": to_xml(root)}
        refusal: DeviceRefusedError | None = None
        try:
            response = self._connection.request(lambda xapi: xapi.ad_hoc(qs=fields, modify_qs=True))
        except DeviceRefusedError as error:
            # The library's error omits the nested responses, which hold the reason.
            response, refusal = self._connection.last_response, error
        results = response.findall("response")
        refused = _first_refusal(results, len(xpaths))
        if len(results) > len(xpaths) or (
            len(results) < len(xpaths) and refused is None and refusal is None
        ):
            text = f"the response has {len(results)} results for {len(xpaths)} deletes"
            return RefusedDelete(None, DeviceRefusedError(PANORAMA, None, text))
        if refused is None and refusal is not None:
            return RefusedDelete(None, refusal)
        return refused


def _first_refusal(results: Sequence[ET.Element], deletes: int) -> RefusedDelete | None:
    """Return the first refusal in the nested responses of a multi-config request.

    Panorama repeats the id of the request's action in its response (pan-python, tests of
    multi-config). Without ids, the position in the response is that in the request; but a response
    that has the failing part only is then not one of the first delete.

    Raises:
        AutoscaleError: If the error is not a refusal of a delete, e.g. because Panorama is busy.
    """
    for position, nested in enumerate(results):
        if nested.get("status") != "success":
            error = classify_pan_os_error(PANORAMA, nested.get("code"), all_text(nested))
            if not isinstance(error, DeviceRefusedError):
                raise error
            return RefusedDelete(_index(nested.get("id"), position, len(results), deletes), error)
    return None


def _index(identifier: str | None, position: int, results: int, deletes: int) -> int | None:
    """Return the position of a refused delete in the request; ``None`` if it is not certain."""
    if identifier is not None:
        number = job_number(identifier)
        return number if number is not None and number < deletes else None
    return None if results == 1 < deletes else position
