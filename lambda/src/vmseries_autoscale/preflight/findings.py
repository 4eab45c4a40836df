"""What a check yields: sentences of three kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from vmseries_autoscale.errors import AutoscaleError, TransientError


class Kind(StrEnum):
    """What a finding says."""

    CHECKED = "checked"
    PROBLEM = "problem"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence."""

    kind: Kind
    text: str


Findings: TypeAlias = Iterator[Finding]
Check: TypeAlias = Callable[[], Iterable[Finding]]


def checked(text: str) -> Finding:
    """Something is as it has to be."""
    return Finding(Kind.CHECKED, text)


def problem(text: str) -> Finding:
    """Something is wrong: what, with which object, and what to do."""
    return Finding(Kind.PROBLEM, text)


def unchecked(text: str) -> Finding:
    """Something could not be checked, and why."""
    return Finding(Kind.UNCHECKED, text)


def guarded(what: str, check: Check) -> Findings:
    """What a check yields; an error ends this one only, and is a finding as well.

    Args:
        what: is checked, as the subject of a sentence.
        check: yields findings, or raises.
    """
    try:
        yield from check()
    except TransientError as error:
        yield unchecked(f"{what}: {error}. Invoke the function again.")
    except AutoscaleError as error:
        yield problem(f"{what}: {error}.")
    except Exception as error:  # noqa: BLE001 - a defect in one check must not hide the others
        yield problem(f"{what}: the check itself failed with {type(error).__name__}: {error}.")
