"""Documents name only things that exist: files, links, metrics, errors, inputs, commands."""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

import docs_lint
import lambda_docs
import tf_docs
from vmseries_autoscale import errors
from vmseries_autoscale.telemetry import Metric

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = REPOSITORY / lambda_docs.PACKAGE


def _files() -> tuple[str, ...]:
    """Every file of the repository that git tracks or would track."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    return tuple(name for name in sorted(listing) if (REPOSITORY / name).exists())


FILES = _files()
DOCUMENTS = [name for name in FILES if name.endswith(".md")]
CODE = re.compile(r"`([^`\n]+)`")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)

# Names of AWS and Panorama that begin like one of our metrics.
NOT_METRICS = {"LifecycleActionToken", "LifecycleTransition"}


def text_of(document: str) -> str:
    return (REPOSITORY / document).read_text(encoding="utf-8")


def code_in(document: str) -> list[str]:
    """The inline code of a document."""
    return CODE.findall(FENCE.sub("", text_of(document)))


@cache
def input_attributes() -> dict[str, set[str]]:
    """The attributes of each input of the root module, as dotted paths."""
    return {
        variable.name: {attribute.key for attribute in tf_docs.attributes(variable.type)}
        for variable in tf_docs.read_module(REPOSITORY).inputs
    }


def headings(document: str) -> set[str]:
    """The anchors that GitHub gives the headings of a document, and explicit ones."""
    text = FENCE.sub("", text_of(document))
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    plain = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title) for title in titles]
    anchors = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in plain}
    return anchors | set(re.findall(r'<a id="([^"]+)">', text))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_to_a_file_and_a_heading(document: str) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", text_of(document))):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        file = (REPOSITORY / document).parent / path if path else REPOSITORY / document
        if not file.exists():
            broken.append(target)
        elif anchor and file.suffix == ".md":
            name = file.resolve().relative_to(REPOSITORY).as_posix()
            if anchor not in headings(name):
                broken.append(target)
    assert broken == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_named_file_exists(document: str) -> None:
    """A name may leave out leading folders: ``preflight/run.py`` is in the Lambda package."""
    names = {
        name.split("::")[0].rstrip("/")
        for name in code_in(document)
        if re.fullmatch(
            r"[\w./-]+\.(py|tf|md|toml|hcl)(::\w+)*|(lambda|lab|tests|tools|docs|"
            r"modules|examples)/[\w./-]+",
            name,
        )
    } - {"init-cfg.txt"}
    missing = [
        name
        for name in sorted(names)
        if not any(f"/{file}".endswith(f"/{name}") or f"/{name}/" in f"/{file}" for file in FILES)
    ]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_named_error_and_metric_exists(document: str) -> None:
    names = {name for name in code_in(document) if re.fullmatch(r"[A-Z][A-Za-z0-9]+", name)}
    unknown = {name for name in names if name.endswith("Error") and not hasattr(errors, name)}
    prefixes = {re.match(r"[A-Z][a-z]+", metric.value)[0] for metric in Metric}  # type: ignore[index]
    like_metrics = {
        name
        for name in names - NOT_METRICS
        if re.match(r"([A-Z][a-z]+)[A-Z]", name)
        and re.match(r"[A-Z][a-z]+", name)[0] in prefixes  # type: ignore[index]
        and not name.endswith("Error")
    }
    unknown |= like_metrics - {metric.value for metric in Metric}
    assert unknown == set()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_named_attribute_of_an_input_exists(document: str) -> None:
    unknown = []
    for name in re.findall(r"`([a-z_]+(?:\.[a-z_]+)+)(?: = [^`]*)?`", text_of(document)):
        variable, _, attribute = name.partition(".")
        known = input_attributes().get(variable)
        if known is not None and attribute not in known | {
            "tf",
            "py",
            "json",
            "zip",
            "example.com",
        }:
            unknown.append(name)
    assert unknown == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_named_make_target_exists(document: str) -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = re.findall(r"(?:`|^)make ([a-z][a-z-]*)", text_of(document), re.MULTILINE)
    assert set(named) - targets == set()


def test_every_log_message_that_the_runbook_filters_by_exists() -> None:
    messages = re.findall(r'filter message = "([^"]+)"', text_of("docs/operations.md"))
    sources = "".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    assert messages
    assert [message for message in messages if f'"{message}"' not in sources] == []


def literals(folder: Path = PACKAGE) -> list[str]:
    """Every string in a folder's modules; what a formatted string computes is ``…``."""
    strings = []
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                strings.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = [
                    part.value if isinstance(part, ast.Constant) else "…" for part in node.values
                ]
                strings.append("".join(map(str, parts)))
    return strings


