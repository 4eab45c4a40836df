"""Generate the reference of the Terraform modules: tables in READMEs, and docs/inputs.md.

    python3 tools/tf_docs.py --write              update every README and docs/inputs.md
    python3 tools/tf_docs.py --check              exit 1 and name each file that is stale
    python3 tools/tf_docs.py --check modules/scaling

The tables are between the markers of terraform-docs, so that either tool can be used. Types and
defaults are quoted from the source. Inputs and outputs keep the order of the source, which groups
them by topic.

A module with a ``docs`` folder, which is the root module, also gets a page ``docs/inputs.md`` with
a heading for each input and a table with every attribute of its type. The README's table then has
only the first sentence of each description, with a link to the page. ``--check`` fails if an
attribute has no description, or a description has no attribute. The variable's description
describes the attributes as list items, nested as in the type::

    - `root_volume` - (Optional) Root volume.
      - `size_gib` - (Optional) Size in GiB.
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
    """A module cannot be documented. The message names the file and says what to do."""


@dataclass
class Input:
    """An input variable, as written in the source.

    Attributes:
        name: The name.
        description: The description, with line ends and indentation.
        type: The type constraint; ``any`` if there is none.
        default: The default value; None if the input is required.
    """

    name: str
    description: str
    type: str
    default: str | None


@dataclass
class Facts:
    """The contents of a module's tables; each tuple is a row."""

    requirements: list[Row] = field(default_factory=list)
    modules: list[Row] = field(default_factory=list)
    resources: list[Row] = field(default_factory=list)
    inputs: list[Input] = field(default_factory=list)
    outputs: list[Row] = field(default_factory=list)


# Reading ------------------------------------------------------------------------------------------


def read_module(folder: Path) -> Facts:
    """Collect the facts of a module from its `.tf` files.

    Raises:
        DocsError: A file is not valid HCL.
    """
    facts = Facts()
    # variables.tf, with what every deployment sets, comes before variables_firewall.tf.
    for path in sorted(folder.glob("*.tf"), key=lambda path: path.stem):
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
    """Add the contents of a file to the facts of its module."""
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
        # The parser returns heredocs with escaped quotes.
        description = body.get("description", "").replace('\\"', '"')
        type_source = attribute_source(written, "type") or "any"
        facts.inputs.append(Input(name, description, type_source, default))
    for name, body in named(content.get("output", [])):
        facts.outputs.append((code(name), prose(body.get("description", ""))))


def requirements(settings: Mapping[str, Any]) -> Iterator[Row]:
    """Yield the requirements of a `terraform` block: Terraform itself and providers."""
    if "required_version" in settings:
        yield "terraform", code(settings["required_version"])
    for providers in settings.get("required_providers", []):
        for name, wanted in providers.items():
            yield wanted.get("source", name), code(wanted.get("version", ""))


