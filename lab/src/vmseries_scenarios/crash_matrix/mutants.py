"""Functions with a defect that the matrix must detect."""

from __future__ import annotations

import io
import zipfile

from vmseries_scenarios.crash_matrix.forkable_lab import ForkableLab
from vmseries_scenarios.crash_matrix.matrix import Point
from vmseries_scenarios.crash_matrix.scenarios import LaunchTwoArm
from vmseries_scenarios.deployment import REPOSITORY

ARCHIVE = REPOSITORY / "lambda" / "dist" / "functions.zip"


class Mutant(LaunchTwoArm):
    """A launch with a function whose source is changed.

    Attributes:
        module: Path in the archive.
        before: Text that the module has once.
        after: Its replacement.
    """

    module = "vmseries_autoscale/aws/network/describe.py"
    before = 'for description in response["Addresses"]:'
    after = (
        'for description in filter(lambda item: "AssociationId" in item, response["Addresses"]):'
    )

    name = "allocates without looking"

    def prepare(self, lab: ForkableLab) -> None:
        """Prepare the launch, and deploy the changed function."""
        super().prepare(lab)
        lab.client("lambda").update_function_code(FunctionName=self.role, ZipFile=self._archive())

    def cannot_survive(self, point: Point) -> bool:
        """Return whether the mutant must fail at a point."""
        return point.call.action == "AllocateAddress" and point.fault == "killed after"

    def _archive(self) -> bytes:
        """Return the committed archive with the change.

        Raises:
            ValueError: The module does not have the text once: the mutant is out of date.
        """
        changed = io.BytesIO()
        with zipfile.ZipFile(ARCHIVE) as original, zipfile.ZipFile(changed, "w") as archive:
            for entry in original.infolist():
                content = original.read(entry)
                if entry.filename == self.module:
                    if content.count(self.before.encode()) != 1:
                        raise ValueError(f"{self.module} must have this text once: {self.before}")
                    content = content.replace(self.before.encode(), self.after.encode())
                archive.writestr(entry, content)
        return changed.getvalue()


ALLOCATES_WITHOUT_LOOKING = Mutant()
"""Does not see the address that a killed run has allocated, and allocates another one."""
