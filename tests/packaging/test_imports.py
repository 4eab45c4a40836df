"""The handlers can import everything in AWS: from the archive, the layer and the runtime."""

from __future__ import annotations

import ast
import importlib.util
import json
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging_support import LAMBDA, pythons

SOURCES = LAMBDA / "src"
HANDLERS = sorted(
    f"vmseries_autoscale.handlers.{path.stem}"
    for path in (SOURCES / "vmseries_autoscale" / "handlers").glob("[!_]*.py")
)

# The SDK in Lambda's Python runtimes, with its dependencies:
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html
RUNTIME = ("boto3", "botocore", "s3transfer", "dateutil", "six", "urllib3", "jmespath")

# Variables that Lambda and Terraform set before a handler is imported.
ENVIRONMENT = {
    "AWS_REGION": "us-east-1",
    "AWS_LAMBDA_FUNCTION_NAME": "fw",
    "POWERTOOLS_SERVICE_NAME": "launch",
    "POWERTOOLS_METRICS_NAMESPACE": "VMSeriesAutoscale",
    "POWERTOOLS_LOG_LEVEL": "INFO",
}

REPORT = """
import importlib, json, sys
sys.path.extend({folders!r})
assert callable(importlib.import_module({module!r}).handler)
files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
print(json.dumps(sorted(filter(None, files))))
"""


@dataclass(frozen=True)
class FunctionDisk:
    """The folders of a function, in the order in which Lambda's Python searches them."""

    task: Path
    layer: Path
    runtime: Path

    def imported_files(self, module: str, python: str) -> list[Path]:
        """Import a module with only these folders and the standard library."""
        folders = [str(self.task), str(self.layer / "python"), str(self.runtime)]
        result = subprocess.run(
            # -I: no current folder, no user's packages, no PYTHON* variables. -S: no site-packages.
            # Bytecode is written, so that later tests need not compile again.
            [python, "-I", "-S", "-c", REPORT.format(folders=folders, module=module)],
            check=False,
            capture_output=True,
            text=True,
            env=ENVIRONMENT,
        )
        assert result.returncode == 0, result.stderr
        return [Path(name) for name in json.loads(result.stdout)]


@pytest.fixture(scope="module")
def disk(layer: Path, tmp_path_factory: pytest.TempPathFactory) -> FunctionDisk:
    root = tmp_path_factory.mktemp("function")
    disk = FunctionDisk(root / "var" / "task", root / "opt", root / "var" / "runtime")
    with zipfile.ZipFile(LAMBDA / "dist" / "functions.zip") as archive:
        archive.extractall(disk.task)
    with zipfile.ZipFile(layer) as archive:
        archive.extractall(disk.layer)
    disk.runtime.mkdir()
    for name in RUNTIME:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        source = Path(spec.origin)
        source = source.parent if source.name == "__init__.py" else source
        (disk.runtime / source.name).symlink_to(source)
    return disk


# This Python, and Lambda's version if it is installed.
RUNTIMES = {sys.executable, pythons().get("3.13", sys.executable)}


@pytest.mark.index
@pytest.mark.parametrize("python", sorted(RUNTIMES), ids=lambda path: Path(path).name)
@pytest.mark.parametrize("module", HANDLERS)
def test_a_handler_imports_only_from_the_archive_the_layer_and_the_runtime(
    disk: FunctionDisk, module: str, python: str
) -> None:
    files = disk.imported_files(module, python)

    in_layer = [path for path in files if path.is_relative_to(disk.layer)]
    assert any(path.is_relative_to(disk.task) for path in files)
    assert any("aws_lambda_powertools" in path.parts for path in in_layer)
    # Lambda searches the layer before the runtime, so the locked jmespath is used.
    assert not any(path.is_relative_to(disk.runtime / "jmespath") for path in files)
    foreign = [
        path
        for path in files
        if "site-packages" in path.parts and not path.is_relative_to(disk.runtime)
    ]
    assert not foreign


def test_launch_and_terminate_have_handlers() -> None:
    assert {"launch", "terminate"} <= {name.rpartition(".")[2] for name in HANDLERS}


def is_for_types_only(node: ast.AST) -> bool:
    """Return whether a statement is `if TYPE_CHECKING:`, whose imports do not run."""
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def imports_of(path: Path) -> set[str]:
    """Return the top-level names of all packages that a source file imports."""
    names = set()
    pending: list[ast.AST] = [ast.parse(path.read_bytes())]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add((node.module or "").split(".")[0])
        pending += [child for child in ast.iter_child_nodes(node) if not is_for_types_only(child)]
    return names


def test_only_one_module_imports_pan_os_python() -> None:
    users = {path for path in SOURCES.rglob("*.py") if imports_of(path) & {"panos", "pan"}}
    assert users, "no module imports panos: does the layer still need it?"
    assert users == {SOURCES / "vmseries_autoscale" / "pan_os" / "connection.py"}


def test_the_layer_requires_exactly_the_imported_packages() -> None:
    required = {
        line.split(">=")[0].split("==")[0]
        for line in (LAMBDA / "layer" / "requirements.in").read_text().splitlines()
        if line and not line.startswith("#")
    }
    imported = set().union(*(imports_of(path) for path in SOURCES.rglob("*.py")))
    third_party = imported - sys.stdlib_module_names - {"vmseries_autoscale", "boto3", "botocore"}
    packages = {"panos": "pan-os-python", "pan": "pan-python"}
    assert {packages.get(name, name.replace("_", "-")) for name in third_party} == required