def named(blocks: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Yield the first label and the content of each block."""
    for block in blocks:
        yield from block.items()


def block_source(source: str, kind: str, label: str) -> str:
    """Return the lines of a top-level block; `terraform fmt` puts its closing brace in column 0.

    Raises:
        DocsError: The block is not formatted like that.
    """
    start = rf'^{kind}\s+"{re.escape(label)}"\s*'
    block = re.search(start + r"(?:\{.*\}$|\{\n(?:.*\n)*?\}$)", source, re.MULTILINE)
    if block is None:
        raise DocsError(f'{kind} "{label}" was not found; run terraform fmt')
    return block.group()


def attribute_source(block: str, name: str) -> str | None:
    """Return the source text of an attribute's value in a block, with its indentation removed."""
    name_match = re.search(rf"^  {name}\s*= *|\{{ *{name}\s*= *", block, re.MULTILINE)
    if name_match is None:
        return None
    start = name_match.end()
    first, *rest = block[start : value_end(block, start)].split("\n")
    return "\n".join([first, *textwrap.dedent("\n".join(rest)).split("\n")]) if rest else first


def value_end(text: str, start: int) -> int:
    """Return where the value at `start` ends: at the first line end outside of brackets."""
    depth = 0
    for token in re.finditer(r'"(?:\\.|[^"\\])*"|#.*|[(\[{]|[)\]}]|\n', text[start:]):
        if token.group() in "([{":
            depth += 1
        elif token.group() in ")]}":
            depth -= 1
        if depth < 0 or (depth == 0 and token.group() == "\n"):
            return start + len(text[start : start + token.start()].rstrip())
    return len(text)


# Attributes ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Attribute:
    """An attribute of an object type, at any depth.

    Attributes:
        path: The names from the input down, separated by dots; ``[*]`` marks lists, sets and maps.
        type: The type, without the attributes of objects in it.
        default: The default as written; ``null`` if the attribute is optional and has no default;
            None if it is required.
    """

    path: str
    type: str
    default: str | None

    @property
    def key(self) -> str:
        """The path without ``[*]``, which is the key of its description."""
        return self.path.replace("[*]", "")


def attributes(type_source: str, prefix: str = "") -> Iterator[Attribute]:
    """Yield every attribute of every object in a type constraint, in the order of the source."""
    kind, arguments = call(type_source)
    if kind == "object":
        body = arguments[0].strip()[1:-1]
        for name, value in (entry.split("=", 1) for entry in split(body, ",\n") if "=" in entry):
            wanted, default = value.strip(), None
            if call(wanted)[0] == "optional":
                wanted, default, *_ = [*call(wanted)[1], "null"]
            path = f"{prefix}.{name.strip()}" if prefix else name.strip()
            yield Attribute(path, short_type(wanted), default)
            yield from attributes(wanted, path)
    elif kind in ("list", "set", "map"):
        yield from attributes(arguments[0], f"{prefix}[*]" if prefix else "")


def short_type(type_source: str) -> str:
    """Return a type constraint without the attributes of its objects, such as ``list(object)``."""
    kind, arguments = call(type_source)
    if kind in ("list", "set", "map"):
        return f"{kind}({short_type(arguments[0])})"
    return kind if kind == "object" else " ".join(type_source.split())


def call(source: str) -> tuple[str, list[str]]:
    """Return name and arguments of a function call; for other text, the text and no arguments."""
    match = re.fullmatch(r"\s*(\w+)\s*\((.*)\)\s*", source, re.DOTALL)
    if match is None:
        return source.strip(), []
    return match[1], [argument.strip() for argument in split(match[2], ",")]


def split(source: str, separators: str) -> list[str]:
    """Split source text at separators outside of brackets and strings, and drop comments."""
    parts, depth = [""], 0
    for piece in re.findall(r'"(?:\\.|[^"\\])*"|#[^\n]*|.', source, re.DOTALL):
        depth += (piece in "([{") - (piece in ")]}")
        if depth == 0 and piece in separators:
            parts.append("")
        elif not piece.startswith("#"):
            parts[-1] += piece
    return [part for part in parts if part.strip()]


ITEM = re.compile(r"( *)- ((?:`[^`]+`(?:, | and )?)+) +- (.*)")


def descriptions(description: str) -> tuple[str, dict[str, str]]:
    """Return the text of a description outside of its list, and the description of each attribute.

    The keys of the dictionary are paths without ``[*]``. Several names in a list item share its
    text.
    """
    text: list[str] = []
    by_attribute: dict[str, str] = {}
    parents: list[tuple[int, str]] = []
    current: list[str] = []
    for line in textwrap.dedent(description).splitlines():
        item = ITEM.fullmatch(line.rstrip())
        if item:
            indent = len(item[1])
            while parents and parents[-1][0] >= indent:
                parents.pop()
            prefix = f"{parents[-1][1]}." if parents else ""
            current = [prefix + name for name in re.findall(r"`([^`]+)`", item[2])]
            parents.append((indent, current[-1]))
            by_attribute.update(dict.fromkeys(current, item[3].removeprefix("(Optional) ")))
        elif current and line.startswith(" "):
            by_attribute.update({name: f"{by_attribute[name]} {line.strip()}" for name in current})
        else:
            current = []
            text.append(line)
    return "\n".join(text).strip(), by_attribute


def description_problems(facts: Facts) -> Iterator[str]:
    """Yield a line for each attribute or description that lacks the other."""
    for variable in facts.inputs:
        declared = {attribute.key for attribute in attributes(variable.type)}
        described = descriptions(variable.description)[1].keys()
        for key in sorted(declared - described):
            yield f"{variable.name}.{key} has no description: add a list item for it"
        if declared:
            for key in sorted(described - declared):
                yield f"{variable.name}.{key} is described, but the type has no such attribute"


# Writing ------------------------------------------------------------------------------------------

INPUTS_PAGE = """\
# Inputs

<!-- Written by tools/tf_docs.py (make fmt) from the variables' declarations; do not edit. -->

Every input of the module, with every attribute of its type. A default of `null` means that the
attribute is optional and not set. In paths, `[*]` stands for each element of a list or map.
"""


def render(facts: Facts, *, inputs_page: bool = False) -> str:
    """Return the tables as Markdown; a table without rows is left out.

    Args:
        facts: The contents of the tables.
        inputs_page: Whether the inputs are described on a separate page, and only listed here.
    """
    rows = [(summary_row if inputs_page else input_row)(variable) for variable in facts.inputs]
    tables = [
        table("Requirements", ("Name", "Version"), facts.requirements),
        table("Modules", ("Name", "Source", "Version"), facts.modules),
        table("Resources", ("Name", "Type"), facts.resources),
        table("Inputs", ("Name", "Description", "Type", "Default", "Required"), rows),
        table("Outputs", ("Name", "Description"), facts.outputs),
    ]
    return "\n\n".join(filter(None, tables))


def input_row(variable: Input) -> Row:
    """Return the row of an input whose whole description is in the table."""
    return (
        code(variable.name),
        prose(variable.description),
        code(variable.type),
        "" if variable.default is None else code(variable.default),
        "yes" if variable.default is None else "no",
    )


def summary_row(variable: Input) -> Row:
    """Return the row of an input that is described in docs/inputs.md."""
    return (
        f"[{code(variable.name)}](docs/inputs.md#{variable.name})",
        cell(first_sentence(descriptions(variable.description)[0])),
        code(short_type(variable.type)),
        "" if variable.default is None else code(" ".join(variable.default.split())),
        "yes" if variable.default is None else "no",
    )


def first_sentence(text: str) -> str:
    """Return the first sentence of a text; ``e.g.`` and ``i.e.`` do not end one."""
    line = " ".join(text.split("\n\n", maxsplit=1)[0].split())
    match = re.match(r".*?(?<!e\.g)(?<!i\.e)\.(?= |$)", line)
    return match.group() if match else line


def render_inputs(facts: Facts) -> str:
    """Return the page of inputs, with a heading, a description and a table for each."""
    parts = [INPUTS_PAGE.rstrip("\n")]
    for variable in facts.inputs:
        text, described = descriptions(variable.description)
        need = "required" if variable.default is None else f"default {code_line(variable.default)}"
        parts += [f"## {variable.name}", f"Type `{short_type(variable.type)}`, {need}."]
        parts += [
            textwrap.fill(paragraph, 100, break_on_hyphens=False)
            for paragraph in text.split("\n\n")
            if paragraph
        ]
        rows = [
            (
                code(attribute.path),
                code(attribute.type),
                "required" if attribute.default is None else code_line(attribute.default),
                capitalized(cell(described.get(attribute.key, ""))),
            )
            for attribute in attributes(variable.type)
        ]
        if rows:
            parts.append(markdown_table(("Attribute", "Type", "Default", "Description"), rows))
        elif described:  # The allowed values of a string.
            values = [(code(value), cell(meaning)) for value, meaning in described.items()]
            parts.append(markdown_table(("Value", "Description"), values))
    return "\n\n".join(parts) + "\n"


def table(title: str, head: Row, rows: Sequence[Row]) -> str:
    """Return a table under its heading; an empty string if it has no rows."""
    if not rows:
        return ""
    return f"## {title}\n\n{markdown_table(head, rows)}"


def markdown_table(head: Row, rows: Sequence[Row]) -> str:
    """Return the lines of a table; columns that are empty in every row are left out."""
    used = [index for index in range(len(head)) if any(row[index] for row in rows)]
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(line[index] for index in used) + " |" for line in lines)


