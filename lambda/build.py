#!/usr/bin/env python3
"""Build the two archives that the functions run: their own code and their dependencies.

``functions`` packs ``lambda/src`` into ``lambda/dist/functions.zip``, which is committed.
``layer`` packs the wheels locked in ``lambda/layer/requirements.txt`` into a layer archive, of
which only the digest is committed (``lambda/layer/layer.json``). Terraform runs it at apply.

The same inputs give the same bytes on every machine: entries are sorted, stored (what deflate
writes depends on the zlib at hand), dated 1980-01-01 and of mode 0644, and sources have LF line
ends. Nothing that is packed is imported or run. Only the standard library is used, so that any
Python from 3.9 on can do it; why it is done at all: docs/decisions/0001-packaging.md.
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

# The runtime of the functions: pip picks wheels for it, whatever Python runs this file.
RUNTIME_PYTHON = "3.13"

# "Layer content is extracted into the /opt directory", and Python finds /opt/python:
# https://docs.aws.amazon.com/lambda/latest/dg/python-layers.html
LAYER_FOLDER = "python/"

COMPILED_SUFFIXES = (".so", ".pyd", ".dylib", ".dll", ".a", ".pyc", ".pyo")

# What a wheel's .data folder holds beside code: https://packaging.python.org/specifications/
# (binary distribution format). A function starts no scripts and compiles nothing.
DROPPED_DATA = ("scripts", "headers")


class BuildError(Exception):
    """The archive cannot be built, or is not what was locked. The text says what to do."""


class Digest:
    """What identifies an archive: its SHA-256 in both spellings, and its size."""

    def __init__(self, content: bytes) -> None:
        raw = hashlib.sha256(content).digest()
        self.hex = raw.hex()
        self.base64 = base64.b64encode(raw).decode("ascii")
        self.size = len(content)

    def lock(self) -> dict[str, str | int]:
        """Return what layer.json holds of a layer with this digest."""
        return {
            "sha256": self.hex,
            "base64sha256": self.base64,
            "size": self.size,
            "file": f"vmseries-autoscale-dependencies-{self.hex[:16]}.zip",
        }


def archive(entries: Mapping[str, bytes]) -> bytes:
    """Return the zip of these entries; equal entries give equal bytes everywhere."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as target:
        for name in sorted(entries):
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.create_system = 3  # Unix; left alone, it says what this machine is
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            target.writestr(info, entries[name])
    return buffer.getvalue()


def write_atomically(path: Path, content: bytes) -> None:
    """Put ``content`` at ``path`` so that nobody ever sees a part of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


# --- functions -----------------------------------------------------------------------------------


def source_entries() -> dict[str, bytes]:
    """Return the functions' own code by its name in the archive.

    Raises:
        BuildError: there is no code, or a file that is neither Python nor ``py.typed``: it would
            be missing in AWS without a word.
    """
    entries = {}
    for path in sorted(SOURCES.rglob("*")):
        name = path.relative_to(SOURCES)
        if path.is_dir() or "__pycache__" in name.parts:
            continue
        if path.suffix != ".py" and path.name != "py.typed":
            raise BuildError(f"{path} is not packed: only *.py and py.typed are. Move it away.")
        entries[name.as_posix()] = path.read_bytes().replace(b"\r\n", b"\n")
    if not entries:
        raise BuildError(f"there is nothing to pack in {SOURCES}.")
    return entries


def first_difference(built: bytes, committed: bytes) -> str:
    """Say in a sentence how two archives differ first, in the order of their entries' names."""
    if not zipfile.is_zipfile(io.BytesIO(committed)):
        return "it is not a zip archive"
    mine, theirs = _read(built), _read(committed)
    for name in sorted(mine.keys() | theirs.keys()):
        if name not in theirs:
            return f"{name} is missing in it"
        if name not in mine:
            return f"{name} is in it but not in the sources"
        if mine[name] != theirs[name]:
            return f"{name} has other contents"
    return "the contents are equal, but an entry's order, date, mode or compression is not"


