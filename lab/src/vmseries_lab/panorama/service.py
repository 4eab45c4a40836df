"""Panorama, either a single one or a high availability pair."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from vmseries_lab.core.world import World
from vmseries_lab.licensing_api import Licensing
from vmseries_lab.net.certificates import PANORAMA_NAMES, Authority
from vmseries_lab.net.https import Intercept
from vmseries_lab.panorama import initial_config, references
from vmseries_lab.panorama.administrators import Administrators
from vmseries_lab.panorama.commits import COMMITTED
from vmseries_lab.panorama.config_store import ConfigStore
from vmseries_lab.panorama.devices import Link
from vmseries_lab.panorama.estate import Estate
from vmseries_lab.panorama.high_availability import CAUSES, Cause, Pair
from vmseries_lab.panorama.jobs import Job, Report
from vmseries_lab.panorama.peer import Common, Peer
from vmseries_lab.panorama.vm_auth_keys import VmAuthKeys


class RegistrationRejectedError(Exception):
    """Panorama rejects a firewall."""


class Panorama:
    """One Panorama, or a pair after :meth:`make_pair`.

    Attributes:
        vm_auth_keys: VM auth keys, which both peers have.
        devices: connections of firewalls, which both peers have.
        settings: settings of both peers.
        pace: how long jobs take.
        plugin_commands: handlers that plugins add to the commands of both peers.
        requests: log of the requests to both peers.
        estate: the operator's own firewalls.
        peers: primary peer first. ``leading`` has the current configuration, jobs and locks.
        pair: the pair, ``None`` for a single Panorama.
    """

    def __init__(self, world: World, authority: Authority, licensing: Licensing) -> None:
        self.world = world
        self.vm_auth_keys = VmAuthKeys(world.clock, world.assumptions)
        self.vm_auth_keys.generate(initial_config.VM_AUTH_KEY)
        accounts = Administrators(
            initial_config.AUTOSCALE,
            initial_config.SECOND,
            initial_config.OPERATOR,
            initial_config.READER,
        )
        self._common = Common(world, authority, accounts, licensing)
        self.devices = self._common.devices
        self.settings = self._common.settings
        self.pace = self._common.pace
        self.plugin_commands = self._common.handlers
        self.plugin_commands |= self.vm_auth_keys.handlers()
        store = ConfigStore(initial_config.configuration())
        self.peers = [Peer(self._common, PANORAMA_NAMES[0], "primary", store)]
        self.pair: Pair | None = None
        self.requests = self._common.requests
        self.estate = Estate(self.devices, lambda: self.peers, world.clock.now)

    # Peers.

    @property
    def active(self) -> Peer | None:
        """The peer that accepts changes, ``None`` if there is none."""
        return self.pair.active if self.pair else self.peers[0]

    @property
    def leading(self) -> Peer:
        """The active peer, or the last active one."""
        return self.pair.leading if self.pair else self.peers[0]

    @property
    def reachable(self) -> bool:
        """Whether firewalls can connect to an active Panorama."""
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
        """Let the active peer of the pair fail; see :meth:`high_availability.Pair.fail`.

        Args:
            cause: ``power``, ``suspended`` or ``non-functional``.

        Raises:
            ValueError: if there is no pair or no active peer, or for an unknown cause.
        """
        causes: dict[str, Cause] = {known: known for known in CAUSES}
        if self.pair is None or self.pair.active is None or cause not in causes:
            raise ValueError(f"no active peer of a pair can fail by {cause!r}")
        with self.world.lock:
            self.pair.fail(self.pair.active, causes[cause])

    def state(self) -> dict[str, Any]:
        """Return the active peer and the state of each peer, JSON-ready."""
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
        """Serve again, on new ports."""
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
        """Register a new firewall as a managed device and as a member of the groups that it names.

        The device appears in the candidate and in the running configuration without a commit (Palo
        Alto Networks, VM-Series Deployment Guide: "Bootstrap the VM-Series Firewall", "init-cfg.txt
        File Components").

        Args:
            link: the firewall.
            auth_key: its VM auth key.
            group: device group.
            stack: template stack.
            logs: log collector group.

        Raises:
            RegistrationRejectedError: if the VM auth key is not valid.
        """
        if not self.vm_auth_keys.accepts(auth_key):
            raise RegistrationRejectedError("the vm-auth-key is not valid on this Panorama")
        self.take_in(link, group=group, stack=stack, logs=logs)

    def take_in(
        self, link: Link, *, group: str | None, stack: str | None, logs: str | None
    ) -> None:
        """Add a firewall whose key is valid; see :meth:`register`."""
        member = f"<entry name='{link.serial}'/>"
        self._make(references.MANAGED_DEVICES, member)
        wanted = {"device-group": group, "template-stack": stack, "log-collector-group": logs}
        for container, name in wanted.items():
            if name in references.names(self.leading.store.running, container):
                self._make(references.members_path(container, str(name)), member)
        self.connect(link)
        if self.world.assumptions["registration-commit"] == "commit-job":
            self._commit_registration()

    def _commit_registration(self) -> None:
        """Queue a commit of Panorama's own, which has nothing to do.

        That Panorama adds a bootstrapped firewall by itself is documented; whether that shows as a
        job, and under which user, is not.
        """
        if self.active is None:
            return
        self.leading.jobs.add(
            "Commit",
            "",
            self.world.clock.now(),
            lambda: self.pace.commit_seconds,
            lambda: Report((COMMITTED,)),
            description="firewall registered",
        )

    def _make(self, xpath: str, element: str) -> None:
        """Change both configurations of both peers without a commit."""
        for peer in self.peers:
            if peer.on:
                peer.store.make(xpath, element)

    def connect(self, link: Link) -> None:
        """Record that a managed firewall has connected."""
        self.devices.connect(link, self.world.clock.now())
        self.note("device-connected", link.serial, hostname=link.hostname)

    def disconnect(self, serial: str) -> None:
        """Record that a firewall's connection has ended."""
        if self.devices.disconnect(serial):
            self.note("device-disconnected", serial)

    def is_managed(self, serial: str) -> bool:
        """Whether the running configuration has this device."""
        return serial in references.managed(self.leading.store.running)

    def push(self, serials: Iterable[str], after: Job | None = None, user: str = "") -> Job | None:
        """Push the running configuration to devices; return ``None`` if no peer is active.

        Args:
            serials: serial numbers of the devices.
            after: job that must have finished before the push starts.
            user: administrator, empty for a push that Panorama starts itself.
        """
        if self.active is None:
            return None
        chosen = list(serials)
        now = self.world.clock.now()
        return self.leading.commits.push(lambda: chosen, user, now, after)

    def connected_serials(self) -> list[str]:
        """Return the serial numbers of the managed firewalls that are connected."""
        managed = references.managed(self.leading.store.running)
        return [serial for serial in managed if self.devices.connected(serial)]

    # Time.

    def tick(self, now: float) -> None:
        """Advance the jobs and the high availability pair."""
        for peer in self.peers:
            for job in peer.jobs.tick(now):
                self._job_finished(peer, job)
        if self.pair is not None:
            former = self.pair.active
            self.pair.tick(now)
            if self.pair.active not in (None, former):
                self._repeat_first_pushes()

    def _job_finished(self, peer: Peer, job: Job) -> None:
        if job.kind == "Commit":
            self.note("commit-finished", str(job.number), user=job.user, result=job.outcome)
            peer.locks.committed(job.user)
            if peer is self.active:
                self._disconnect_removed_devices()
        for serial, _, ok, _ in job.report.devices:
            if ok:
                self.note("device-in-sync", serial)

    def _disconnect_removed_devices(self) -> None:
        """End the connections of devices that are no longer managed."""
        managed = set(references.managed(self.leading.store.running))
        for serial in self.devices.serials():
            if serial not in managed:
                self.disconnect(serial)
                self.devices.forget(serial)

    def _repeat_first_pushes(self) -> None:
        """Push to firewalls that have no configuration: their push was lost with the other peer.

        Template stack setting "automatically push content when software device registers".
        """
        new = [serial for serial in self.connected_serials() if not self.devices.pushed(serial)]
        if new:
            self.push(new)

    def note(self, kind: str, subject: str, **detail: Any) -> None:
        """Add an entry of source ``panorama`` to the timeline."""
        self.world.timeline.add("panorama", kind, subject, **detail)
