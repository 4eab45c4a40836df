"""The Panorama of the lab: one or a pair, and what the rest of the lab does to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

from defusedxml.ElementTree import fromstring

from vmseries_lab.core.world import World
from vmseries_lab.net.certificates import PANORAMA_NAMES, Authority
from vmseries_lab.net.https import HttpsServer, Intercept
from vmseries_lab.panorama import admin_roles, configure_mode, initial_config, references
from vmseries_lab.panorama.administrators import Accounts
from vmseries_lab.panorama.api import Api, Refusal
from vmseries_lab.panorama.commits import Commits, Pace
from vmseries_lab.panorama.config_store import Store
from vmseries_lab.panorama.device_licenses import Licenses
from vmseries_lab.panorama.devices import Devices, Link
from vmseries_lab.panorama.high_availability import CAUSES, Cause, Pair
from vmseries_lab.panorama.jobs import Job, Jobs
from vmseries_lab.panorama.locks import Locks
from vmseries_lab.panorama.peer import Common, Peer

_OPERATORS_COMMIT = (
    "<commit>{}<partial><admin><member>"
    + initial_config.OPERATOR.name
    + "</member></admin></partial>"
    "</commit>"
)
_FORCED = fromstring(_OPERATORS_COMMIT.format("<force/>"))


class RegistrationRefusedError(Exception):
    """Panorama does not take a firewall in."""


class Panorama:
    """One Panorama, standing alone until it is made a pair.

    Attributes:
        peers: the primary one first.
        pair: what makes two of them a pair.
    """

    def __init__(self, world: World, authority: Authority) -> None:
        self.world = world
        self.vm_auth_keys = {initial_config.VM_AUTH_KEY}
        accounts = Accounts(
            initial_config.AUTOSCALE,
            initial_config.SECOND,
            initial_config.OPERATOR,
            initial_config.READER,
        )
        self._common = Common(world, authority, accounts)
        store = Store(initial_config.configuration())
        self.peers = [Peer(self._common, PANORAMA_NAMES[0], "primary", store)]
        self.pair: Pair | None = None

    # Who is there.

    @property
    def active(self) -> Peer | None:
        """The one that takes changes, if there is one."""
        return self.pair.active if self.pair else self.peers[0]

    @property
    def leading(self) -> Peer:
        """The active one, or the one that was active last."""
        return self.pair.leading if self.pair else self.peers[0]

    @property
    def store(self) -> Store:
        """The leading one's configuration."""
        return self.leading.store

    @property
    def jobs(self) -> Jobs:
        """The leading one's jobs."""
        return self.leading.jobs

    @property
    def locks(self) -> Locks:
        """The leading one's locks."""
        return self.leading.locks

    @property
    def commits(self) -> Commits:
        """The leading one's commits."""
        return self.leading.commits

    @property
    def licenses(self) -> Licenses:
        """The leading one's license commands."""
        return self.leading.licenses

    @property
    def devices(self) -> Devices:
        """The firewalls, which are connected to both peers."""
        return self._common.devices

    @property
    def pace(self) -> Pace:
        """How long jobs take."""
        return self._common.pace

    @property
    def api(self) -> Api:
        """The first one's API. Commands that are plugged in here are there on both."""
        return self.peers[0].api

    @property
    def server(self) -> HttpsServer:
        """The first one's server."""
        return self.peers[0].server

    @property
    def reachable(self) -> bool:
        """Whether firewalls can open and keep connections to an active Panorama."""
        return self.active is not None and self.active.answers

    # What can be done to it.

    def make_pair(self) -> None:
        """Have a second peer from now on, the passive one. A second time does nothing."""
        with self.world.lock:
            if self.pair is not None:
                return
            store = Store(initial_config.configuration())
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

    def configure(self, peer: str | None = None, **knobs: Any) -> dict[str, Any]:
        """Turn the lab's knobs.

        Args:
            peer: ``primary`` or ``secondary``; those of all peers otherwise.
            knobs: the attributes of ``https.Conduct``; those of ``commits.Pace`` and of
                ``settings.Settings``, which are always for both peers; and

                * ``available``: of a peer of a pair, whether it has power.
                * ``refuse``: a list of ``Refusal`` as mappings.
                * ``locks``: which locks the operator holds, of ``commit`` and ``config``.
                * ``queued_commits``: how many commits the operator queues now.
                * ``full_commit_required``: whether it is.
                * ``rights``: which requests the functions' administrator may make over the XML API:
                  some of ``roles.TYPES``.

        Returns:
            How they stand.

        Raises:
            ValueError: for a knob or peer that does not exist.
        """
        peers = [one for one in self.peers if peer in (None, one.priority)]
        if not peers:
            raise ValueError(f"there is no peer called {peer}")
        turns: dict[str, Callable[[Peer, Any], None]] = {
            "available": self._power,
            "refuse": self._refuse,
            "locks": lambda one, kinds: one.locks.hold(initial_config.OPERATOR.name, kinds),
            "queued_commits": self._queue_commits,
            "full_commit_required": self._require_full_commit,
            "rights": self._allow,
        }
        common = {
            name: part
            for part in (self.pace, self._common.settings)
            for name in asdict(part)
            if name in knobs
        }
        mine = {name: knobs.pop(name) for name in [*turns, *common] if name in knobs}
        for one in peers:
            one.server.behave(**knobs)
        with self.world.lock:
            for name, value in mine.items():
                if name in common:
                    setattr(common[name], name, value)
                else:
                    for one in peers:
                        turns[name](one, value)
        return {"mode": peers[0].server.conduct.mode, **asdict(self.pace)}

    def _refuse(self, peer: Peer, refusals: list[dict[str, Any]]) -> None:
        peer.api.refusals += [Refusal(**refusal) for refusal in refusals]

    def _queue_commits(self, peer: Peer, number: int) -> None:
        """Queue commits of the operator that change nothing; the first one begins if it may."""
        now = self.world.clock.now()
        for _ in range(number if peer is self.active else 0):
            peer.commits.commit(_FORCED, initial_config.OPERATOR.name, now)
            self.tick(now)

    def _require_full_commit(self, peer: Peer, required: bool) -> None:
        peer.store.full_commit_required = required

    def _allow(self, peer: Peer, types: list[str]) -> None:
        """Have these rights in the role profile of the functions' administrator, and no others."""
        if unknown := set(types) - set(admin_roles.TYPES):
            raise ValueError(f"the XML API has no requests of type {', '.join(sorted(unknown))}")
        rights = "".join(
            f"<{one}>{'enable' if one in types else 'disable'}</{one}>" for one in admin_roles.TYPES
        )
        peer.store.make(admin_roles.rights_path(initial_config.ROLE), rights)

    def _power(self, peer: Peer, on: bool) -> None:
        """Switch a peer on or off; a Panorama that stands alone is merely not to be reached."""
        if self.pair is None:
            peer.server.behave(mode="answering" if on else "refusing")
        elif on:
            self.pair.restore(peer)
        elif peer.on:
            self.pair.fail(peer, "power")

    def state(self) -> dict[str, Any]:
        """Who is there, JSON-ready."""
        active = self.active
        return {
            "active": active.host if active else None,
            "peers": {peer.host: f"{peer.priority}-{peer.state}" for peer in self.peers},
            "most_requests_at_once": max(peer.server.most_at_once for peer in self.peers),
        }

    def intercept(self, intercept: Intercept) -> None:
        """Let somebody see or spoil single requests."""
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

    # What firewalls do.

    def register(
        self, link: Link, auth_key: str, *, group: str | None, stack: str | None, logs: str | None
    ) -> None:
        """Take a new firewall in: as a managed device, and into the groups that it names.

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
        """Manage a firewall whose key was found valid, see :meth:`register`."""
        member = f"<entry name='{link.serial}'/>"
        self._make(references.MANAGED_DEVICES, member)
        wanted = {"device-group": group, "template-stack": stack, "log-collector-group": logs}
        for container, name in wanted.items():
            if name in references.names(self.store.running, container):
                self._make(references.members_path(container, str(name)), member)
        self.connect(link)

    def _make(self, xpath: str, element: str) -> None:
        """Enter something without a commit. A firewall is known to both peers: it joins both."""
        for peer in self.peers:
            if peer.on:
                peer.store.make(xpath, element)

    def connect(self, link: Link) -> None:
        """A managed firewall opens its connection."""
        self.devices.connect(link, self.world.clock.now())
        self._note("device-connected", link.serial, hostname=link.hostname)

    def disconnect(self, serial: str) -> None:
        """A firewall's connection is gone."""
        if self.devices.disconnect(serial):
            self._note("device-disconnected", serial)

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

    # What an operator does at the command line.

    def operator_session(self, lines: Iterable[str]) -> dict[str, Any]:
        """Enter configuration lines as the operator, commit them, and push to the managed devices.

        Returns:
            The numbers of the commit and the push, ``None`` where there was nothing to do.

        Raises:
            BadLineError: if a line makes no change; nothing was changed then.
            ChangeRefusedError: if the configuration does not take one.
            ValueError: if no Panorama is active.
        """
        if self.active is None:
            raise ValueError("no Panorama is active")
        user = initial_config.OPERATOR.name
        changes = [configure_mode.change(line, user) for line in lines]
        with self.world.lock:
            now = self.world.clock.now()
            self.store.apply(changes)
            command = fromstring(_OPERATORS_COMMIT.format(""))
            _, commit = self.commits.commit(command, user, now)
            if commit is None:
                return {"commit": None, "push": None}
            self._note("commit-queued", str(commit.number), user=user)
            push = self.commits.push(self._connected, user, now, after=commit)
            return {"commit": commit.number, "push": push.number}

    def _connected(self) -> list[str]:
        managed = references.managed(self.store.running)
        return [serial for serial in managed if self.devices.connected(serial)]

    # Time.

    def tick(self, now: float) -> None:
        """Work the jobs off."""
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
            self._note("commit-finished", str(job.number), user=job.user, result=job.outcome)
            peer.locks.committed(job.user)
            if peer is self.active:
                self._cut_off()
        for serial, _, ok, _ in job.report.devices:
            if ok:
                self._note("device-in-sync", serial)

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
        new = [serial for serial in self._connected() if not self.devices.pushed(serial)]
        if new:
            self.push(new)

    def _note(self, kind: str, subject: str, **detail: Any) -> None:
        self.world.timeline.add("panorama", kind, subject, **detail)
