"""Functions with a defect that the matrix must detect."""

from __future__ import annotations

from vmseries_scenarios.changed_archive import Change, changed_archive
from vmseries_scenarios.crash_matrix.forkable_lab import ForkableLab
from vmseries_scenarios.crash_matrix.matrix import Point
from vmseries_scenarios.crash_matrix.scenarios import LaunchTwoArm


class Mutant(LaunchTwoArm):
    """A launch with a function whose source is changed.

    Attributes:
        change: The change.
    """

    change = Change(
        "vmseries_autoscale/aws/network/describe.py",
        'for description in response["Addresses"]:',
        'for description in filter(lambda item: "AssociationId" in item, response["Addresses"]):',
    )

    name = "allocates without looking"

    def prepare(self, lab: ForkableLab) -> None:
        """Prepare the launch, and deploy the changed function."""
        super().prepare(lab)
        lab.client("lambda").update_function_code(
            FunctionName=self.function_name, ZipFile=changed_archive(self.change)
        )

    def cannot_survive(self, point: Point) -> bool:
        """Return whether the mutant must fail at a point."""
        return point.call.action == "AllocateAddress" and point.fault == "killed after"


ALLOCATES_WITHOUT_LOOKING = Mutant()
"""Does not see the address that a killed run has allocated, and allocates another one."""
