"""docs/readiness.md names a test for each situation, and the tests exist."""

from __future__ import annotations

import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
TABLE = REPOSITORY / "docs" / "readiness.md"
TEST = re.compile(r"`(tests/[\w/.]+)::(\w+)`")


def test_every_situation_names_tests_that_exist() -> None:
    text = TABLE.read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("|") and line.count("|") == 4]
    situations = [row for row in rows if not re.match(r"\| (Situation|`|---)|\|---", row)]
    assert len(situations) > 20
    assert [row for row in situations if not TEST.search(row)] == []
    for path, name in set(TEST.findall(text)):
        kind = "run " if path.endswith(".hcl") else "def "
        source = (REPOSITORY / path).read_text(encoding="utf-8")
        assert re.search(rf'^{kind}"?{name}\b', source, re.MULTILINE), f"{path}::{name}"
