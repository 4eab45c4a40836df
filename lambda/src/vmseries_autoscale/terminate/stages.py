"""The stages of a termination and their deadlines."""

from __future__ import annotations

from enum import IntEnum

GRACE_SECONDS = 600
"""Time between the deadlines of two stages: enough for a commit. The license return has the same
deadline as draining, but is more important."""


class Stage(IntEnum):
    """The stages of a termination that have a deadline, in order."""

    DRAIN = 0
    RETURN_LICENSE = 1
    REMOVE_FROM_PANORAMA = 2

    def deadline_seconds(self, first: float) -> float:
        """Return the age in seconds at which the stage is skipped.

        Args:
            first: Age in seconds at which the first stage is skipped.
        """
        return first + max(0, self - Stage.RETURN_LICENSE) * GRACE_SECONDS
