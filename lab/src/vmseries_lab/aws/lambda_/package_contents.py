"""What a function can import: its archive, its layers, and what Lambda's Python runtime brings."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import shutil
import tempfile
import threading
import zipfile
from pathlib import Path

RUNTIME_MODULES = (
    # Lambda's managed Python runtimes bring boto3 with its dependencies, and their own runtime
    # client (Developer Guide, "Building Lambda functions with Python").
    "awslambdaric",
    "boto3",
    "botocore",
    "dateutil",
    "jmespath",
    "runtime_client",
    "s3transfer",
    "simplejson",
    "six",
    "snapshot_restore_py",
    "urllib3",
    # Not part of Lambda's runtime: the bootstrap sets the clock with it.
    "time_machine",
    "_time_machine",
)
UNZIPPED_LIMIT_BYTES = 262_144_000
"""Function and layers together, unzipped (Developer Guide, "Lambda quotas")."""


class Packages:
    """Unpacks each archive once, in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def runtime(self) -> Path:
        """Return a folder with only those packages that Lambda's runtime contains."""
        folder = self._folder / "runtime"
        with self._lock:
            if not folder.exists():
                self._folder.mkdir(parents=True, exist_ok=True)
                partial = Path(tempfile.mkdtemp(prefix="partial-", dir=self._folder))
                for name in RUNTIME_MODULES:
                    origin = _origin(name)
                    (partial / origin.name).symlink_to(origin)
                _move_into_place(partial, folder)
        return folder

    def task_root(self, archive: bytes) -> Path:
        """Return the folder of an unpacked function."""
        return self._unpacked([archive])

    def layers(self, archives: list[bytes]) -> Path:
        """Return the folder of the unpacked layers; later layers overwrite earlier ones."""
        return self._unpacked(archives)

    def _unpacked(self, archives: list[bytes]) -> Path:
        digest = hashlib.sha256(b"".join(hashlib.sha256(a).digest() for a in archives)).hexdigest()
        folder = self._folder / digest[:32]
        with self._lock:
            if not folder.exists():
                # Forked labs share the folder but not the lock: it appears when it is complete.
                self._folder.mkdir(parents=True, exist_ok=True)
                partial = Path(tempfile.mkdtemp(prefix="partial-", dir=self._folder))
                for archive in archives:
                    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
                        opened.extractall(partial)
                _move_into_place(partial, folder)
        return folder


def _move_into_place(partial: Path, folder: Path) -> None:
    """Give a complete folder its name, unless another process was faster with the same one."""
    partial.chmod(0o755)
    try:
        partial.rename(folder)
    except OSError:
        if not folder.exists():
            raise
        shutil.rmtree(partial, ignore_errors=True)


def unzipped_size(archive: bytes) -> int:
    """Return the unzipped size of an archive in bytes.

    Raises:
        zipfile.BadZipFile: if it is not an archive.
    """
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return sum(entry.file_size for entry in opened.infolist())


def _origin(name: str) -> Path:
    """Return the folder or file of a top-level module in this environment.

    Raises:
        ModuleNotFoundError: if the development requirements are not installed.
    """
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(
            f"the function runtime needs {name}; install requirements/dev.txt"
        )
    origin = Path(spec.origin)
    return origin.parent if origin.name == "__init__.py" else origin
