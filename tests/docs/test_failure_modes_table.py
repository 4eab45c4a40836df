"""docs/failure-modes.md names a test, or a reason, for each of the 51 rows; and the tests exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from documented import exists, named, names_in
from failure_modes.table import TABLE, rows

ROWS = [
    f"{kind}{number}"
    for kind, last in (("L", 16), ("T", 11), ("D", 13), ("G", 11))
    for number in range(1, last + 1)
]
NO_TEST = "cannot occur: "


def test_every_row_is_there_once_and_in_order() -> None:
    assert [row[0] for row in rows()] == ROWS


@pytest.mark.parametrize("row", rows(), ids=lambda row: str(row[0]))
def test_a_row_names_tests_that_exist_or_a_reason(row: list[str]) -> None:
    assert len(row) == 4
    assert all(row), "no empty cell"
    tests = named(row[3])
    assert tests or row[3].startswith(NO_TEST)
    for path, test in tests:
        assert exists(path, test)


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
