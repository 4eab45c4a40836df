"""The tables about the archives and the layer's packages are true (M12)."""

from __future__ import annotations

import datetime as dt
import json
import re
import runpy
from pathlib import Path

import pytest

import lambda_docs
import layer_packages

REPOSITORY = Path(__file__).resolve().parents[2]
DAY = dt.date(2026, 11, 29)


def test_the_tables_are_current() -> None:
    assert lambda_docs.main(["--check"], parts=layer_packages.PARTS) == 0, "run make fmt"


@pytest.mark.parametrize(
    ("released", "expected"),
    [
        (dt.date(2026, 11, 29), "0 months"),
        (dt.date(2026, 10, 29), "1 month"),
        (dt.date(2025, 1, 1), "23 months"),
        (dt.date(2022, 3, 19), "4.7 years"),
    ],
)
def test_an_age_is_in_months_or_years(released: dt.date, expected: str) -> None:
    assert layer_packages.age(released, DAY) == expected


def test_no_package_is_newer_than_the_day_on_which_it_was_looked_up() -> None:
    day = layer_packages.checked(REPOSITORY)
    assert all(package.released <= day for package in layer_packages.packages(REPOSITORY))


def test_the_table_has_each_package_with_its_reason() -> None:
    table = layer_packages.pin_table(REPOSITORY)
    for package in layer_packages.packages(REPOSITORY):
        assert f"| {package.name} | {package.version} | {package.released}, " in table
        assert package.why in table
        assert (package.newer or "") in table


def test_the_sizes_in_the_table_are_not_smaller_than_the_archives() -> None:
    found = re.search(r"under (\d+) KB \| (\d+) MB", layer_packages.archive_table(REPOSITORY))
    assert found
    functions = (REPOSITORY / layer_packages.FUNCTIONS).stat().st_size
    layer = json.loads((REPOSITORY / layer_packages.LAYER_LOCK).read_text())["size"]
    assert 0 <= int(found[1]) * 1000 - functions < 100_000
    assert 0 <= int(found[2]) * 1_000_000 - layer < 1_000_000


def test_documents_name_the_oldest_python_that_the_build_accepts() -> None:
    build = runpy.run_path(str(REPOSITORY / "lambda" / "build.py"))
    needed = "Python {}.{} or newer with pip".format(*build["OLDEST_PYTHON"])
    for name in ("docs/packaging.md", "variables_functions.tf"):
        assert needed in (REPOSITORY / name).read_text(), name
