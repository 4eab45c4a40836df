"""One Panorama server with its own configuration, jobs and locks.

It is a single Panorama, or one peer of a high availability pair (``high_availability``).
"""

from __future__ import annotations

import copy
import socket
from collections import ChainMap
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal
from xml.etree.ElementTree import Element

from vmseries_lab.core.world import World
from vmseries_lab.licensing_api import Licensing
from vmseries_lab.net.certificates import Authority
from vmseries_lab.net.held_responses import delay
from vmseries_lab.net.https import HttpsServer, Intercept, Request, Response
from vmseries_lab.panorama.administrators import Administrators
from vmseries_lab.panorama.api import READING, Api
from vmseries_lab.panorama.change_journal import ChangeJournal
from vmseries_lab.panorama.commits import Commits, Pace
from vmseries_lab.panorama.config_requests import ConfigRequests
from vmseries_lab.panorama.config_store import ConfigStore
from vmseries_lab.panorama.device_licenses import ApiKey, DeviceLicenses
from vmseries_lab.panorama.devices import Devices
from vmseries_lab.panorama.jobs import Jobs
from vmseries_lab.panorama.locks import Locks
from vmseries_lab.panorama.op_commands import Handler, OpCommands
from vmseries_lab.panorama.request_log import LoggedRequest, RequestLog, kind_of
from vmseries_lab.panorama.settings import Settings

Priority = Literal["primary", "secondary"]
State = Literal["active", "passive", "suspended", "non-functional", "off"]

DENIED = "Operation denied: this command is not allowed on a passive device"
"""Text of error code 15; Panorama's real text is not known."""
DENIED_DEPLOYMENT = "Operation denied: deployment is managed on the primary peer"
FIRST_JOB = {"primary": 1, "secondary": 501}
"""Number of each peer's first job: peers number their jobs independently."""

_MACHINES = {
    "primary": ("10.255.0.10", "000710000000001"),
    "secondary": ("10.255.0.11", "000710000000002"),
}
"""Address and serial number, which must differ between peers ("Panorama HA Prerequisites")."""


@dataclass
class Common:
    """What the peers of a pair share.

    Firewalls are connected to both peers ("Panorama HA Organization"). Both have the same
    administrators and API keys, as long as they have the same master key.

    Attributes:
        handlers: commands of plugins, in addition to the peers' own commands.
        intercept: hook that sees each request to any peer and may break it.
        requests: log of the requests to all peers.
    """

    world: World
    authority: Authority
    accounts: Administrators
    licensing: Licensing
    api_key: ApiKey = field(default_factory=ApiKey)
    devices: Devices = field(default_factory=Devices)
    pace: Pace = field(default_factory=Pace)
    settings: Settings = field(default_factory=Settings)
    handlers: dict[str, Handler] = field(default_factory=dict)
    intercept: Intercept = lambda _request, _connection, effect: effect()
    requests: RequestLog = field(default_factory=RequestLog)


