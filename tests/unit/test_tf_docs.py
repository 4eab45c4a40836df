"""The generated README tables: what they say, and that a stale one is noticed."""

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
    """The rows of one table, without its head."""
    text = tf_docs.render(tf_docs.read_module(module))
    section = text.split(f"## {title}\n\n")[1].split("\n\n")[0]
    return section.split("\n")[2:]


def test_inputs_keep_the_order_and_the_words_of_the_source(module: Path) -> None:
    required, grouped, short, many, nothing = rows(module, "Inputs")
    assert required == "| `required` | No default. | `string` |  | yes |"
    assert short == "| `short` |  | `any` | `5` | no |"
    assert nothing == "| `nothing` | Off. | `string` | `null` | no |"
    assert "<pre>[<br/>  1,<br/>  2,<br/>]</pre> | no |" in many
    assert grouped.startswith(
        '| `grouped` | An object \\| with "quotes", on two lines.'
        "<br/>- `one` - (Optional) first; defaults to `{}`.<br/>- `two` - second. | <pre>object({"
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


def test_write_makes_check_pass_and_leaves_the_rest_alone(
    module: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tf_docs.main(["--check", str(module)]) == 1
    assert f"{module / 'README.md'}: its tables are stale" in capsys.readouterr().err
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
def test_readme_that_cannot_be_generated_is_named(
    module: Path, capsys: pytest.CaptureFixture[str], readme: str | None, sentence: str
) -> None:
    (module / "README.md").unlink()
    if readme is not None:
        (module / "README.md").write_text(readme)
    assert tf_docs.main(["--write", str(module)]) == 1
    error = capsys.readouterr().err
    assert str(module / "README.md") in error
    assert sentence in error


def test_broken_file_is_named(module: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (module / "broken.tf").write_text("variable {{{\n")
    assert tf_docs.main(["--check", str(module)]) == 1
    assert "broken.tf is not valid HCL" in capsys.readouterr().err


def test_every_module_and_example_is_looked_at(tmp_path: Path) -> None:
    for folder in (".", "modules/one", "examples/two", "modules/empty"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        if folder != "modules/empty":
            (tmp_path / folder / "main.tf").write_text("")
    found = [str(path.relative_to(tmp_path)) for path in tf_docs.documented_modules(tmp_path)]
    assert found == [".", "examples/two", "modules/one"]
