"""Limits of a response's XML document, checked before a library builds a tree from it.

The parsers and ``copy.deepcopy``, which pan-os-python applies to each response, are recursive: at
about 200,000 levels of elements, the process ends with a segmentation fault. A tree also needs many
times the memory of its document. Document type definitions can expand a small document to gigabytes
("billion laughs"), and PAN-OS sends none.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.parsers import expat

MAXIMUM_DEPTH = 200
"""Levels of elements. The deepest response that this package reads has about 20."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a response may contain.

    Attributes:
        body_bytes: Size of the document.
        elements: Number of elements.
        attributes: Number of equals signs, each of which may be an attribute. They are counted
            before parsing, because the parser reads all attributes of an element before it reports
            any.
    """

    body_bytes: int
    elements: int
    attributes: int


PANORAMA_LIMITS = Limits(16 * 2**20, 400_000, 100_000)
"""Limits for Panorama. Its largest response is the device list: for each firewall about 3 KB, 65
elements and fewer than 10 attributes, for up to 5,000 firewalls (docs/assumptions.md). A response
within these limits needs at most about 330 MB, which fits into the functions' default memory."""

FIREWALL_LIMITS = Limits(2**20, 20_000, 10_000)
"""Limits for a firewall. Its largest response is its job list. A visit reads from several firewalls
at the same time."""

_PIECE = 65_536


class UnusableXmlError(Exception):
    """The document is not XML, not from the XML API, or exceeds a limit."""


def check_response(document: bytes, limits: Limits) -> None:
    """Check that a document is a response of the XML API within limits.

    Args:
        document: Document of at most ``limits.body_bytes``.
        limits: Limits of the device.

    Raises:
        UnusableXmlError: If it is not. The text quotes nothing from the document.
    """
    if document.count(b"=") > limits.attributes:
        raise UnusableXmlError(f"more than {limits.attributes} attributes")
    try:
        document.decode()
    except UnicodeDecodeError:
        raise UnusableXmlError("not in UTF-8") from None
    # The same settings as those of xml.etree, so that both read the same document.
    parser = expat.ParserCreate(None, "}")
    handlers = _Handlers(limits)
    parser.StartElementHandler = handlers.start
    parser.EndElementHandler = handlers.end
    parser.StartDoctypeDeclHandler = handlers.document_type
    try:
        # In pieces, because the parser continues to the end of a piece after an error.
        for begin in range(0, len(document), _PIECE):
            parser.Parse(document[begin : begin + _PIECE], False)
        parser.Parse(b"", True)
    except expat.ExpatError as exc:
        raise UnusableXmlError(f"not XML: {expat.ErrorString(exc.code)}") from None
    except (LookupError, ValueError):
        raise UnusableXmlError("in an unknown encoding") from None


class _Handlers:
    """Handlers of the parser, which raise an error at the first violation."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._depth = 0
        self._elements = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if self._elements == 0 and (name != "response" or "status" not in attributes):
            raise UnusableXmlError("no element <response status=…>")
        self._elements += 1
        self._depth += 1
        if self._depth > MAXIMUM_DEPTH:
            raise UnusableXmlError(f"more than {MAXIMUM_DEPTH} levels of elements")
        if self._elements > self._limits.elements:
            raise UnusableXmlError(f"more than {self._limits.elements} elements")

    def end(self, _name: str) -> None:
        self._depth -= 1

    def document_type(self, *_: object) -> None:
        raise UnusableXmlError("a document type definition")
