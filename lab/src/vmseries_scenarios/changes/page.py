"""docs/changes.md: the table of all rows, written from what the engine tries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from vmseries_scenarios.changes.plans import parse
from vmseries_scenarios.changes.rows import Ends, Row

PAGE = Path("docs/changes.md")

INTRODUCTION = """\
# Changes to a deployment in service

<!-- Written from lab/src/vmseries_scenarios/changes/topics (make fmt); do not edit. -->

What each change of an input does to a deployment whose firewalls carry traffic. No change cuts
off a running firewall, an apply that fails can be repeated, and no license is lost, unless the
row says so.

- *The plan* names the kinds of resources that it changes, adds, deletes or replaces. Going back
  does the reverse.
- *Running firewalls* are those in service when you apply.
- What they get only when they are replaced is part of their [generation](glossary.md), which is a
  tag of each instance (`vmseries-autoscale:generation`). The reconcile function reports running
  firewalls of another generation. With `capacity.instance_refresh`, the apply starts the refresh
  that replaces them, and none terminates before its replacement is a healthy target.

Each row is tested in the [lab](../lab/README.md), with real Terraform: the change, and the way
back, while two firewalls are in service with traffic, licensed and connected to Panorama. Targets,
tunnels, connections and licenses are watched all the time. Plans that are refused or must not be
applied are only planned.

```console
make changes                     # all rows
make changes ROWS=zone-left      # rows whose name or topic contains the word
```

The rows marked with * are part of `make test`.
"""

COLUMNS = ("Row", "Change", "Inputs", "The plan", "Running firewalls", "What you do")


def render(topics: Mapping[str, Sequence[Row]]) -> str:
    """Return the page."""
    lines = [INTRODUCTION.rstrip("\n")]
    for topic, rows in topics.items():
        lines += ["", f"## {topic}", "", _line(COLUMNS), _line(["---"] * len(COLUMNS))]
        lines += [_line(_cells(row)) for row in rows]
    return "\n".join(lines) + "\n"


def _cells(row: Row) -> Sequence[str]:
    ends = f"{row.ends.value[0].upper()}{row.ends.value[1:]}" if row.ends is not Ends.SCALED else ""
    firewalls = ". ".join(part for part in (ends, row.firewalls) if part)
    return (
        f"`{row.id}`{'*' if row.matters else ''}",
        row.change,
        "<br/>".join(f"`{name}`" for name in row.inputs),
        _plan(row),
        firewalls,
        row.do,
    )


def _plan(row: Row) -> str:
    if row.ends is Ends.REFUSED:
        return f"is refused; the error names `{row.refusal}`"
    return str(parse(row.plan))


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
