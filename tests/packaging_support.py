"""Runs lambda/build.py as Terraform and users do: as a program, from a checkout."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import runpy
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

REPOSITORY = Path(__file__).resolve().parents[1]
LAMBDA = REPOSITORY / "lambda"

PURE = {"Root-Is-Purelib": "true", "Tag": "py3-none-any"}


@dataclass(frozen=True)
class Wheel:
    """A wheel made for a test, and the requirement that it satisfies."""

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
    """Make a wheel of version 1.0 in the binary distribution format."""
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

    def run(self, *arguments: str | Path, **process: Any) -> subprocess.CompletedProcess[str]:
        """Run the build of this checkout, in a separate process if `process` has options."""
        program = [str(self.folder / "build.py"), *map(str, arguments)]
        return _run_apart(program, **process) if process else _run_here(program)

    def succeed(self, *arguments: str | Path, **how: Any) -> str:
        """Run the build, which must succeed, and return its output."""
        result = self.run(*arguments, **how)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def refuse(self, *arguments: str | Path, **how: Any) -> str:
        """Run the build, which must fail with its own message, and return the message."""
        result = self.run(*arguments, **how)
        assert result.returncode == 1, (result.stdout, result.stderr)
        assert result.stderr.startswith("build.py: "), result.stderr
        assert result.stdout == ""
        return result.stderr

    def lock(self, *wheels: Wheel, offered: Iterable[Wheel] | None = None) -> None:
        """Replace the layer's lock, and put these or other wheels into the folder `wheels`."""
        requirements = "".join(wheel.lock_line for wheel in wheels)
        (self.folder / "layer" / "requirements.txt").write_text(requirements)
        self.wheels.mkdir(exist_ok=True)
        for item in wheels if offered is None else offered:
            (self.wheels / item.name).write_bytes(item.content)


def _run_apart(
    program: list[str],
    *,
    python: str = sys.executable,
    environment: Mapping[str, str] | None = None,
    umask: int = -1,
    cwd: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, *program],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **(environment or {})},
        umask=umask,
        cwd=cwd,
    )


def _run_here(program: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a Python program in this process, since starting another takes longer than the build."""
    status, stdout, stderr = 0, io.StringIO(), io.StringIO()
    with (
        mock.patch.object(sys, "argv", program),
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
    ):
        try:
            runpy.run_path(program[0], run_name="__main__")
        except SystemExit as end:
            status = int(end.code or 0)
    return subprocess.CompletedProcess(program, status, stdout.getvalue(), stderr.getvalue())


@cache
def pythons() -> dict[str, str]:
    """Return the interpreters of this machine that the build supports, by version.

    Those on PATH, and those of pyenv that are not selected.
    """
    # pyenv's shims are slow shell scripts, and fail for a version that is not selected.
    root = Path(next(iter(_printed_by("pyenv", "root")), "no-pyenv"))
    folders = [folder for folder in os.get_exec_path() if Path(folder) != root / "shims"]
    folders += map(str, sorted(root.glob("versions/*/bin")))
    interpreters = {f"3.{sys.version_info.minor}": sys.executable}
    for version in (f"3.{minor}" for minor in range(9, 20)):
        candidate = shutil.which(f"python{version}", path=os.pathsep.join(folders))
        # Other version managers also have shims for versions that are not selected.
        if version not in interpreters and candidate and _printed_by(candidate, "--version"):
            interpreters[version] = candidate
    return interpreters


def _printed_by(*command: str) -> list[str]:
    if not shutil.which(command[0]):
        return []
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    return result.stdout.splitlines() if result.returncode == 0 else []
