#!/usr/bin/env python3
"""Build the two archives of the Lambda functions: their code and their dependencies.

``functions`` packs ``lambda/src`` into ``lambda/dist/functions.zip``, which is committed.
``layer`` packs the wheels locked in ``lambda/layer/requirements.txt`` into a layer archive. Only
its digest is committed (``lambda/layer/layer.json``). Terraform builds the layer during an apply.

The same inputs give the same bytes on every machine. Entries are sorted, have the date 1980-01-01
and the mode 0644, and are not compressed, since compressed data depends on the version of zlib.
Sources have LF line endings. The build neither imports nor runs the files that it packs. It uses
the standard library only and runs on Python 3.9 or newer. docs/decisions/0001-packaging.md has the
reasons for this design.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import json
import os
import re
import stat
import subprocess
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

OLDEST_PYTHON = (3, 9)

HERE = Path(__file__).resolve().parent
SOURCES = HERE / "src"
FUNCTIONS = HERE / "dist" / "functions.zip"
LOCKED_REQUIREMENTS = HERE / "layer" / "requirements.txt"
LAYER_LOCK = HERE / "layer" / "layer.json"

# The runtime of the functions. pip selects wheels for it, not for the Python that runs this file.
RUNTIME_PYTHON = "3.13"

# "Layer content is extracted into the /opt directory", and Python searches /opt/python:
# https://docs.aws.amazon.com/lambda/latest/dg/python-layers.html
LAYER_FOLDER = "python/"

COMPILED_SUFFIXES = (".so", ".pyd", ".dylib", ".dll", ".a", ".pyc", ".pyo")

DECLARED_PURE = re.compile(rb"^Root-Is-Purelib:\s*true\s*$", re.IGNORECASE | re.MULTILINE)

# What zipfile raises for an archive that is damaged, encrypted or compressed in an unusual way.
UNREADABLE_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError)

# Folders in a wheel's .data folder that a function does not need, because it neither runs scripts
# nor compiles: https://packaging.python.org/specifications/binary-distribution-format/
DROPPED_DATA = ("scripts", "headers")


class BuildError(Exception):
    """The archive cannot be built, or is not the locked one. The message says what to do."""


class Digest:
    """Identifies an archive by its size and its SHA-256, as hexadecimal and as base64."""

    def __init__(self, content: bytes) -> None:
        raw = hashlib.sha256(content).digest()
        self.hex = raw.hex()
        self.base64 = base64.b64encode(raw).decode("ascii")
        self.size = len(content)

    def lock(self) -> dict[str, str | int]:
        """Return the content of layer.json for a layer with this digest."""
        return {
            "sha256": self.hex,
            "base64sha256": self.base64,
            "size": self.size,
            "file": f"vmseries-autoscale-dependencies-{self.hex[:16]}.zip",
        }


def archive(entries: Mapping[str, bytes]) -> bytes:
    """Return a zip archive of these entries. Equal entries give equal bytes on every machine."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as target:
        for name in sorted(entries):
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.create_system = 3  # Unix; the default depends on this machine
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            target.writestr(info, entries[name])
    return buffer.getvalue()


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that no other process can read a part of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


# --- functions -----------------------------------------------------------------------------------


def source_entries() -> dict[str, bytes]:
    """Return the functions' own code, by name in the archive.

    Raises:
        BuildError: There is no code, or a file that is neither Python nor ``py.typed``. Such a file
            would be missing from the archive without notice.
    """
    entries = {}
    for path in sorted(SOURCES.rglob("*")):
        name = path.relative_to(SOURCES)
        if path.is_dir() or "__pycache__" in name.parts:
            continue
        if path.suffix != ".py" and path.name != "py.typed":
            raise BuildError(
                f"{path} would not be packed: only *.py and py.typed are. Move it elsewhere."
            )
        entries[name.as_posix()] = path.read_bytes().replace(b"\r\n", b"\n")
    if not entries:
        raise BuildError(f"{SOURCES} has no source files to pack.")
    return entries


