"""Tables of the proof, for the terminal, and of the permissions, for docs/security.md."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from vmseries_scenarios.least_privilege.proof import Evidence, Part, Proof, grants

BEGIN = "<!-- BEGIN_PERMISSIONS -->"
END = "<!-- END_PERMISSIONS -->"
BETWEEN = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)

HEAD = ("Sid", "Actions", "On", "If", "Why")
LAB_IDS = (
    # IDs that differ in each lab.
    (re.compile(r"\b(subnet|sg)-[0-9a-f]{8,}"), r"\1-…"),
    (re.compile(r"\b(key|targetgroup/[\w-]+)/[0-9a-f-]{16,}"), r"\1/…"),
    (re.compile(r"(:secret:[\w/-]+)-[A-Za-z0-9]{6}\b"), r"\1-…"),
    (re.compile(r"\b(ipv4pool-ec2)-[0-9a-f]+"), r"\1-…"),
)


def proven(proof: Proof, deployments: Iterable[Evidence]) -> Table:
    """Return how many calls each grant allowed, over all deployments."""
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
    """Return the tables of what each function may do, as Markdown between the markers.

    Args:
        permissions: The root module's output ``permissions``.
    """
    parts = [BEGIN]
    for function, statements in permissions.items():
        parts += [f"### {function}", "", _row(HEAD), _row("---" for _ in HEAD)]
        parts += [_row(_cells(sid, statement)) for sid, statement in sorted(statements.items())]
        parts.append("")
    return "\n".join([*parts[:-1], END])


def is_current(path: Path, text: str) -> bool:
    """Return whether a document has ``text`` between its markers."""
    return path.exists() and text in path.read_text()


def write(path: Path, text: str) -> None:
    """Write ``text`` between the markers of a document.

    Raises:
        ValueError: The document does not have both markers once.
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
    """Return an ARN without partition, Region and account, and without the IDs of a lab."""
    for pattern, replacement in LAB_IDS:
        arn = pattern.sub(replacement, arn)
    match = re.fullmatch(r"arn:[\w-]+:([\w-]+):[\w*-]*:[\w*]*:(.+)", arn)
    return f"{match[1]}: {match[2]}" if match else arn
