"""docs/failure-modes.md names a test, or a reason, for each of the 51 rows; and the tests exist.

So do those of docs/licensing.md.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
TABLE = REPOSITORY / "docs" / "failure-modes.md"
LICENCES = REPOSITORY / "docs" / "licensing.md"

ROWS = [
    f"{kind}{number}"
    for kind, last in (("L", 16), ("T", 11), ("D", 13), ("G", 11))
    for number in range(1, last + 1)
]
TEST = re.compile(r"`(tests/[\w/.]+)::([\w:]+)`")
RUN = re.compile(r'^run "(\w+)"', re.MULTILINE)
NO_TEST = "cannot occur: "


def rows() -> list[list[str]]:
    """The cells of each row."""
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if re.fullmatch(r"[LTDG]\d+", row[0])]


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


def test_the_tables_of_licences_name_tests_that_exist() -> None:
    text = LICENCES.read_text(encoding="utf-8")
    elsewhere = TEST.findall(text)
    assert elsewhere
    for path, test in elsewhere:
        assert test in names_in(REPOSITORY / path)
    here = names_in(REPOSITORY / "tests" / "functional" / "test_licences.py")
    assert set(re.findall(r"`(test_\w+)`", text)) <= here


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
