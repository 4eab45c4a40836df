"""What an answer means for an assumption of the module. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from botocore.exceptions import BotoCoreError, ClientError

from acceptance.facts import Answer, Evidence, Fact

State = Literal["as assumed", "was wrong", "open", "observed", "not recorded"]


@dataclass(frozen=True)
class Verdict:
    """The result for one fact.

    Attributes:
        name: Name of the fact.
        question: What was not known.
        state: ``as assumed`` and ``was wrong`` settle an assumption.
        assumed: The answer that the module assumes; empty if it assumes none.
        answer: The answer that was seen; None if there was none.
        detail: Numbers, or why there is no answer.
        played: The answer that a simulated account plays; None if it has no such setting.
    """

    name: str
    question: str
    state: State
    assumed: str
    answer: str | None
    detail: str
    played: str | None = None

    @property
    def contradicts_the_lab(self) -> bool:
        """Whether the recorder saw something else than the simulated account plays."""
        return None not in (self.answer, self.played) and self.answer != self.played


def judge(
    fact: Fact, answer: Answer | None, why_none: str = "", played: str | None = None
) -> Verdict:
    """Return the verdict about one fact.

    Args:
        fact: The fact.
        answer: What was seen.
        why_none: Why nothing was seen, if the fact's own reason is not the right one.
        played: The answer that a simulated account plays.
    """
    if answer is None:
        detail = why_none or fact.unseen
        return Verdict(fact.name, fact.question, "open", fact.assumed, None, detail, played)
    state: State = "was wrong"
    if not fact.assumed:
        state = "observed"
    elif answer.value in fact.assumed.split(" or "):
        state = "as assumed"
    return Verdict(
        fact.name, fact.question, state, fact.assumed, answer.value, answer.detail, played
    )


def record_all(
    facts: Sequence[Fact],
    evidence: Evidence,
    not_recorded: Mapping[str, str],
    on_fact: Callable[[str], None] = lambda _name: None,
) -> list[Verdict]:
    """Return the verdict about each fact. A recorder that fails leaves its fact open."""
    verdicts = []
    played = evidence.account.played()
    for fact in facts:
        on_fact(fact.name)
        answer, why = None, ""
        try:
            answer = fact.record(evidence)
        except ClientError as error:
            # The text of an error can contain an account ID.
            why = f"AWS refused a request of the recorder ({error.response['Error']['Code']})"
        except BotoCoreError as error:
            why = f"a request of the recorder failed ({type(error).__name__})"
        verdicts.append(judge(fact, answer, why, played.get(fact.name)))
    return verdicts + unrecorded(not_recorded, played)


def unrecorded(reasons: Mapping[str, str], played: Mapping[str, str]) -> list[Verdict]:
    """Return the verdicts about facts that a run does not see, by name and reason."""
    return [
        Verdict(name, "", "not recorded", "", None, reason, played.get(name))
        for name, reason in reasons.items()
    ]
