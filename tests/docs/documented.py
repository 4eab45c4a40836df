"""The tests that documents name, and the tests that there are."""

from __future__ import annotations

import ast
import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]

_QUOTED = re.compile(r"`((?:lab/)?tests/[^`\n]*::[^`\n]*|test_\w+)`")
_ELSEWHERE = re.compile(r"Tests without a file are in `([^`\n]+)`")
_RUN = re.compile(r'^run "(\w+)"', re.MULTILINE)


def named(text: str, default: str = "") -> list[tuple[str, str]]:
    """File and name of each test that a text quotes, as ```path::name```.

    Args:
        text: a document, or a part of one.
        default: the file of tests that are quoted by their name alone; the document may say it.
    """
    said = _ELSEWHERE.search(text)
    default = said[1] if said else default
    quoted = [one if "::" in one else f"{default}::{one}" for one in _QUOTED.findall(text)]
    return [(path, test) for path, _, test in (one.partition("::") for one in quoted)]


def exists(path: str, test: str) -> bool:
    """Whether a file of the repository has a test of this name."""
    return (REPOSITORY / path).is_file() and test in names_in(REPOSITORY / path)


def names_in(path: Path) -> set[str]:
    """The tests of a file by name; those of a class with its name before them."""
    source = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return set(_RUN.findall(source))
    found = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            methods = [one.name for one in node.body if isinstance(one, ast.FunctionDef)]
            found |= {f"{node.name}::{name}" for name in methods}
    return found
