"""The rows of docs/assumptions.md, and which tests play each answer to an unsettled fact.

A row is a line of a table with the columns of :data:`COLUMNS`. If the cell *Lab setting* starts
with a name in code font, the row belongs to that setting of the lab
(``lab/src/vmseries_lab/core/assumptions.py``). The cell *Settled by* starts with the name of the
fact in an acceptance record, in code font with a colon, unless that is the name of the setting.

A test plays an answer if it sets it: ``lab.assume(name="answer")`` or ``assumptions.set(…)`` in the
test, or in a fixture or helper that it names. It plays all answers if it reads them from
``ASSUMPTIONS``, and the default answer if it sets none. Only the source is read: whether the test
passes is the matter of the test run.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
PAGE = Path("docs/assumptions.md")
TEST_FOLDERS = ("tests", "lab/tests")
COLUMNS = (
    "Fact",
    "The module assumes",
    "If it is otherwise",
    "Lab setting",
    "Tests",
    "Settled by",
)

_CELL_END = re.compile(r"(?<!\\)\|")
_CODE = re.compile(r"`([^`\n]+)`")
_FIRST_CODE = re.compile(r"`([a-z][a-z0-9-]+)`")
_FACT = re.compile(r"`([a-z][a-z0-9-]+)`: ")
_NAME_CONSTANT = re.compile(r'^([A-Z][A-Z_]+) = "([a-z][a-z0-9-]+)"$', re.MULTILINE)
_DEFINITION = re.compile(r"^ *def (test_\w+)", re.MULTILINE)
_HCL_RUN = re.compile(r'^run "(\w+)"', re.MULTILINE)
_SETTERS = frozenset({"assume", "set"})


@dataclass(frozen=True)
class Row:
    """An unsettled fact.

    Attributes:
        cells: The cells by column.
        line: Its line in the page, for messages.
    """

    cells: Mapping[str, str]
    line: int

    @property
    def setting(self) -> str | None:
        """The name of the lab's setting; None if the fact is outside the lab."""
        match = _FIRST_CODE.match(self.cells["Lab setting"])
        return match[1] if match else None

    @property
    def fact(self) -> str | None:
        """The name of the fact in an acceptance record; None if the row names none."""
        match = _FACT.match(self.cells["Settled by"])
        return match[1] if match else self.setting

    @property
    def tests(self) -> tuple[str, ...]:
        """The names of the tests."""
        return tuple(_CODE.findall(self.cells["Tests"]))


@dataclass(frozen=True)
class SourceOfTest:
    """What a test consists of.

    Attributes:
        nodes: The test, and the fixtures and helpers that it names.
        cases: Whether it has several cases: it is parametrized, or has a loop.
        constants: Values of constants that can be names of settings.
    """

    nodes: tuple[ast.AST, ...]
    cases: bool
    constants: Mapping[str, str] = field(default_factory=dict)


def rows_of(page: str) -> Iterator[Row]:
    """Yield the rows of every table with the right columns.

    Raises:
        ValueError: A table has other columns, or a row has another number of cells.
    """
    head = False
    for number, line in enumerate(page.splitlines(), 1):
        if not line.startswith("|"):
            head = False
            continue
        cells = tuple(cell.strip() for cell in _CELL_END.split(line.strip()[1:-1]))
        if not head:
            if cells != COLUMNS:
                raise ValueError(f"line {number}: the columns are {', '.join(COLUMNS)}")
            head = True
        elif len(cells) != len(COLUMNS):
            raise ValueError(f"line {number}: {len(cells)} cells instead of {len(COLUMNS)}")
        elif not set(line) <= set("|-: "):
            yield Row(dict(zip(COLUMNS, cells, strict=True)), number)


def tests_of(repository: Path, wanted: Collection[str]) -> dict[str, list[SourceOfTest]]:
    """Return the tests with these names, and the ``run`` blocks of Terraform tests."""
    found: dict[str, list[SourceOfTest]] = defaultdict(list)
    library = (path.read_text(encoding="utf-8") for path in (repository / "lab/src").rglob("*.py"))
    constants = {name: value for text in library for name, value in _NAME_CONSTANT.findall(text)}
    for folder in TEST_FOLDERS:
        for path in sorted((repository / folder).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            # Parsing every file would take seconds.
            if any(name in wanted for name in _DEFINITION.findall(text)):
                known = constants | dict(_NAME_CONSTANT.findall(text))
                for name, source in _tests_in(path, text, repository / folder):
                    found[name].append(replace(source, constants=known))
        for path in sorted((repository / folder).rglob("*.tftest.hcl")):
            for name in _HCL_RUN.findall(path.read_text(encoding="utf-8")):
                found[name].append(SourceOfTest((), cases=False))
    return {name: sources for name, sources in found.items() if name in wanted}


def _tests_in(path: Path, text: str, folder: Path) -> Iterator[tuple[str, SourceOfTest]]:
    functions: dict[str, ast.AST] = {}
    for conftest in (one / "conftest.py" for one in _between(folder, path.parent)):
        if conftest.exists():
            functions |= _functions(ast.parse(conftest.read_text(encoding="utf-8")))
    functions |= _functions(ast.parse(text))
    for name, node in functions.items():
        if name.startswith("test_"):
            nodes = tuple(_reached(node, functions))
            yield name, SourceOfTest(nodes, cases=_has_cases(node))


def _between(top: Path, bottom: Path) -> list[Path]:
    """Return the folders from ``top`` down to ``bottom``."""
    folders = [bottom]
    while folders[0] != top:
        folders.insert(0, folders[0].parent)
    return folders


def _functions(tree: ast.AST) -> dict[str, ast.AST]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name: node for node in ast.walk(tree) if isinstance(node, kinds)}


