"""tools/tf_docs.py generates the reference of the modules, and reports stale files."""

from __future__ import annotations

from pathlib import Path

import pytest

import tf_docs

MODULE = """\
terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }
}

variable "required" {
  description = "No default."
  type        = string
}

variable "grouped" {
  description = <<-EOT
    An object | with "quotes",
    on two lines.
    - `one` - (Optional) first; defaults
      to `{}`.
    - `two` - second.
      - `inner` - nested.
  EOT
  type = object({
    one = optional(map(string), {}) # with } in a comment
    two = optional(string, "}")
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.grouped.two != "type = x"
    error_message = "No."
  }
}

variable "short" { default = 5 }

variable "many" {
  description = "A default over several lines."
  type        = list(number)
  default = [
    1,
    2,
  ]
}

variable "nothing" {
  description = "Off."
  type        = string
  default     = null
}

resource "aws_vpc" "this" {}

resource "aws_sqs_queue" "b" {}
resource "aws_sqs_queue" "a" {}

data "aws_region" "current" {}

module "inner" {
  source = "./modules/inner"
}

output "id" {
  description = "Its id."
  value       = aws_vpc.this.id
}
"""
README = f"# Title\n\n{tf_docs.BEGIN}\n{tf_docs.END}\n\nAfter.\n"


@pytest.fixture
def module(tmp_path: Path) -> Path:
    (tmp_path / "main.tf").write_text(MODULE)
    (tmp_path / "README.md").write_text(README)
    return tmp_path


def rows(module: Path, title: str) -> list[str]:
    """Return the rows of a table, without its head."""
    text = tf_docs.render(tf_docs.read_module(module))
    section = text.split(f"## {title}\n\n")[1].split("\n\n")[0]
    return section.split("\n")[2:]


def test_inputs_keep_the_order_and_the_text_of_the_source(module: Path) -> None:
    required, grouped, short, many, nothing = rows(module, "Inputs")
    assert required == "| `required` | No default. | `string` |  | yes |"
    assert short == "| `short` |  | `any` | `5` | no |"
    assert nothing == "| `nothing` | Off. | `string` | `null` | no |"
    assert "<pre>[<br/>  1,<br/>  2,<br/>]</pre> | no |" in many
    assert grouped.startswith(
        '| `grouped` | An object \\| with "quotes", on two lines.'
        "<br/>- `one` - (Optional) first; defaults to `{}`.<br/>- `two` - second."
        "<br/>&nbsp;&nbsp;- `inner` - nested. | <pre>object({"
    )
    assert '<br/>  two = optional(string, "}")<br/>})</pre> | `{}` | no |' in grouped


def test_requirements_resources_modules_and_outputs_are_listed(module: Path) -> None:
    assert rows(module, "Requirements") == [
        "| terraform | `>= 1.9` |",
        "| hashicorp/aws | `>= 5.100, < 7.0` |",
    ]
    assert rows(module, "Resources") == [
        "| `aws_sqs_queue.a` | resource |",
        "| `aws_sqs_queue.b` | resource |",
        "| `aws_vpc.this` | resource |",
        "| `aws_region.current` | data source |",
    ]
    assert rows(module, "Modules") == ["| `inner` | `./modules/inner` |"]
    assert rows(module, "Outputs") == ["| `id` | Its id. |"]


def test_the_check_passes_after_a_write_which_changes_only_the_tables(
    module: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tf_docs.main(["--check", str(module)]) == 1
    assert f"{module / 'README.md'} is stale" in capsys.readouterr().err
    assert tf_docs.main(["--write", str(module)]) == 0
    assert tf_docs.main(["--check", str(module)]) == 0
    text = (module / "README.md").read_text()
    assert text.startswith("# Title\n\n")
    assert text.endswith(f"{tf_docs.END}\n\nAfter.\n")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"No default."', '"Still none."'),
        ("optional(map(string), {})", "optional(map(string))"),
        ("default  = {}", "default  = { two = null }"),
        ('resource "aws_vpc"', 'resource "aws_subnet"'),
        ('output "id"', 'output "identifier"'),
        ("< 7.0", "< 8.0"),
    ],
)
def test_any_change_of_the_interface_makes_the_tables_stale(
    module: Path, old: str, new: str
) -> None:
    tf_docs.main(["--write", str(module)])
    assert old in MODULE
    (module / "main.tf").write_text(MODULE.replace(old, new))
    assert tf_docs.main(["--check", str(module)]) == 1


@pytest.mark.parametrize(
    ("readme", "sentence"),
    [
        (None, "does not exist"),
        ("# No markers\n", "has 0 such pairs"),
        (README + README, "has 2 such pairs"),
    ],
)
def test_a_readme_that_cannot_be_generated_is_named(
    module: Path, capsys: pytest.CaptureFixture[str], readme: str | None, sentence: str
) -> None:
    (module / "README.md").unlink()
    if readme is not None:
        (module / "README.md").write_text(readme)
    assert tf_docs.main(["--write", str(module)]) == 1
    error = capsys.readouterr().err
    assert str(module / "README.md") in error
    assert sentence in error


