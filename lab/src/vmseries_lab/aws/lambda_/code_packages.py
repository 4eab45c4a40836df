"""What was uploaded, unpacked: the archives of functions, and their layers."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from vmseries_lab.aws.lambda_.package_contents import Packages


class Uploads:
    """The code that functions are made of, in a folder of the lab's own.

    Attributes:
        folder: everything is in it.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="vmseries-lab-functions-"))
        self._packages = Packages(self.folder)
        self._layers: dict[str, bytes] = {}

    def keep_layer(self, version: Any) -> None:
        """Keep a layer version's content.

        "When you delete a layer version, functions that use it continue to run" (Developer Guide,
        "Managing layers").
        """
        self._layers[version.arn] = version.code_bytes

    def of(self, function: Any) -> tuple[Path, Path]:
        """Where the function is unpacked, and where its layers are."""
        layers = [self._layers[layer["Arn"]] for layer in function.layers]
        return self._packages.task_root(function.code_bytes), self._packages.layers(layers)

    def runtime(self) -> Path:
        """Where the packages are that Lambda's runtime brings."""
        return self._packages.runtime()

    def remove(self) -> None:
        """Remove what was unpacked."""
        shutil.rmtree(self.folder, ignore_errors=True)
