"""docs/playground.md without a lab. `make playground` executes it."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from typer.main import get_command

from tf_setup import terraform_environment
from vmseries_lab.cli import app
from vmseries_scenarios.playground import CLONE, PAGE, SERVE, Block, blocks, fences, missing_line

REPOSITORY = Path(__file__).resolve().parents[2]
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = blocks(TEXT)
COMMANDS = [
    shlex.split(line.partition("$(")[2].rpartition(")")[0] if line.startswith("eval") else line)
    for block in BLOCKS
    for line in block.commands.splitlines()
    if re.match(r'(vmseries-lab|eval "\$\(vmseries-lab) ', line)
]


def test_the_page_starts_the_lab_as_its_test_does() -> None:
    assert any(f"$ {' '.join(SERVE)}\n" in block for block in fences(TEXT, "console"))


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.heading)
def test_every_block_can_be_copied_into_a_shell(block: Block) -> None:
    syntax = subprocess.run(
        ["bash", "-n"], input=block.commands, capture_output=True, text=True, check=False
    )
    assert syntax.returncode == 0, syntax.stderr


@pytest.mark.parametrize("words", COMMANDS, ids=shlex.join)
def test_every_command_of_the_lab_exists_with_its_options(words: list[str]) -> None:
    """Parsed as by the program, and not executed."""
    command = get_command(app)
    arguments = words[1:]
    while hasattr(command, "commands"):
        name, *arguments = arguments
        command = command.commands[name]
    command.make_context(name, arguments)


def test_the_root_modules_of_the_page_are_valid(tmp_path: Path) -> None:
    (tmp_path / CLONE).symlink_to(REPOSITORY)
    heredoc = re.search(r"<<'END'\n(.*?)^END$", TEXT, re.MULTILINE | re.DOTALL)
    assert heredoc is not None
    roots = [heredoc[1], *fences(TEXT, "hcl")]
    assert len(roots) == 2
    tools = terraform_environment()
    folder = tmp_path / "my-firewalls"  # One for both: the second finds the provider of the first.
    folder.mkdir()
    for root in roots:
        (folder / "main.tf").write_text(root)
        formatted = subprocess.run(
            [tools.binary, "fmt", "-check", "-diff"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert formatted.returncode == 0, formatted.stdout
        for command in (["init", "-input=false"], ["validate"]):
            outcome = subprocess.run(
                [tools.binary, *command, "-no-color"],
                cwd=folder,
                env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), **tools.environment},
                capture_output=True,
                text=True,
                check=False,
            )
            assert outcome.returncode == 0, outcome.stdout + outcome.stderr


@pytest.mark.parametrize(
    ("expected", "missing"),
    [
        (("one", "three"), None),
        (("three", "one"), "one"),
        (("t…e",), None),
        (("thre",), "thre"),
        (("two words",), None),
        (("four",), "four"),
        (("one", "one"), "one"),
    ],
)
def test_expected_lines_are_compared_in_order_and_as_a_whole(
    expected: tuple[str, ...], missing: str | None
) -> None:
    assert missing_line(expected, "one\n  two   words\nthree\n") == missing
