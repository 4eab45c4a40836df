"""The limits of a response's XML document, which are checked before a tree is built."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmseries_autoscale.pan_os.xml_limits import (
    FIREWALL_LIMITS,
    MAXIMUM_DEPTH,
    PANORAMA_LIMITS,
    Limits,
    UnusableXmlError,
    check_response,
)

LIMITS = Limits(2**20, 1000, 500)


def response(content: str) -> bytes:
    return f'<response status="success">{content}</response>'.encode()


def nested(levels: int) -> bytes:
    """A document with this number of levels."""
    return response("<a>" * (levels - 1) + "</a>" * (levels - 1))


LAUGHS = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(9))
BILLION_LAUGHS = f'<!DOCTYPE r [<!ENTITY l0 "lol">{LAUGHS}]><response status="success">&l9;'
EMPTY_DTD = '<?xml version="1.0"?><!DOCTYPE response><response status="success"/>'
EXTERNAL = (
    '<!DOCTYPE response [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    '<response status="success">&x;</response>'
)


@pytest.mark.parametrize(
    "document",
    [
        response(""),
        b'<?xml version="1.0" encoding="UTF-8"?>' + response("<result/>"),
        response("<result><![CDATA[yes\n]]></result>"),
        response("<result>\N{GRINNING FACE} &amp; &#xe9;</result>"),
        nested(MAXIMUM_DEPTH),
        response("<a/>" * (LIMITS.elements - 1)),
        response('<a b=""/>' * (LIMITS.attributes - 1)),
        b'<response status="error" code="16"><msg/></response>',
    ],
    ids=lambda value: repr(value[:50]),
)
def test_a_response_within_the_limits_is_accepted(document: bytes) -> None:
    check_response(document, LIMITS)


@pytest.mark.documents(id="panorama/contention/oversized")
@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (nested(MAXIMUM_DEPTH + 1), "levels"),
        (nested(200_000), "levels"),
        (b'<response status="success">' + b"<a>" * 200_000, "levels"),
        (response("<a/>" * LIMITS.elements), "elements"),
        (response('<a b=""/>' * LIMITS.attributes), "attributes"),
        (
            b"<response %s/>" % b" ".join(b"a%d=''" % n for n in range(LIMITS.attributes + 1)),
            "attributes",
        ),
        (BILLION_LAUGHS.encode(), "document type definition"),
        (EMPTY_DTD.encode(), "document type definition"),
        (EXTERNAL.encode(), "document type definition"),
        (EMPTY_DTD.encode("utf-16-le"), "document type definition"),
        (EMPTY_DTD.encode("utf-16-be"), "document type definition"),
        (EMPTY_DTD.encode("utf-16"), "not in UTF-8"),
        (EMPTY_DTD.encode("utf-32"), "not in UTF-8"),
        (b"\xef\xbb\xbf" + EMPTY_DTD.encode(), "document type definition"),
        (b'<?xml version="1.0" encoding="utf-7"?>+ADwAIQ-DOCTYPE', "encoding"),
        (b'<?xml version="1.0" encoding="no-such"?><response status=""/>', "encoding"),
        (b'<?xml version="1.0" encoding="base64"?><response status=""/>', "encoding"),
        (response("\xe9").replace("\xe9".encode(), b"\xe9"), "not in UTF-8"),
        (response("&undefined;"), "not XML"),
        (response("\x00"), "not XML"),
        (b"", "not XML"),
        (b"\x1f\x8b\x08\x00" + bytes(30), "not in UTF-8"),
        (b"{}", "not XML"),
        (response("") * 2, "not XML"),
        (response("")[:-3], "not XML"),
        (b'<html lang="en"><body/></html>', "no element <response"),
        (b"<response/>", "no element <response"),
        (b'<x:response xmlns:x="urn:x" status="success"/>', "no element <response"),
    ],
    ids=lambda value: repr(value[:40]),
)
def test_every_other_document_is_refused_with_its_reason(document: bytes, reason: str) -> None:
    """F4: deep nesting, document type definitions and garbage."""
    with pytest.raises(UnusableXmlError, match=reason) as raised:
        check_response(document, LIMITS)
    assert len(str(raised.value)) < 100, "the document is not quoted"


@given(
    st.text(alphabet="<>/='\"& a!?-[]\x00é", max_size=60)
    | st.binary(max_size=60).map(lambda data: data.decode("latin-1"))
)
def test_any_document_is_accepted_or_refused_with_a_named_error(text: str) -> None:
    for document in (text.encode(), response(text), text.encode("latin-1", "ignore")):
        with contextlib.suppress(UnusableXmlError):
            check_response(document, LIMITS)


def test_the_limits_of_a_firewall_are_a_small_part_of_those_of_panorama() -> None:
    """A visit asks up to ten firewalls at the same time."""
    assert 10 * FIREWALL_LIMITS.body_bytes < PANORAMA_LIMITS.body_bytes
    assert 10 * FIREWALL_LIMITS.elements < PANORAMA_LIMITS.elements
    assert 10 * FIREWALL_LIMITS.attributes <= PANORAMA_LIMITS.attributes
