"""Define the results of checks: sentences with one of three severities."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from vmseries_autoscale.errors import AutoscaleError, TransientError


class Severity(StrEnum):
    """The severity of a finding: a passed check, a problem, or a check that could not be made."""

    CHECKED = "checked"
    PROBLEM = "problem"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence of the report, with its severity."""

    severity: Severity
    text: str


Findings: TypeAlias = Iterator[Finding]
Check: TypeAlias = Callable[[], Iterable[Finding]]


def checked(text: str) -> Finding:
    """Return the finding of a passed check."""
    return Finding(Severity.CHECKED, text)


def problem(text: str) -> Finding:
    """Return a problem. The text says what is wrong, with which object, and what to do."""
    return Finding(Severity.PROBLEM, text)


def unchecked(text: str) -> Finding:
    """Return the finding of a check that could not be made. The text says why."""
    return Finding(Severity.UNCHECKED, text)


def run_check(subject: str, check: Check) -> Findings:
    """Run one check. An error ends only this check and becomes a finding.

    Args:
        subject: Subject of the check, as the beginning of a sentence.
        check: Returns findings, or raises an error.
    """
    try:
        yield from check()
    except TransientError as error:
        yield unchecked(f"{subject}: {error}. Invoke the function again.")
    except AutoscaleError as error:
        yield problem(f"{subject}: {error}.")
    except Exception as error:  # noqa: BLE001 - a defect in one check must not hide the others
        yield problem(f"{subject}: the check itself failed with {type(error).__name__}: {error}.")
