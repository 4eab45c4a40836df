"""Which answers are played: all of the known facts, each with what makes it matter."""

from __future__ import annotations

from dataclasses import dataclass, field

from vmseries_lab.core.assumptions import ASSUMPTIONS

BASELINE = "the first answers"
"""Name of the story with the answers that the lab plays by default."""

COMPANIONS: dict[str, dict[str, str]] = {
    "deactivation-moment": {"after-deactivation": "reboots"},
}
"""Answers to other facts, without which the lab does not ask the question."""


@dataclass(frozen=True)
class Answers:
    """The answers of one story.

    Attributes:
        name: Name of the story: the fact and its answer.
        fact: Name of the fact; empty for the story with the default answers.
        played: The answers, by the name of their fact.
    """

    name: str
    fact: str = ""
    played: dict[str, str] = field(default_factory=dict)


def all_answers() -> list[Answers]:
    """Return the default answers, and then each other answer to each fact."""
    stories = [Answers(BASELINE)]
    for fact, assumption in ASSUMPTIONS.items():
        companions = COMPANIONS.get(fact, {})
        others = assumption.answers if companions else assumption.answers[1:]
        stories += [
            Answers(f"{fact}={answer}", fact, {fact: answer} | companions) for answer in others
        ]
    return stories


def chosen_answers(words: str) -> list[Answers]:
    """Return the stories whose name contains one of the words; all of them if there is no word."""
    asked = words.split()
    return [
        answers
        for answers in all_answers()
        if not asked or any(word in answers.name for word in asked)
    ]
