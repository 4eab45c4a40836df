"""Each test that a document names exists: a row of a table is held by what it says."""

from __future__ import annotations

import pytest
from documented import REPOSITORY, exists, named

DOCUMENTS = ("failure-modes", "licensing", "panorama", "preflight", "readiness")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_test_that_is_named_exists(document: str) -> None:
    text = (REPOSITORY / "docs" / f"{document}.md").read_text(encoding="utf-8")
    tests = named(text)
    assert tests
    assert [one for one in tests if not exists(*one)] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_row_about_a_situation_names_a_test(document: str) -> None:
    """In tables whose last column is headed so; a row may say instead why there is none."""
    text = (REPOSITORY / "docs" / f"{document}.md").read_text(encoding="utf-8")
    cells: list[str] = []
    for line in text.splitlines():
        row = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            cells = []
        elif not cells:
            cells = row
        elif cells[-1] == "Test" and not set(line) <= set("|- "):
            assert len(row) == len(cells), line
            assert all(row), line
            assert named(row[-1]) or row[-1].startswith("cannot occur: "), line


def test_what_counts_as_named() -> None:
    text = """Tests without a file are in `tests/functional/test_licenses.py`.
    | `test_a` | `tests/unit/x.py::test_b`, `lab/tests/y.py::TestZ::test_c`, `tests/z.hcl::run` |
    `tests/unit`, `make test`, a test_d and `other`"""
    assert named(text) == [
        ("tests/functional/test_licenses.py", "test_a"),
        ("tests/unit/x.py", "test_b"),
        ("lab/tests/y.py", "TestZ::test_c"),
        ("tests/z.hcl", "run"),
    ]


@pytest.mark.parametrize(
    ("path", "test", "there"),
    [
        ("tests/unit/test_documented.py", "test_what_counts_as_named", True),
        ("tests/unit/test_documented.py", "test_of_nothing", False),
        ("tests/unit/test_of_nothing.py", "test_of_nothing", False),
        ("lab/tests/test_panorama_ha.py", "TestPeers::test_each_peer_reports_its_state", True),
        ("tests/limits.tftest.hcl", "refuses_settings_that_no_function_can_hold", True),
        ("", "test_without_a_file", False),
    ],
)
def test_whether_a_test_exists(path: str, test: str, there: bool) -> None:
    assert exists(path, test) is there
