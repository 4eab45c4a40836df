"""Starts a lab and drives it."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from typing import Any, Self

from vmseries_lab.client.attached import AttachedLab
from vmseries_lab.client.aws import AwsClient
from vmseries_lab.client.connection import VendorHosts
from vmseries_lab.client.control import ControlApi, Server
from vmseries_lab.client.errors import LabError
from vmseries_lab.client.faults import FaultsClient
from vmseries_lab.client.firewalls import FirewallsClient
from vmseries_lab.client.licensing import LicensingClient
from vmseries_lab.client.panorama import PanoramaClient
from vmseries_lab.client.process import LabProcess
from vmseries_lab.client.strata import StrataClient
from vmseries_lab.core.timeline import Entry
from vmseries_lab.core.validation import Validation

DEPLOYMENT_TAG = "vmseries-autoscale:deployment"
STARTED: list[Lab] = []
"""The labs that this process has started. Tests ask each of them what it refused."""


@dataclass(frozen=True)
class Leftovers:
    """Resources that firewalls hold, counted through public APIs.

    Attributes:
        interfaces: network interfaces that carry the module's deployment tag.
        addresses: Elastic IP addresses that carry it.
        licenses: used licenses of the auth code, as the licensing API reports them.
        panorama_entries: serial numbers in the four parts of Panorama's running configuration:
            managed devices, device groups, template stacks, log collector groups.
    """

    interfaces: int
    addresses: int
    licenses: int
    panorama_entries: int

    def __bool__(self) -> bool:
        """Whether any resource remains."""
        return any((self.interfaces, self.addresses, self.licenses, self.panorama_entries))


@dataclass(frozen=True)
class Clock:
    """The state of the lab's clock.

    Attributes:
        now: lab time, in seconds since the epoch.
        pace: lab seconds per real second, in addition to it; -1 if the clock is stopped.
        busy: whether work is in flight, for which the clock waits.
    """

    now: float
    pace: float
    busy: bool


class Lab:
    """One lab in a process of its own, or one that is served already; a context manager.

    Attributes:
        aws: the simulated AWS.
        panorama: the simulated Panorama.
        licensing: the simulated licensing API.
        strata: the simulated Strata Cloud Manager.
        firewalls: the simulated firewalls.
        faults: injected faults.
        auth_code: the auth code of the lab's firewalls; set when the lab has started.
        partition: the AWS partition of the lab's Region; set when the lab has started.

    Args:
        region: the Region to simulate; the one of this process's environment if ``None``
            (``core.location``).
        server: what runs the lab; a new process if ``None``.
    """

    auth_code: str
    partition: str

    def __init__(self, region: str | None = None, *, server: Server | None = None) -> None:
        self._server = server or LabProcess(region)
        self._control = ControlApi(self._server)
        self._vendor = VendorHosts(self._control)
        self.aws = AwsClient(self._control)
        self.panorama = PanoramaClient(self._control, self.aws, self._vendor)
        self.licensing = LicensingClient(self._control, self.aws, self._vendor)
        self.strata = StrataClient(self._control)
        self.firewalls = FirewallsClient(self._control)
        self.faults = FaultsClient(self._control)
        self._last_validation = Validation(0, {}, [], [])

    @classmethod
    def at(cls, endpoint: str) -> Self:
        """Attach to a lab that is served (``make serve``); :meth:`stop` only detaches from it.

        Args:
            endpoint: base URL of the lab, such as ``http://127.0.0.1:41523``.

        Raises:
            LabError: if no lab answers there.
        """
        lab = cls(server=AttachedLab(endpoint))
        lab.start()
        return lab

    @property
    def endpoint(self) -> str:
        """Base URL of the simulated AWS."""
        return self._control.endpoint

    @property
    def region(self) -> str:
        """The Region that the lab simulates."""
        return self._control.region

    @property
    def ca_pem(self) -> str:
        """Certificate of the authority that signed the certificates of servers outside AWS."""
        return self._vendor.ca_pem

    @property
    def hosts(self) -> dict[str, str]:
        """Addresses of the hosts outside AWS, ``"name:port"`` to ``"127.0.0.1:port"``."""
        return self._vendor.hosts

    def address(self, host: str) -> str:
        """Return where the lab serves port 443 of a host outside AWS, as ``"127.0.0.1:port"``."""
        return self._vendor.address(host)

    def __enter__(self) -> Self:
        """Start, unless it runs already."""
        if not self._server.running:
            self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Stop; after an error, first print the server's standard error, which may explain it."""
        if kind is not None and self._server.running:
            sys.stderr.write(self.log())
        self.stop()

    def start(self) -> None:
        """Start the server and wait until it listens, or attach to one that does.

        Raises:
            LabError: if it ends, or prints nothing for ``process.START_LIMIT_SECONDS``.
        """
        ready = self._server.start()
        self._control.endpoint, self._control.region = ready["endpoint"], ready["region"]
        self.partition = ready["partition"]
        self._vendor.hosts, self._vendor.ca_pem = ready["hosts"], ready["ca_pem"]
        self.auth_code = ready["auth_code"]
        if isinstance(self._server, LabProcess):
            STARTED.append(self)

    def stop(self) -> None:
        """Stop the server and everything that it started. A second call does nothing.

        A lab that was served already continues to run.
        """
        if self._server.running:
            with contextlib.suppress(LabError):  # The server may have crashed.
                self._last_validation = self.validation()
        self._server.stop()

    def log(self) -> str:
        """Standard error of the server: empty unless something went wrong."""
        return self._server.log()

    # Time and records.

    def now(self) -> float:
        """Lab time, in seconds since the epoch."""
        return float(self._control.request("GET", "clock")["now"])

    def advance(self, seconds: float) -> None:
        """Move the clock; returns when everything that was due has happened."""
        self._control.request("POST", "clock", {"advance": seconds})

    def settle(self) -> None:
        """Wait until nothing is in flight."""
        self.advance(0)

    def clock(self) -> Clock:
        """Return lab time and pace, and whether work is in flight."""
        clock = self._control.request("GET", "clock")
        return Clock(clock["now"], clock["pace"], busy=clock["busy"])

    def pace(self, pace: float) -> None:
        """Let ``pace`` lab seconds pass per real second, in addition to it; 0 stops that.

        Time passes only while no function is at work. On a busy machine it passes more slowly.
        """
        self._control.request("POST", "clock", {"pace": pace})

    def stop_clock(self) -> None:
        """Let time pass only by :meth:`advance`, and while all functions sleep."""
        self.pace(-1)

    def timeline(self, since: int = 0) -> list[Entry]:
        """What happened, from entry ``since``."""
        entries = self._control.request("GET", f"timeline?since={since}")
        return [Entry(**entry) for entry in entries]

    def calls(self, since: int = 0) -> list[dict[str, Any]]:
        """Calls to AWS, from call ``since``; fields are those of ``aws.requests.Call``."""
        return list(self._control.request("GET", f"calls?since={since}"))

    def invocations(self, since: int = 0) -> list[dict[str, Any]]:
        """Invocations of functions; fields are those of ``aws.lambda_.invocation_log.Record``."""
        return list(self._control.request("GET", f"invocations?since={since}"))

    def credentials(self) -> list[dict[str, str]]:
        """Temporary credentials of role sessions: role, access key ID, secret key and token."""
        return list(self._control.request("GET", "credentials"))

    def errors(self) -> list[str]:
        """Tracebacks of errors in the lab itself: there should be none."""
        return list(self._control.request("GET", "errors"))

    def validation(self) -> Validation:
        """How many calls to AWS were checked, and which of them AWS would refuse.

        A lab that has stopped returns its last report.
        """
        if not self._server.running:
            return self._last_validation
        return Validation(**self._control.request("GET", "validation"))

    # Unsettled facts, load, limits and remaining resources.

    def assume(self, **answers: str) -> dict[str, str]:
        """Set answers to unsettled facts (``core/assumptions``); returns all answers."""
        return dict(self._control.request("POST", "assumptions", answers))

    def set_addresses(self, addresses: dict[str, str]) -> dict[str, str]:
        """Set what DNS answers for hosts outside AWS; returns the addresses of all of them."""
        return dict(self._control.request("POST", "addresses", addresses))

    def offer_sessions(self, sessions: float) -> None:
        """Offer this many sessions to the firewalls in service."""
        self._control.request("POST", "traffic", {"sessions": sessions})

    def traffic(self) -> dict[str, int]:
        """Return the numbers of sessions; see ``traffic.Traffic.status``."""
        status: dict[str, int] = self._control.request("GET", "traffic")
        return status

    def set_quotas(self, *, addresses: int, licenses: int) -> None:
        """Set the quota of Elastic IP addresses and the number of licenses."""
        self.aws.set_address_quota(addresses)
        self.licensing.configure(pool_size=licenses)

    def leftovers(self) -> Leftovers:
        """Count resources through the public APIs of AWS, Panorama and licensing only."""
        ec2 = self.aws.client("ec2")
        tagged = [{"Name": "tag-key", "Values": [DEPLOYMENT_TAG]}]
        pages = ec2.get_paginator("describe_network_interfaces").paginate(Filters=tagged)
        used = self.licensing.request("get", authcode=self.auth_code)["UsedCount"]
        return Leftovers(
            interfaces=sum(len(page["NetworkInterfaces"]) for page in pages),
            addresses=len(ec2.describe_addresses(Filters=tagged)["Addresses"]),
            licenses=int(used),
            panorama_entries=self.panorama.count_device_entries(),
        )
