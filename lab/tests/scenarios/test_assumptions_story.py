"""The stories turn every fact, and a run that finds something wrong fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from vmseries_lab.core.assumptions import ASSUMPTIONS, Assumptions
from vmseries_scenarios.assumptions import main
from vmseries_scenarios.assumptions.answers import (
    BASELINE,
    ELSEWHERE,
    STORIES,
    all_answers,
    chosen_answers,
)


@pytest.mark.parametrize("name", ASSUMPTIONS)
def test_some_story_turns_each_fact_to_each_answer_but_the_first(name):
    played = {answers.played[name] for answers in all_answers() if name in answers.played}

    assert played == set(ASSUMPTIONS[name].answers[1:])


@pytest.mark.parametrize("name", STORIES)
def test_the_lab_knows_the_answers_of_each_story(name):
    Assumptions().set(**STORIES[name])


def test_the_facts_that_no_story_meets_are_known():
    assert ELSEWHERE.keys() <= ASSUMPTIONS.keys()


@pytest.mark.parametrize("name", sorted(ASSUMPTIONS.keys() - ELSEWHERE.keys()))
def test_each_answer_of_a_fact_can_be_chosen_alone(name):
    chosen = {answers.name for answers in chosen_answers(name)}

    assert {f"{name}={answer}" for answer in ASSUMPTIONS[name].answers[1:]} <= chosen


def test_without_a_choice_the_stories_are_told_that_turn_every_fact():
    assert chosen_answers("") == all_answers()
    assert chosen_answers("no-such-fact") == []


VERDICT = {"returned": 6, "reported": 4, "seconds": 60.0}


def play(monkeypatch: pytest.MonkeyPatch, wrong: Mapping[str, Any]) -> int:
    """Return the exit status if stories end as ``wrong`` says, and the others well."""

    def results(works: Mapping[str, Any], *_: Any) -> Iterator[tuple[str, Any]]:
        for name in works:
            yield name, wrong.get(name, {"name": name, "defects": [], **VERDICT})

    monkeypatch.setattr(main, "results", results)
    return main.run()


def test_a_run_without_defects_ends_well(monkeypatch, capsys):
    number = len(all_answers())

    assert play(monkeypatch, {}) == 0
    assert f"assumptions: {number} of {number} stories" in capsys.readouterr().out


@pytest.mark.parametrize(
    "result",
    [
        {"name": BASELINE, "defects": ["a license was lost"], **VERDICT},
        RuntimeError("a license was lost"),
    ],
)
def test_a_run_with_a_defect_fails_and_names_it(monkeypatch, capsys, result):
    number = len(all_answers())

    assert play(monkeypatch, {BASELINE: result}) == 1
    printed = capsys.readouterr().out
    assert f"FAILED  {BASELINE}\n        a license was lost" in printed
    assert f"assumptions: {number - 1} of {number} stories" in printed
