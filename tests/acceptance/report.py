"""The record of a run, as JSON and as Markdown. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from acceptance.redaction import neutral
from acceptance.verdicts import Verdict

FORM = 2
LAB_LINE = "**This record comes from the lab, a simulation. It settles nothing.**"
AWS_LINE = "This record comes from a real account of AWS."


@dataclass(frozen=True)
class Phase:
    """A phase of the run.

    Attributes:
        name: Its name.
        minutes: How long it took, in the time of the account.
        problem: Why it failed; empty if it did not.
    """

    name: str
    minutes: float
    problem: str = ""


@dataclass
class Record:
    """Everything that a run says.

    Attributes:
        day: The day of the run.
        is_lab: Whether the account was simulated.
        module: The version of the module, as git describes it.
        tools: Versions of Terraform and of the provider.
        setup: What was applied: example, Region, sizes.
        phases: The phases, in order.
        verdicts: What is known about each fact.
        leftovers: How many resources of each kind are left.
        unsure: Kinds of resources that could not be listed.
        panorama_answers: Recordings of Panorama's answers, by phase; only in the JSON.
    """

    day: date
    is_lab: bool
    module: str
    tools: Mapping[str, str]
    setup: Mapping[str, Any]
    phases: list[Phase] = field(default_factory=list)
    verdicts: Sequence[Verdict] = ()
    leftovers: Mapping[str, int] = field(default_factory=dict)
    unsure: Sequence[str] = ()
    panorama_answers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def accepted(self) -> bool:
        """Whether every phase succeeded and nothing is left."""
        failed = any(phase.problem for phase in self.phases)
        return bool(self.phases) and not (failed or self.leftovers or self.unsure)

    def by_state(self, state: str) -> list[Verdict]:
        """Return the verdicts with a state."""
        return [verdict for verdict in self.verdicts if verdict.state == state]


def as_json(record: Record) -> str:
    """Return the record as JSON, in neutral values."""
    content = {
        "form": FORM,
        "settles": not record.is_lab,
        "source": "lab" if record.is_lab else "aws",
        "day": record.day.isoformat(),
        "module": record.module,
        "tools": dict(record.tools),
        "setup": dict(record.setup),
        "accepted": record.accepted,
        "phases": [asdict(phase) for phase in record.phases],
        "facts": [asdict(verdict) for verdict in record.verdicts],
        "leftovers": dict(record.leftovers),
        "not_listed": list(record.unsure),
        "panorama_answers": dict(record.panorama_answers),
    }
    return json.dumps(neutral(content), indent=2, sort_keys=False) + "\n"


def as_markdown(record: Record) -> str:
    """Return the record as Markdown, ready for an issue, in neutral values."""
    lines = [LAB_LINE if record.is_lab else AWS_LINE, ""]
    lines += [f"# Acceptance record of {record.day.isoformat()}", ""]
    verdict = "**Accepted**" if record.accepted else "**Not accepted**"
    lines += [f"{verdict}: {_summary(record)}.", ""]
    facts = {"Module": record.module, **record.tools, **record.setup}
    lines += _table(("What", "Value"), [(name, str(value)) for name, value in facts.items()])
    lines += ["## Phases", ""]
    lines += _table(
        ("Phase", "Minutes", "Result"),
        [(p.name, f"{p.minutes:.0f}", p.problem or "succeeded") for p in record.phases],
    )
    if record.leftovers or record.unsure:
        left = [(kind, str(number)) for kind, number in record.leftovers.items()]
        left += [(kind, "could not be listed") for kind in record.unsure]
        lines += ["## Left behind", "", *_table(("Kind", "Number"), left)]
    lines += ["## Assumptions", "", "See `docs/assumptions.md`.", ""]
    lines += _verdicts("Were wrong", record.by_state("was wrong"))
    lines += _verdicts("Are as assumed", record.by_state("as assumed"))
    lines += _verdicts("Remain open", record.by_state("open"))
    lines += _verdicts("Observed besides", record.by_state("observed"))
    lines += _panorama_answers(record.panorama_answers)
    unseen = [(f"`{verdict.name}`", verdict.detail) for verdict in record.by_state("not recorded")]
    lines += ["### Not recorded", "", *_table(("Fact", "Why a run does not see it"), unseen)]
    return str(neutral("\n".join(lines).rstrip() + "\n"))


def _summary(record: Record) -> str:
    failed = [phase.name for phase in record.phases if phase.problem]
    parts = [f"{', '.join(failed)} failed" if failed else "every phase succeeded"]
    if not record.phases:
        parts = ["nothing was applied"]
    left = sum(record.leftovers.values())
    parts.append(f"{left} resources are left" if left else "nothing is left")
    if record.unsure:
        parts.append(f"{', '.join(record.unsure)} could not be listed")
    states = ("as assumed", "was wrong", "open", "not recorded")
    counts = {state: len(record.by_state(state)) for state in states}
    settled = "would be settled" if record.is_lab else "are settled"
    number = counts["as assumed"] + counts["was wrong"]
    parts.append(
        f"{number} assumptions {settled}, of which {counts['was wrong']} were wrong; "
        f"{counts['open'] + counts['not recorded']} remain open"
    )
    return "; ".join(parts)


def _verdicts(title: str, verdicts: Sequence[Verdict]) -> list[str]:
    if not verdicts:
        return [f"### {title}", "", "None.", ""]
    rows = []
    for verdict in verdicts:
        assumed = f"assumed `{verdict.assumed}`" if verdict.assumed else ""
        answer = f"`{verdict.answer}`" if verdict.answer else "none"
        rows.append((f"`{verdict.name}`", verdict.question, answer, assumed, verdict.detail))
    return [f"### {title}", "", *_table(("Fact", "Question", "Answer", "Module", "Detail"), rows)]


def _panorama_answers(recordings: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return a table of the answers that the JSON file has, without their content."""
    rows = []
    for phase, recording in recordings.items():
        for answer in recording.get("answers", ()):
            kind = f"`{answer['error']}`" if "error" in answer else f"{answer['bytes']} bytes"
            rows.append((phase, answer["name"], kind, f"{answer['seconds']} s"))
        rows += [(phase, "missing", reason, "") for reason in recording.get("left_out", ())]
        rows += [(phase, "not recorded", reason, "") for reason in recording.get("problems", ())]
    if not rows:
        return []
    title = "### Answers of Panorama"
    return [title, "", *_table(("Phase", "Answer", "Result", "Time"), rows)]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    def line(cells: Sequence[str]) -> str:
        clean = [" ".join(cell.split()).replace("|", "\\|")[:300] for cell in cells]
        return f"| {' | '.join(clean)} |"

    return [line(head), f"|{'---|' * len(head)}", *(line(row) for row in rows), ""]