def test_every_reason_in_the_runbook_exists() -> None:
    """In the first column of the tables of symptoms; ``…`` stands for any text."""
    tables = text_of("docs/operations.md").split("## Symptoms")[1].split("### A dead-letter")[0]
    column = [line.split("|")[1] for line in tables.splitlines() if line.startswith("| ")]
    reasons = {code for cell in column for code in CODE.findall(cell) if " " in code}
    assert len(reasons) > 10
    patterns = {
        reason: re.compile(".*".join(re.escape(part) for part in reason.split("…")))
        for reason in reasons
    }
    texts = literals()
    missing = [
        reason
        for reason, pattern in patterns.items()
        if not any(pattern.search(text) for text in texts)
    ]
    assert missing == []


def test_the_messages_of_ec2_in_the_runbook_are_those_of_the_lab() -> None:
    """In the table of refused launches; ``…`` stands for any text."""
    section = text_of("docs/operations.md").split("### EC2 refuses launches")[1].split("\n### ")[0]
    column = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    messages = [code for cell in column for code in CODE.findall(cell)]
    assert len(messages) > 5
    texts = literals(REPOSITORY / "lab/src/vmseries_lab/aws")
    missing = [
        part
        for message in messages
        for part in re.split(r" ?… ?|: ", message)
        if part and not any(part in text for text in texts)
    ]
    assert missing == []


def test_the_example_of_the_preflight_quotes_the_problems_that_the_functions_report() -> None:
    """Each clause of a problem is in the code; the text in parentheses may come from AWS."""
    example = text_of("docs/preflight.md").split("## Example")[1].split("```")[1]
    problems = re.split(r"^\d+ +", example, flags=re.MULTILINE)[1:]
    texts = [" ".join(re.sub(r"\s{2,}[a-z, ]+$", "", problem).split()) for problem in problems]
    clauses = [
        clause
        for text in texts
        for clause in re.split(r": | ?\(|\)", text)
        if clause.count(" ") > 2 and not clause.startswith("You are not authorized")
    ]
    patterns = [
        (len(clause.replace("…", "")), re.compile(pattern, re.IGNORECASE))
        for text in literals()
        for clause in re.split(r": | ?\(|\)", text)
        if (pattern := ".*".join(re.escape(part) for part in clause.strip(" .").split("…")))
    ]

    def is_reported(clause: str) -> bool:
        """A pattern that is mostly placeholders proves nothing."""
        return any(
            length * 7 > len(clause) and pattern.fullmatch(clause.strip(" ."))
            for length, pattern in patterns
        )

    unknown = [clause for clause in clauses if not is_reported(clause)]
    assert len(problems) == 11
    assert unknown == []


def test_every_alarm_is_in_the_runbook() -> None:
    alarms = text_of("modules/lifecycle/alarms.tf")
    outcomes, functions = alarms.split("function_alarms = {")
    key = re.compile(r"^    ([a-z-]+) = \{", re.MULTILINE)
    functions_keys = key.findall(functions.split("watched_functions")[0])
    expected = set(key.findall(outcomes + text_of("modules/lifecycle/report_alarms.tf")))
    expected |= {f"{name}-{alarm}" for name in ("launch", "terminate") for alarm in functions_keys}
    for name in re.findall(r'alarm_name += "\$\{var.name\}-([^"]+)"', alarms):
        if "each.key}-" in name:
            suffix = name.partition("}-")[2]
            expected |= {f"launch-{suffix}", f"terminate-{suffix}"}
        elif "$" not in name:
            expected.add(name)
    expected |= {"launch-dead-letters", "terminate-dead-letters"}  # Named after their queues.
    table = text_of("docs/operations.md").split("## Alarms")[1].split("## Symptoms")[0]
    assert {name.removeprefix("edge-") for name in CODE.findall(table)} >= expected
    assert len(expected) == 30


def test_every_key_of_the_reconcile_report_is_explained() -> None:
    section = text_of("docs/operations.md").split("| Key in the report |")[1].split("\n\n")[0]
    keys = set(CODE.findall(section))
    fields = {
        field.target.id
        for path in (PACKAGE / "reconcile").glob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef) and node.name == "Report"
        for field in node.body
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
    }
    assert keys <= fields
    assert fields - keys <= {"dry_run"}


def test_the_module_map_and_the_table_of_metrics_are_current() -> None:
    assert lambda_docs.main(["--check"]) == 0, "run make fmt"


