"""The generated tables in the README of each Terraform module.

    python3 tools/tf_docs.py --write              bring every README up to date
    python3 tools/tf_docs.py --check              exit 1 and name each README that is not
    python3 tools/tf_docs.py --check modules/scaling

The tables stand between terraform-docs' own markers, so that either tool can be used. Types and
defaults are quoted from the source as they were written; inputs and outputs keep the order of the
source, which groups them by what the reader has to decide.
"""

from __future__ import annotations

import argparse
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hcl2
from hcl2.utils import SerializationOptions

REPOSITORY = Path(__file__).resolve().parents[1]
BEGIN = "<!-- BEGIN_TF_DOCS -->"
END = "<!-- END_TF_DOCS -->"
BETWEEN = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)

PLAIN = SerializationOptions(
    with_comments=False,
    explicit_blocks=False,
    preserve_heredocs=False,
    strip_string_quotes=True,
)

Row = tuple[str, ...]


class DocsError(Exception):
    """A module that cannot be documented: the message names the file and what to do."""


@dataclass
class Facts:
    """What the tables of one module say, a tuple for each row."""

    requirements: list[Row] = field(default_factory=list)
    modules: list[Row] = field(default_factory=list)
    resources: list[Row] = field(default_factory=list)
    inputs: list[Row] = field(default_factory=list)
    outputs: list[Row] = field(default_factory=list)


# Reading ------------------------------------------------------------------------------------------


def read_module(folder: Path) -> Facts:
    """Collect the facts of a module from its `.tf` files.

    Raises:
        DocsError: a file is not valid HCL.
    """
    facts = Facts()
    for path in sorted(folder.glob("*.tf")):
        source = path.read_text()
        try:
            content = hcl2.loads(source, serialization_options=PLAIN)
        except Exception as error:
            raise DocsError(f"{path} is not valid HCL: {error}") from error
        read_file(content, source, facts)
    facts.requirements.sort(key=lambda row: (row[0] != "terraform", row))
    facts.modules.sort()
    facts.resources.sort(key=lambda row: (row[1] != "resource", row))
    return facts


def read_file(content: Mapping[str, Any], source: str, facts: Facts) -> None:
    """Add what one file holds to the facts of its module."""
    for settings in content.get("terraform", []):
        facts.requirements += requirements(settings)
    for name, body in named(content.get("module", [])):
        facts.modules.append((code(name), code(body["source"]), cell(body.get("version", ""))))
    for block, kind in (("resource", "resource"), ("data", "data source")):
        for resource, instances in named(content.get(block, [])):
            facts.resources += [(code(f"{resource}.{name}"), kind) for name in instances]
    for name, body in named(content.get("variable", [])):
        written = block_source(source, "variable", name)
        default = attribute_source(written, "default")
        facts.inputs.append(
            (
                code(name),
                prose(body.get("description", "")),
                code(attribute_source(written, "type") or "any"),
                "" if default is None else code(default),
                "yes" if default is None else "no",
            )
        )
    for name, body in named(content.get("output", [])):
        facts.outputs.append((code(name), prose(body.get("description", ""))))


def requirements(settings: Mapping[str, Any]) -> Iterator[Row]:
    """Yield what a `terraform` block asks for: Terraform itself and providers."""
    if "required_version" in settings:
        yield "terraform", code(settings["required_version"])
    for providers in settings.get("required_providers", []):
        for name, wanted in providers.items():
            yield wanted.get("source", name), code(wanted.get("version", ""))


