"""The report of the checks of calls to AWS, as the control API returns it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Validation:
    """What the lab found when it checked calls with AWS's published models.

    Attributes:
        calls: number of calls that were checked.
        actions: number of calls by ``service:Action``.
        refused: the calls that were refused: service, action, code, message and violations, each
            with member, value, rule and source.
        unchecked: what could not be checked: call, member, reason and count.
    """

    calls: int
    actions: dict[str, int]
    refused: list[dict[str, Any]]
    unchecked: list[dict[str, Any]]
