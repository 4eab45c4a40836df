"""Each unsettled fact is a row, with a test of each answer, and a run records it or says why."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from acceptance import recorders

import assumption_rows
from assumption_rows import PAGE, REPOSITORY, Row, SourceOfTest
from vmseries_lab.core.assumptions import ASSUMPTIONS
from vmseries_scenarios.assumptions.answers import ELSEWHERE

SETTINGS = {name: fact.answers for name, fact in ASSUMPTIONS.items()}
FACTS = [*(fact.name for fact in recorders.FACTS), *recorders.NOT_RECORDED]

HEAD = f"| {' | '.join(assumption_rows.COLUMNS)} |\n|{'---|' * len(assumption_rows.COLUMNS)}\n"
KNOB = "| Color? | It is red | We wait | `color`: `blue`, `red` | `test_both` | the color |\n"
PLAIN = "| Size? | Small | We wait | None: a fake | `test_small`, `test_large` | `size`: it |\n"
TESTS = """\
import pytest

COLOR = "color"

@pytest.fixture
def blue_lab(lab):
    lab.assume(color="blue")
    return lab

@pytest.mark.parametrize("answer", ["blue", "red"])
def test_both(lab, answer):
    lab.assume(color=answer)

def test_by_fixture(blue_lab): ...
def test_default(lab): ...
def test_red(world): world.assumptions.set(**{"color": "red"})
def test_by_constant(lab): lab.assume(**{COLOR: "red"})
def test_small(): ...
def test_large(): ...
def test_each(lab): play(ASSUMPTIONS)
class TestInClass:
    def helper(self, lab): lab.assume(color="red")
    def test_with_helper(self, lab): self.helper(lab)
"""


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return list(assumption_rows.rows_of((REPOSITORY / PAGE).read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def tests(rows: list[Row]) -> dict[str, list[SourceOfTest]]:
    return assumption_rows.tests_of(REPOSITORY, {name for row in rows for name in row.tests})


def test_every_unsettled_fact_has_a_row_and_every_row_a_test_of_each_answer(
    rows: list[Row], tests: dict[str, list[SourceOfTest]]
) -> None:
    assert assumption_rows.problems(rows, SETTINGS, tests, FACTS) == []
    assert len(rows) >= 22


def test_no_fact_has_two_rows(rows: list[Row]) -> None:
    names = [row.fact for row in rows]
    assert sorted({str(name) for name in names if names.count(name) > 1}) == []


def test_the_page_names_the_facts_that_no_story_meets() -> None:
    page = (REPOSITORY / PAGE).read_text(encoding="utf-8")
    (sentence,) = re.findall(r"^- No story meets ([^.]*)\.", page, re.MULTILINE)
    assert set(re.findall(r"`([a-z-]+)`", sentence)) == ELSEWHERE.keys()


def test_every_recorded_assumption_is_one_answer_of_the_lab() -> None:
    for fact in recorders.FACTS:
        if fact.name in SETTINGS:
            assumed = set(fact.assumed.split(" or ")) - {""}
            assert assumed <= set(SETTINGS[fact.name]), fact.name


def test_the_reason_for_an_answer_that_is_not_recorded_is_the_rows(rows: list[Row]) -> None:
    shown = {row.fact: row.cells["Settled by"] for row in rows}
    said = {name: cell for name, cell in shown.items() if "not recorded, because" in cell}
    assert len(said) >= 10
    for name, cell in said.items():
        assert cell.endswith(f"not recorded, because {recorders.NOT_RECORDED[str(name)]}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with a test file and a Terraform test."""
    for path in ("tests/unit", "lab/tests"):
        (tmp_path / path).mkdir(parents=True)
    (tmp_path / "tests/unit/test_x.py").write_text(TESTS)
    (tmp_path / "tests/y.tftest.hcl").write_text('run "it_is_planned" {}\n')
    return tmp_path


def found(folder: Path, rows: str, **settings: tuple[str, ...]) -> list[str]:
    page = list(assumption_rows.rows_of(HEAD + rows))
    known = settings or {"color": ("blue", "red")}
    tests = assumption_rows.tests_of(folder, {name for row in page for name in row.tests})
    return assumption_rows.problems(page, known, tests, ["color", "size"])


def test_a_page_without_faults_has_no_problem(folder: Path) -> None:
    assert found(folder, KNOB + PLAIN) == []
    assert found(folder, KNOB + PLAIN.replace("test_small", "it_is_planned")) == []


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("`test_both`", "`test_gone`", "line 3: no test is named test_gone"),
        ("`test_both`", "`test_default`", "line 3: no test plays the answer red"),
        ("`test_both`", "`test_red`", "line 3: no test plays the answer blue"),
        ("`test_both`", "`test_by_fixture`", "line 3: no test plays the answer red"),
        ("`test_both`", "", "line 3: Tests is empty"),
        ("the color", "", "line 3: Settled by is empty"),
        ("It is red", "", "line 3: The module assumes is empty"),
        ("`blue`, `red`", "`blue`", "line 3: the answers are blue, red"),
        ("`color`:", "`colour`:", "line 3: the lab has no setting colour"),
        ("`color`:", "`colour`:", "color has no row"),
        (
            "the color",
            "`shade`: it",
            "line 3: the acceptance run neither records shade nor says why",
        ),
        (
            "`test_small`, `test_large`",
            "`test_small`",
            "line 4: two tests, or one with several cases",
        ),
        ("`size`:", "its size:", "line 4: Settled by does not start with the name of a fact"),
    ],
)
def test_a_fault_of_the_page_is_reported(folder: Path, old: str, new: str, sentence: str) -> None:
    page = (KNOB + PLAIN).replace(old, new)
    assert page != KNOB + PLAIN
    assert any(problem.startswith(sentence) for problem in found(folder, page)), sentence


def test_a_setting_with_two_rows_is_reported(folder: Path) -> None:
    assert "color has 2 rows" in found(folder, KNOB + KNOB)


def test_a_setting_of_the_lab_without_a_row_is_reported(folder: Path) -> None:
    problems = found(folder, KNOB, color=("blue", "red"), form=("round", "square"))
    assert "form has no row" in problems


@pytest.mark.parametrize(
    ("test", "played"),
    [
        ("test_both", {"blue", "red"}),
        ("test_by_fixture", {"blue"}),
        ("test_default", {"blue"}),
        ("test_red", {"red"}),
        ("test_each", {"blue", "red"}),
        ("test_by_constant", {"red"}),
        ("test_with_helper", {"red"}),
    ],
)
def test_the_answers_that_a_test_plays(folder: Path, test: str, played: set[str]) -> None:
    (source,) = assumption_rows.tests_of(folder, {test})[test]
    assert assumption_rows.answers_played(source, "color", ("blue", "red")) == played


@pytest.mark.parametrize(
    "page",
    ["| Fact | Tests |\n|---|---|\n| x | `test_x` |\n", f"{HEAD}| Color? | red |\n"],
)
def test_a_table_of_another_form_is_an_error(page: str) -> None:
    with pytest.raises(ValueError, match=r"columns are|2 cells instead of 6"):
        list(assumption_rows.rows_of(page))
