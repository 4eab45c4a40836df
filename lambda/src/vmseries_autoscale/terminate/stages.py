"""The stages of a termination and their deadlines."""

from __future__ import annotations

from enum import IntEnum

GRACE_SECONDS = 600
"""Time from the deadline of one stage to that of the next: enough for a commit and a detach.
Draining has the same deadline as the license, which is more important than draining."""


class Stage(IntEnum):
    """The stages of a termination that have a deadline, in order."""

    DRAIN = 0
    RETURN_LICENSE = 1
    REMOVE_FROM_PANORAMA = 2
    RELEASE_NETWORK = 3

    def deadline_seconds(self, first: float) -> float:
        """The age at which the stage is skipped, if the first stage is skipped at ``first``."""
        return first + max(0, self - Stage.RETURN_LICENSE) * GRACE_SECONDS
