"""Functions with one thing wrong in them: what the matrix has to notice."""

from __future__ import annotations

import io
import zipfile

from vmseries_scenarios.crash_matrix.matrix import Point
from vmseries_scenarios.crash_matrix.scenarios import LaunchTwoArm
from vmseries_scenarios.crash_matrix.stage import Stage
from vmseries_scenarios.deployment import REPOSITORY

ARCHIVE = REPOSITORY / "lambda" / "dist" / "functions.zip"


class Mutant(LaunchTwoArm):
    """A launch by a function whose source was changed.

    Attributes:
        module: path in the archive.
        before: text that is there once.
        after: what takes its place.
    """

    module = "vmseries_autoscale/aws/network/describe.py"
    before = 'for description in response["Addresses"]:'
    after = (
        'for description in filter(lambda item: "AssociationId" in item, response["Addresses"]):'
    )

    name = "allocates without looking"

    def prepare(self, stage: Stage) -> None:
        """Prepare the launch, and deploy the changed function."""
        super().prepare(stage)
        stage.client("lambda").update_function_code(FunctionName=self.role, ZipFile=self._archive())

    def cannot_survive(self, point: Point) -> bool:
        """Whether the mutant has to fail here."""
        return point.call.action == "AllocateAddress" and point.fault == "killed after"

    def _archive(self) -> bytes:
        """The committed archive with the change.

        Raises:
            ValueError: if the text is not there once: the mutant has to be written anew.
        """
        changed = io.BytesIO()
        with zipfile.ZipFile(ARCHIVE) as original, zipfile.ZipFile(changed, "w") as archive:
            for entry in original.infolist():
                content = original.read(entry)
                if entry.filename == self.module:
                    if content.count(self.before.encode()) != 1:
                        raise ValueError(f"{self.module} does not have once: {self.before}")
                    content = content.replace(self.before.encode(), self.after.encode())
                archive.writestr(entry, content)
        return changed.getvalue()


ALLOCATES_WITHOUT_LOOKING = Mutant()
"""Does not see the address that a run which died has allocated, and allocates another one."""
