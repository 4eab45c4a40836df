"""docs/failure-modes.md as data: which tests hold which row."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache

from documented import REPOSITORY, named

TABLE = REPOSITORY / "docs" / "failure-modes.md"


@cache
def rows() -> list[list[str]]:
    """The cells of each row."""
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if re.fullmatch(r"[LTDG]\d+", row[0])]


@cache
def rows_of_tests() -> dict[str, list[str]]:
    """The rows that each test holds, by ``path::test``."""
    found = defaultdict(list)
    for row in rows():
        for path, test in named(row[3]):
            found[f"{path}::{test}"].append(row[0])
    return dict(found)
