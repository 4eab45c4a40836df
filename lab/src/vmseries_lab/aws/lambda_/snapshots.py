"""Snapshots of functions: processes that have loaded a function and are forked for workers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from vmseries_lab.aws.lambda_.code_packages import CodePackages
from vmseries_lab.aws.lambda_.configuration import find_function
from vmseries_lab.aws.lambda_.environment_variables import loading_environment
from vmseries_lab.aws.lambda_.snapshot_process import SnapshotProcess


class Snapshots:
    """The templates of functions, by archive, layers and handler."""

    def __init__(self, uploads: CodePackages) -> None:
        self._uploads = uploads
        self._snapshots: dict[tuple[Path, Path, str], SnapshotProcess] = {}

    def keep(self, name: str, modules: Iterable[str] = (), services: Iterable[str] = ()) -> None:
        """Start a snapshot of a function, from which its workers are forked.

        Args:
            name: name of the function.
            modules: modules to import besides the handler.
            services: AWS services whose models the SDK loads.
        """
        function = find_function(name)
        task_root, layers = self._uploads.unpack(function)
        self._snapshots[task_root, layers, function.handler] = SnapshotProcess(
            self._uploads.folder,
            (task_root, layers, self._uploads.runtime()),
            loading_environment(function),
            modules,
            services,
        )

    def find(self, task_root: Path, layers: Path, handler: str) -> SnapshotProcess | None:
        """Return the snapshot of a function, ``None`` if there is none."""
        return self._snapshots.get((task_root, layers, handler))

    def end(self) -> None:
        """End all snapshots; workers start without them again."""
        for snapshot in self._snapshots.values():
            snapshot.stop()
        self._snapshots.clear()
