"""Pre-flight reports on a terminal: each sentence once, with the functions that report it."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from vmseries_scenarios.preflight import Report, show


@pytest.mark.documents(id="preflight/output")
def test_a_sentence_of_several_functions_is_shown_once() -> None:
    same = "panorama-2.example.com:443: the name cannot be resolved."
    reports = [
        Report("launch", ok=False, problems=(same,), checked=("a", "b"), unchecked=()),
        Report("reconcile", ok=False, problems=("Other.", same), checked=(), unchecked=("Later.",)),
        Report("terminate", ok=True, problems=(), checked=("a",), unchecked=()),
    ]
    console = Console(file=io.StringIO(), width=120)
    show(console, "title", reports)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "launch: 1 problems, 2 things checked" in text
    assert "terminate: ok, 1 things checked" in text
    lines = [line.split("│")[1:4] for line in text.splitlines() if line.startswith("│")]
    assert [[cell.strip() for cell in line] for line in lines] == [
        ["1", same, "launch, reconcile"],
        ["2", "Other.", "reconcile"],
        ["1", "Later.", "reconcile"],
    ]


def test_reports_without_problems_have_no_table() -> None:
    console = Console(file=io.StringIO(), width=120)
    show(console, "title", [Report("launch", ok=True, problems=(), checked=("a",), unchecked=())])
    assert "│" not in console.file.getvalue()  # type: ignore[attr-defined]
