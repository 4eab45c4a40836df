"""functions.zip is committed: every machine must build the same archive from the sources."""

from __future__ import annotations

import ast
import os
import re
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hcl2
import pytest
from hcl2 import SerializationOptions
from packaging_support import LAMBDA, REPOSITORY, Checkout, pythons

if TYPE_CHECKING:
    from collections.abc import Mapping

PLAIN = SerializationOptions(
    strip_string_quotes=True, explicit_blocks=False, with_comments=False, preserve_heredocs=False
)


def test_the_committed_archive_is_built_from_the_sources(repository: Checkout) -> None:
    repository.succeed("functions", "--check")


def test_the_archive_does_not_depend_on_the_machine_that_built_it() -> None:
    with zipfile.ZipFile(LAMBDA / "dist" / "functions.zip") as archive:
        entries = archive.infolist()

    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
    for entry in entries:
        assert not entry.is_dir()
        assert Path(entry.filename).suffix == ".py" or entry.filename.endswith("/py.typed")
        assert entry.compress_type == zipfile.ZIP_STORED
        assert entry.date_time == (1980, 1, 1, 0, 0, 0)
        assert entry.external_attr >> 16 == 0o100644
        assert entry.create_system == 3


@pytest.mark.parametrize(
    ("environment", "umask"),
    [
        ({"TZ": "Asia/Tokyo", "PYTHONHASHSEED": "1"}, 0o077),
        ({"TZ": "America/New_York", "PYTHONHASHSEED": "4294967295"}, 0o002),
        ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONOPTIMIZE": "2"}, 0o027),
    ],
)
def test_the_environment_does_not_change_the_bytes(
    checkout: Checkout, tmp_path: Path, environment: dict[str, str], umask: int
) -> None:
    expected = checkout.functions.read_bytes()
    for path in checkout.sources.rglob("*.py"):
        path.chmod(0o755)
        os.utime(path, (1, 1))

    checkout.functions.unlink()
    checkout.succeed("functions", environment=environment, umask=umask, cwd=tmp_path)

    assert checkout.functions.read_bytes() == expected


def test_every_python_on_this_machine_builds_the_same_bytes(checkout: Checkout) -> None:
    expected = checkout.functions.read_bytes()
    for python in pythons().values():
        checkout.functions.unlink()
        checkout.succeed("functions", python=python)
        assert checkout.functions.read_bytes() == expected, python


def test_a_checkout_with_crlf_line_endings_builds_the_same_bytes(checkout: Checkout) -> None:
    expected = checkout.functions.read_bytes()
    for path in checkout.sources.rglob("*.py"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    checkout.succeed("functions")

    assert checkout.functions.read_bytes() == expected


def test_an_up_to_date_archive_is_not_written_again(checkout: Checkout) -> None:
    os.utime(checkout.functions, (1, 1))
    checkout.succeed("functions")
    assert checkout.functions.stat().st_mtime == 1


def test_check_names_the_first_difference(checkout: Checkout) -> None:
    package = checkout.sources / "vmseries_autoscale"
    first = package / "__init__.py"
    text = first.read_text()

    first.write_text(text + "# changed\n")
    assert "vmseries_autoscale/__init__.py has different contents" in checkout.refuse(
        "functions", "--check"
    )
    first.write_text(text)
    (package / "__added__.py").touch()
    assert "vmseries_autoscale/__added__.py is not in the archive" in checkout.refuse(
        "functions", "--check"
    )
    (package / "__added__.py").rename(package / "__init__.py")
    first.write_text(text)
    (package / "lifecycle" / "events.py").unlink()
    difference = "vmseries_autoscale/lifecycle/events.py is in the archive but not in the sources"
    assert difference in checkout.refuse("functions", "--check")


def test_check_detects_an_archive_with_equal_contents_but_different_bytes(
    checkout: Checkout,
) -> None:
    with zipfile.ZipFile(checkout.functions) as source:
        contents = {name: source.read(name) for name in source.namelist()}
    with zipfile.ZipFile(checkout.functions, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in contents.items():
            target.writestr(name, data)

    assert "order, date, mode or compression" in checkout.refuse("functions", "--check")


def test_check_detects_a_file_that_is_not_an_archive(checkout: Checkout) -> None:
    checkout.functions.write_text("<html>404</html>")
    assert "it is not a zip archive" in checkout.refuse("functions", "--check")
    checkout.functions.unlink()
    assert "run make package" in checkout.refuse("functions", "--check")


def test_check_writes_nothing(checkout: Checkout) -> None:
    (checkout.sources / "vmseries_autoscale" / "added.py").touch()
    before = checkout.functions.read_bytes()
    checkout.refuse("functions", "--check")
    assert checkout.functions.read_bytes() == before


def test_a_file_that_would_be_missing_from_the_archive_is_refused(checkout: Checkout) -> None:
    (checkout.sources / "vmseries_autoscale" / "table.json").write_text("{}")
    assert "table.json would not be packed" in checkout.refuse("functions")


def test_bytecode_beside_the_sources_is_not_packed(checkout: Checkout) -> None:
    cache = checkout.sources / "vmseries_autoscale" / "__pycache__"
    cache.mkdir()
    (cache / "events.cpython-313.pyc").write_bytes(b"\0")
    checkout.succeed("functions", "--check")


def handlers_in(folder: Path) -> set[str]:
    """Return the handlers of the functions that a Terraform module declares."""
    blocks: list[Mapping[str, Any]] = []
    local: dict[str, Any] = {}
    for path in folder.glob("*.tf"):
        with path.open(encoding="utf-8") as source:
            document = hcl2.load(source, serialization_options=PLAIN)
        for locals_ in document.get("locals", []):
            local.update(locals_)
        for module in document.get("module", []):
            blocks += module.values()
        for resource in document.get("resource", []):
            blocks += resource.get("aws_lambda_function", {}).values()

    handlers = set()
    for block in blocks:
        handler = block.get("handler", "${var.handler}")
        if handler == "${var.handler}":  # The calling module names it.
            continue
        each = re.fullmatch(r"\$\{local\.(\w+)\}", str(block.get("for_each")))
        keys = local[each[1]] if each else [""]
        handlers |= {handler.replace("${each.key}", key) for key in keys}
    return handlers


def test_every_handler_that_terraform_names_is_in_the_archive() -> None:
    sources = [*REPOSITORY.glob("modules/**/*.tf"), *REPOSITORY.glob("*.tf")]
    # Parsing is slow, so only folders with the word are parsed.
    folders = {path.parent for path in sources if "handler" in path.read_text()}
    named = set().union(*map(handlers_in, folders))
    assert named, "Terraform names no handler"

    with zipfile.ZipFile(LAMBDA / "dist" / "functions.zip") as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    for handler in sorted(named):
        module, _, function = handler.rpartition(".")
        source = contents.get(f"{module.replace('.', '/')}.py")
        assert source is not None, f"Terraform names {handler}, but there is no module {module}"
        defined = {
            node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)
        }
        assert function in defined, f"Terraform names {handler}, but {module} has no such function"


def test_the_build_needs_only_the_standard_library_of_python_3_9() -> None:
    tree = ast.parse((LAMBDA / "build.py").read_text(), feature_version=(3, 9))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported
    assert imported <= sys.stdlib_module_names
