"""Each situation that a document describes has a test, and each marker names a situation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import situations
from situations import REPOSITORY, Situation

FAILURE_MODES = [
    f"failure-modes/{kind}{number}"
    for kind, last in (("L", 17), ("T", 11), ("D", 13), ("G", 13))
    for number in range(1, last + 1)
]


@pytest.fixture(scope="module")
def rows() -> list[Situation]:
    return situations.all_situations(REPOSITORY)


@pytest.fixture(scope="module")
def tests() -> dict[str, list[str]]:
    return situations.all_tests(REPOSITORY)


def test_every_situation_has_a_test_and_every_marker_a_situation(
    rows: list[Situation], tests: dict[str, list[str]]
) -> None:
    assert situations.problems(rows, tests) == []


def test_the_page_of_situations_is_current(
    rows: list[Situation], tests: dict[str, list[str]]
) -> None:
    page = REPOSITORY / situations.PAGE
    assert page.read_text(encoding="utf-8") == situations.render(rows, tests), "run make fmt"


@pytest.mark.parametrize(
    ("page", "least"),
    [("licensing", 34), ("readiness", 22), ("panorama", 48), ("preflight", 34)],
)
def test_no_page_loses_situations(rows: list[Situation], page: str, least: int) -> None:
    assert len([row for row in rows if row.id.startswith(f"{page}/")]) >= least


def test_no_situation_has_an_empty_cell(rows: list[Situation]) -> None:
    assert [row.id for row in rows if len(row.cells) != 2 or not all(row.cells)] == []


def test_every_failure_mode_is_listed_once_and_in_order(rows: list[Situation]) -> None:
    ids = [row.id for row in rows if re.fullmatch(r"failure-modes/[LTDG]\d+", row.id)]
    assert ids == FAILURE_MODES


def test_a_test_of_a_failure_mode_documents_the_rows_in_its_name(
    tests: dict[str, list[str]],
) -> None:
    """``test_l8_l9_…`` documents L8 and L9."""
    for path in (REPOSITORY / "tests" / "failure_modes").glob("test_*_rows.py"):
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE):
            numbers = re.findall(r"(?:(?<=^test_)|(?<=_))[ltdg]\d+(?=_)", name)
            assert numbers, name
            test = f"{path.relative_to(REPOSITORY).as_posix()}::{name}"
            for number in numbers:
                assert test in tests[f"failure-modes/{number.upper()}"]


PAGE = """\
| Key | Meaning |
|---|---|
| `ok` | not a situation |

| Id | Situation | Outcome |
|---|---|---|
| `a/normal` | Normal \\| usual | Works |
| L1 | Broken | Fails |
"""
PYTHON = """\
@pytest.mark.parametrize("x", [1])
@pytest.mark.documents(id="page/a/normal")
@pytest.mark.documents(id="page/L1")
def test_both(): ...

class Story:
    @pytest.mark.documents(id="page/L1")
    def test_method(self): ...

def test_neither(): ...
"""
HCL = """\
# documents: page/L1, page/a/normal
run "both" {}

# A comment.
run "neither" {}
"""


def test_the_rows_of_a_table_headed_id_are_situations() -> None:
    assert list(situations.situations_in("docs/page.md", PAGE)) == [
        Situation("page/a/normal", "docs/page.md", ("Normal \\| usual", "Works")),
        Situation("page/L1", "docs/page.md", ("Broken", "Fails")),
    ]


@pytest.mark.parametrize(
    ("source", "suffix", "markers"),
    [
        (
            PYTHON,
            ".py",
            [
                ("page/a/normal", "test_both"),
                ("page/L1", "test_both"),
                ("page/L1", "Story::test_method"),
            ],
        ),
        (HCL, ".hcl", [("page/L1", "both"), ("page/a/normal", "both")]),
        ("def test_x(): ...\n", ".py", []),
    ],
)
def test_markers_are_read_from_python_and_hcl(
    source: str, suffix: str, markers: list[tuple[str, str]]
) -> None:
    assert list(situations.documented_by(source, suffix)) == markers


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one page, and one test file that documents all of it."""
    for folder in ("docs/proofs", "tests", "lab/tests"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "docs/page.md").write_text(PAGE)
    (tmp_path / "tests/test_x.py").write_text(PYTHON)
    return tmp_path


def test_write_makes_check_pass(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert situations.main(["--check"], repository) == 1
    assert "situations.md is stale" in capsys.readouterr().err
    assert situations.main(["--write"], repository) == 0
    assert situations.main(["--check"], repository) == 0
    assert "`tests/test_x.py::Story::test_method`" in (repository / situations.PAGE).read_text()


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("`a/normal`", "`a/other`", "docs/page.md: no test documents page/a/other"),
        ("`a/normal`", "`a/other`", "documents page/a/normal, but no page has a row with this ID"),
        ("`a/normal`", "L1", "page/L1: two rows have this ID"),
    ],
)
def test_a_row_without_a_test_and_a_marker_without_a_row_are_reported(
    repository: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, sentence: str
) -> None:
    (repository / "docs/page.md").write_text(PAGE.replace(old, new))
    assert situations.main(["--write"], repository) == 1
    assert sentence in capsys.readouterr().err


def test_pages_for_operators_name_no_tests() -> None:
    others = {"inputs.md", "assumptions.md"}
    pages = [path for path in (REPOSITORY / "docs").glob("*.md") if path.name not in others]
    assert [path.name for path in pages if re.search(r"\btest_\w+", path.read_text())] == []