def first_difference(built: bytes, committed: bytes) -> str:
    """Describe the first difference between two archives, in the order of the entries' names."""
    if not zipfile.is_zipfile(io.BytesIO(committed)):
        return "it is not a zip archive"
    mine, theirs = _read(built), _read(committed)
    for name in sorted(mine.keys() | theirs.keys()):
        if name not in theirs:
            return f"{name} is not in the archive"
        if name not in mine:
            return f"{name} is in the archive but not in the sources"
        if mine[name] != theirs[name]:
            return f"{name} has different contents"
    return "the contents are equal, but the order, date, mode or compression of an entry differs"


def _read(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as source:
        return {name: source.read(name) for name in source.namelist()}


def check_functions() -> str:
    """Compare the committed archive with the sources, and return its description.

    Raises:
        BuildError: They differ, or there is no archive.
    """
    built = archive(source_entries())
    committed = FUNCTIONS.read_bytes() if FUNCTIONS.exists() else None
    if committed is None:
        raise BuildError(f"{FUNCTIONS} does not exist: run make package and commit it.")
    if built != committed:
        difference = first_difference(built, committed)
        raise BuildError(
            f"{FUNCTIONS} does not match {SOURCES}: {difference}. Run make package and commit it."
        )
    return describe(FUNCTIONS, committed)


def build_functions() -> str:
    """Write the functions' archive, unless it is up to date, and return its description."""
    content = archive(source_entries())
    if not FUNCTIONS.exists() or FUNCTIONS.read_bytes() != content:
        write_atomically(FUNCTIONS, content)
    return describe(FUNCTIONS, content)


# --- layer ---------------------------------------------------------------------------------------


def locked_hashes() -> dict[str, str]:
    """Return the requirement ("name==version") that each SHA-256 in the lock belongs to.

    Raises:
        BuildError: A line is not ``name==version --hash=sha256:...``.
    """
    text = LOCKED_REQUIREMENTS.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = (line.split("#", 1)[0].strip() for line in text.splitlines())
    requirements = {}
    for line in filter(None, lines):
        requirement, *options = line.split()
        hashes = [option.partition("--hash=sha256:")[2] for option in options]
        if not re.fullmatch(r"[\w.-]+==[\w.]+", requirement) or not hashes or not all(hashes):
            raise BuildError(
                f"{LOCKED_REQUIREMENTS}: cannot parse {line!r}; expected name==version "
                "--hash=sha256:... Run make lock."
            )
        requirements.update(dict.fromkeys(hashes, requirement))
    return requirements


def download(python: str, folder: Path) -> None:
    """Download the locked wheels with pip, which uses the user's configuration.

    Args:
        python: The interpreter whose pip is used.
        folder: Where to save the wheels.

    Raises:
        BuildError: There is no such interpreter, it has no pip, or pip failed.
    """
    command = [python, "-m", "pip", "download", "--quiet", "--no-input"]
    command += ["--disable-pip-version-check", "--require-hashes", "--no-deps"]
    command += ["--only-binary", ":all:", "--python-version", RUNTIME_PYTHON]
    command += ["--implementation", "py", "--abi", "none", "--platform", "any"]
    command += ["--dest", str(folder), "--requirement", str(LOCKED_REQUIREMENTS)]
    instead = (
        "For a machine without Python, pip or a package index, pass the layer to the module as a "
        "file or an ARN: see docs/packaging.md."
    )
    try:
        result = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            env={**os.environ, "PIP_REQUIRE_VIRTUALENV": "0"},
        )
    except OSError as error:
        raise BuildError(
            f"cannot run {python!r} ({error.strerror}): choose a Python that has pip with "
            f"--python. {instead}"
        ) from error
    if result.returncode == 0:
        return
    if "No module named pip" in result.stderr:
        raise BuildError(f"{python!r} has no pip: choose another Python with --python. {instead}")
    if "DO NOT MATCH THE HASHES" in result.stderr:
        raise BuildError(
            "the package index serves files that differ from the locked ones; none was used:\n"
            f"{result.stderr.strip()}"
        )
    raise BuildError(
        f"pip could not download the locked wheels. {instead} The output of pip:\n"
        f"{result.stderr.strip()}"
    )


