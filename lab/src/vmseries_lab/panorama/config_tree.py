"""Reads and changes a configuration tree by XPath, as the configuration actions of the XML API do.

PAN-OS accepts a subset of XPath: element names from the root, each with at most one predicate, on
``@name`` (alternatives joined by ``or``) or on ``text()``.
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
    """PAN-OS does not accept the XPath."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a path: tag, and the names or the text that elements must have."""

    tag: str
    names: tuple[str, ...] = ()
    text: str | None = None

    def matches(self, element: Element) -> bool:
        """Whether this step selects ``element``."""
        if self.tag not in ("*", element.tag):
            return False
        if self.names and element.get("name") not in self.names:
            return False
        return self.text is None or (element.text or "").strip() == self.text


def parse(xpath: str) -> tuple[Step, ...]:
    """Return the steps of an absolute path.

    Raises:
        BadXpathError: if the path is not absolute or PAN-OS does not accept it.
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
    """Return the elements that a path selects; its first step selects ``root`` itself."""
    elements = [root] if steps[0].matches(root) else []
    for step in steps[1:]:
        elements = [child for element in elements for child in element if step.matches(child)]
    return elements


def delete(root: Element, steps: tuple[Step, ...]) -> bool:
    """Remove the elements that a path selects; return ``False`` if there are none."""
    deleted = False
    for parent in find(root, steps[:-1]) if len(steps) > 1 else []:
        for child in [child for child in parent if steps[-1].matches(child)]:
            parent.remove(child)
            deleted = True
    return deleted


def merge(root: Element, steps: tuple[Step, ...], additions: list[Element]) -> bool:
    """Create the path, then merge ``additions`` into it (``action=set``).

    Returns:
        Whether the tree has changed.
    """
    target, changed = _create(root, steps)
    for addition in additions:
        changed |= _merge_into(target, addition)
    return changed


def replace(root: Element, steps: tuple[Step, ...], element: Element) -> bool:
    """Replace the elements that the path selects by ``element`` (``action=edit``).

    Returns:
        Whether the tree has changed.

    Raises:
        BadXpathError: if the last step does not select ``element``.
    """
    if not steps[-1].matches(element):
        raise BadXpathError(f"edit of {steps[-1].tag} with an element {element.tag}")
    parent, _ = _create(root, steps[:-1])
    former = [child for child in parent if steps[-1].matches(child)]
    position = list(parent).index(former[0]) if former else len(parent)
    for child in former:
        parent.remove(child)
    parent.insert(position, copy.deepcopy(element))
    return [tostring(child) for child in former] != [tostring(element)]


def _create(root: Element, steps: tuple[Step, ...]) -> tuple[Element, bool]:
    """Return the element at the end of the path; create it and its parents if they are missing.

    Returns:
        The element, and whether anything was created.

    Raises:
        BadXpathError: if a missing step does not specify the element to create.
    """
    if not steps or not steps[0].matches(root):
        raise BadXpathError("the path does not begin at the root of the configuration")
    element, missing = root, False
    for step in steps[1:]:
        child = next((child for child in element if step.matches(child)), None)
        if child is None:
            if step.tag == "*" or len(step.names) > 1 or (step.tag == "entry" and not step.names):
                raise BadXpathError(f"the path does not specify which {step.tag} to create")
            child, missing = SubElement(element, step.tag), True
            if step.names:
                child.set("name", step.names[0])
            if step.text is not None:
                child.text = step.text
        element = child
    return element, missing


def _merge_into(target: Element, addition: Element) -> bool:
    """Merge one child into ``target``: entries by name, members by text, others by tag.

    Returns:
        Whether ``target`` has changed.
    """
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
