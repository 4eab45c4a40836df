"""docs/failure-modes.md names a test, or a reason, for each of the 51 rows; and the tests exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from failure_modes.table import REPOSITORY, TABLE, TEST, rows

ROWS = [
    f"{kind}{number}"
    for kind, last in (("L", 16), ("T", 11), ("D", 13), ("G", 11))
    for number in range(1, last + 1)
]
RUN = re.compile(r'^run "(\w+)"', re.MULTILINE)
NO_TEST = "cannot occur: "


def names_in(path: Path) -> set[str]:
    """The tests of a file by name; those of a class with its name before them."""
    source = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return set(RUN.findall(source))
    found = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            methods = [one.name for one in node.body if isinstance(one, ast.FunctionDef)]
            found |= {f"{node.name}::{name}" for name in methods}
    return found


def test_every_row_is_there_once_and_in_order() -> None:
    assert [row[0] for row in rows()] == ROWS


@pytest.mark.parametrize("row", rows(), ids=lambda row: str(row[0]))
def test_a_row_names_tests_that_exist_or_a_reason(row: list[str]) -> None:
    assert len(row) == 4
    assert all(row), "no empty cell"
    named = TEST.findall(row[3])
    assert named or row[3].startswith(NO_TEST)
    for path, test in named:
        assert test in names_in(REPOSITORY / path)


def test_every_test_of_a_row_is_in_the_table() -> None:
    text = TABLE.read_text(encoding="utf-8")
    for path in Path(__file__).parent.glob("test_*_rows.py"):
        for test in names_in(path):
            if test.startswith("test_"):
                rows_of_it = re.findall(r"(?:(?<=^test_)|(?<=_))[ltdg]\d+(?=_)", test)
                assert rows_of_it, test
                for row in rows_of_it:
                    line = re.search(rf"^\| {row.upper()} \|.*$", text, re.MULTILINE)
                    assert line, row
                    assert f"{path.name}::{test}`" in line[0]
