"""The Panorama of the lab: its parts put together, and what the rest of the lab does to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from defusedxml.ElementTree import fromstring

from vmseries_lab.certificates import PANORAMA_NAMES, Authority
from vmseries_lab.https import HttpsServer
from vmseries_lab.panorama import cli, initial, references
from vmseries_lab.panorama.accounts import Accounts
from vmseries_lab.panorama.api import Api, Refusal
from vmseries_lab.panorama.commits import Commits, Pace
from vmseries_lab.panorama.configuration import Configuration
from vmseries_lab.panorama.devices import Devices, Link
from vmseries_lab.panorama.jobs import Job, Jobs
from vmseries_lab.panorama.licences import Licences
from vmseries_lab.panorama.locks import Locks
from vmseries_lab.panorama.operations import Operations
from vmseries_lab.panorama.store import Store
from vmseries_lab.world import World

_PACE_KNOBS = ("commit_seconds", "push_seconds", "fail_next_commit", "no_changes_as_line")


class RegistrationRefusedError(Exception):
    """Panorama does not take a firewall in."""


class Panorama:
    """One Panorama, standing alone."""

    def __init__(self, world: World, authority: Authority) -> None:
        self.world = world
        self.pace = Pace()
        self.store = Store(initial.configuration())
        self.jobs = Jobs()
        self.devices = Devices()
        self.locks = Locks(world.clock)
        self.commits = Commits(self.store, self.jobs, self.devices, self.pace)
        self.vm_auth_keys = {initial.VM_AUTH_KEY}
        operations = Operations(
            world.clock, self.store, self.jobs, self.devices, PANORAMA_NAMES[0].split(".")[0]
        )
        self.licences = Licences(world.clock, self.store, self.jobs, self.devices)
        self.api = Api(
            lock=world.lock,
            clock=world.clock,
            timeline=world.timeline,
            accounts=Accounts(initial.AUTOSCALE, initial.OPERATOR, initial.READER),
            configuration=Configuration(self.store, self.jobs),
            commits=self.commits,
            devices=self.devices,
            locks=self.locks,
            handlers=operations.handlers() | self.licences.handlers() | self.locks.handlers(),
        )
        self.server = HttpsServer(authority, PANORAMA_NAMES, self.api.respond)
        world.hosts[f"{PANORAMA_NAMES[0]}:443"] = self.server.address

    def configure(self, **knobs: Any) -> dict[str, Any]:
        """Turn the lab's knobs.

        Args:
            knobs: ``available``; ``refuse``, a list of ``Refusal`` as mappings; and the attributes
                of ``https.Conduct`` and of ``commits.Pace``.

        Returns:
            How they stand.

        Raises:
            ValueError: for a knob that does not exist.
        """
        if "available" in knobs:
            knobs["mode"] = "answering" if knobs.pop("available") else "refusing"
        refusals = [Refusal(**refusal) for refusal in knobs.pop("refuse", [])]
        pace = {name: knobs.pop(name) for name in _PACE_KNOBS if name in knobs}
        self.server.behave(**knobs)
        with self.world.lock:
            self.api.refusals += refusals
            for name, value in pace.items():
                setattr(self.pace, name, value)
        return {"mode": self.server.conduct.mode, **asdict(self.pace)}

    @property
    def reachable(self) -> bool:
        """Whether firewalls can open and keep connections to it."""
        return self.server.conduct.mode == "answering"

    def start(self) -> None:
        """Serve again, at another port."""
        self.server.start()
        self.world.hosts[f"{PANORAMA_NAMES[0]}:443"] = self.server.address

    def close(self) -> None:
        """Stop serving."""
        self.server.close()

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
        self.store.make(references.MANAGED_DEVICES, member)
        wanted = {"device-group": group, "template-stack": stack, "log-collector-group": logs}
        for container, name in wanted.items():
            if name in references.names(self.store.running, container):
                self.store.make(references.members_path(container, str(name)), member)
        self.connect(link)

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

    def push(self, serials: Iterable[str], after: Job | None = None, user: str = "") -> Job:
        """Push to devices on Panorama's own account or an operator's."""
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
        """
        user = initial.OPERATOR.name
        changes = [cli.change(line, user) for line in lines]
        with self.world.lock:
            now = self.world.clock.now()
            self.store.apply(changes)
            command = fromstring(
                f"<commit><partial><admin><member>{user}</member></admin></partial></commit>"
            )
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
        for job in self.jobs.tick(now):
            if job.kind == "Commit":
                self._committed(job)
            for serial, _, ok, _ in job.report.devices:
                if ok:
                    self._note("device-in-sync", serial)

    def _committed(self, job: Job) -> None:
        self._note("commit-finished", str(job.number), user=job.user, result=job.outcome)
        self.locks.committed(job.user)
        for serial in self.devices.serials():
            if not self.is_managed(serial):
                self.disconnect(serial)
                self.devices.forget(serial)

    def _note(self, kind: str, subject: str, **detail: Any) -> None:
        self.world.timeline.add("panorama", kind, subject, **detail)
