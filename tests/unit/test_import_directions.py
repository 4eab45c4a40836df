"""The layers of the package: imports lead to lower layers only, without circles."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "lambda" / "src"
PACKAGE = "vmseries_autoscale"

USE_CASES = ("launch", "terminate", "reconcile", "preflight", "recording")
FOUNDATION = (
    "outcome",
    "errors",
    "settings",
    "telemetry",
    "redaction",
    "concurrency",
    "time_budget",
    "bounded_https",
)
LAYERS = (
    ("handlers",),
    USE_CASES,
    ("lifecycle",),
    ("licensing", "firewall_identity"),
    ("panorama", "strata_cloud_manager", "firewall", "firewall_records", "credit_pool"),
    ("pan_os",),
    ("secret_store", "call_slots"),
    ("aws",),
    FOUNDATION,
)
"""From the top down. A module imports modules of its own part and of lower layers only."""


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> dict[str, Path]:
    return {module_name(path): path for path in (SOURCE / PACKAGE).rglob("*.py")}


def imported_names(path: Path) -> Iterator[str]:
    """Everything that a module imports, also in functions and for type checking only."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                yield submodule if submodule in modules() else str(node.module)


@cache
def graph() -> dict[str, frozenset[str]]:
    """The modules of the package, each with those that it imports."""
    return {
        name: frozenset(imported_names(path)) & modules().keys() - {name}
        for name, path in modules().items()
    }


def part(module: str) -> str:
    """The package or the module of the top level that a module belongs to."""
    return module.removeprefix(f"{PACKAGE}.").split(".")[0]


def layer(part_name: str) -> int:
    return next(level for level, parts in enumerate(LAYERS) if part_name in parts)


def crossings() -> set[tuple[str, str]]:
    """The imports from one part to another, as (importing part, imported part)."""
    return {
        (part(module), part(imported))
        for module, names in graph().items()
        for imported in names
        if PACKAGE not in (module, imported) and part(module) != part(imported)
    }


def test_the_imports_have_no_circle() -> None:
    tuple(TopologicalSorter(graph()).static_order())


def test_each_part_has_a_layer() -> None:
    parts = {part(module) for module in modules() if module != PACKAGE}
    assert parts == {name for level in LAYERS for name in level}


def test_imports_lead_to_lower_layers_only() -> None:
    upward = {
        (importer, imported)
        for importer, imported in crossings()
        if layer(importer) >= layer(imported)
        and not (importer in FOUNDATION and imported in FOUNDATION)
    }
    assert upward == set()


@pytest.mark.parametrize("use_case", USE_CASES)
def test_a_use_case_is_imported_by_handlers_only(use_case: str) -> None:
    assert {importer for importer, imported in crossings() if imported == use_case} == {"handlers"}


def test_only_the_connection_imports_panos() -> None:
    users = {
        name
        for name, path in modules().items()
        if {"panos", "pan"} & {imported.split(".")[0] for imported in imported_names(path)}
    }
    assert users == {f"{PACKAGE}.pan_os.connection"}
