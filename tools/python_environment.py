"""Make a Python environment that holds exactly the packages of a lock in `requirements/`.

    python3 tools/python_environment.py .venv dev.txt

The environment gets the Python of the Lambda functions where this machine has it, so that tests
and the lab run the handlers on the version that AWS runs them on. Otherwise it gets the Python that
runs this program. The environment variable PYTHON, or `make PYTHON=...`, chooses another one.

Nothing happens if the environment is up to date. uv installs the packages; if uv fails, pip does
the same more slowly. Standard library only, because this runs before any environment exists.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
REQUIREMENTS = REPOSITORY / "requirements"
INSTALLER = REPOSITORY / ".venv"

LAMBDA_PYTHON = (3, 13)
"""The default of the input `functions.runtime`."""
OLDEST_PYTHON = (3, 11)

PRINT_VERSION = "import pip, sys, venv; print(*sys.version_info[:3], sep='.')"
"""Fails for an interpreter without pip or venv, such as a bare one of Debian's."""


class EnvironmentSetupError(Exception):
    """The environment cannot be made. The message says what to do."""


def main() -> int:
    """Make the environment that the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("folder", type=Path, help="the environment, such as .venv")
    parser.add_argument("lock", help="file name of the lock in requirements/, such as dev.txt")
    options = parser.parse_args()
    try:
        make_environment(options.folder.resolve(), REQUIREMENTS / options.lock)
    except EnvironmentSetupError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def make_environment(folder: Path, lock: Path) -> None:
    """Make or update the environment, unless it is up to date.

    Args:
        folder: Root of the environment.
        lock: Requirements with hashes.

    Raises:
        EnvironmentSetupError: There is no suitable Python, or the installation failed.
    """
    stamp = folder / ".synced"
    state = expected_state(lock, os.environ)
    if stamp.is_file() and stamp.read_text() == state:
        return
    python = find_python(os.environ)
    version = version_of(python)
    print(f"installing {lock.relative_to(REPOSITORY)} into {folder.name}")
    print(describe(version))
    create(folder, python, version)
    if folder != INSTALLER:
        make_environment(INSTALLER, REQUIREMENTS / "dev.txt")
    else:
        installer = str(REQUIREMENTS / "installer.txt")
        run_pip(python, folder, ["--require-hashes", "-r", installer])
    install(python, folder, lock)
    stamp.write_text(state)


def expected_state(lock: Path, environ: Mapping[str, str]) -> str:
    """Return the content of `.synced` in an up-to-date environment: locks and Python."""
    locks = lock.read_bytes() + (REQUIREMENTS / "installer.txt").read_bytes()
    return f"{hashlib.sha256(locks).hexdigest()} PYTHON={environ.get('PYTHON', '')}\n"


# Which Python -------------------------------------------------------------------------------------


def find_python(environ: Mapping[str, str]) -> str:
    """Return the Python to use: that of PYTHON, of the functions, or the running one.

    Raises:
        EnvironmentSetupError: It is older than the oldest version that the tests support.
    """
    chosen = environ.get("PYTHON")
    if not chosen:
        chosen = next(lambda_pythons(environ), sys.executable)
    version = version_of(chosen)
    if version is None or version < OLDEST_PYTHON:
        raise EnvironmentSetupError(
            f"{chosen} is not Python {dotted(OLDEST_PYTHON)} or newer with pip and venv. "
            "Choose one: make PYTHON=/path/to/python3 ..."
        )
    return chosen


def lambda_pythons(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the interpreters on this machine with the Python version of the functions.

    Looks in PATH and in the folders where pyenv and uv keep interpreters that are not on PATH.
    """
    name = f"python{dotted(LAMBDA_PYTHON)}"
    home = Path(environ.get("HOME", "/nonexistent"))
    pyenv = Path(environ.get("PYENV_ROOT") or home / ".pyenv")
    uv = Path(environ.get("XDG_DATA_HOME") or home / ".local/share") / "uv" / "python"
    # pyenv's shims fail for a version that is not selected.
    folders = [f for f in environ.get("PATH", "").split(os.pathsep) if Path(f) != pyenv / "shims"]
    folders += map(str, sorted(pyenv.glob("versions/*/bin")))
    folders += map(str, sorted(uv.glob("*/bin")))
    for folder in folders:
        candidate = shutil.which(name, path=folder)
        version = version_of(candidate) if candidate else None
        if candidate and version and version[:2] == LAMBDA_PYTHON:
            yield candidate


