"""Responses of the XML API, as they were recorded.

Envelope and codes: Palo Alto Networks, PAN-OS and Panorama API guide, "PAN-OS XML API Error Codes".
Where the documentation does not specify the format, responses are as pan-python, pan-os-python and
pango parse them.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, ParseError, SubElement, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

COMMAND_SUCCEEDED = "command succeeded"
NO_CHANGES = "There are no changes to commit."
SAME_AS_PREVIOUS = (
    "The result of this commit would be the same as the previous commit queued/processed."
    " No edits have been made since then."
)


class ApiError(Exception):
    """A response with ``status="error"``.

    Attributes:
        lines: lines of the message.
        code: error code of the XML API; ``None`` if recorded responses have no code.
    """

    def __init__(self, *lines: str, code: int | None = None) -> None:
        super().__init__(" ".join(lines))
        self.lines = lines
        self.code = code

    def answer(self) -> Element:
        """Return the response."""
        return envelope("error", self.code, with_lines(Element("msg"), *self.lines))


class ForbiddenError(Exception):
    """The credentials or the administrator's role do not allow a request: HTTP 403."""

    def __init__(self, text: str = "Invalid Credential") -> None:
        super().__init__(text)

    def answer(self) -> Element:
        """Return the body of the HTTP 403."""
        result = Element("result")
        SubElement(result, "msg").text = str(self)
        return envelope("error", 403, result)


def parsed(text: str) -> Element:
    """Parse XML from a client.

    Raises:
        ApiError: code 18 if it is not well-formed.
    """
    try:
        element: Element = fromstring(text)
    except (ParseError, DefusedXmlException) as error:
        raise ApiError(f"Malformed XML: {error}", code=18) from error
    return element


def envelope(status: str, code: int | None = None, *children: Element) -> Element:
    """Return ``<response status= code=>`` with ``children``."""
    response = Element("response", {"status": status})
    if code is not None:
        response.set("code", str(code))
    response.extend(children)
    return response


def with_lines(element: Element, *lines: str) -> Element:
    """Append a ``<line>`` to ``element`` for each of ``lines``; return ``element``."""
    for line in lines:
        SubElement(element, "line").text = line
    return element


def result(*children: Element, text: str | None = None, code: int | None = None) -> Element:
    """Return a successful response with a ``<result>``."""
    inner = Element("result")
    inner.text = text
    inner.extend(children)
    return envelope("success", code, inner)


def message(text: str, code: int | None = 20, *, as_line: bool = False) -> Element:
    """Return a successful response with a ``<msg>``.

    Args:
        text: text of the message.
        code: code of the response.
        as_line: put the text in a ``<line>`` of the message; both forms were recorded.
    """
    msg = Element("msg")
    if as_line:
        with_lines(msg, text)
    else:
        msg.text = text
    return envelope("success", code, msg)


def enqueued(job: int, *, commit: bool) -> Element:
    """Return the response to a request that starts a job.

    Args:
        job: number of the job.
        commit: whether it is a commit, whose text differs.
    """
    inner = Element("result")
    text = f"Commit job enqueued with jobid {job}" if commit else f"Job enqueued with jobid {job}"
    inner.append(with_lines(Element("msg"), text))
    SubElement(inner, "job").text = str(job)
    return envelope("success", 19, inner)


def leaf(tag: str, text: object) -> Element:
    """Return ``<tag>text</tag>``."""
    element = Element(tag)
    element.text = str(text)
    return element


def entry(name: str, /, **leaves: object) -> Element:
    """Return ``<entry name=>`` with leaves; underscores in their names become hyphens."""
    element = Element("entry", {"name": name})
    element.extend(leaf(tag.replace("_", "-"), value) for tag, value in leaves.items())
    return element


def render(element: Element) -> bytes:
    """Return the response as bytes of XML."""
    return tostring(element)
