"""Replace the values of answers with placeholders that are the same wherever a value occurs.

A placeholder says what kind of value it is, and a number tells different values apart:
``serial-2`` is one serial number in all answers of a recording. Whole values are replaced, never
parts of them. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address, ip_network

from vmseries_autoscale.recording import vocabulary

MAXIMUM_NAME = 48
"""Number of characters of an element's name. Those of PAN-OS are shorter."""

_SERIAL = re.compile(r"[0-9]{12,15}")
_SERIAL_ELEMENTS = frozenset({"serial", "serial-no"})
_MAC = re.compile(r"[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_INSTANCE = re.compile(r"(i-(?:[0-9a-f]{8}|[0-9a-f]{17}))(\..+)?")
_IP_NAME = re.compile(r"ip((?:-[0-9]{1,3}){4})(\..+)?")
_CPU_ID = re.compile(r"AWSMP:([0-9a-f]{8}|[0-9a-f]{17})((?::[^:]*)*)", re.DOTALL)
"""CPU id of pay-as-you-go images ("Serial Number and CPU ID Format", VM-Series documentation)."""
_NUMBER = re.compile(r"[0-9]{1,11}")
_TIME = re.compile(r"(?=.*[0-9]:[0-9]{2})[0-9/:. -]{5,40}|[0-9]+ days?, [0-9:]{5,10}")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[._-]+[A-Za-z0-9]+)*[._-]*")
_DIGITS = re.compile(r"[0-9]{4}")
_XPATH = re.compile(r"(?:/[\w-]+(?:\[@name=(?:'[^']*'|\"[^\"]*\")\])*)+")
_STEP = re.compile(r"/([\w-]+)|\[@name=(?:'([^']*)'|\"([^\"]*)\")\]")


class Neutralizer:
    """The placeholders of one recording.

    Args:
        known: Placeholders of values that are known beforehand, by value.
    """

    def __init__(self, known: Mapping[str, str]) -> None:
        self._placeholders = {value: name for value, name in known.items() if value}
        self._private = [
            value.lower()
            for value in self._placeholders
            if len(value) > 3 and value not in vocabulary.WORDS
        ]
        self._instances = {
            match[1][2:]: name
            for value, name in known.items()
            if (match := _INSTANCE.fullmatch(value))
        }
        self._numbers: dict[str, int] = {}
        self._names: dict[str, str] = {}

    def see(self, owner: str, text: str) -> None:
        """Note a value, so that ``name`` hides an element that is called so."""
        self.value(owner, text)

    def value(self, owner: str, text: str | None) -> str:
        """Return a known word as it is, or the placeholder of another value; empty without one.

        Args:
            owner: Name of the element or of the attribute.
            text: Its text.
        """
        text = (text or "").strip()
        if not text or vocabulary.is_known(owner, text):
            return text
        if text not in self._placeholders:
            self._names.clear()  # One of them may be this value.
            self._placeholders[text] = self._new(owner, text)
        return self._placeholders[text]

    def name(self, tag: str) -> str:
        """Return the name of an element or attribute, or a placeholder.

        A name stays if it looks like one of PAN-OS, and is no value and contains none that was
        known beforehand.
        """
        if tag not in self._names:
            self._names[tag] = self._new_name(tag)
        return self._names[tag]

    def _new_name(self, tag: str) -> str:
        plain = len(tag) <= MAXIMUM_NAME and _NAME.fullmatch(tag) and not _DIGITS.search(tag)
        private = tag in self._placeholders or any(value in tag.lower() for value in self._private)
        if plain and not private:
            return tag
        return self._numbered("element", f"<{tag}>")

    def _new(self, owner: str, text: str) -> str:
        if match := _INSTANCE.fullmatch(text):
            return self._with_domain(self._numbered("instance", match[1]), match[2])
        if match := _IP_NAME.fullmatch(text):
            address = match[1][1:].replace("-", ".")
            return self._with_domain(f"ip-name-of-{self.value('ip-address', address)}", match[2])
        if match := _CPU_ID.fullmatch(text):
            instance = self._numbered("instance", f"i-{match[1]}")
            return f"AWSMP:{instance}{':text' * match[2].count(':')}"
        if _XPATH.fullmatch(text):
            return self._xpath(text)
        if _MAC.fullmatch(text):
            return self._numbered("mac", text.lower().replace("-", ":"))
        placeholder = self._numbered(_kind(owner, text), text)
        named = [name for part, name in self._instances.items() if part in text.lower()]
        return f"{placeholder}-with-{named[0]}" if named else placeholder

    def _with_domain(self, placeholder: str, domain: str | None) -> str:
        return f"{placeholder}.domain" if domain else placeholder

    def _xpath(self, text: str) -> str:
        """Return an XPath with its known element names, and placeholders for everything else."""
        steps = []
        for match in _STEP.finditer(text):
            if match[1] in vocabulary.PATH_STEPS:
                steps.append(f"/{self.name(match[1])}")
            elif match[1] is not None:
                steps.append(f"/{self._numbered('step', match[1])}")
            else:
                steps.append(f"[{self.value('name', match[2] or match[3])}]")
        return "".join(steps)

    def _numbered(self, kind: str, value: str) -> str:
        """Return the placeholder of a value; the first time, one with the next number."""
        if value not in self._placeholders:
            self._numbers[kind] = self._numbers.get(kind, 0) + 1
            self._placeholders[value] = f"{kind}-{self._numbers[kind]}"
        return self._placeholders[value]


def _kind(owner: str, text: str) -> str:
    """Return the kind of a value."""
    if owner in _SERIAL_ELEMENTS or _SERIAL.fullmatch(text):
        return "serial"
    for kind, pattern in (("uuid", _UUID), ("number", _NUMBER)):
        if pattern.fullmatch(text):
            return kind
    # An IPv6 address may look like a time.
    return _address_kind(text) or ("time" if _TIME.fullmatch(text) else "text")


def _address_kind(text: str) -> str | None:
    for kind, parse in (("address", ip_address), ("network", ip_network)):
        try:
            parse(text)
        except ValueError:
            continue
        return kind
    return None