def wheels_in(folder: Path) -> dict[str, bytes]:
    """Return the wheels in a folder by file name, after a check that they are the locked ones.

    Raises:
        BuildError: A wheel is not locked, or its name says that it is not pure Python, or a locked
            requirement has no wheel.
    """
    locked = locked_hashes()
    missing = set(locked.values())
    wheels = {}
    for path in sorted(folder.glob("*.whl")):
        content = path.read_bytes()
        digest = Digest(content).hex
        if digest not in locked:
            raise BuildError(
                f"{path.name} has the SHA-256 {digest}, which is not in {LOCKED_REQUIREMENTS}: "
                "it is a different version, or it was modified."
            )
        if not path.name.endswith("-none-any.whl"):
            raise BuildError(
                f"{path.name} is built for one platform; the layer is for every architecture and "
                "may contain only pure Python (*-none-any.whl)."
            )
        missing.discard(locked[digest])
        wheels[path.name] = content
    if missing:
        raise BuildError(f"{folder} has no wheel for {', '.join(sorted(missing))}.")
    return wheels


def wheel_entries(file_name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of each file that an installer would write to site-packages.

    The root of a wheel corresponds to site-packages. Files for other folders are in a folder whose
    name ends with ``.data``.

    Raises:
        BuildError: The wheel cannot be read, is not pure Python, has a file outside of the archive
            or with an unusual path, or has a file that a layer cannot contain.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as wheel:
            names = [file.filename for file in wheel.infolist() if not file.is_dir()]
            metadata = [name for name in names if name.endswith(".dist-info/WHEEL")]
            if len(metadata) != 1 or not DECLARED_PURE.search(wheel.read(metadata[0])):
                raise BuildError(f"{file_name} is not declared as pure Python (Root-Is-Purelib).")
            for name in names:
                installed = installed_path(file_name, name)
                if installed is not None:
                    yield installed, wheel.read(name)
    except UNREADABLE_ZIP as error:
        raise BuildError(f"{file_name} cannot be read as a wheel: {error}.") from error


def installed_path(file_name: str, name: str) -> str | None:
    """Return the path in site-packages of a wheel's file, or None if it belongs elsewhere.

    Raises:
        BuildError: The path is outside of the archive or not in its normal form, or a layer cannot
            contain the file.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
        raise BuildError(f"{file_name}: the path {name!r} is outside of the archive.")
    if path.as_posix() != name or not path.parts or not name.isprintable():
        raise BuildError(f"{file_name}: the path {name!r} is not in its normal form.")
    if path.suffix.lower() in COMPILED_SUFFIXES:
        raise BuildError(f"{file_name}: {name} is compiled, but the layer must be pure Python.")
    folder, *rest = path.parts
    if not folder.endswith(".data"):
        return name
    # A file that is called like a folder for other files belongs nowhere.
    if len(rest) > 1 and rest[0] == "purelib":
        return "/".join(rest[1:])
    if len(rest) > 1 and rest[0] in DROPPED_DATA:
        return None
    raise BuildError(f"{file_name}: a layer cannot contain {name}.")


def layer_entries(wheels: Mapping[str, bytes]) -> dict[str, bytes]:
    """Merge wheels into the contents of a layer, including licenses and metadata.

    Raises:
        BuildError: Two wheels have different files with the same name, or a file is called like a
            folder of other files.
    """
    entries: dict[str, bytes] = {}
    for file_name, content in wheels.items():
        for name, data in wheel_entries(file_name, content):
            path = LAYER_FOLDER + name
            if entries.setdefault(path, data) != data:
                raise BuildError(f"{file_name}: another wheel has a different file {name}.")
    folders = {parent.as_posix() for path in entries for parent in PurePosixPath(path).parents}
    for path in sorted(folders & entries.keys()):
        raise BuildError(f"{path} is both a file and a folder.")
    return entries


def build_layer(from_wheels: Path | None, python: str) -> bytes:
    """Return the layer, built from the wheels in a folder or from those that pip downloads.

    Raises:
        BuildError: A wheel is missing, or is not the locked one.
    """
    if from_wheels is not None:
        return archive(layer_entries(wheels_in(from_wheels)))
    with tempfile.TemporaryDirectory(prefix="vmseries-autoscale-") as folder:
        download(python, Path(folder))
        return archive(layer_entries(wheels_in(Path(folder))))


def make_layer(output: Path, from_wheels: Path | None, python: str) -> str:
    """Write the locked layer, unless the file exists already, and return its description.

    Raises:
        BuildError: The layer cannot be built, or its digest is not that of layer.json.
    """
    locked = json.loads(LAYER_LOCK.read_text(encoding="utf-8"))["sha256"]
    if output.exists():
        present = output.read_bytes()
        if Digest(present).hex == locked:
            return describe(output, present)
    content = build_layer(from_wheels, python)
    built = Digest(content).hex
    if built != locked:
        raise BuildError(
            f"nothing was written: the layer has the SHA-256 {built}, but {LAYER_LOCK} has "
            f"{locked}. If {LOCKED_REQUIREMENTS.name} was changed on purpose, run make lock."
        )
    write_atomically(output, content)
    return describe(output, content)


def update_layer_lock(from_wheels: Path | None, python: str) -> str:
    """Build the layer, write its digest to layer.json, and return a description.

    Raises:
        BuildError: The layer cannot be built.
    """
    content = build_layer(from_wheels, python)
    lock = json.dumps(Digest(content).lock(), indent=2) + "\n"
    write_atomically(LAYER_LOCK, lock.encode("ascii"))
    return describe(LAYER_LOCK, content)


# --- command line --------------------------------------------------------------------------------


def describe(path: Path, content: bytes) -> str:
    """Describe an archive by path, size, and SHA-256 as hexadecimal and as base64."""
    digest = Digest(content)
    return (
        f"{path}\n  size    {digest.size} bytes\n  sha256  {digest.hex}\n  base64  {digest.base64}"
    )


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Parse the command line; exit with status 2 if it is invalid."""
    parser = argparse.ArgumentParser(prog="build.py", description=(__doc__ or "").split("\n\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)

    functions = commands.add_parser("functions", help="pack lambda/src into lambda/dist")
    functions.add_argument(
        "--check", action="store_true", help="write nothing; fail if the archive is out of date"
    )

    layer = commands.add_parser("layer", help="pack the locked wheels into a layer")
    target = layer.add_mutually_exclusive_group(required=True)
    target.add_argument("--output", type=Path, help="the archive to write")
    target.add_argument(
        "--update-lock", action="store_true", help="write the digest into layer.json instead"
    )
    source = layer.add_mutually_exclusive_group()
    source.add_argument(
        "--python",
        default=sys.executable,
        help="the Python whose pip downloads the wheels (default: the one that runs this)",
    )
    source.add_argument(
        "--from-wheels",
        type=Path,
        metavar="FOLDER",
        help="use the wheels in this folder, without network",
    )
    return parser.parse_args(argv)


def run(options: argparse.Namespace) -> str:
    """Run a command, and return the text that it prints."""
    if options.command == "functions":
        return check_functions() if options.check else build_functions()
    if options.update_lock:
        return update_layer_lock(options.from_wheels, options.python)
    return make_layer(options.output, options.from_wheels, options.python)


def main(argv: Sequence[str]) -> int:
    """Run a command line, and return its exit status."""
    if sys.version_info < OLDEST_PYTHON:
        sys.stderr.write("build.py: Python 3.9 or newer is needed.\n")
        return 1
    try:
        line = run(arguments(argv))
    except (BuildError, OSError) as error:
        sys.stderr.write(f"build.py: {error}\n")
        return 1
    sys.stdout.write(f"{line}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