def cell(text: str) -> str:
    """Return text that cannot break out of its table cell."""
    return text.replace("|", "\\|").replace("\n", " ").strip()


def code(text: str) -> str:
    """Return source text for a table cell, on as many lines as it has."""
    if "\n" not in text:
        return f"`{cell(text)}`"
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "&#124;")
    return "<pre>" + escaped.replace("\n", "<br/>") + "</pre>"


def capitalized(text: str) -> str:
    """Return a text with a capital first letter; text that begins with code stays as it is."""
    return text[:1].upper() + text[1:]


def code_line(text: str) -> str:
    """Return source text for a table cell, on one line."""
    return code(" ".join(text.split()))


def prose(description: str) -> str:
    """Return a description for a table cell, with list items and paragraphs on separate lines.

    List items keep their depth: two spaces of indentation become two no-break spaces.
    """
    lines: list[str] = []
    for line in textwrap.dedent(description).split("\n"):
        text = " ".join(line.split())
        if not lines or not text or text.startswith("- ") or not lines[-1]:
            indent = len(line) - len(line.lstrip()) if text.startswith("- ") else 0
            lines.append("&nbsp;" * indent + text)
        else:
            lines[-1] += " " + text
    return "<br/>".join(cell(line) for line in lines if line)


def updated(readme: str, tables: str) -> str:
    """Return a README with new tables between its markers.

    Raises:
        DocsError: It does not have exactly one pair of markers.
    """
    fresh = f"{BEGIN}\n{tables}\n{END}"
    text, count = BETWEEN.subn(lambda _: fresh, readme)
    if count != 1:
        raise DocsError(f"must have one {BEGIN} followed by one {END}, but has {count} such pairs")
    return text


