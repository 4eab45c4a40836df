"""Mutators of JSON documents."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from random import Random
from typing import Any

from fuzz.damage import odd_values, raw_bytes


class Members(list[list[Any]]):
    """The members of a JSON object as ``[key, value]``, so that a key can occur twice."""


class Token(str):
    """A piece of JSON that is written as it is, such as a number of 5,000 digits."""

    __slots__ = ()


_Slot = tuple[list[Any], int]
"""Where a value is: a list, and the index in it."""


def parsed(document: str) -> Any:
    """Return a document as lists, ``Members`` and scalars."""
    return json.loads(document, object_pairs_hook=lambda pairs: Members(map(list, pairs)))


def damaged(rng: Random, example: str, other: str) -> str:
    """Return a damaged document.

    Args:
        rng: The input's random generator.
        example: A correct document.
        other: Another correct document, to take bytes from.
    """
    kind = rng.random()
    if kind > 0.12:
        example = _restructured(rng, example)
    if kind < 0.3:
        content = example.encode("utf-8", "surrogatepass")
        content = raw_bytes.damaged(rng, content, other.encode())
        # What is not UTF-8 arrives as replacement characters, as other characters, or as lone
        # surrogates, depending on who decodes.
        errors = rng.choice(("replace", "surrogateescape", "surrogatepass", "ignore"))
        encoding = "latin-1" if errors == "surrogatepass" else "utf-8"
        example = content.decode(encoding, "strict" if encoding == "latin-1" else errors)
    return example[: odd_values.MAXIMUM_LENGTH]


def _restructured(rng: Random, example: str) -> str:
    holder = [parsed(example)]
    for _ in range(odd_values.count(rng)):
        rng.choice(_MUTATORS)(rng, holder)
    document = _written(holder[0], ascii_only=rng.random() < 0.5)
    return rng.choice(_FRAMES)(document) if rng.random() < 0.08 else document


_FRAMES: tuple[Callable[[str], str], ...] = (
    lambda document: "\ufeff" + document,
    lambda document: document + document,
    lambda document: document + "\x00",
    lambda document: f"/* comment */ {document}",
    lambda document: document.replace('"', "'"),
    lambda document: " " * 1_000_000 + document,
    json.dumps,
    lambda document: f"[{document}]",
    lambda document: document[:-1] + ",}",
)


def _written(value: Any, *, ascii_only: bool) -> str:
    if isinstance(value, Token):
        return str(value)
    if isinstance(value, Members):
        inner = (
            f"{_written(key, ascii_only=ascii_only)}:{_written(item, ascii_only=ascii_only)}"
            for key, item in value
        )
        return "{" + ",".join(inner) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_written(item, ascii_only=ascii_only) for item in value) + "]"
    return json.dumps(value, ensure_ascii=ascii_only)


def _slots(holder: list[Any]) -> list[_Slot]:
    """Return where all values are, the whole document included."""
    found: list[_Slot] = []
    to_visit: list[_Slot] = [(holder, 0)]
    while to_visit:
        slot = to_visit.pop()
        found.append(slot)
        value = slot[0][slot[1]]
        if isinstance(value, Members):
            to_visit.extend((member, 1) for member in value)
        elif isinstance(value, list):
            to_visit.extend((value, index) for index in range(len(value)))
    return found


def _slot(rng: Random, holder: list[Any]) -> _Slot:
    """Return where a value is; mostly below the top, where the interesting ones are."""
    slots = _slots(holder)
    return slots[0] if len(slots) == 1 or rng.random() < 0.05 else rng.choice(slots[1:])


def _containers(holder: list[Any]) -> list[list[Any]]:
    values = [items[index] for items, index in _slots(holder)]
    return [value for value in values if isinstance(value, list) and value]


def _odd(rng: Random) -> Any:
    return rng.choice(
        (
            *(odd_values.text(rng), odd_values.text(rng), Token(odd_values.number(rng))),
            *(None, True, False, [], Members(), [None], Members([["a", 1]])),
        )
    )


def _replace(rng: Random, holder: list[Any]) -> None:
    items, index = _slot(rng, holder)
    items[index] = _odd(rng)


def _drop(rng: Random, holder: list[Any]) -> None:
    if containers := _containers(holder):
        container = rng.choice(containers)
        del container[rng.randrange(len(container))]


def _duplicate(rng: Random, holder: list[Any]) -> None:
    if containers := _containers(holder):
        container = rng.choice(containers)
        copied = copy.deepcopy(rng.choice(container))
        if isinstance(container, Members) and rng.random() < 0.5:
            copied[1] = _odd(rng)
        short = len(_written(copied, ascii_only=True)) < 2_000
        times = rng.choice((1, 1, 1, 2, 1000)) if short else 1
        # Copies, because a later mutation of one of them must not change all of them.
        container.extend(copy.deepcopy(copied) for _ in range(times))


def _swap(rng: Random, holder: list[Any]) -> None:
    (items, index), (others, other_index) = _slot(rng, holder), _slot(rng, holder)
    # Copies, because one of the values may contain the other one.
    value, other = copy.deepcopy(items[index]), copy.deepcopy(others[other_index])
    items[index], others[other_index] = other, value


def _rename(rng: Random, holder: list[Any]) -> None:
    objects = [value for value in _containers(holder) if isinstance(value, Members)]
    if objects:
        member = rng.choice(rng.choice(objects))
        member[0] = odd_values.renamed(rng, member[0])


def _retype(rng: Random, holder: list[Any]) -> None:
    items, index = _slot(rng, holder)
    value = items[index]
    items[index] = rng.choice(([value], Members([["value", value]]), str(value), Token(str(value))))


def _deepen(rng: Random, holder: list[Any]) -> None:
    items, index = _slot(rng, holder)
    levels = odd_values.depth(rng)
    start, end = rng.choice((("[", "]"), ('{"a":', "}"), ('[{"a":', "}]"), ("[", "")))
    inner = _written(items[index], ascii_only=True)
    items[index] = Token(start * levels + inner + end * levels)


def _lengthen(rng: Random, holder: list[Any]) -> None:
    items, index = _slot(rng, holder)
    value = items[index]
    items[index] = odd_values.lengthened(rng, value if isinstance(value, str) else "")


def _edit_text(rng: Random, holder: list[Any]) -> None:
    items, index = _slot(rng, holder)
    if isinstance(items[index], str):
        text, odd = str(items[index]), odd_values.text(rng)
        position = rng.randrange(len(text) + 1)
        items[index] = text[:position] + odd + text[position:]


_Mutator = Callable[[Random, list[Any]], None]
_MUTATORS: tuple[_Mutator, ...] = (
    *(_replace, _replace, _drop, _duplicate, _swap, _rename, _retype, _deepen, _lengthen),
    *(_edit_text,),
)
