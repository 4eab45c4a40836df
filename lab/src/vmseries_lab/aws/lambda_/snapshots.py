"""Processes that have loaded a function, to be copied for its workers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from vmseries_lab.aws.lambda_.code_packages import Uploads
from vmseries_lab.aws.lambda_.configuration import find_function
from vmseries_lab.aws.lambda_.environment_variables import loading_environment
from vmseries_lab.aws.lambda_.snapshot_process import Template


class Templates:
    """The templates of functions, by what is loaded."""

    def __init__(self, uploads: Uploads) -> None:
        self._uploads = uploads
        self._templates: dict[tuple[Path, Path, str], Template] = {}

    def keep(self, name: str, modules: Iterable[str] = (), services: Iterable[str] = ()) -> None:
        """Let the workers of a function be copies of one process that has loaded it already.

        Args:
            name: the function's.
            modules: what to load besides the handler.
            services: of AWS, whose models the SDK is to have read.
        """
        function = find_function(name)
        task_root, layers = self._uploads.of(function)
        self._templates[task_root, layers, function.handler] = Template(
            self._uploads.folder,
            (task_root, layers, self._uploads.runtime()),
            loading_environment(function),
            modules,
            services,
        )

    def of(self, task_root: Path, layers: Path, handler: str) -> Template | None:
        """The template of what is unpacked there, if one is kept."""
        return self._templates.get((task_root, layers, handler))

    def end(self) -> None:
        """Have workers start from nothing again."""
        for template in self._templates.values():
            template.stop()
        self._templates.clear()
