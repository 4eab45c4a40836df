"""Describe the packages of the layer: their locks, ages, licenses and reasons.

    python3 tools/layer_packages.py --write    update the tables in docs/packaging.md
    python3 tools/layer_packages.py --check    exit 1 if a table is stale

The lock is ``lambda/layer/requirements.txt``. What a lock cannot say is in
``lambda/layer/packages.toml``.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import lambda_docs

LOCK = Path("lambda/layer/requirements.txt")
FACTS = Path("lambda/layer/packages.toml")
LAYER_LOCK = Path("lambda/layer/layer.json")
FUNCTIONS = Path("lambda/dist/functions.zip")

DAYS_OF_A_MONTH = 30.44
MONTHS_OF_A_YEAR = 12


class PackagesError(lambda_docs.DocsError):
    """The description of the packages does not match the lock. The message says what to do."""


@dataclass(frozen=True)
class Package:
    """A locked package, and what packages.toml says about this version."""

    name: str
    version: str
    digests: tuple[str, ...]
    """SHA-256 of each file of this version that pip may download, as hexadecimal."""
    released: dt.date
    license: str
    """SPDX identifier."""
    why: str
    newer: str | None
    """Why a newer version is not used; None if this is the newest one."""


def packages(repository: Path) -> list[Package]:
    """Return the packages of the layer by name.

    Raises:
        PackagesError: The lock and packages.toml have different packages or versions.
    """
    facts = tomllib.loads((repository / FACTS).read_text(encoding="utf-8"))
    facts.pop("checked")
    locked = _locked(repository)
    described = {name: fact["version"] for name, fact in facts.items()}
    versions = {name: version for name, (version, _) in locked.items()}
    if described != versions:
        names = ", ".join(sorted({name for name, _ in described.items() ^ versions.items()}))
        raise PackagesError(
            f"{FACTS} does not describe the locked versions of {names}: compare it with {LOCK}"
        )
    return [
        Package(
            name=name,
            version=version,
            digests=digests,
            released=facts[name]["released"],
            license=facts[name]["license"],
            why=facts[name]["why"],
            newer=facts[name].get("newer"),
        )
        for name, (version, digests) in sorted(locked.items())
    ]


def _locked(repository: Path) -> dict[str, tuple[str, tuple[str, ...]]]:
    text = (repository / LOCK).read_text(encoding="utf-8").replace("\\\n", " ")
    line = re.compile(r"^([\w.-]+)==([\w.]+)((?: +--hash=sha256:[0-9a-f]{64})+) *$", re.MULTILINE)
    return {
        name: (version, tuple(re.findall(r"[0-9a-f]{64}", digests)))
        for name, version, digests in line.findall(text)
    }


def checked(repository: Path) -> dt.date:
    """Return the day on which the package index was last asked for newer versions."""
    facts = tomllib.loads((repository / FACTS).read_text(encoding="utf-8"))
    return dt.date.fromisoformat(str(facts["checked"]))


def age(released: dt.date, day: dt.date) -> str:
    """Return the age of a version on a day, in months, or in years from two years on."""
    months = round((day - released).days / DAYS_OF_A_MONTH)
    if months >= 2 * MONTHS_OF_A_YEAR:
        return f"{months / MONTHS_OF_A_YEAR:.1f} years"
    return "1 month" if months == 1 else f"{months} months"


def pin_table(repository: Path) -> str:
    """Return a table of the packages with version, age, license and reasons.

    Raises:
        PackagesError: The lock and packages.toml do not match.
    """
    day = checked(repository)
    rows = [
        f"| {package.name} | {package.version} | {package.released}, {age(package.released, day)} "
        f"| {package.license} | {package.why}{f'. {package.newer}' if package.newer else ''} |"
        for package in packages(repository)
    ]
    head = [
        f"| Package | Version | Released, and age on {day} | License | Reason |",
        "| --- | --- | --- | --- | --- |",
    ]
    return "\n".join([*head, *rows])


def archive_table(repository: Path) -> str:
    """Return a table of the two archives with contents, sizes and origins.

    Raises:
        PackagesError: The lock and packages.toml do not match.
    """
    names = ", ".join(package.name for package in packages(repository))
    functions = (repository / FUNCTIONS).stat().st_size
    layer = json.loads((repository / LAYER_LOCK).read_text(encoding="utf-8"))["size"]
    return f"""\
| | `functions.zip` | Dependency layer |
|---|---|---|
| Contents | this repository's Python, [`lambda/src`](../lambda/src) | {names} |
| In the repository | yes: [`lambda/dist/functions.zip`](../lambda/dist) \
| no; only its hash-locked requirements and its SHA-256: [`lambda/layer`](../lambda/layer) |
| Built by | the author of a change (`make package`); a test rebuilds it and compares every byte \
| `terraform apply`, once per digest |
| Size | under {_rounded_up(functions, 100_000, 100)} KB | {_rounded_up(layer, 1_000_000, 1)} MB |
| Depends on architecture or runtime | no, pure Python | no, pure Python |"""


def _rounded_up(size: int, step: int, unit: int) -> int:
    """Return a size in coarse steps, so that the table does not change with each edit."""
    return math.ceil(size / step) * unit


PARTS: lambda_docs.Parts = {
    (Path("docs/packaging.md"), "ARCHIVES"): archive_table,
    (Path("docs/packaging.md"), "PINS"): pin_table,
}

if __name__ == "__main__":
    sys.exit(lambda_docs.main(parts=PARTS))
