"""The builder of lambda/, run as Terraform and people run it: as a program, from a checkout."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

REPOSITORY = Path(__file__).resolve().parents[1]
LAMBDA = REPOSITORY / "lambda"

PURE = {"Root-Is-Purelib": "true", "Tag": "py3-none-any"}


@dataclass(frozen=True)
class Wheel:
    """A wheel made for a test, and the requirement that it answers."""

    name: str
    content: bytes
    requirement: str

    @property
    def lock_line(self) -> str:
        digest = hashlib.sha256(self.content).hexdigest()
        return f"{self.requirement} \\\n    --hash=sha256:{digest}\n"


def wheel(
    name: str,
    files: Mapping[str, str],
    *,
    metadata: Mapping[str, str] | None = None,
    tag: str = "py3-none-any",
) -> Wheel:
    """Make a wheel of version 1.0 by the binary distribution format."""
    lines = {"Wheel-Version": "1.0", **(PURE if metadata is None else metadata)}
    header = "".join(f"{key}: {value}\n" for key, value in lines.items())
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for path, text in {**files, f"{name}-1.0.dist-info/WHEEL": header}.items():
            target.writestr(path, text)
    return Wheel(f"{name}-1.0-{tag}.whl", buffer.getvalue(), f"{name}==1.0")


@dataclass(frozen=True)
class Checkout:
    """A copy of lambda/ that a test may change."""

    folder: Path

    @property
    def functions(self) -> Path:
        return self.folder / "dist" / "functions.zip"

    @property
    def sources(self) -> Path:
        return self.folder / "src"

    @property
    def layer_lock(self) -> Path:
        return self.folder / "layer" / "layer.json"

    @property
    def wheels(self) -> Path:
        return self.folder / "wheels"

    def run(
        self,
        *arguments: str | Path,
        python: str = sys.executable,
        environment: Mapping[str, str] | None = None,
        umask: int = -1,
        cwd: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run the builder of this checkout."""
        return subprocess.run(
            [python, self.folder / "build.py", *arguments],
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, **(environment or {})},
            umask=umask,
            cwd=cwd,
        )

    def succeed(self, *arguments: str | Path, **how: object) -> str:
        """Run the builder, which must succeed, and return what it printed."""
        result = self.run(*arguments, **how)  # type: ignore[arg-type]
        assert result.returncode == 0, result.stderr
        return result.stdout

    def refuse(self, *arguments: str | Path, **how: object) -> str:
        """Run the builder, which must refuse in a sentence of its own, and return that."""
        result = self.run(*arguments, **how)  # type: ignore[arg-type]
        assert result.returncode == 1, (result.stdout, result.stderr)
        assert result.stderr.startswith("build.py: "), result.stderr
        assert result.stdout == ""
        return result.stderr

    def lock(self, *wheels: Wheel, offered: Iterable[Wheel] | None = None) -> None:
        """Replace the layer's lock, and offer these (or other) wheels in `wheels`."""
        requirements = "".join(wheel.lock_line for wheel in wheels)
        (self.folder / "layer" / "requirements.txt").write_text(requirements)
        self.wheels.mkdir(exist_ok=True)
        for item in wheels if offered is None else offered:
            (self.wheels / item.name).write_bytes(item.content)


@cache
def pythons() -> dict[str, str]:
    """Return the Pythons of this machine that the builder promises to run under, by version.

    Those on PATH, and those that pyenv keeps without having them selected.
    """
    versions = [f"3.{minor}" for minor in range(9, 20)]
    found = {f"3.{sys.version_info.minor}": sys.executable}
    pyenv = shutil.which("pyenv")
    for version in versions:
        name = f"python{version}"
        candidates = [shutil.which(name)]
        if pyenv:
            candidates += _printed_by(pyenv, "whence", "--path", name)
        for candidate in filter(None, candidates):
            # A shim of pyenv's is there for versions that are not selected, too, but fails.
            if version not in found and _printed_by(candidate, "--version"):
                found[version] = candidate
    return found


def _printed_by(*command: str) -> list[str]:
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    return result.stdout.splitlines() if result.returncode == 0 else []