class Peer:
    """One Panorama server.

    Attributes:
        host: host name, for which its certificate is issued.
        address: address of its management interface.
        state: state in the pair; a single Panorama is ``active``.
        commands: its own operational commands.
    """

    def __init__(self, common: Common, host: str, priority: Priority, store: ConfigStore) -> None:
        self.host = host
        self.priority = priority
        self.state: State = "active" if priority == "primary" else "passive"
        self._common = common
        world = common.world
        self.store = store
        self.jobs = Jobs(FIRST_JOB[priority])
        self.locks = Locks(world.clock)
        self.commits = Commits(store, self.jobs, common.devices, common.pace, world.assumptions)
        self.address, serial = _MACHINES[priority]
        hostname = host.partition(".")[0]
        operations = OpCommands(
            world.clock,
            store,
            self.jobs,
            common.devices,
            common.licensing,
            common.settings,
            world.assumptions,
            hostname,
            self.address,
            serial,
        )
        self.licenses = DeviceLicenses(
            world.clock,
            store,
            self.jobs,
            common.devices,
            common.licensing,
            common.settings,
            world.assumptions,
            common.api_key,
        )
        parts = (operations, self.licenses, self.locks, ChangeJournal(store, self.jobs, self.locks))
        self.commands: dict[str, Handler] = {}
        for part in parts:
            self.commands |= part.handlers()
        self.api = Api(
            lock=world.lock,
            clock=world.clock,
            timeline=world.timeline,
            accounts=common.accounts,
            configuration=ConfigRequests(store, self.jobs, common.settings),
            commits=self.commits,
            devices=common.devices,
            locks=self.locks,
            settings=common.settings,
            assumptions=world.assumptions,
            handlers=ChainMap(common.handlers, self.commands),
            denial=self.denial,
        )
        self.server = HttpsServer(common.authority, (host,), self.api.respond, common.world.clock)
        self.server.intercept = self._intercept
        self._announce()

    @property
    def on(self) -> bool:
        """Whether it has power."""
        return self.state != "off"

    @property
    def answers(self) -> bool:
        """Whether its HTTPS server works normally."""
        return self.server.conduct.mode == "answering"

    def denial(self, command: Element | None = None) -> str | None:
        """Return why the peer's state or priority does not allow a request, ``None`` if it does.

        "PAN-OS XML API Error Codes": 15 for a command that is not allowed on a passive device.
        "Priority and Failover on Panorama in HA" (Panorama Administrator's Guide): the passive peer
        can neither change nor push the configuration, but can run reports; a peer in the state
        secondary-active does not manage deployments such as license updates.

        Args:
            command: an operational command; ``None`` for a change, a commit or a push.
        """
        if command is not None:
            if command.tag in READING or command.find("high-availability") is not None:
                return None
            if command.find("batch") is not None and self.priority == "secondary":
                return DENIED_DEPLOYMENT
        return None if self.state == "active" else DENIED

    def _intercept(
        self, request: Request, connection: socket.socket, effect: Callable[[], Response]
    ) -> Response | None:
        """Log a request, let it wait if its command is slow, and pass it to the lab's intercept."""
        kind = kind_of(request.parameters)
        at = self._common.world.clock.now()
        if seconds := self._wait_seconds(kind):
            delay(connection, request.headers, seconds, self._common.world.clock)
        response = self._common.intercept(request, connection, effect)
        self._common.requests.add(
            LoggedRequest(
                at=at,
                host=self.host,
                kind=kind,
                target=request.parameters.get("target", ""),
                user=self._common.accounts.name_of(request),
                status=0 if response is None else response.status,
                size=0 if response is None else len(response.body),
            )
        )
        return response

    def _wait_seconds(self, kind: str) -> float:
        """Return for how many seconds a request of a kind waits."""
        busy = bool(self.jobs.unfinished("Commit") or self.jobs.unfinished("CommitAll"))
        return max(
            (
                slow.seconds
                for slow in self._common.settings.slow_commands
                if kind.startswith(slow.command) and (busy or not slow.while_committing)
            ),
            default=0.0,
        )

    def take_over(self, source: Peer, *, with_candidate: bool = False) -> None:
        """Adopt the other peer's running configuration, and its candidate if requested.

        "Synchronization Between Panorama HA Peers" (Panorama Administrator's Guide): the running
        configuration is synchronized after each commit on the active peer; the candidate when it is
        saved there, or just before a failover.
        """
        self.store.running = copy.deepcopy(source.store.running)
        self.store.forget_changes()
        if with_candidate:
            self.store.candidate = copy.deepcopy(source.store.candidate)
            self.store.changes = list(source.store.changes)
            self.store.full_commit_required = source.store.full_commit_required

    def power_off(self) -> list[int]:
        """Lose power, and with it all jobs, locks and uncommitted changes.

        Returns:
            Numbers of the unfinished jobs, which are lost.
        """
        self.state = "off"
        self.server.behave(mode="refusing")
        lost = [job.number for job in self.jobs.unfinished()]
        self.jobs.clear()
        self.commits.forget()
        self.locks.clear()
        self.store.forget_changes()
        return lost

    def power_on(self) -> None:
        """Start again as the passive peer."""
        self.state = "passive"
        self.server.behave(mode="answering")

    def start(self) -> None:
        """Serve again, on a new port."""
        self.server.start()
        self._announce()

    def _announce(self) -> None:
        self._common.world.hosts[f"{self.host}:443"] = self.server.address
