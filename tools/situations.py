"""List the tests that prove each situation that the documents describe.

    python3 tools/situations.py --write    write docs/proofs/situations.md
    python3 tools/situations.py --check    exit 1 if that page is stale, or a situation has no test

A situation is a row of a table whose first column has the heading ``Id``. Its full ID is the name
of the page and the ID of the row: the row ``plugin/normal`` of docs/licensing.md is
``licensing/plugin/normal``. A test names the situations that it proves. In Python, it has a marker
``@pytest.mark.documents(id="licensing/plugin/normal")`` for each; in HCL, a comment
``# documents: licensing/plugin/normal, readiness/gate/normal`` stands before the ``run`` block.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
PAGE = Path("docs/proofs/situations.md")
TEST_FOLDERS = ("tests", "lab/tests")

INTRODUCTION = """\
# Situations and their tests

<!-- Written by tools/situations.py (make fmt); do not edit. -->

Each situation that a table in the documents describes has an ID. This page lists the tests that
prove it. To run them:

```console
.venv/bin/pytest tests -m "documents(id='licensing/plugin/normal')"
```

The simulator's own tests are in `lab/tests`; run them in a separate process. Tests in
`*.tftest.hcl` are runs of `terraform test` (`make test-terraform`).
"""

_ID = re.compile(r"`?([\w./-]+)`?")
_CELL_END = re.compile(r"(?<!\\)\|")
_HCL = re.compile(r'^# documents: (.+)\n(?:#.*\n)*run "(\w+)"', re.MULTILINE)


@dataclass(frozen=True)
class Situation:
    """A row of a table of situations.

    Attributes:
        id: The full ID, ``page/id``.
        page: The path of the page in the repository.
        cells: The cells of the row after the ID.
    """

    id: str
    page: str
    cells: tuple[str, ...]


def situations_in(page: str, text: str) -> Iterator[Situation]:
    """Yield the situations of a page.

    Args:
        page: The path of the page, for example ``docs/licensing.md``.
        text: The page's Markdown.
    """
    head: list[str] = []
    for line in text.splitlines():
        if not line.startswith("|"):
            head = []
            continue
        cells = [cell.strip() for cell in _CELL_END.split(line.strip().strip("|"))]
        if not head:
            head = cells
        elif head[0] == "Id" and not set(line) <= set("|-: "):
            row = _ID.fullmatch(cells[0])
            yield Situation(
                f"{Path(page).stem}/{row[1] if row else cells[0]}", page, tuple(cells[1:])
            )


def all_situations(repository: Path) -> list[Situation]:
    """Return the situations of all pages below ``docs/``, in the order of the pages."""
    situations: list[Situation] = []
    for path in sorted(repository.glob("docs/**/*.md")):
        page = path.relative_to(repository)
        if page != PAGE:
            situations += situations_in(page.as_posix(), path.read_text(encoding="utf-8"))
    return situations


def documented_by(source: str, suffix: str) -> Iterator[tuple[str, str]]:
    """Yield, for each marker in a file, the ID of the situation and the name of the test.

    The name of a method is ``Class::test``.

    Args:
        source: The text of the file.
        suffix: The suffix of its name; ``.py`` is Python, everything else is HCL.
    """
    if suffix != ".py":
        for ids, run in _HCL.findall(source):
            yield from ((row.strip(), run) for row in ids.split(","))
        return
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            yield from ((row, node.name) for row in _marked(node))
        elif isinstance(node, ast.ClassDef):
            for method in node.body:
                if isinstance(method, ast.FunctionDef):
                    yield from ((row, f"{node.name}::{method.name}") for row in _marked(method))


def _marked(function: ast.FunctionDef) -> Iterator[str]:
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith(
            "mark.documents"
        ):
            arguments = {keyword.arg: keyword.value for keyword in decorator.keywords}
            yield str(ast.literal_eval(arguments["id"]))


def all_tests(repository: Path) -> dict[str, list[str]]:
    """Return the tests of each situation that has one, as ``path::test``."""
    tests: dict[str, list[str]] = defaultdict(list)
    for folder in TEST_FOLDERS:
        for path in sorted((repository / folder).rglob("*")):
            if path.suffix == ".py" or path.name.endswith(".tftest.hcl"):
                source = path.read_text(encoding="utf-8")
                if "mark.documents(" in source or "# documents: " in source:
                    name = path.relative_to(repository).as_posix()
                    for row, test in documented_by(source, path.suffix):
                        tests[row].append(f"{name}::{test}")
    return dict(tests)


def problems(situations: Sequence[Situation], tests: Mapping[str, Sequence[str]]) -> list[str]:
    """Return a line for each ID that is repeated, has no test, or is in no document."""
    ids = [situation.id for situation in situations]
    return [
        *(f"{row}: two rows have this ID" for row in sorted({x for x in ids if ids.count(x) > 1})),
        *(f"{s.page}: no test documents {s.id}" for s in situations if s.id not in tests),
        *(
            f"{test}: documents {row}, but no page has a row with this ID"
            for row in sorted(tests.keys() - set(ids))
            for test in tests[row]
        ),
    ]


def render(situations: Sequence[Situation], tests: Mapping[str, Sequence[str]]) -> str:
    """Return the page: for each document, a table of its situations and their tests."""
    lines = [INTRODUCTION.rstrip("\n")]
    page = ""
    for situation in situations:
        if situation.page != page:
            page = situation.page
            name = Path(page).relative_to("docs").as_posix()
            link = Path(name).name if name.startswith("proofs/") else f"../{name}"
            lines += ["", f"## [{name}]({link})", "", "| Id | Situation | Tests |"]
            lines += ["| --- | --- | --- |"]
        proofs = "<br/>".join(f"`{test}`" for test in sorted(tests.get(situation.id, ())))
        text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", situation.cells[0])
        lines.append(f"| `{situation.id}` | {text} | {proofs} |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None, repository: Path = REPOSITORY) -> int:
    """Write or check the page, and return the exit status."""
    parser = argparse.ArgumentParser(description="Keep docs/proofs/situations.md current.")
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", action="store_true", help="write the page")
    action.add_argument("--check", action="store_true", help="only report problems")
    options = parser.parse_args(arguments)
    situations, tests = all_situations(repository), all_tests(repository)
    errors = problems(situations, tests)
    page = repository / PAGE
    text = render(situations, tests)
    if options.write:
        page.write_text(text, encoding="utf-8")
    elif not page.is_file() or page.read_text(encoding="utf-8") != text:
        errors.append(f"{PAGE} is stale: run tools/situations.py --write")
    for error in errors:
        print(error, file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
