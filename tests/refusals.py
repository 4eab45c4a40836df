"""Fails each test whose lab refused a call that AWS would refuse, and counts the calls at the end.

A test that makes such a call on purpose declares it: ``@pytest.mark.refused("iam:CreateRole")``.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from typing import Any

import pytest

_counted: dict[int, int] = {}
"""How many refusals of each lab belong to tests that have ended, by the lab's id."""
_unexpected = pytest.StashKey[int]()
_totals = pytest.StashKey[dict[str, dict[str, int]]]()
_printed = pytest.StashKey[bool]()
COUNTS = "refusals"


def _started(module: str) -> list[Any]:
    """The labs that a module has started. Most tests do not even import it."""
    return list(getattr(sys.modules.get(module), "STARTED", ()))


def _reports() -> list[tuple[int, Any]]:
    """The ``Validation`` of all labs that this process has started, with the labs' ids."""
    labs = _started("vmseries_lab.client.lab") + _started("vmseries_lab.aws.in_process")
    return [(id(lab), lab.validation()) for lab in labs]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Check after the test and the fixtures that end with it."""
    result = yield
    expected = {call for mark in item.iter_markers("refused") for call in mark.args}
    unexpected = []
    for key, report in _reports():
        new = report.refused[_counted.get(key, 0) :]
        _counted[key] = len(report.refused)
        unexpected += [r for r in new if f"{r['service']}:{r['action']}" not in expected]
    if unexpected:
        stash = item.config.stash
        stash[_unexpected] = stash.get(_unexpected, 0) + len(unexpected)
        pytest.fail("\n".join(["AWS would refuse:", *map(_sentence, unexpected)]), pytrace=False)
    return result


def _sentence(refusal: dict[str, Any]) -> str:
    sources = sorted({violation["source"] for violation in refusal["violations"]})
    call = f"{refusal['service']}:{refusal['action']}"
    return f"- {call}: {refusal['code']}: {refusal['message']} ({', '.join(sources)})"


def _counts(config: pytest.Config) -> dict[str, int]:
    reports = [report for _, report in _reports()]
    unexpected = config.stash.get(_unexpected, 0)
    return {
        "calls": sum(report.calls for report in reports),
        "violations": unexpected,
        "declared": sum(len(report.refused) for report in reports) - unexpected,
        "unchecked": sum(item["count"] for report in reports for item in report.unchecked),
    }


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send the counts of a worker to the process that prints the summary."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[COUNTS] = _counts(session.config)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Receive the counts of a worker."""
    counts = getattr(node, "workeroutput", {}).get(COUNTS)
    if counts:
        node.config.stash.setdefault(_totals, {})[node.gateway.id] = counts


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print how many calls the labs checked."""
    parts = [*config.stash.get(_totals, {}).values(), _counts(config)]
    total = {key: sum(part[key] for part in parts) for key in parts[0]}
    if total["calls"] and not config.stash.get(_printed, False):
        config.stash[_printed] = True  # Several conftest.py may import this hook.
        terminalreporter.section("AWS calls checked with published models")
        terminalreporter.write_line(
            f"{total['calls']} calls checked, {total['violations']} violations "
            f"({total['declared']} that tests declare), {total['unchecked']} values unchecked"
        )