# The command --------------------------------------------------------------------------------------


def documented_modules(repository: Path) -> list[Path]:
    """Return the folders of the root module, the modules, the examples and their shared modules."""
    patterns = ("modules/*", "examples/*", "examples/modules/*")
    below = [folder for pattern in patterns for folder in repository.glob(pattern)]
    return [folder for folder in [repository, *sorted(below)] if any(folder.glob("*.tf"))]


def process(folder: Path, *, write: bool) -> list[str]:
    """Check or update the files of a module, and return the problems.

    Raises:
        DocsError: The module cannot be documented.
    """
    readme = folder / "README.md"
    if not readme.is_file():
        raise DocsError(f"{readme} does not exist: write one with the markers {BEGIN} and {END}")
    with_page = (folder / "docs").is_dir()
    try:
        facts = read_module(folder)
        files = {readme: updated(readme.read_text(), render(facts, inputs_page=with_page))}
    except DocsError as error:
        raise DocsError(f"{readme}: {error}") from error
    if with_page:
        files[folder / "docs" / "inputs.md"] = render_inputs(facts)
    problems = [f"{folder}: {problem}" for problem in description_problems(facts) if with_page]
    for path, text in files.items():
        if path.is_file() and path.read_text() == text:
            continue
        if write:
            path.write_text(text)
            print(f"{path}: updated")
        else:
            problems.append(f"{path} is stale: run tools/tf_docs.py --write")
    return problems


def main(arguments: Sequence[str] | None = None) -> int:
    """Check or update the given modules, by default all, and return the exit status."""
    parser = argparse.ArgumentParser(description="Keep the reference of the modules current.")
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", action="store_true", help="update the files")
    action.add_argument("--check", action="store_true", help="only report problems")
    parser.add_argument("modules", nargs="*", type=Path, help="folders; by default every module")
    options = parser.parse_args(arguments)
    status = 0
    for folder in options.modules or documented_modules(REPOSITORY):
        try:
            problems = process(folder, write=options.write)
        except DocsError as error:
            problems = [str(error)]
        for problem in problems:
            print(problem, file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