def _read(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as source:
        return {name: source.read(name) for name in source.namelist()}


def check_functions() -> str:
    """Compare the committed archive with the sources and return a line about it.

    Raises:
        BuildError: they differ, or there is no archive.
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
    """Write the functions' archive, unless it is as it should be, and return a line about it."""
    content = archive(source_entries())
    if not FUNCTIONS.exists() or FUNCTIONS.read_bytes() != content:
        write_atomically(FUNCTIONS, content)
    return describe(FUNCTIONS, content)


# --- layer ---------------------------------------------------------------------------------------


def locked_hashes() -> dict[str, str]:
    """Return the requirement ("name==version") of every SHA-256 in the lock.

    Raises:
        BuildError: a line is not ``name==version --hash=sha256:...``.
    """
    text = LOCKED_REQUIREMENTS.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = (line.split("#", 1)[0].strip() for line in text.splitlines())
    requirements = {}
    for line in filter(None, lines):
        requirement, *options = line.split()
        hashes = [option.partition("--hash=sha256:")[2] for option in options]
        if not re.fullmatch(r"[\w.-]+==[\w.]+", requirement) or not hashes or not all(hashes):
            raise BuildError(
                f"{LOCKED_REQUIREMENTS}: cannot read {line!r}; expected name==version and its "
                "--hash=sha256:... Run make lock."
            )
        requirements.update(dict.fromkeys(hashes, requirement))
    return requirements


def download(python: str, folder: Path) -> None:
    """Let pip fetch the locked wheels into ``folder``, by the user's own pip configuration.

    Args:
        python: the interpreter whose pip is used.
        folder: where the wheels go.

    Raises:
        BuildError: there is no such interpreter, it has no pip, or pip failed.
    """
    command = [python, "-m", "pip", "download", "--quiet", "--no-input"]
    command += ["--disable-pip-version-check", "--require-hashes", "--no-deps"]
    command += ["--only-binary", ":all:", "--python-version", RUNTIME_PYTHON]
    command += ["--implementation", "py", "--abi", "none", "--platform", "any"]
    command += ["--dest", str(folder), "--requirement", str(LOCKED_REQUIREMENTS)]
    instead = (
        "A machine without Python, pip or a package index can be given the layer as a file or "
        "by its ARN: see docs/packaging.md."
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
            f"cannot start {python!r} ({error.strerror}): name a Python that has pip with "
            f"--python. {instead}"
        ) from error
    if result.returncode == 0:
        return
    if "No module named pip" in result.stderr:
        raise BuildError(f"{python!r} has no pip: name another Python with --python. {instead}")
    if "DO NOT MATCH THE HASHES" in result.stderr:
        raise BuildError(
            "the package index serves other files than those that were locked, so none is used:\n"
            f"{result.stderr.strip()}"
        )
    raise BuildError(
        f"pip could not fetch the locked wheels. {instead} pip said:\n{result.stderr.strip()}"
    )


def wheels_in(folder: Path) -> dict[str, bytes]:
    """Return the wheels of ``folder`` by file name, each proven to be a locked one.

    Raises:
        BuildError: a wheel that is not locked, that is not pure Python by its name, or a locked
            requirement without a wheel.
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
                "it is another version, or it was changed."
            )
        if not path.name.endswith("-none-any.whl"):
            raise BuildError(
                f"{path.name} is built for one platform; the layer serves every architecture "
                "and holds pure Python (*-none-any.whl) only."
            )
        missing.discard(locked[digest])
        wheels[path.name] = content
    if missing:
        raise BuildError(f"no wheel in {folder} for {', '.join(sorted(missing))}.")
    return wheels


def wheel_entries(file_name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield what an installer would put into site-packages, by name and contents.

    A wheel is a zip whose root is site-packages, beside a ``.data`` folder with what goes
    elsewhere.

    Raises:
        BuildError: the wheel is not pure Python, or a name leads out of the archive.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as wheel:
        names = [name for name in wheel.namelist() if not name.endswith("/")]
        metadata = [name for name in names if name.endswith(".dist-info/WHEEL")]
        if len(metadata) != 1 or not re.search(
            rb"^Root-Is-Purelib:\s*true\s*$", wheel.read(metadata[0]), re.IGNORECASE | re.MULTILINE
        ):
            raise BuildError(f"{file_name} does not say that it is pure Python (Root-Is-Purelib).")
        for name in names:
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
                raise BuildError(f"{file_name}: {name!r} leads out of the archive.")
            if path.suffix in COMPILED_SUFFIXES:
                raise BuildError(f"{file_name}: {name} is compiled; the layer is pure Python.")
            folder, *rest = path.parts
            if not folder.endswith(".data"):
                yield name, wheel.read(name)
            elif rest[0] == "purelib":
                yield "/".join(rest[1:]), wheel.read(name)
            elif rest[0] not in DROPPED_DATA:
                raise BuildError(f"{file_name}: there is no place in a layer for {name}.")


def layer_entries(wheels: Mapping[str, bytes]) -> dict[str, bytes]:
    """Merge wheels into the contents of a layer, notices and metadata included.

    Raises:
        BuildError: two wheels bring different files of one name.
    """
    entries: dict[str, bytes] = {}
    for file_name, content in wheels.items():
        for name, data in wheel_entries(file_name, content):
            place = LAYER_FOLDER + name
            if entries.setdefault(place, data) != data:
                raise BuildError(f"{file_name}: another wheel has a different {name}.")
    return entries


def build_layer(from_wheels: Path | None, python: str) -> bytes:
    """Return the layer made of wheels in a folder, or of those that pip fetches.

    Raises:
        BuildError: the wheels cannot be had, or are not what was locked.
    """
    if from_wheels is not None:
        return archive(layer_entries(wheels_in(from_wheels)))
    with tempfile.TemporaryDirectory(prefix="vmseries-autoscale-") as folder:
        download(python, Path(folder))
        return archive(layer_entries(wheels_in(Path(folder))))


def make_layer(output: Path, from_wheels: Path | None, python: str) -> str:
    """Write the locked layer to ``output``, unless it is there, and return a line about it.

    Raises:
        BuildError: the layer cannot be built, or is not the one of layer.json.
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
            f"nothing was written: the layer has the SHA-256 {built}, but {LAYER_LOCK} says "
            f"{locked}. If {LOCKED_REQUIREMENTS.name} was changed on purpose, run make lock."
        )
    write_atomically(output, content)
    return describe(output, content)


