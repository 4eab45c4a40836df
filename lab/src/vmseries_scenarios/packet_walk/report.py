"""Prints walked flows: one row for each kind, and one for each flow that fails."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vmseries_scenarios.packet_walk.flows import Result

_ARROW = " → "
_FIREWALL = re.compile(r"^firewall \S+(?: \((.+)\))?$")


def show(console: Console, title: str, results: Iterable[Result], *, every: bool = False) -> None:
    """Print a table of flows; ``every`` prints each flow that passes, too."""
    table = Table(title=title, title_justify="left", show_lines=True)
    table.add_column("Flow")
    table.add_column("Passed")
    table.add_column("First packet")
    table.add_column("Reply")
    for kind, found in _by_kind(results):
        failed = [result for result in found if not result.passes]
        shown = found if every else (failed or found[:1])
        for result in shown:
            name = result.name if every or failed else kind
            count = f"{len(found) - len(failed)} of {len(found)}"
            table.add_row(
                name,
                Text(count, "red" if not result.passes else "green"),
                _ARROW.join(result.forward) or "-",
                Text(result.problem, "red") if result.problem else _ARROW.join(result.back),
            )
    console.print(table)


def markdown(results: Iterable[Result]) -> str:
    """Return the table for a README: one row for each kind of flow, with the hops of the first.

    It names virtual routers instead of firewalls and routes, so that it is the same in each run.
    """
    lines = ["| Flow | Passed | First packet | Reply |", "|---|---|---|---|"]
    for kind, found in _by_kind(results):
        passed = sum(result.passes for result in found)
        lines.append(
            f"| {kind} | {passed} of {len(found)} | {_brief(found[0].forward)} "
            f"| {_brief(found[0].back)} |"
        )
    return "\n".join(lines)


def _by_kind(results: Iterable[Result]) -> Iterable[tuple[str, list[Result]]]:
    """Return the results of each kind, in the order of their first ones."""
    kinds: dict[str, list[Result]] = {}
    for result in results:
        kinds.setdefault(result.kind, []).append(result)
    return kinds.items()


def _brief(hops: Iterable[str]) -> str:
    return _ARROW.join(_FIREWALL.sub(_routers, hop) for hop in hops)


def _routers(match: re.Match[str]) -> str:
    if match[1] is None:
        return "firewall"
    routes = match[1].rpartition("; ")[2]
    return f"firewall ({', '.join(route.partition(':')[0] for route in routes.split(', '))})"
