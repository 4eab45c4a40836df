"""Generate parts of the documents about the Lambda functions.

    python3 tools/lambda_docs.py --write    update lambda/README.md and docs/operations.md
    python3 tools/lambda_docs.py --check    exit 1 and name each document that is stale

The table of modules has the first line of each module's docstring. The table of metrics has the
docstring of each member of ``vmseries_autoscale.telemetry.Metric``: the first paragraph says what
the metric means, and a paragraph that begins with ``Investigate`` says when an operator should act.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = Path("lambda/src/vmseries_autoscale")


class DocsError(Exception):
    """A document cannot be generated. The message names the file and says what to do."""


def module_map(repository: Path) -> str:
    """Return a table of all modules and their purposes, with packages before single modules.

    Raises:
        DocsError: A module has no docstring.
    """
    package = repository / PACKAGE
    paths = sorted(
        package.rglob("*.py"),
        key=lambda path: (path.parent == package, path.parent, path.name != "__init__.py", path),
    )
    rows = []
    for path in paths:
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        if not text:
            raise DocsError(f"{path} has no docstring")
        name = path.relative_to(package).as_posix()
        if path.name == "__init__.py":
            if path.parent == package:
                continue
            rows.append(f"| **`{name.removesuffix('__init__.py')}`** | {_cell(text)} |")
        else:
            rows.append(f"| `{name}` | {_cell(text)} |")
    return "\n".join(["| Module | Purpose |", "| --- | --- |", *rows])


def metric_table(repository: Path) -> str:
    """Return a table of all metrics with unit, meaning, and when to investigate.

    Raises:
        DocsError: A metric has no docstring.
    """
    path = repository / PACKAGE / "telemetry.py"
    rows = []
    for name, docstring in _metrics(ast.parse(path.read_text(encoding="utf-8"))):
        if docstring is None:
            raise DocsError(f"{path}: the metric {name} has no docstring below it")
        meaning, _, action = docstring.partition("\n\n")
        unit = "seconds" if name.endswith("Seconds") else "count"
        when = re.sub(r"^Investigate,? ", "", " ".join(action.split())).rstrip(".")
        rows.append(f"| `{name}` | {unit} | {_cell(meaning)} | {when} |")
    head = ["| Metric | Unit | Meaning | Investigate |", "| --- | --- | --- | --- |"]
    return "\n".join([*head, *rows])


def _metrics(module: ast.Module) -> Iterator[tuple[str, str | None]]:
    """Yield the value of each member of ``Metric``, and the string that follows it."""
    for node in module.body:
        if isinstance(node, ast.ClassDef) and node.name == "Metric":
            for member, following in zip(node.body, [*node.body[1:], None], strict=True):
                if isinstance(member, ast.Assign):
                    yield str(ast.literal_eval(member.value)), _docstring(following)


def _docstring(node: ast.stmt | None) -> str | None:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return "\n\n".join(
            " ".join(paragraph.split()) for paragraph in str(node.value.value).split("\n\n")
        )
    return None


def _cell(text: str) -> str:
    first = " ".join(text.split("\n\n", maxsplit=1)[0].split())
    return first.replace("``", "`").replace("|", "\\|").rstrip(".")


Parts = Mapping[tuple[Path, str], Callable[[Path], str]]
"""What generates each part of a document, by the document and the marker of the part."""

PARTS: Parts = {
    (Path("lambda/README.md"), "MODULES"): module_map,
    (Path("docs/operations.md"), "METRICS"): metric_table,
}


def updated(document: str, marker: str, content: str) -> str:
    """Return a document with new content between its markers.

    Raises:
        DocsError: The document does not have exactly one pair of these markers.
    """
    begin, end = f"<!-- BEGIN_{marker} -->", f"<!-- END_{marker} -->"
    text, count = re.subn(
        f"{begin}.*?{end}", lambda _: f"{begin}\n{content}\n{end}", document, flags=re.DOTALL
    )
    if count != 1:
        raise DocsError(f"must have one {begin} followed by one {end}, but has {count} such pairs")
    return text


def main(
    arguments: Sequence[str] | None = None, repository: Path = REPOSITORY, parts: Parts = PARTS
) -> int:
    """Write or check parts of documents, and return the exit status."""
    parser = argparse.ArgumentParser(description="Keep the generated parts of documents current.")
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", action="store_true", help="update the documents")
    action.add_argument("--check", action="store_true", help="only report stale documents")
    options = parser.parse_args(arguments)
    status = 0
    for (name, marker), content in parts.items():
        path = repository / name
        before = path.read_text(encoding="utf-8")
        try:
            after = updated(before, marker, content(repository))
        except DocsError as error:
            print(f"{name}: {error}", file=sys.stderr)
            status = 1
            continue
        if options.write:
            path.write_text(after, encoding="utf-8")
        elif after != before:
            print(f"{name} is stale: run make fmt", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
