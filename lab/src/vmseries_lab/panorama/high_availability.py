"""Two Panoramas as a high availability pair: who is active, and what the other one knows.

Palo Alto Networks, Panorama Administrator's Guide, "Panorama High Availability": one peer is active
and one passive; priority (primary or secondary) never changes, the state does. "Priority and
Failover on Panorama in HA", "Synchronization Between Panorama HA Peers", "Failover Triggers".

* The running configuration is synchronised after each commit, by a job on the passive peer that
  takes a while. What the active peer committed and lost its power before that is not there on the
  other one. "Only committed configurations synchronize between HA peers. Any configuration in the
  commit queue at the time of an HA sync will not be synchronized." (PAN-OS Administrator's Guide,
  "Reference: HA Synchronization")
* The candidate configuration is synchronised when it is saved on the active peer, which nobody in
  the lab does, and just before a failover: that is, when the active peer is suspended. One that
  dies takes its candidate with it.
* Jobs and locks are a peer's own. A peer that lost its power has no jobs when it comes back.
* Preemption is off, as it is by default: a peer that comes back is passive, and takes over the
  configuration of the active one.
"""

from __future__ import annotations

from typing import Literal, get_args
from xml.etree.ElementTree import Element, SubElement

from vmseries_lab.core.world import World
from vmseries_lab.panorama.commits import Pace
from vmseries_lab.panorama.jobs import Report
from vmseries_lab.panorama.op_commands import Handler
from vmseries_lab.panorama.peer import Peer
from vmseries_lab.panorama.responses import ApiError, leaf, result

Cause = Literal["power", "suspended", "non-functional"]
CAUSES: tuple[Cause, ...] = get_args(Cause)
SYNC_FAILED = "Failed to synchronize running configuration with HA peer"


class Pair:
    """The two peers.

    Attributes:
        leading: the active one, or the one that was active last.
    """

    def __init__(self, world: World, primary: Peer, secondary: Peer, pace: Pace) -> None:
        self.peers = (primary, secondary)
        self.leading = primary
        self._world = world
        self._pace = pace
        self._alone_since: float | None = None
        self._synchronising = False
        secondary.take_over(primary)
        self._synchronised = primary.store.version
        for peer in self.peers:
            peer.commands.update(self._handlers(peer))

    @property
    def active(self) -> Peer | None:
        """The active peer, if there is one."""
        return next((peer for peer in self.peers if peer.state == "active"), None)

    def other(self, peer: Peer) -> Peer:
        """The one that ``peer`` is paired with."""
        return self.peers[1] if peer is self.peers[0] else self.peers[0]

    # What happens to the peers.

    def fail(self, peer: Peer, cause: Cause) -> None:
        """Let a peer lose its power, be suspended by an administrator, or fail its path monitoring.

        Of the active peer, the other one takes over: at once from one that is suspended, after the
        time that it takes to miss it otherwise.
        """
        was_active = peer.state == "active"
        if cause == "power":
            self._synchronising = self._synchronising and was_active
            for job in peer.power_off():
                self._note("job-lost", str(job), host=peer.host)
        else:
            peer.state = cause
        self._note("panorama-failed", peer.host, cause=cause)
        if not was_active:
            return
        other = self.other(peer)
        if cause == "suspended" and other.state == "passive":
            other.take_over(peer, with_candidate=True)
            self._promote(other)
        else:
            self._alone_since = self._world.clock.now()

    def restore(self, peer: Peer) -> None:
        """Let a peer that failed be there again. One that is there stays what it is."""
        if peer.state in ("active", "passive"):
            return
        peer.power_on()
        self._synchronised = -1
        self._note("panorama-restored", peer.host)
        if self.active is None and self.other(peer).state != "passive":
            self._alone_since = self._world.clock.now()

    def tick(self, now: float) -> None:
        """Take over where nobody is active, and keep the passive peer in step."""
        if self.active is None:
            candidates = [peer for peer in self.peers if peer.state == "passive"]
            since = self._alone_since if self._alone_since is not None else now
            if candidates and now >= since + self._pace.failover_seconds:
                self._promote(candidates[0])
        self._synchronise(now)

    def _promote(self, peer: Peer) -> None:
        peer.state = "active"
        self.leading = peer
        self._alone_since = None
        self._synchronised = -1
        self._note("panorama-active", peer.host)

    def _synchronise(self, now: float) -> None:
        """Begin a job on the passive peer if the active one has another configuration."""
        active = self.active
        if active is None or self._synchronising or self._synchronised == active.store.version:
            return
        passive = self.other(active)
        if passive.state != "passive":
            return
        self._synchronising = True
        passive.jobs.add(
            "HA-Sync",
            "",
            now,
            lambda: self._pace.sync_seconds,
            lambda: self._end_of_sync(active, passive),
        )

    def _end_of_sync(self, active: Peer, passive: Peer) -> Report:
        self._synchronising = False
        if active.state != "active" or passive.state != "passive":
            return Report((SYNC_FAILED,), ok=False)
        passive.take_over(active)
        self._synchronised = active.store.version
        return Report(("HA synchronization completed successfully",))

    # What the peers say of it.

    def _handlers(self, peer: Peer) -> dict[str, Handler]:
        return {
            "show/high-availability/state": lambda _command, _user: self._state(peer),
            "request/high-availability/state/suspend": lambda _command, _user: self._suspend(peer),
            "request/high-availability/state/functional": (
                lambda _command, _user: self._functional(peer)
            ),
        }

    def _state(self, peer: Peer) -> Element:
        """The elements that pan-os-python and the vendor's own functions read."""
        other = self.other(peer)
        enabled = leaf("enabled", "yes")
        local = Element("local-info")
        local.append(leaf("mode", "Active-Passive"))
        local.append(leaf("state", shown(peer)))
        local.append(leaf("priority", peer.priority))
        local.append(leaf("preemptive", "no"))
        local.append(leaf("mgmt-ip", peer.address))
        remote = Element("peer-info")
        remote.append(leaf("conn-status", "up" if other.on else "down"))
        control = SubElement(remote, "conn-ha1")
        control.append(leaf("conn-status", "up" if other.on else "down"))
        remote.append(leaf("state", shown(other)))
        remote.append(leaf("priority", other.priority))
        remote.append(leaf("mgmt-ip", other.address))
        return result(
            enabled,
            local,
            remote,
            leaf("running-sync", self._progress()),
            leaf("running-sync-enabled", "yes"),
        )

    def _progress(self) -> str:
        active = self.active
        if active is not None and active.store.version == self._synchronised:
            return "synchronized"
        return "synchronization in progress" if self._synchronising else "not synchronized"

    def _suspend(self, peer: Peer) -> Element:
        if peer.state not in ("active", "passive"):
            raise ApiError("Local device is not in a state that can be suspended", code=14)
        self.fail(peer, "suspended")
        return result(text="Successfully changed HA state to suspended")

    def _functional(self, peer: Peer) -> Element:
        self.restore(peer)
        return result(text="Successfully changed HA state to functional")

    def _note(self, kind: str, subject: str, **detail: str) -> None:
        self._world.timeline.add("panorama", kind, subject, **detail)


def shown(peer: Peer) -> str:
    """The state as ``show high-availability state`` words it."""
    return f"{peer.priority}-{peer.state}" if peer.on else "unknown"
