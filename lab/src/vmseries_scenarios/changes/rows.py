"""A row of docs/changes.md: a change of inputs, what it does, and how it is tried."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vmseries_scenarios.changes.live import Live


class Ends(Enum):
    """What becomes of the firewalls that are in service, as the table says it."""

    KEPT = "keep running"
    LATER = "keep running without the change until they are replaced"
    SCALED = "keep running, unless the size changes"
    MOVED = "are replaced in other zones, one after the other, after the new ones are in service"
    REFUSED = "keep running, because the plan is refused"
    PLANNED = "lose what they need: do not apply this plan"


REPLACE = (
    "To replace them: `capacity.instance_refresh`, an instance refresh of your own, or terminate "
    "them one by one"
)
"""What the user does so that running firewalls get a change."""


@dataclass(frozen=True)
class Row:
    """A change of the inputs of a deployment in service.

    Attributes:
        id: Name of the row.
        inputs: The attributes that the row is about, as docs/inputs.md lists them, after the name
            of the input. A ``*`` at the end stands for all attributes that begin like this.
        change: The change, in words. The way back is tried, too.
        to: The new value of each argument or attribute, by its path.
        plan: What the plan says, as :func:`~vmseries_scenarios.changes.plans.parse` reads it.
        back: What the plan of the way back says; the reverse if it is empty.
        ends: What becomes of running firewalls.
        firewalls: What they do, in words, where :class:`Ends` does not say enough.
        do: What the user must do.
        refusal: Words of the sentence with which the plan is refused.
        lane: Name of the deployment on which the row is tried (``lanes``).
        before: What happens to the site before the change, such as a new value of a secret.
        before_back: What the user does before the way back, as the row says it.
        check: A further check after the change.
        minutes: Lab time after the change in which the firewalls are watched.
        members: Number of firewalls in service after the change.
        members_back: Number of firewalls in service after the way back.
        stays: Inputs that stay on the way back, and from then on.
        lasting: Whether firewalls stay outdated after the way back. The row is tried last.
        matters: Whether it is one of the rows that every test run tries.
    """

    id: str
    inputs: tuple[str, ...]
    change: str
    to: Mapping[str, Any]
    plan: str
    ends: Ends = Ends.KEPT
    back: str = ""
    firewalls: str = ""
    do: str = "Nothing"
    refusal: str = ""
    lane: str = "panorama"
    before: Callable[[Live], None] | None = field(default=None, compare=False)
    before_back: Callable[[Live], None] | None = field(default=None, compare=False)
    check: Callable[[Live], None] | None = field(default=None, compare=False)
    minutes: float = 3.0
    members: int = 2
    members_back: int = 2
    stays: Mapping[str, Any] = field(default_factory=dict)
    lasting: bool = False
    matters: bool = False

    @property
    def refreshes(self) -> bool:
        """Whether the apply starts an instance refresh, where inputs ask for one."""
        return self.ends is Ends.LATER and bool(self.to)
