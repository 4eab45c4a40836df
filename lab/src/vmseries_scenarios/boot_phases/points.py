"""The points: where a firewall leaves, why, and what must become of its license."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

MINUTE = 60.0
LAUNCH_MINUTES = 30.0
"""The launch deadline of the root module."""
LATE = 20 * MINUTE
"""When the next phase begins after a firewall has left: it still boots while it is held."""
LATE_AFTER_ABANDON = (LAUNCH_MINUTES + 8) * MINUTE
"""The same for a launch that is abandoned in its phase."""


class Way(StrEnum):
    """The ways in which licenses are returned: the deployments of the root module."""

    PANORAMA = "panorama"
    BOTH = "both"
    PLUGIN = "plugin"
    DIRECT = "direct"


class Phase(StrEnum):
    """The phases of a boot."""

    BARE = "before its management interface"
    UNLICENSED = "before licensed"
    UNREGISTERED = "licensed, not registered"
    OUT_OF_SYNC = "registered, not in sync"
    IN_SERVICE = "in service"


class Cause(StrEnum):
    """The reasons for which a firewall leaves."""

    SCALE_IN = "scale-in"
    DESTROY = "destroy"
    FAILURE = "failure"
    ABANDON = "abandoned"


class Result(StrEnum):
    """What must become of the license."""

    RETURNED = "returned"
    NONE_TAKEN = "none taken"
    REPORTED = "reported as not returned"
    POSSIBLY = "none taken, reported as possibly not returned"


@dataclass(frozen=True)
class Point:
    """One firewall that leaves."""

    way: Way
    phase: Phase
    cause: Cause

    def __str__(self) -> str:
        return f"{self.way}: {self.phase}, {self.cause}"

    @property
    def expected(self) -> Result:
        """What must become of the license.

        Nobody can ask for the license of a firewall that died before anybody knew its serial
        number, or that only its own API could return. The plugin's list, which has addresses, could
        show that a firewall has no license, but its answer may have no list if it is empty.
        """
        if self.phase is Phase.BARE:
            # Nothing shows any more whether an instance that is gone had a management interface.
            gone = self.cause is Cause.FAILURE
            return Result.POSSIBLY if gone else Result.NONE_TAKEN
        if self.cause is not Cause.FAILURE:
            return Result.RETURNED
        if self.phase is Phase.UNLICENSED:
            return Result.POSSIBLY
        unknown = self.phase is Phase.UNREGISTERED
        return Result.REPORTED if self.way is Way.DIRECT or unknown else Result.RETURNED

    def boot(self) -> dict[str, float]:
        """Return the times of the boot that keep the firewall in its phase until it has left."""
        late = LATE_AFTER_ABANDON if self.cause is Cause.ABANDON else LATE
        stages = ["bootstrap", "license", "register", "content"]
        times = dict(zip(stages, (60.0, 120.0, 180.0, 240.0), strict=True))
        next_stage = {
            Phase.UNLICENSED: "register" if self.way is Way.PLUGIN else "license",
            Phase.UNREGISTERED: "register",
            Phase.OUT_OF_SYNC: "content",
        }.get(self.phase)
        if next_stage is not None:
            for number, stage in enumerate(stages[stages.index(next_stage) :]):
                times[stage] = late + number * MINUTE
        return times


def points() -> Iterator[Point]:
    """Yield all points."""
    for way in Way:
        for phase in Phase:
            for cause in Cause:
                point = Point(way, phase, cause)
                if _exists(point):
                    yield point


def _exists(point: Point) -> bool:
    if point.phase is Phase.IN_SERVICE:
        return point.cause is not Cause.ABANDON
    if point.phase is Phase.UNREGISTERED:
        # The plugin licenses a firewall when it registers.
        return point.way is not Way.PLUGIN
    # Without Panorama, nothing is in sync.
    return point.phase is not Phase.OUT_OF_SYNC or point.way is not Way.DIRECT
