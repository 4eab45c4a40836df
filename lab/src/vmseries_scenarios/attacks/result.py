"""The result of an attack, and the table of all results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.table import Table
from rich.text import Text


@dataclass(frozen=True, slots=True)
class Result:
    """What an attack did, and what reported it.

    Attributes:
        attack: The attack, as a phrase.
        rights: What the attacker may do.
        touched: What changed although it must not.
        reported: What reported the attack: an error to the attacker, a dead letter, an alarm, or a
            named error in the log.
    """

    attack: str
    rights: str
    touched: Sequence[str] = field(default_factory=tuple)
    reported: Sequence[str] = field(default_factory=tuple)

    @property
    def held(self) -> bool:
        """Whether the attack touched nothing and was reported."""
        return bool(self.reported) and not self.touched


def table(results: Sequence[Result]) -> Table:
    """Return the table of all attacks."""
    shown = Table("", "Attack", "Rights of the attacker", "Touched", "Reported by")
    for result in results:
        shown.add_row(
            Text("held", "green") if result.held else Text("NOT HELD", "red"),
            result.attack,
            result.rights,
            "\n".join(result.touched) or "nothing",
            "\n".join(result.reported) or "nothing",
        )
    return shown


def verdict(results: Sequence[Result]) -> str:
    """Return the last line of a run."""
    held = sum(result.held for result in results)
    return f"attacks: {held} of {len(results)} held"
