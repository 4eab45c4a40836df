"""The imports of the lab: no circles, and the simulator never imports the scenarios."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src"
SIMULATOR, SCENARIOS = "vmseries_lab", "vmseries_scenarios"


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {
    module_name(path): path
    for package in (SIMULATOR, SCENARIOS)
    for path in (SOURCE / package).rglob("*.py")
}


def imported_modules(path: Path) -> Iterator[str]:
    """Yield the lab's modules that a module imports, also in functions and for type checking."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                names.append(submodule if submodule in MODULES else str(node.module))
        yield from (name for name in names if name in MODULES)


GRAPH = {name: set(imported_modules(path)) - {name} for name, path in MODULES.items()}


def test_no_modules_import_each_other_in_a_circle() -> None:
    try:
        list(TopologicalSorter(GRAPH).static_order())
    except CycleError as error:
        pytest.fail(f"import circle: {' imports '.join(reversed(error.args[1]))}")


def test_the_simulator_does_not_import_the_scenarios() -> None:
    imports = {
        f"{name} imports {imported}"
        for name, names in GRAPH.items()
        for imported in names
        if name.startswith(SIMULATOR) and imported.startswith(SCENARIOS)
    }
    assert imports == set()


def test_every_package_is_part_of_the_graph() -> None:
    assert f"{SIMULATOR}.server" in GRAPH[f"{SIMULATOR}.cli"], "an import in a function counts"
    assert any(name.startswith(SCENARIOS) for name in GRAPH)