def named(blocks: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Yield the first label of each block and what is in it."""
    for block in blocks:
        yield from block.items()


def block_source(source: str, kind: str, label: str) -> str:
    """Return the lines of a top-level block; `terraform fmt` puts its closing brace in column 0.

    Raises:
        DocsError: the block is not written that way.
    """
    start = rf'^{kind}\s+"{re.escape(label)}"\s*'
    found = re.search(start + r"(?:\{.*\}$|\{\n(?:.*\n)*?\}$)", source, re.MULTILINE)
    if found is None:
        raise DocsError(f'{kind} "{label}" is not in the form that `terraform fmt` gives')
    return found.group()


def attribute_source(block: str, name: str) -> str | None:
    """Return the text of an attribute's value in a block, as written but for its indentation."""
    found = re.search(rf"^  {name}\s*= *|\{{ *{name}\s*= *", block, re.MULTILINE)
    if found is None:
        return None
    first, *rest = block[found.end() : value_end(block, found.end())].split("\n")
    return "\n".join([first, *textwrap.dedent("\n".join(rest)).split("\n")]) if rest else first


def value_end(text: str, start: int) -> int:
    """Return where the value that starts at `start` ends: its line's end, outside of brackets."""
    depth = 0
    for token in re.finditer(r'"(?:\\.|[^"\\])*"|#.*|[(\[{]|[)\]}]|\n', text[start:]):
        if token.group() in "([{":
            depth += 1
        elif token.group() in ")]}":
            depth -= 1
        if depth < 0 or (depth == 0 and token.group() == "\n"):
            return start + len(text[start : start + token.start()].rstrip())
    return len(text)


# Writing ------------------------------------------------------------------------------------------


def render(facts: Facts) -> str:
    """Return the tables as Markdown; a table without rows is left out."""
    tables = [
        table("Requirements", ("Name", "Version"), facts.requirements),
        table("Modules", ("Name", "Source", "Version"), facts.modules),
        table("Resources", ("Name", "Type"), facts.resources),
        table("Inputs", ("Name", "Description", "Type", "Default", "Required"), facts.inputs),
        table("Outputs", ("Name", "Description"), facts.outputs),
    ]
    return "\n\n".join(filter(None, tables))


def table(title: str, head: Row, rows: Sequence[Row]) -> str:
    """Return one table under its heading; columns that are empty in every row are left out."""
    if not rows:
        return ""
    used = [index for index in range(len(head)) if any(row[index] for row in rows)]
    lines = [head, ("---",) * len(head), *rows]
    body = ["| " + " | ".join(line[index] for index in used) + " |" for line in lines]
    return "\n".join([f"## {title}", "", *body])


def cell(text: str) -> str:
    """Return text that cannot break out of its table cell."""
    return text.replace("|", "\\|").replace("\n", " ").strip()


def code(text: str) -> str:
    """Return source text for a table cell, over several lines if it has them."""
    if "\n" not in text:
        return f"`{cell(text)}`"
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "&#124;")
    return "<pre>" + escaped.replace("\n", "<br/>") + "</pre>"


def prose(description: str) -> str:
    """Return a description for a table cell: list items and paragraphs on lines of their own."""
    lines: list[str] = []
    # The parser gives here-documents with their quotes escaped.
    for line in description.replace('\\"', '"').split("\n"):
        text = " ".join(line.split())
        if not lines or not text or text.startswith("- ") or not lines[-1]:
            lines.append(text)
        else:
            lines[-1] += " " + text
    return "<br/>".join(cell(line) for line in lines if line)


def updated(readme: str, tables: str) -> str:
    """Return a README with these tables between its markers.

    Raises:
        DocsError: it has no markers.
    """
    fresh = f"{BEGIN}\n{tables}\n{END}"
    text, count = BETWEEN.subn(lambda _: fresh, readme)
    if count != 1:
        raise DocsError(f"needs one {BEGIN} with one {END} after it, but has {count} such pairs")
    return text


# The command --------------------------------------------------------------------------------------


def documented_modules(repository: Path) -> list[Path]:
    """Return the root module, the modules and the examples."""
    below = [*repository.glob("modules/*"), *repository.glob("examples/*")]
    return [folder for folder in [repository, *sorted(below)] if any(folder.glob("*.tf"))]


def process(folder: Path, *, write: bool) -> str | None:
    """Check or update one README; return what is wrong with it, if anything.

    Raises:
        DocsError: it cannot be documented.
    """
    readme = folder / "README.md"
    if not readme.is_file():
        raise DocsError(f"{readme} does not exist: write one, with the markers {BEGIN} and {END}")
    before = readme.read_text()
    try:
        after = updated(before, render(read_module(folder)))
    except DocsError as error:
        raise DocsError(f"{readme}: {error}") from error
    if before == after:
        return None
    if write:
        readme.write_text(after)
        print(f"{readme}: updated")
        return None
    return f"{readme}: its tables are stale; run tools/tf_docs.py --write"


def main(arguments: Sequence[str] | None = None) -> int:
    """Check or update the given modules, or all of the repository's; return the exit status."""
    parser = argparse.ArgumentParser(description="Keep the tables in the modules' READMEs.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--write", action="store_true", help="bring the READMEs up to date")
    what.add_argument("--check", action="store_true", help="only say which are not")
    parser.add_argument("modules", nargs="*", type=Path, help="folders; by default every module")
    options = parser.parse_args(arguments)
    status = 0
    for folder in options.modules or documented_modules(REPOSITORY):
        try:
            problem = process(folder, write=options.write)
        except DocsError as error:
            problem = str(error)
        if problem:
            print(problem, file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
