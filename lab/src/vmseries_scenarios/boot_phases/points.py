"""The points: where a firewall leaves, why, and what must become of its license."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from vmseries_lab.core.assumptions import ASSUMPTIONS

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
    UNIDENTIFIED = "registered, not identified"
    OUT_OF_SYNC = "identified, not in sync"
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


DEAD = ASSUMPTIONS["batch-license-disconnected"].answers
"""What Panorama may do if it has to return the license of a dead firewall, the worst first."""
RETURNS = "returned"


def answers(way: Way, *, dead: bool) -> tuple[str, ...]:
    """Return the answers of which one decides what becomes of a license that Panorama returns.

    Nothing settles whether Panorama returns the license of a firewall that is not connected. The
    plugin does, and a firewall that only answers itself cannot.
    """
    return DEAD if dead and way in (Way.PANORAMA, Way.BOTH) else DEAD[:1]


@dataclass(frozen=True)
class Point:
    """One firewall that leaves.

    Attributes:
        way: How its license is returned.
        phase: The phase of its boot in which it leaves.
        cause: Why it leaves.
        dead: What Panorama does if it has to return the license of a dead firewall.
    """

    way: Way
    phase: Phase
    cause: Cause
    dead: str = DEAD[0]

    def __str__(self) -> str:
        answer = f" ({self.dead})" if len(_answers(self.way, self.phase, self.cause)) > 1 else ""
        return f"{self.way}: {self.phase}, {self.cause}{answer}"

    @property
    def expected(self) -> Result:
        """What must become of the license.

        Nobody can ask for the license of a firewall that died before Panorama listed its serial
        number, or that only its own API could return, or that Panorama refuses to return. The
        plugin's list, which has addresses, could show that a firewall has no license, but its
        answer may have no list if it is empty.
        """
        if self.phase is Phase.BARE:
            # Nothing shows any more whether an instance that is gone had a management interface.
            gone = self.cause is Cause.FAILURE
            return Result.POSSIBLY if gone else Result.NONE_TAKEN
        if self.cause is not Cause.FAILURE:
            return Result.RETURNED
        if self.phase is Phase.UNLICENSED:
            return Result.POSSIBLY
        if self.phase is Phase.UNREGISTERED:
            return Result.REPORTED
        return Result.RETURNED if returns_dead(self.way, self.dead) else Result.REPORTED

    def boot(self) -> dict[str, float]:
        """Return the times of the boot that keep the firewall in its phase until it has left."""
        late = LATE_AFTER_ABANDON if self.cause is Cause.ABANDON else LATE
        stages = ["bootstrap", "license", "register", "content"]
        times = dict(zip(stages, (60.0, 120.0, 180.0, 240.0), strict=True))
        next_stage = {
            Phase.UNLICENSED: "register" if self.way is Way.PLUGIN else "license",
            Phase.UNREGISTERED: "register",
            Phase.UNIDENTIFIED: "content",
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
                if _exists(way, phase, cause):
                    for dead in _answers(way, phase, cause):
                        yield Point(way, phase, cause, dead)


def returns_dead(way: Way, dead: str) -> bool:
    """Return whether the license of a dead firewall that Panorama knows can be returned."""
    if way is Way.PLUGIN:
        return True
    return way is not Way.DIRECT and dead == RETURNS


def _answers(way: Way, phase: Phase, cause: Cause) -> tuple[str, ...]:
    known = phase in (Phase.UNIDENTIFIED, Phase.OUT_OF_SYNC, Phase.IN_SERVICE)
    return answers(way, dead=cause is Cause.FAILURE and known)


def _exists(way: Way, phase: Phase, cause: Cause) -> bool:
    if phase is Phase.IN_SERVICE:
        return cause is not Cause.ABANDON
    if phase is Phase.UNREGISTERED:
        # The plugin licenses a firewall when it registers.
        return way is not Way.PLUGIN
    if phase is Phase.UNIDENTIFIED:
        # The next visit identifies a firewall that stays.
        return way is not Way.DIRECT and cause is not Cause.ABANDON
    # Without Panorama, nothing is in sync.
    return phase is not Phase.OUT_OF_SYNC or way is not Way.DIRECT
