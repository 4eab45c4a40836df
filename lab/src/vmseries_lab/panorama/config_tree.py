"""Reading and changing a configuration tree by XPath, as the XML API's configuration actions do.

PAN-OS accepts a small part of XPath: a chain of element names from the root, each perhaps with one
predicate on ``@name`` (alternatives joined by ``or``) or on ``text()``.
Palo Alto Networks, PAN-OS and Panorama API guide: "Use XPath".
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

_STEP = re.compile(r"/([\w.-]+|\*)(?:\[([^\]]+)\])?")
_NAME = re.compile(r"""\s*@name\s*=\s*(['"])(.*?)\1\s*""")
_TEXT = re.compile(r"""\s*text\(\)\s*=\s*(['"])(.*?)\1\s*""")


class BadXpathError(ValueError):
    """The XPath is not of the form that PAN-OS takes."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a path: the element's name, and which of several are meant."""

    tag: str
    names: tuple[str, ...] = ()
    text: str | None = None

    def matches(self, element: Element) -> bool:
        """Whether ``element`` is meant by this step."""
        if self.tag not in ("*", element.tag):
            return False
        if self.names and element.get("name") not in self.names:
            return False
        return self.text is None or (element.text or "").strip() == self.text


def parse(xpath: str) -> tuple[Step, ...]:
    """The steps of an absolute path.

    Raises:
        BadXpathError: if the path is not absolute or uses more of XPath than PAN-OS takes.
    """
    steps: list[Step] = []
    position = 0
    while position < len(xpath):
        match = _STEP.match(xpath, position)
        if match is None:
            raise BadXpathError(xpath)
        steps.append(_step(match[1], match[2], xpath))
        position = match.end()
    if not steps:
        raise BadXpathError(xpath)
    return tuple(steps)


def _step(tag: str, predicate: str | None, xpath: str) -> Step:
    if predicate is None:
        return Step(tag)
    if text := _TEXT.fullmatch(predicate):
        return Step(tag, text=text[2])
    names = [_NAME.fullmatch(part) for part in predicate.split(" or ")]
    if None in names:
        raise BadXpathError(xpath)
    return Step(tag, tuple(name[2] for name in names if name))


def find(root: Element, steps: tuple[Step, ...]) -> list[Element]:
    """The elements that a path leads to. ``root`` is what its first step names."""
    found = [root] if steps[0].matches(root) else []
    for step in steps[1:]:
        found = [child for element in found for child in element if step.matches(child)]
    return found


def delete(root: Element, steps: tuple[Step, ...]) -> bool:
    """Remove what a path leads to; ``False`` if there is nothing."""
    gone = False
    for parent in find(root, steps[:-1]) if len(steps) > 1 else []:
        for child in [child for child in parent if steps[-1].matches(child)]:
            parent.remove(child)
            gone = True
    return gone


def merge(root: Element, steps: tuple[Step, ...], additions: list[Element]) -> bool:
    """``action=set``: make the path, then merge ``additions`` into it; whether anything changed."""
    target, changed = _make(root, steps)
    for addition in additions:
        changed |= _merge_into(target, addition)
    return changed


def replace(root: Element, steps: tuple[Step, ...], element: Element) -> bool:
    """``action=edit``: put ``element`` in the place of what the path leads to.

    Raises:
        BadXpathError: if ``element`` is not what the last step names.
    """
    if not steps[-1].matches(element):
        raise BadXpathError(f"edit of {steps[-1].tag} with an element {element.tag}")
    parent, _ = _make(root, steps[:-1])
    former = [child for child in parent if steps[-1].matches(child)]
    position = list(parent).index(former[0]) if former else len(parent)
    for child in former:
        parent.remove(child)
    parent.insert(position, copy.deepcopy(element))
    return [tostring(child) for child in former] != [tostring(element)]


def _make(root: Element, steps: tuple[Step, ...]) -> tuple[Element, bool]:
    """The element at the end of the path, made with everything on the way; whether it was missing.

    Raises:
        BadXpathError: if a missing step does not say which element to make.
    """
    if not steps or not steps[0].matches(root):
        raise BadXpathError("the path does not begin at the root of the configuration")
    element, missing = root, False
    for step in steps[1:]:
        child = next((child for child in element if step.matches(child)), None)
        if child is None:
            if step.tag == "*" or len(step.names) > 1 or (step.tag == "entry" and not step.names):
                raise BadXpathError(f"the path does not say which {step.tag} to make")
            child, missing = SubElement(element, step.tag), True
            if step.names:
                child.set("name", step.names[0])
            if step.text is not None:
                child.text = step.text
        element = child
    return element, missing


def _merge_into(target: Element, addition: Element) -> bool:
    """Merge one child: entries by name, members by text, others by tag; whether that changed it."""
    for child in target:
        if child.tag != addition.tag or child.get("name") != addition.get("name"):
            continue
        if child.tag == "member" and (child.text or "") != (addition.text or ""):
            continue
        changed = False
        if len(addition) == 0 and (child.text or "") != (addition.text or ""):
            child.text, changed = addition.text, True
        for inner in addition:
            changed |= _merge_into(child, inner)
        return changed
    target.append(copy.deepcopy(addition))
    return True
