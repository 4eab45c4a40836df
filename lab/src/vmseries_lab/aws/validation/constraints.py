"""Constraints of AWS's models on values, and the words in which AWS names them.

The words are those of the services' framework, as users of the API report them: ``1 validation
error detected: Value 'x' at 'roleName' failed to satisfy constraint: Member must have length less
than or equal to 64`` (https://github.com/NixOS/nixops/issues/328).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.model import Shape

from vmseries_lab.aws.validation import patterns

MODEL = "botocore's service model"
LONGEST_SET = 300
"""Characters of a set in a sentence: there are a thousand instance types."""
_INTEGER = re.compile(r"[+-]?\d+")
_TEXTS = ("string", "character")
_WHOLE_NUMBERS = ("integer", "long", "short", "byte")
_NUMBERS = (*_WHOLE_NUMBERS, "float", "double")
_LIMITS = {
    **dict.fromkeys(
        _TEXTS,
        (
            ("min", "minLength"),
            ("max", "maxLength"),
            ("from", "minimum"),
            ("to", "maximum"),
        ),
    ),
    **dict.fromkeys(_NUMBERS, (("min", "minimum"), ("max", "maximum"))),
    "list": (("min", "minItems"), ("max", "maxItems")),
}
"""Kinds of constraints and keywords of JSON schemas, by the type of the member."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """What a value must satisfy.

    Attributes:
        kind: ``enum`` (one of ``limit``), ``pattern`` (the whole text matches), ``search`` (a part
            of the text matches, as in JSON schemas), ``not`` (no part of the text matches), ``min``
            or ``max`` (of a number, of the length of a text, of the count of items), ``from`` or
            ``to`` (of a number that is written as text), ``bytes`` (at most so many, in base64),
            ``state`` (of the account, or of several parameters together).
        limit: the set, expression or number.
        source: who publishes it.
        words: the service's own words, with ``{value}``, if it does not use the framework's.
        code: the service's own error code, if it does not use its usual one.
        status: HTTP status of the refusal.
    """

    kind: str
    limit: Any
    source: str = ""
    words: str = ""
    code: str = ""
    status: int = 400

    def holds(self, node_kind: str, value: Any) -> bool:
        """Return whether a value of the right type satisfies the constraint.

        Raises:
            UncheckedPatternError: if the expression cannot be compiled.
        """
        if self.kind == "enum":
            return (float(value) if node_kind in _NUMBERS else value) in self.limit
        if self.kind == "pattern":
            return patterns.matches(self.limit, value)
        if self.kind in ("search", "not"):
            found = patterns.compiled(self.limit).search(value) is not None
            return found == (self.kind == "search")
        if self.kind in ("from", "to"):
            if not _INTEGER.fullmatch(value):
                return True  # The constraint on the type refuses it.
            number = int(value)
            return bool(number >= self.limit if self.kind == "from" else number <= self.limit)
        if self.kind == "bytes":
            return _decodes(value) and len(base64.b64decode(value)) <= self.limit
        size = _size(node_kind, value)
        return bool(size >= self.limit if self.kind == "min" else size <= self.limit)

    def sentence(self, node_kind: str, shown: str) -> str:
        """Return the constraint in the words of AWS, for a value as it may be shown."""
        if self.words:
            return self.words.replace("{value}", shown)
        if self.kind == "enum":
            known = ", ".join(map(str, sorted(self.limit)))
            shortened = known if len(known) <= LONGEST_SET else f"{known[:LONGEST_SET]}…"
            return f"Member must satisfy enum value set: [{shortened}]"
        if self.kind in ("pattern", "search", "not"):
            return f"Member must satisfy regular expression pattern: {self.limit}"
        what = "value" if node_kind in _NUMBERS or self.kind in ("from", "to") else "length"
        than = (
            "greater than or equal to" if self.kind in ("min", "from") else "less than or equal to"
        )
        return f"Member must have {what} {than} {self.limit:g}"


def of_shape(shape: Shape) -> Iterator[Constraint]:
    """Yield the constraints of a shape in botocore's model.

    Botocore itself checks few of them before it sends a request, and other SDKs none.
    """
    metadata = shape.metadata
    if metadata.get("enum"):
        yield Constraint("enum", frozenset(metadata["enum"]), MODEL)
    if metadata.get("pattern") and shape.type_name in _TEXTS:
        yield Constraint("pattern", metadata["pattern"], MODEL)
    for kind in ("min", "max"):
        if metadata.get(kind) is not None:
            yield Constraint(kind, metadata[kind], MODEL)


def of_schema(node_kind: str, schema: Mapping[str, Any], name: str) -> Iterator[Constraint]:
    """Yield the constraints of a property in a CloudFormation schema on a member of this type."""
    source = f"CloudFormation schema of {name}"
    if "enum" in schema and node_kind in (*_TEXTS, *_NUMBERS):
        yield Constraint("enum", frozenset(schema["enum"]), source)
    if node_kind in _TEXTS:
        if "pattern" in schema:
            yield Constraint("search", schema["pattern"], source)
        if schema.get("type") == "integer":
            # A number that the API takes as text, such as an attribute of a queue.
            yield Constraint("pattern", r"-?\d+", source)
    for kind, key in _LIMITS.get(node_kind, ()):
        if isinstance(schema.get(key), int | float):
            yield Constraint(kind, schema[key], source)


def wrong_type(node_kind: str, value: Any) -> bool:
    """Return whether a value cannot be of the type, be it text from a query or JSON."""
    if node_kind in ("structure", "map"):
        return not isinstance(value, dict)
    if node_kind == "list":
        return not isinstance(value, list)
    if node_kind in _TEXTS:
        return not isinstance(value, str | bytes)
    if node_kind == "boolean":
        return not (isinstance(value, bool) or value in ("true", "false"))
    if node_kind == "blob":
        return not (isinstance(value, bytes) or _decodes(value))
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return True
    if node_kind in _WHOLE_NUMBERS:
        # Python 3.11 has is_integer for floats only.
        return not (_INTEGER.fullmatch(value) if isinstance(value, str) else value % 1 == 0)
    if node_kind == "timestamp":
        return isinstance(value, str) and not (_number(value) or _iso_8601(value))
    return not _number(value)


def _number(value: Any) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _iso_8601(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _decodes(value: Any) -> bool:
    try:
        base64.b64decode(value, validate=True)
    except (TypeError, ValueError, binascii.Error):
        return False
    return True


def _size(node_kind: str, value: Any) -> float:
    if node_kind in _NUMBERS:
        return float(value)
    if node_kind == "blob" and isinstance(value, str):
        return len(base64.b64decode(value))
    return len(value)