def test_every_module_and_every_metric_is_described() -> None:
    modules = lambda_docs.module_map(REPOSITORY)
    for path in PACKAGE.rglob("*.py"):
        if path.name != "__init__.py":
            assert f"| `{path.relative_to(PACKAGE).as_posix()}` | " in modules
    table = lambda_docs.metric_table(REPOSITORY)
    for metric in Metric:
        assert f"| `{metric.value}` | " in table


def test_every_document_is_in_the_index() -> None:
    index = text_of("docs/README.md")
    pages = [name for name in DOCUMENTS if name.startswith("docs/") and name != "docs/README.md"]
    assert [name for name in pages if f"({name.removeprefix('docs/')})" not in index] == []


def test_no_line_of_a_document_is_too_long(capsys: pytest.CaptureFixture[str]) -> None:
    assert docs_lint.main() == 0, capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("x" * 120, []),
        ("x" * 121, [1]),
        (f"| {'x' * 160} | {'y' * 160} |", []),
        (f"\n| a | {'x' * 161} |", [2]),
        (f"| `{'x' * 90}`, `{'y' * 90}` |", []),
        (f"| `{'x' * 90}`, or `{'y' * 90}` |", [1]),
        (f"https://example.com/{'x' * 120}", []),
        (f"<!-- BEGIN_X -->\n{'x' * 121}\n<!-- END_X -->\n{'x' * 121}", [4]),
        (f"<!-- Written by x; do not edit. -->\n{'x' * 121}", []),
    ],
)
def test_the_length_limits_for_lines_and_table_cells(text: str, faults: list[int]) -> None:
    assert [number for number, _ in docs_lint.problems(text)] == faults


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one module, one metric and the two documents."""
    package = tmp_path / lambda_docs.PACKAGE
    (package / "inner").mkdir(parents=True)
    (tmp_path / "docs").mkdir()
    (package / "__init__.py").write_text('"""The package."""\n')
    (package / "telemetry.py").write_text(
        '"""Logs.\n\nMore."""\nclass Metric:\n    """Names."""\n    A = "Waits"\n'
        '    """How | long.\n\n    Investigate always.\n    """\n'
    )
    (package / "inner" / "__init__.py").write_text('"""A package\n    on two lines."""\n')
    (package / "inner" / "b.py").write_text('"""A ``module``."""\n')
    for document, marker in (("lambda/README.md", "MODULES"), ("docs/operations.md", "METRICS")):
        (tmp_path / document).write_text(f"<!-- BEGIN_{marker} -->\n<!-- END_{marker} -->\n")
    return tmp_path


def test_the_map_of_modules_and_the_table_of_metrics_are_generated(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lambda_docs.main(["--check"], repository) == 1
    assert "docs/operations.md is stale" in capsys.readouterr().err
    assert lambda_docs.main(["--write"], repository) == 0
    assert lambda_docs.main(["--check"], repository) == 0
    assert (repository / "lambda/README.md").read_text().splitlines()[3:-1] == [
        "| **`inner/`** | A package on two lines |",
        "| `inner/b.py` | A `module` |",
        "| `telemetry.py` | Logs |",
    ]
    row = (repository / "docs/operations.md").read_text().splitlines()[3]
    assert row == "| `Waits` | count | How \\| long | always |"


@pytest.mark.parametrize(
    ("file", "source", "sentence"),
    [
        ("inner/b.py", "", "has no docstring"),
        ("telemetry.py", '"""x"""\nclass Metric:\n    A = "Waits"\n', "Waits has no docstring"),
    ],
)
def test_a_module_or_metric_without_description_is_reported(
    repository: Path, capsys: pytest.CaptureFixture[str], file: str, source: str, sentence: str
) -> None:
    (repository / lambda_docs.PACKAGE / file).write_text(source)
    assert lambda_docs.main(["--write"], repository) == 1
    assert sentence in capsys.readouterr().err


def test_the_page_about_security_has_every_statement_of_the_queue_policies() -> None:
    """Finding M3: what the page says about the queues is what the policies do."""
    policies = (REPOSITORY / "modules" / "lifecycle" / "queues.tf").read_text()
    statements = set(
        re.findall(r"^ {4}(\w+) = \{\n {6}(?:effect|principals) ", policies, re.MULTILINE)
    )
    assert len(statements) == 3
    section = text_of("docs/security.md").split("## Queues", 1)[1].split("\n## ", 1)[0]
    assert statements == set(re.findall(r"`((?:Deny|Deliver)\w+)`", section))
