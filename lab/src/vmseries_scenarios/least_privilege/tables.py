"""Tables: of what was proven, for the terminal; of what is granted, for docs/security.md."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from vmseries_scenarios.least_privilege.proof import Deployment, Part, Proof, grants

BEGIN = "<!-- BEGIN_PERMISSIONS -->"
END = "<!-- END_PERMISSIONS -->"
BETWEEN = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)

HEAD = ("Sid", "Actions", "On", "If", "Why")
MADE_UP = (
    # What a lab makes up anew each time.
    (re.compile(r"\b(subnet|sg)-[0-9a-f]{8,}"), r"\1-…"),
    (re.compile(r"\b(key|targetgroup/[\w-]+)/[0-9a-f-]{16,}"), r"\1/…"),
    (re.compile(r"(:secret:[\w/-]+)-[A-Za-z0-9]{6}\b"), r"\1-…"),
    (re.compile(r"\b(ipv4pool-ec2)-[0-9a-f]+"), r"\1-…"),
)


def proven(proof: Proof, deployments: Iterable[Deployment]) -> Table:
    """How many calls each grant allowed, in all deployments."""
    rows: Counter[tuple[str, str, Part, str]] = Counter()
    for deployment in deployments:
        for function, statements in deployment.statements.items():
            for grant in grants(function, statements):
                rows[grant.function, grant.sid, grant.part, _short(grant.value)] = 0
    for grant, times in proof.used.items():
        rows[grant.function, grant.sid, grant.part, _short(grant.value)] += times
    table = Table("Function", "Sid", "Action or resource", "Calls")
    last = ("", "")
    for (function, sid, _, value), times in sorted(rows.items()):
        new = (function, sid) != last
        last = (function, sid)
        table.add_row(function if new else "", sid if new else "", value, str(times))
    return table


def document(permissions: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """The tables of what each function may do, as Markdown between the markers.

    Args:
        permissions: the root's output ``permissions``.
    """
    parts = [BEGIN]
    for function, statements in permissions.items():
        parts += [f"### {function}", "", _row(HEAD), _row("---" for _ in HEAD)]
        parts += [_row(_cells(sid, statement)) for sid, statement in sorted(statements.items())]
        parts.append("")
    return "\n".join([*parts[:-1], END])


def is_current(path: Path, text: str) -> bool:
    """Whether a document has ``text`` between its markers."""
    return path.exists() and text in path.read_text()


def write(path: Path, text: str) -> None:
    """Put ``text`` between a document's markers.

    Raises:
        ValueError: if the document has no such markers.
    """
    before = path.read_text()
    after, times = BETWEEN.subn(lambda _: text, before)
    if times != 1:
        raise ValueError(f"{path} must have the lines {BEGIN} and {END} once each")
    path.write_text(after)


def _cells(sid: str, statement: Mapping[str, Any]) -> Iterator[str]:
    yield f"`{sid}`"
    yield _lines(_code(action) for action in statement["actions"])
    yield _lines(_unique(_code(_short(arn)) for arn in statement["resources"]))
    yield _lines(
        f"{_code(key)} {operator} {', '.join(_code(_short(value)) for value in values)}"
        for operator, keys in sorted(statement["conditions"].items())
        for key, values in sorted(keys.items())
    )
    yield statement.get("reason", "")


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _lines(texts: Iterable[str]) -> str:
    return "<br>".join(texts)


def _unique(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def _code(text: str) -> str:
    return f"`{text}`"


def _short(arn: str) -> str:
    """An ARN without what is the same for all, and without ids that the lab made up."""
    for pattern, instead in MADE_UP:
        arn = pattern.sub(instead, arn)
    match = re.fullmatch(r"arn:aws:([\w-]+):[\w*-]*:[\w*]*:(.+)", arn)
    return f"{match[1]}: {match[2]}" if match else arn
