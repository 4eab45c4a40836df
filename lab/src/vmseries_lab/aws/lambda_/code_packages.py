"""The unpacked archives of functions and layers."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from vmseries_lab.aws.lambda_.package_contents import Packages


class CodePackages:
    """The unpacked code of functions, in a temporary folder.

    Attributes:
        folder: folder of all unpacked archives.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="vmseries-lab-functions-"))
        self._packages = Packages(self.folder)
        self._layers: dict[str, bytes] = {}

    def keep_layer(self, version: Any) -> None:
        """Keep the content of a layer version.

        "When you delete a layer version, functions that use it continue to run" (Developer Guide,
        "Managing layers").
        """
        self._layers[version.arn] = version.code_bytes

    def unpack(self, function: Any) -> tuple[Path, Path]:
        """Unpack a function and its layers; return the two folders."""
        layers = [self._layers[layer["Arn"]] for layer in function.layers]
        return self._packages.task_root(function.code_bytes), self._packages.layers(layers)

    def runtime(self) -> Path:
        """Return the folder of the packages that Lambda's runtime contains."""
        return self._packages.runtime()

    def remove(self) -> None:
        """Delete all unpacked archives."""
        shutil.rmtree(self.folder, ignore_errors=True)