def update_layer_lock(from_wheels: Path | None, python: str) -> str:
    """Build the layer, write its digest into layer.json, and return a line about it.

    Raises:
        BuildError: the layer cannot be built.
    """
    content = build_layer(from_wheels, python)
    lock = json.dumps(Digest(content).lock(), indent=2) + "\n"
    write_atomically(LAYER_LOCK, lock.encode("ascii"))
    return describe(LAYER_LOCK, content)


# --- command line --------------------------------------------------------------------------------


def describe(path: Path, content: bytes) -> str:
    """Return what a person compares: name, size and both spellings of the digest."""
    digest = Digest(content)
    return (
        f"{path}\n  size    {digest.size} bytes\n  sha256  {digest.hex}\n  base64  {digest.base64}"
    )


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Return the parsed command line; leaves with status 2 if it is wrong."""
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
        help="the Python whose pip fetches the wheels (default: the one that runs this)",
    )
    source.add_argument(
        "--from-wheels", type=Path, metavar="FOLDER", help="take the wheels from here, no network"
    )
    return parser.parse_args(argv)


def run(options: argparse.Namespace) -> str:
    """Carry out one command and return the line that it prints."""
    if options.command == "functions":
        return check_functions() if options.check else build_functions()
    if options.update_lock:
        return update_layer_lock(options.from_wheels, options.python)
    return make_layer(options.output, options.from_wheels, options.python)


def main(argv: Sequence[str]) -> int:
    """Run a command line and return its exit status."""
    if sys.version_info < OLDEST_PYTHON:
        sys.stderr.write("build.py: this needs Python 3.9 or newer.\n")
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