def _reached(node: ast.AST, functions: Mapping[str, ast.AST]) -> Iterator[ast.AST]:
    """Yield a function, and the functions of its file that it names, as argument or in its body."""
    waiting, seen = [node], {id(node)}
    while waiting:
        current = waiting.pop()
        yield current
        for part in ast.walk(current):
            name = part.arg if isinstance(part, ast.arg) else getattr(part, "id", None)
            name = part.attr if isinstance(part, ast.Attribute) else name
            other = functions.get(name) if isinstance(name, str) else None
            if other is not None and id(other) not in seen:
                seen.add(id(other))
                waiting.append(other)


def _has_cases(node: ast.AST) -> bool:
    decorators = getattr(node, "decorator_list", [])
    return any("parametrize" in ast.unparse(one) for one in decorators) or any(
        isinstance(part, ast.For) for part in ast.walk(node)
    )


def answers_played(test: SourceOfTest, setting: str, answers: Sequence[str]) -> set[str]:
    """Return the answers that a test plays.

    Args:
        test: The test.
        setting: The name of the lab's setting.
        answers: Its answers; the first one is the default.
    """
    parts = [part for node in test.nodes for part in ast.walk(node)]
    if any(isinstance(part, ast.Name) and part.id == "ASSUMPTIONS" for part in parts):
        return set(answers)
    calls = (part for part in parts if isinstance(part, ast.Call))
    if not any(_sets(call, setting, test.constants) for call in calls):
        return {answers[0]}
    constants = {part.value for part in parts if isinstance(part, ast.Constant)}
    return {answer for answer in answers if answer in constants}


def _sets(call: ast.Call, setting: str, constants: Mapping[str, str]) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name not in _SETTERS:
        return False
    keywords = {keyword.arg.replace("_", "-") for keyword in call.keywords if keyword.arg}
    quoted = {part.value for part in ast.walk(call) if isinstance(part, ast.Constant)}
    quoted |= {constants.get(part.id) for part in ast.walk(call) if isinstance(part, ast.Name)}
    return setting in keywords or setting in quoted or setting.replace("-", "_") in quoted


def problems(
    rows: Sequence[Row],
    settings: Mapping[str, Sequence[str]],
    tests: Mapping[str, Sequence[SourceOfTest]],
    facts: Sequence[str],
) -> list[str]:
    """Return a sentence for each fault of the page.

    Args:
        rows: The rows of the page.
        settings: The answers by name of the lab's setting.
        tests: The tests by name.
        facts: Names of all facts in an acceptance record, with and without an answer.
    """
    named = [row.setting for row in rows if row.setting]
    found = [f"{name} has no row" for name in settings if name not in named]
    found += [f"{name} has {named.count(name)} rows" for name in settings if named.count(name) > 1]
    for row in rows:
        found += [f"line {row.line}: {fault}" for fault in _faults(row, settings, tests, facts)]
    return found


def _faults(
    row: Row,
    settings: Mapping[str, Sequence[str]],
    tests: Mapping[str, Sequence[SourceOfTest]],
    facts: Sequence[str],
) -> Iterator[str]:
    yield from (f"{column} is empty" for column, cell in row.cells.items() if not cell)
    yield from (f"no test is named {name}" for name in row.tests if name not in tests)
    if row.fact is None:
        yield "Settled by does not start with the name of a fact, such as `name`: text"
    elif row.fact not in facts:
        yield f"the acceptance run neither records {row.fact} nor says why it does not"
    known = [source for name in row.tests for source in tests.get(name, ())]
    if row.setting is None:
        if len(row.tests) < 2 and not any(source.cases for source in known):
            yield "two tests, or one with several cases, play both answers"
    elif row.setting not in settings:
        yield f"the lab has no setting {row.setting}"
    else:
        answers = settings[row.setting]
        played = {x for test in known for x in answers_played(test, row.setting, answers)}
        yield from (f"no test plays the answer {x}" for x in answers if x not in played)
        shown = set(_CODE.findall(row.cells["Lab setting"])[1:])
        if shown != set(answers):
            yield f"the answers are {', '.join(answers)}"
