"""Panorama: a single one or a high availability pair."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from vmseries_lab.core.world import World
from vmseries_lab.net.certificates import PANORAMA_NAMES, Authority
from vmseries_lab.net.https import HttpsServer, Intercept
from vmseries_lab.panorama import initial_config, references
from vmseries_lab.panorama.administrators import Administrators
from vmseries_lab.panorama.api import Api
from vmseries_lab.panorama.commits import Commits, Pace
from vmseries_lab.panorama.config_store import ConfigStore
from vmseries_lab.panorama.device_licenses import DeviceLicenses
from vmseries_lab.panorama.devices import Devices, Link
from vmseries_lab.panorama.high_availability import CAUSES, Cause, Pair
from vmseries_lab.panorama.jobs import Job, Jobs
from vmseries_lab.panorama.locks import Locks
from vmseries_lab.panorama.peer import Common, Peer
from vmseries_lab.panorama.settings import Settings


class RegistrationRefusedError(Exception):
    """Panorama rejects a firewall."""


class Panorama:
    """One Panorama, standing alone until it is made a pair.

    Attributes:
        peers: the primary one first.
        pair: what makes two of them a pair.
    """

    def __init__(self, world: World, authority: Authority) -> None:
        self.world = world
        self.vm_auth_keys = {initial_config.VM_AUTH_KEY}
        accounts = Administrators(
            initial_config.AUTOSCALE,
            initial_config.SECOND,
            initial_config.OPERATOR,
            initial_config.READER,
        )
        self._common = Common(world, authority, accounts)
        store = ConfigStore(initial_config.configuration())
        self.peers = [Peer(self._common, PANORAMA_NAMES[0], "primary", store)]
        self.pair: Pair | None = None

    # Peers.

    @property
    def active(self) -> Peer | None:
        """The peer that accepts changes, if any."""
        return self.pair.active if self.pair else self.peers[0]

    @property
    def leading(self) -> Peer:
        """The active peer, or the last active one."""
        return self.pair.leading if self.pair else self.peers[0]

    @property
    def store(self) -> ConfigStore:
        """The leading peer's configuration."""
        return self.leading.store

    @property
    def jobs(self) -> Jobs:
        """The leading peer's jobs."""
        return self.leading.jobs

    @property
    def locks(self) -> Locks:
        """The leading peer's locks."""
        return self.leading.locks

    @property
    def commits(self) -> Commits:
        """The leading peer's commits."""
        return self.leading.commits

    @property
    def licenses(self) -> DeviceLicenses:
        """The leading peer's license commands."""
        return self.leading.licenses

    @property
    def devices(self) -> Devices:
        """The firewalls, which are connected to both peers."""
        return self._common.devices

    @property
    def settings(self) -> Settings:
        """Settings of both peers."""
        return self._common.settings

    @property
    def pace(self) -> Pace:
        """How long jobs take."""
        return self._common.pace

    @property
    def api(self) -> Api:
        """The primary peer's API. Commands added here are available on both peers."""
        return self.peers[0].api

    @property
    def server(self) -> HttpsServer:
        """The primary peer's server."""
        return self.peers[0].server

    @property
    def reachable(self) -> bool:
        """Whether firewalls can open and keep connections to an active Panorama."""
        return self.active is not None and self.active.answers

    # High availability.

    def make_pair(self) -> None:
        """Add a second, passive peer. A second call does nothing."""
        with self.world.lock:
            if self.pair is not None:
                return
            store = ConfigStore(initial_config.configuration())
            second = Peer(self._common, PANORAMA_NAMES[1], "secondary", store)
            self.pair = Pair(self.world, self.peers[0], second, self.pace)
            self.peers.append(second)

    def fail_over(self, cause: str = "power") -> None:
        """Let the active peer of the pair fail; see ``high_availability.Pair.fail``.

        Args:
            cause: ``power``, ``suspended`` or ``non-functional``.

        Raises:
            ValueError: if there is no pair, no active peer, or no such cause.
        """
        causes: dict[str, Cause] = {known: known for known in CAUSES}
        if self.pair is None or self.pair.active is None or cause not in causes:
            raise ValueError(f"no active peer of a pair can fail by {cause!r}")
        with self.world.lock:
            self.pair.fail(self.pair.active, causes[cause])

    def state(self) -> dict[str, Any]:
        """The peers and their states, JSON-ready."""
        active = self.active
        return {
            "active": active.host if active else None,
            "peers": {peer.host: f"{peer.priority}-{peer.state}" for peer in self.peers},
            "most_requests_at_once": max(peer.server.most_at_once for peer in self.peers),
        }

    def intercept(self, intercept: Intercept) -> None:
        """Install a hook that sees each request and may break it."""
        self._common.intercept = intercept

    def start(self) -> None:
        """Serve again, at other ports."""
        for peer in self.peers:
            peer.start()

    def stop(self) -> None:
        """Stop serving, until :meth:`start`."""
        for peer in self.peers:
            peer.server.stop()

    def close(self) -> None:
        """Stop serving for good."""
        for peer in self.peers:
            peer.server.close()

    # Firewalls.

    def register(
        self, link: Link, auth_key: str, *, group: str | None, stack: str | None, logs: str | None
    ) -> None:
        """Register a new firewall: as a managed device, and in the groups that it names.

        The membership appears in the candidate and in the running configuration, without a commit
        by anybody (Palo Alto Networks, VM-Series Deployment Guide: "Bootstrap the VM-Series
        Firewall", "init-cfg.txt File Components").

        Raises:
            RegistrationRefusedError: if the key is not valid.
        """
        if auth_key not in self.vm_auth_keys:
            raise RegistrationRefusedError("the vm-auth-key is not valid on this Panorama")
        self.take_in(link, group=group, stack=stack, logs=logs)

    def take_in(
        self, link: Link, *, group: str | None, stack: str | None, logs: str | None
    ) -> None:
        """Manage a firewall whose key is valid; see :meth:`register`."""
        member = f"<entry name='{link.serial}'/>"
        self._make(references.MANAGED_DEVICES, member)
        wanted = {"device-group": group, "template-stack": stack, "log-collector-group": logs}
        for container, name in wanted.items():
            if name in references.names(self.store.running, container):
                self._make(references.members_path(container, str(name)), member)
        self.connect(link)

    def _make(self, xpath: str, element: str) -> None:
        """Change the configuration without a commit, on both peers: a firewall joins both."""
        for peer in self.peers:
            if peer.on:
                peer.store.make(xpath, element)

    def connect(self, link: Link) -> None:
        """A managed firewall opens its connection."""
        self.devices.connect(link, self.world.clock.now())
        self.note("device-connected", link.serial, hostname=link.hostname)

    def disconnect(self, serial: str) -> None:
        """A firewall's connection ends."""
        if self.devices.disconnect(serial):
            self.note("device-disconnected", serial)

    def is_managed(self, serial: str) -> bool:
        """Whether the running configuration has this device."""
        return serial in references.managed(self.store.running)

    def push(self, serials: Iterable[str], after: Job | None = None, user: str = "") -> Job | None:
        """Push to devices on Panorama's own account or an operator's, if there is an active one."""
        if self.active is None:
            return None
        chosen = list(serials)
        now = self.world.clock.now()
        return self.commits.push(lambda: chosen, user, now, after)

    def connected_serials(self) -> list[str]:
        """Serial numbers of the managed firewalls that are connected."""
        managed = references.managed(self.store.running)
        return [serial for serial in managed if self.devices.connected(serial)]

    # Time.

    def tick(self, now: float) -> None:
        """Advance the jobs."""
        for peer in self.peers:
            for job in peer.jobs.tick(now):
                self._ended(peer, job)
        if self.pair is not None:
            former = self.pair.active
            self.pair.tick(now)
            if self.pair.active not in (None, former):
                self._push_for_the_first_time()

    def _ended(self, peer: Peer, job: Job) -> None:
        if job.kind == "Commit":
            self.note("commit-finished", str(job.number), user=job.user, result=job.outcome)
            peer.locks.committed(job.user)
            if peer is self.active:
                self._cut_off()
        for serial, _, ok, _ in job.report.devices:
            if ok:
                self.note("device-in-sync", serial)

    def _cut_off(self) -> None:
        """End the connections of devices that are not managed any more."""
        for serial in self.devices.serials():
            if not self.is_managed(serial):
                self.disconnect(serial)
                self.devices.forget(serial)

    def _push_for_the_first_time(self) -> None:
        """Push to firewalls that never got a configuration: their pushes died with the other peer.

        Template stacks: "automatically push content when software device registers".
        """
        new = [serial for serial in self.connected_serials() if not self.devices.pushed(serial)]
        if new:
            self.push(new)

    def note(self, kind: str, subject: str, **detail: Any) -> None:
        """Add an entry to the timeline."""
        self.world.timeline.add("panorama", kind, subject, **detail)
