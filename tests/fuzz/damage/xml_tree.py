"""Mutators of XML documents."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TypeAlias
from xml.etree.ElementTree import Element as ParsedElement
from xml.sax.saxutils import escape, quoteattr

from defusedxml.ElementTree import fromstring

from fuzz.damage import odd_values, raw_bytes


class Markup(str):
    """A piece of XML that is written as it is, such as a comment or an entity."""

    __slots__ = ()


@dataclass
class Element:
    """An element. Attributes are pairs, so that one can occur twice."""

    tag: str
    attributes: list[tuple[str, str]]
    children: list[Content]


Content: TypeAlias = "Element | str"
_Slot = tuple[list[Content], int]


def parsed(document: bytes) -> Element:
    """Return a document as a tree of elements and texts."""
    return _converted(fromstring(document))


def _converted(element: ParsedElement) -> Element:
    children: list[Content] = [element.text] if element.text else []
    for child in element:
        children.append(_converted(child))
        if child.tail:
            children.append(child.tail)
    return Element(element.tag, list(element.items()), children)


def damaged(rng: Random, example: bytes, other: bytes) -> bytes:
    """Return a damaged document.

    Args:
        rng: The input's random generator.
        example: A correct document.
        other: Another correct document, to take elements and bytes from.
    """
    kind = rng.random()
    if kind > 0.12:
        example = _restructured(rng, example, other)
    if kind < 0.25:
        example = raw_bytes.damaged(rng, example, other)
    return example[: odd_values.MAXIMUM_LENGTH]


def _restructured(rng: Random, example: bytes, other: bytes) -> bytes:
    holder: list[Content] = [parsed(example)]
    donor = parsed(other)
    for _ in range(odd_values.count(rng)):
        rng.choice(_MUTATORS)(rng, holder, donor)
    document = written(holder[0])
    if rng.random() < 0.15:
        document = rng.choice(_FRAMES)(document)
    if rng.random() < 0.1:
        return rng.choice(_ENCODINGS)(document)
    return document.encode("utf-8", "surrogatepass")


def written(content: Content) -> str:
    """Return an element or a text as XML."""
    if isinstance(content, Markup):
        return str(content)
    if isinstance(content, str):
        return escape(content)
    attributes = "".join(f" {name}={quoteattr(value)}" for name, value in content.attributes)
    inner = "".join(map(written, content.children))
    return f"<{content.tag}{attributes}>{inner}</{content.tag}>"


def _encoded(declared: str, encoding: str) -> Callable[[str], bytes]:
    def encode(document: str) -> bytes:
        declaration = f'<?xml version="1.0" encoding="{declared}"?>'
        return (declaration + document).encode(encoding, "replace")

    return encode


_ENCODINGS: tuple[Callable[[str], bytes], ...] = (
    *(_encoded("UTF-16", "utf-16"), _encoded("ISO-8859-1", "latin-1"), _encoded("x", "utf-8")),
    *(_encoded("UTF-16", "utf-8"), _encoded("UTF-8", "utf-16"), _encoded("UTF-7", "utf-7")),
    *(_encoded("UTF-8", "utf-8-sig"), _encoded("utf-32", "utf-32"), _encoded("cp037", "cp037")),
    *(_encoded("UTF-8", "latin-1"), _encoded("shift_jis", "shift_jis"), _encoded("", "utf-8")),
)

_BILLION_LAUGHS = (
    '<!DOCTYPE r [<!ENTITY a "ha">'
    + "".join(
        f'<!ENTITY {name} "{f"&{previous};" * 10}">'
        for previous, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    + "]>"
)
_DOCTYPES = (
    "<!DOCTYPE response>",
    '<!DOCTYPE response SYSTEM "http://127.0.0.1:1/x.dtd">',
    '<!DOCTYPE r [<!ENTITY i SYSTEM "file:///etc/passwd">]>',
    '<!DOCTYPE r [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]>',
    f'<!DOCTYPE r [<!ENTITY i "{"x" * 50_000}">]>',
    '<!DOCTYPE r [<!ENTITY i "&i;">]>',
    '<!DOCTYPE r [<!ATTLIST response status CDATA "success">]>',
    _BILLION_LAUGHS,
)
_FRAMES: tuple[Callable[[str], str], ...] = (
    *((lambda document, dtd=dtd: dtd + document) for dtd in _DOCTYPES),
    lambda document: '<?xml version="1.1"?>' + document,
    lambda document: '<?xml version="1.0" standalone="no"?><?xml-stylesheet href="x"?>' + document,
    lambda document: document + document,
    lambda document: document + "trailing",
    lambda document: "\n" + '<?xml version="1.0"?>' + document,
    lambda document: "\ufeff" + document,
    lambda document: "<!-- before -->" + document + "<!-- after -->",
    lambda document: "<html><body>" + document + "</body></html>",
    lambda document: document.replace('status="success"', 'status="error"', 1),
    lambda document: document.replace('status="success"', "", 1),
)
_MARKUP = (
    *("<!-- a comment -->", "<?php x?>", "<![CDATA[<a>]]>", "<![CDATA[]]>", "&lt;", "&#x1F600;"),
    *("&i;" * 1000, "&i;", "&undefined;", "&#0;", "&#xD800;", "&#xFFFF;", "&#99999999999;", "&"),
    *("<", "<a", "</a>", "<a/>", "<a b=c/>", "<a b='1' b='2'/>", "<x:a/>", "]]>", "<!DOCTYPE a>"),
    *("<a xmlns='urn:x'/>", "<x:a xmlns:x='urn:x' x:b='1'/>", "<a xml:space='x' xml:lang=''/>"),
)
_ATTRIBUTES = (
    *(("status", "error"), ("status", "success"), ("status", ""), ("status", "Success"), ("x", "")),
    *(("code", "7"), ("code", "13"), ("code", "22"), ("code", "16"), ("code", "10"), ("code", "x")),
    *(("code", "9" * 5000), ("xmlns", "urn:x"), ("xmlns:x", "urn:x"), ("xmlns:xml", "urn:x")),
    *(("name", "'\""), ("name", ""), ("id", "9" * 5000), ("xml:base", "file:///"), ("a:b", "c")),
)


def _slots(holder: list[Content]) -> list[_Slot]:
    """Return where all elements and texts are, the whole document included."""
    found: list[_Slot] = []
    to_visit: list[_Slot] = [(holder, 0)]
    while to_visit:
        slot = to_visit.pop()
        found.append(slot)
        value = slot[0][slot[1]]
        if isinstance(value, Element):
            to_visit.extend((value.children, index) for index in range(len(value.children)))
    return found


def _slot(rng: Random, holder: list[Content]) -> _Slot:
    slots = _slots(holder)
    return slots[0] if len(slots) == 1 or rng.random() < 0.05 else rng.choice(slots[1:])


def _elements(holder: list[Content]) -> list[Element]:
    values = [items[index] for items, index in _slots(holder)]
    return [value for value in values if isinstance(value, Element)]


def _element(rng: Random, holder: list[Content]) -> Element:
    elements = _elements(holder)
    return rng.choice(elements) if elements else Element("response", [], [])


def _drop(rng: Random, holder: list[Content], _: Element) -> None:
    parents = [element for element in _elements(holder) if element.children]
    if parents:
        children = rng.choice(parents).children
        del children[rng.randrange(len(children))]


def _duplicate(rng: Random, holder: list[Content], _: Element) -> None:
    parents = [element for element in _elements(holder) if element.children]
    if parents:
        children = rng.choice(parents).children
        index = rng.randrange(len(children))
        piece = written(children[index])
        times = rng.choice((1, 1, 1, 2, 30, 1000)) if len(piece) < 2_000 else 1
        children.insert(index, Markup(piece * times))


def _replace_text(rng: Random, holder: list[Content], _: Element) -> None:
    odd = odd_values.text(rng) if rng.random() < 0.6 else odd_values.number(rng)
    if rng.random() < 0.3:
        items, index = _slot(rng, holder)
        items[index] = odd
    else:
        # The texts are mostly in the leaves.
        leaves = [
            element
            for element in _elements(holder)
            if not any(isinstance(child, Element) for child in element.children)
        ]
        if leaves:
            rng.choice(leaves).children[:] = [odd]


def _add_markup(rng: Random, holder: list[Content], _: Element) -> None:
    children = _element(rng, holder).children
    children.insert(rng.randrange(len(children) + 1), Markup(rng.choice(_MARKUP)))


def _split_text(rng: Random, holder: list[Content], _: Element) -> None:
    """Put a comment or an element into the middle of a text."""
    items, index = _slot(rng, holder)
    text = items[index]
    if isinstance(text, str) and not isinstance(text, Markup):
        middle = len(text) // 2
        items[index : index + 1] = [text[:middle], Markup(rng.choice(_MARKUP)), text[middle:]]


def _swap(rng: Random, holder: list[Content], _: Element) -> None:
    (items, index), (others, other_index) = _slot(rng, holder), _slot(rng, holder)
    value, other = copy.deepcopy(items[index]), copy.deepcopy(others[other_index])
    items[index], others[other_index] = other, value


def _transplant(rng: Random, holder: list[Content], donor: Element) -> None:
    items, index = _slot(rng, holder)
    donated = copy.deepcopy(_element(rng, [donor]))
    items[index] = donated


def _rename(rng: Random, holder: list[Content], _: Element) -> None:
    element = _element(rng, holder)
    element.tag = odd_values.renamed(rng, element.tag)


def _change_attribute(rng: Random, holder: list[Content], _: Element) -> None:
    element = _element(rng, holder)
    if rng.random() < 0.2:
        element.attributes.clear()
    name, value = rng.choice(_ATTRIBUTES)
    if rng.random() < 0.3:
        value = odd_values.text(rng)
    if rng.random() < 0.8:
        element.attributes[:] = [pair for pair in element.attributes if pair[0] != name]
    element.attributes.append((name, value))


def _deepen(rng: Random, holder: list[Content], _: Element) -> None:
    items, index = _slot(rng, holder)
    levels = odd_values.depth(rng)
    tag = rng.choice(("a", "entry", "result", "line", "msg"))
    inner = written(items[index])
    end = f"</{tag}>" * levels if rng.random() < 0.8 else ""
    items[index] = Markup(f"<{tag}>" * levels + inner + end)


def _lengthen(rng: Random, holder: list[Content], _: Element) -> None:
    element = _element(rng, holder)
    kind = rng.random()
    if kind < 0.6:
        texts = [child for child in element.children if isinstance(child, str)]
        long = odd_values.lengthened(rng, texts[0] if texts else "")
        element.children.insert(rng.randrange(len(element.children) + 1), long)
    elif kind < 0.8:
        element.attributes.append(("long", odd_values.lengthened(rng, "")))
    else:
        number = min(odd_values.length(rng), 300_000)
        element.attributes.extend((f"a{n}", "") for n in range(number // 10))


_Mutator = Callable[[Random, list[Content], Element], None]
_MUTATORS: tuple[_Mutator, ...] = (
    *(_drop, _duplicate, _replace_text, _replace_text, _replace_text, _add_markup, _split_text),
    *(_swap, _transplant, _rename, _change_attribute, _deepen, _lengthen),
)
