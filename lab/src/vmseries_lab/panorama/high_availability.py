"""A high availability pair: states of the peers, failover and synchronization.

Palo Alto Networks, Panorama Administrator's Guide, "Panorama High Availability": one peer is active
and one passive. The priority of a peer (primary or secondary) is fixed; its state changes. See
"Priority and Failover on Panorama in HA", "Synchronization Between Panorama HA Peers", "Failover
Triggers".

* After each commit, a job on the passive peer synchronizes the running configuration. A commit is
  lost if the active peer loses power before that job has finished. "Only committed configurations
  synchronize between HA peers. Any configuration in the commit queue at the time of an HA sync will
  not be synchronized." (PAN-OS Administrator's Guide, "Reference: HA Synchronization")
* The candidate configuration is synchronized when it is saved on the active peer, which does not
  happen in the lab, and just before a failover, that is, when the active peer is suspended. If the
  active peer loses power, its candidate is lost.
* Each peer has its own jobs and locks. A peer that lost power has no jobs when it is restored.
* Preemption is disabled, which is the default: a restored peer is passive and adopts the
  configuration of the active peer.
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
    """The two peers of a high availability pair.

    Attributes:
        peers: primary and secondary peer.
        leading: active peer, or the last active one.
    """

    def __init__(self, world: World, primary: Peer, secondary: Peer, pace: Pace) -> None:
        self.peers = (primary, secondary)
        self.leading = primary
        self._world = world
        self._pace = pace
        self._alone_since: float | None = None
        self._synchronizing = False
        secondary.take_over(primary)
        self._synchronized = primary.store.version
        for peer in self.peers:
            peer.commands.update(self._handlers(peer))

    @property
    def active(self) -> Peer | None:
        """The active peer, ``None`` if there is none."""
        return next((peer for peer in self.peers if peer.state == "active"), None)

    def other(self, peer: Peer) -> Peer:
        """Return the other peer of the pair."""
        return self.peers[1] if peer is self.peers[0] else self.peers[0]

    # Failover and synchronization.

    def fail(self, peer: Peer, cause: Cause) -> None:
        """Let a peer fail.

        If the active peer fails, the other peer takes over: at once if the active peer is
        suspended, otherwise after ``Pace.failover_seconds``.

        Args:
            peer: the peer.
            cause: it loses power, an administrator suspends it, or its path monitoring fails.
        """
        was_active = peer.state == "active"
        if cause == "power":
            self._synchronizing = self._synchronizing and was_active
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
        """Restore a failed peer as passive; no effect on an active or passive peer."""
        if peer.state in ("active", "passive"):
            return
        peer.power_on()
        self._synchronized = -1
        self._note("panorama-restored", peer.host)
        if self.active is None and self.other(peer).state != "passive":
            self._alone_since = self._world.clock.now()

    def tick(self, now: float) -> None:
        """Fail over if no peer is active, and synchronize the passive peer."""
        if self.active is None:
            candidates = [peer for peer in self.peers if peer.state == "passive"]
            since = self._alone_since if self._alone_since is not None else now
            if candidates and now >= since + self._pace.failover_seconds:
                self._promote(candidates[0])
        self._synchronize(now)

    def _promote(self, peer: Peer) -> None:
        peer.state = "active"
        self.leading = peer
        self._alone_since = None
        self._synchronized = -1
        self._note("panorama-active", peer.host)

    def _synchronize(self, now: float) -> None:
        """Start a job on the passive peer if its configuration is not that of the active peer."""
        active = self.active
        if active is None or self._synchronizing or self._synchronized == active.store.version:
            return
        passive = self.other(active)
        if passive.state != "passive":
            return
        self._synchronizing = True
        passive.jobs.add(
            "HA-Sync",
            "",
            now,
            lambda: self._pace.sync_seconds,
            lambda: self._finish_synchronization(active, passive),
        )

    def _finish_synchronization(self, active: Peer, passive: Peer) -> Report:
        self._synchronizing = False
        if active.state != "active" or passive.state != "passive":
            return Report((SYNC_FAILED,), ok=False)
        passive.take_over(active)
        self._synchronized = active.store.version
        return Report(("HA synchronization completed successfully",))

    # Operational commands.

    def _handlers(self, peer: Peer) -> dict[str, Handler]:
        return {
            "show/high-availability/state": lambda _command, _user: self._state(peer),
            "request/high-availability/state/suspend": lambda _command, _user: self._suspend(peer),
            "request/high-availability/state/functional": (
                lambda _command, _user: self._functional(peer)
            ),
        }

    def _state(self, peer: Peer) -> Element:
        """Answer ``show high-availability state``.

        It has the elements that pan-os-python and the vendor's own functions read.
        """
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
            leaf("running-sync", self._synchronization_state()),
            leaf("running-sync-enabled", "yes"),
        )

    def _synchronization_state(self) -> str:
        active = self.active
        if active is not None and active.store.version == self._synchronized:
            return "synchronized"
        return "synchronization in progress" if self._synchronizing else "not synchronized"

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
    """Return the state as ``show high-availability state`` prints it."""
    return f"{peer.priority}-{peer.state}" if peer.on else "unknown"