def version_of(python: str, program: str = PRINT_VERSION) -> tuple[int, ...] | None:
    """Return the version of an interpreter, or None if it cannot run the program."""
    try:
        result = subprocess.run(
            [python, "-c", program], check=False, capture_output=True, text=True
        )
    except OSError:
        return None
    if result.returncode:
        return None
    return tuple(int(number) for number in result.stdout.split("."))


def describe(version: tuple[int, ...] | None) -> str:
    """Return a line that compares the version in use with that of the functions."""
    version = version or ()
    if version[:2] == LAMBDA_PYTHON:
        return f"Python {dotted(version)}: the version of the Lambda functions"
    wanted = dotted(LAMBDA_PYTHON)
    return f"Python {dotted(version)}: not the version of the Lambda functions, which is {wanted}"


def dotted(version: tuple[int, ...]) -> str:
    """Return a version as text, such as `3.13`."""
    return ".".join(map(str, version))


# Installing ---------------------------------------------------------------------------------------


def create(folder: Path, python: str, version: tuple[int, ...] | None) -> None:
    """Create an empty environment, or keep one that has the same Python version.

    Raises:
        EnvironmentSetupError: The module venv failed.
    """
    current = version_of(str(folder / "bin" / "python"), PRINT_VERSION.replace("pip, ", ""))
    if current == version:
        return
    command = [python, "-m", "venv", "--clear", "--without-pip", str(folder)]
    if subprocess.run(command, check=False).returncode:
        raise EnvironmentSetupError(f"{python} cannot create the environment {folder} (see above).")


def install(python: str, folder: Path, lock: Path) -> None:
    """Install exactly the locked packages.

    uv also compiles them, so that processes that start together later need not do it.

    Raises:
        EnvironmentSetupError: Neither uv nor pip could install them.
    """
    target = str(folder / "bin" / "python")
    uv = [str(INSTALLER / "bin" / "uv"), "pip", "sync", "--quiet", "--compile-bytecode"]
    command = [*uv, "--require-hashes", "--python", target, str(lock)]
    environment = {**os.environ, **settings_of_pip(python, os.environ)}
    outcome = subprocess.run(command, check=False, env=environment, stderr=subprocess.PIPE)
    if outcome.returncode:
        # The reason of uv is of interest only if pip fails, too.
        print("uv failed: trying pip, which takes longer", file=sys.stderr)
        pip = str(INSTALLER / "bin" / "python")
        try:
            run_pip(pip, folder, ["--require-hashes", "--no-deps", "-r", str(lock)])
        except EnvironmentSetupError:
            print(f"uv had failed with:\n{outcome.stderr.decode()}", file=sys.stderr)
            raise


def settings_of_pip(python: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables that tell uv pip's index and certificates.

    uv does not read pip's configuration, and trusts only certificates that it ships unless it is
    told to use those of the system. https://docs.astral.sh/uv/concepts/authentication/certificates/
    """
    settings = {"UV_SYSTEM_CERTS": environ.get("UV_SYSTEM_CERTS", "true")}
    of_pip = {"UV_DEFAULT_INDEX": "index-url", "SSL_CERT_FILE": "cert"}
    for variable, option in of_pip.items():
        value = pip_option(python, option, environ)
        if value and not environ.get(variable):
            settings[variable] = value
    return settings


def pip_option(python: str, option: str, environ: Mapping[str, str]) -> str:
    """Return an option of pip, from its environment variable or its configuration."""
    value = environ.get(f"PIP_{option.upper().replace('-', '_')}", "")
    if value:
        return value
    command = [python, "-m", "pip", "config", "get", f"global.{option}"]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    return result.stdout.strip()


def run_pip(python: str, folder: Path, arguments: list[str]) -> None:
    """Run the pip of an interpreter for another environment.

    Raises:
        EnvironmentSetupError: pip failed.
    """
    target = str(folder / "bin" / "python")
    command = [python, "-m", "pip", "--python", target, "install", "-qq", *arguments]
    if subprocess.run(command, check=False).returncode:
        raise EnvironmentSetupError(
            f"pip could not install the packages into {folder} (see above)."
        )


if __name__ == "__main__":
    sys.exit(main())