def test_an_invalid_file_is_named(module: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (module / "broken.tf").write_text("variable {{{\n")
    assert tf_docs.main(["--check", str(module)]) == 1
    assert "broken.tf is not valid HCL" in capsys.readouterr().err


def test_every_module_and_example_is_documented(tmp_path: Path) -> None:
    for folder in (".", "modules/one", "examples/two", "modules/empty"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        if folder != "modules/empty":
            (tmp_path / folder / "main.tf").write_text("")
    folders = [str(path.relative_to(tmp_path)) for path in tf_docs.documented_modules(tmp_path)]
    assert folders == [".", "examples/two", "modules/one"]


NESTED = """\
variable "name" {
  description = "Name, e.g. `fw`. Changing it replaces everything."
  type        = string
}

variable "group" {
  description = <<-EOT
    A group. With more
    text.
    - `one` - (Optional) first,
      on two lines.
    - `two`, `three` - share | a text.
    - `list` - (Optional) objects.
      - `id` - of each.
        - `deep` - deeper.
    - `other` - after nested ones.

    A second paragraph.
  EOT
  type = object({
    one   = optional(map(string), { a = "}" }) # with } in a comment
    two   = string, three = optional(bool)
    list  = optional(list(object({
      id = object({
        deep = optional(set(string), [])
      })
    })), [])
    other = optional(number, 5)
  })
  default = {
    two = "x"
  }
}

variable "map" {
  description = <<-EOT
    By name.
    - `key` - each.
  EOT
  type = map(object({ key = any }))
}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A module with a folder ``docs``, and with variables in two files."""
    (tmp_path / "docs").mkdir()
    first, second = NESTED.split('variable "map"')
    (tmp_path / "variables.tf").write_text(first)
    (tmp_path / "variables.map.tf").write_text(f'variable "map"{second}')
    (tmp_path / "README.md").write_text(README)
    return tmp_path


def inputs_page(root: Path) -> dict[str, str]:
    """Return the sections of docs/inputs.md, by input."""
    tf_docs.main(["--write", str(root)])
    _, *sections = (root / "docs" / "inputs.md").read_text().split("\n## ")
    return {section.partition("\n")[0]: section.partition("\n")[2] for section in sections}


def test_inputs_have_a_page_with_every_attribute_at_any_depth(root: Path) -> None:
    group = inputs_page(root)["group"]
    assert 'Type `object`, default `{ two = "x" }`.' in group
    assert "A group. With more text.\n\nA second paragraph.\n" in group
    assert group.split("| --- | --- | --- | --- |\n")[1].splitlines() == [
        '| `one` | `map(string)` | `{ a = "}" }` | First, on two lines. |',
        "| `two` | `string` | required | Share \\| a text. |",
        "| `three` | `bool` | `null` | Share \\| a text. |",
        "| `list` | `list(object)` | `[]` | Objects. |",
        "| `list[*].id` | `object` | required | Of each. |",
        "| `list[*].id.deep` | `set(string)` | `[]` | Deeper. |",
        "| `other` | `number` | `5` | After nested ones. |",
    ]


def test_inputs_of_other_types_have_a_heading_and_relative_attribute_paths(
    root: Path,
) -> None:
    sections = inputs_page(root)
    assert list(sections) == ["name", "group", "map"]
    assert "Type `string`, required.\n\nName, e.g. `fw`." in sections["name"]
    assert "|" not in sections["name"]
    assert "Type `map(object)`, required." in sections["map"]
    assert "| `key` | `any` | required | Each. |" in sections["map"]


def test_an_input_of_type_string_has_a_table_of_its_values(root: Path) -> None:
    (root / "mode.tf").write_text(
        'variable "mode" {\n  description = <<-EOT\n    Mode.\n    - `on`  - Works.\n'
        "    - `off` - Does nothing.\n  EOT\n  type = string\n}\n"
    )
    table = inputs_page(root)["mode"].split("| --- | --- |\n")[1].splitlines()
    assert table == ["| `on` | Works. |", "| `off` | Does nothing. |"]


def test_the_readme_has_the_first_sentence_and_a_link(root: Path) -> None:
    tf_docs.main(["--write", str(root)])
    readme = (root / "README.md").read_text()
    assert "| [`name`](docs/inputs.md#name) | Name, e.g. `fw`. | `string` |  | yes |" in readme
    assert (
        '| [`group`](docs/inputs.md#group) | A group. | `object` | `{ two = "x" }` | no |' in readme
    )


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("- `deep` - deeper.", "Deeper.", "group.list.id.deep has no description"),
        ("`two`, `three` -", "`two` -", "group.three has no description"),
        (
            "other = optional(number, 5)",
            "",
            "group.other is described, but the type has no such attribute",
        ),
    ],
)
def test_an_attribute_or_a_description_without_the_other_fails_the_check(
    root: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, sentence: str
) -> None:
    tf_docs.main(["--write", str(root)])
    assert tf_docs.main(["--check", str(root)]) == 0
    source = (root / "variables.tf").read_text()
    assert old in source
    (root / "variables.tf").write_text(source.replace(old, new))
    tf_docs.main(["--write", str(root)])
    assert tf_docs.main(["--check", str(root)]) == 1
    assert sentence in capsys.readouterr().err


def test_a_stale_page_of_inputs_is_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tf_docs.main(["--write", str(root)])
    page = root / "docs" / "inputs.md"
    page.write_text(page.read_text() + "More.\n")
    assert tf_docs.main(["--check", str(root)]) == 1
    assert f"{page} is stale" in capsys.readouterr().err
