"""Unsettled facts: the lab plays the worse answer unless a test sets another one."""

from __future__ import annotations

import pytest

from vmseries_lab.core.assumptions import ASSUMPTIONS, Assumption, Assumptions

FACTS = {
    "first-fact": Assumption("Is it so?", ("worse", "better")),
    "second-fact": Assumption("And this?", ("no", "yes")),
}


def test_the_first_answer_is_the_default():
    facts = Assumptions(FACTS)

    assert facts["first-fact"] == "worse"
    assert facts["second-fact"] == "no"


def test_an_answer_is_set_by_name():
    facts = Assumptions(FACTS)

    assert facts.set(first_fact="better") == {"first-fact": "better", "second-fact": "no"}
    assert facts["first-fact"] == "better"


@pytest.mark.parametrize("answers", [{"third_fact": "no"}, {"second_fact": "maybe"}])
def test_an_unknown_name_or_answer_sets_nothing(answers):
    facts = Assumptions(FACTS)

    with pytest.raises(ValueError, match=r"unknown assumption|is one of"):
        facts.set(first_fact="better", **answers)
    assert facts["first-fact"] == "worse"


@pytest.mark.parametrize("name", ASSUMPTIONS)
def test_each_fact_is_a_question_with_at_least_two_answers(name):
    fact = ASSUMPTIONS[name]

    assert fact.question.endswith("?")
    assert len(set(fact.answers)) >= 2
