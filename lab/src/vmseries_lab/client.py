"""Starts a lab and talks to it: what tests and the demonstration use."""

from __future__ import annotations

import atexit
import contextlib
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self
from urllib.parse import urlencode, urlsplit
from xml.etree.ElementTree import Element

import boto3
from botocore.config import Config
from defusedxml.ElementTree import fromstring

from vmseries_lab.timeline import Entry
from vmseries_lab.world import REGION

DEPLOYMENT_TAG = "vmseries-autoscale:deployment"
PANORAMA_HOST = "panorama.example.com"
LICENSING_HOST = "api.paloaltonetworks.com"
SECRETS = "vmseries-autoscale"
START_LIMIT_SECONDS = 60.0
STOP_LIMIT_SECONDS = 10.0
REQUEST_LIMIT_SECONDS = 600.0
ACCESS_KEY = "AKIALABLABLABLABLAB1"
_HOST_ENTRY = "/config/devices/entry[@name='localhost.localdomain']"


class LabError(RuntimeError):
    """The lab did not start, ended, or refused what it was asked."""


@dataclass(frozen=True)
class Leftovers:
    """What is left of firewalls, counted through the public APIs.

    Attributes:
        interfaces: network interfaces that carry the module's deployment tag.
        addresses: Elastic IP addresses that carry it.
        licenses: used licenses of the auth code, asked from the licensing API.
        panorama_entries: serial numbers in the four places of Panorama's running configuration:
            managed devices, device groups, template stacks, log collector groups.
    """

    interfaces: int
    addresses: int
    licenses: int
    panorama_entries: int

    def __bool__(self) -> bool:
        """Whether anything is left."""
        return any((self.interfaces, self.addresses, self.licenses, self.panorama_entries))


class Lab:
    """One lab in a process of its own; a context manager.

    Attributes:
        endpoint: base URL of the simulated AWS, once started.
        auth_code: the auth code that the lab's firewalls take their licenses by.
        ca_pem: certificate of the authority that signed the servers outside AWS.
        hosts: where names outside AWS lead, ``"name:port"`` to ``"127.0.0.1:port"``.
    """

    endpoint: str
    auth_code: str
    ca_pem: str
    hosts: dict[str, str]

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop()
        self._clients: dict[tuple[str, int], Any] = {}

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Stop; after an error, say first what the server wrote, which may be its cause."""
        if kind is not None and self._process is not None:
            sys.stderr.write(self.log())
        self.stop()

    def start(self) -> None:
        """Start the server and wait until it listens.

        Raises:
            LabError: if it ends or is silent for :data:`START_LIMIT_SECONDS`.
        """
        source = str(Path(__file__).resolve().parents[1])
        path = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))
        process = subprocess.Popen(
            [sys.executable, "-m", "vmseries_lab", "serve", "--with-parent"],
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,
        )
        self._process = process
        atexit.register(self.stop)
        # A server that hangs before it is ready is killed, which ends the wait for its line.
        watchdog = threading.Timer(START_LIMIT_SECONDS, process.kill)
        watchdog.start()
        line = process.stdout.readline() if process.stdout else b""
        watchdog.cancel()
        if not line:
            text = self.log()
            self.stop()
            raise LabError(f"the lab did not start; it said:\n{text}")
        for name, value in json.loads(line).items():
            setattr(self, name, value)

    def stop(self) -> None:
        """Stop the server and everything that it started. A second stop does nothing."""
        process, self._process = self._process, None
        if process is None:
            return
        atexit.unregister(self.stop)
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            process.wait(STOP_LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()
        self._log.close()

    def log(self) -> str:
        """What the server wrote to standard error: empty unless something went wrong."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    # -- AWS ---------------------------------------------------------------------------------------

    def client(self, service: str, attempts: int = 1) -> Any:
        """A boto3 client of the simulated AWS.

        Args:
            service: as boto3 names it.
            attempts: how often a call is tried; once, so that tests see errors as they are.
        """
        key = (service, attempts)
        if key not in self._clients:
            # The stubs know services as literals only.
            make: Any = boto3.client
            self._clients[key] = make(
                service,
                endpoint_url=self.endpoint,
                region_name=REGION,
                aws_access_key_id=ACCESS_KEY,
                aws_secret_access_key="lab",  # noqa: S106 - the lab checks no signatures
                config=Config(
                    retries={"total_max_attempts": attempts},
                    connect_timeout=5,
                    read_timeout=REQUEST_LIMIT_SECONDS,
                    max_pool_connections=50,
                ),
            )
        return self._clients[key]

    def environment(self) -> dict[str, str]:
        """Environment variables by which Terraform and SDKs work on the lab and nothing else."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": "lab",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    # -- time and log ------------------------------------------------------------------------------

    def now(self) -> float:
        """Lab time, seconds since the epoch."""
        return float(self._control("GET", "clock")["now"])

    def advance(self, seconds: float) -> None:
        """Move the clock; returns when everything that fell due has happened."""
        self._control("POST", "clock", {"advance": seconds})

    def settle(self) -> None:
        """Wait until nothing is in flight."""
        self.advance(0)

    def pace(self, pace: float) -> None:
        """Let ``pace`` lab seconds pass per real second, on top of it; 0 ends it.

        Time passes only while no function is at work, and by the lab's own turns: on a busy machine
        it passes more slowly.
        """
        self._control("POST", "clock", {"pace": pace})

    def stand_still(self) -> None:
        """Let no time pass but by :meth:`advance` and by what functions sleep."""
        self.pace(-1)

    def timeline(self, since: int = 0) -> list[Entry]:
        """What happened, from entry ``since`` on."""
        return [Entry(**entry) for entry in self._control("GET", f"timeline?since={since}")]

    def calls(self, since: int = 0) -> list[dict[str, Any]]:
        """The calls to AWS, from call ``since`` on; fields: ``vmseries_lab.aws.calls.Call``."""
        return list(self._control("GET", f"calls?since={since}"))

    def invocations(self, since: int = 0) -> list[dict[str, Any]]:
        """The invocations of functions; fields: ``vmseries_lab.aws.functions.records.Record``."""
        return list(self._control("GET", f"invocations?since={since}"))

    def errors(self) -> list[str]:
        """Errors of the lab itself, as tracebacks: there should be none."""
        return list(self._control("GET", "errors"))

    # -- what can be done to it --------------------------------------------------------------------

    def fault(self, service: str, action: str, **settings: Any) -> None:
        """Let matching calls fail; settings as in ``vmseries_lab.aws.calls.Fault``."""
        self._control("POST", "faults", {"service": service, "action": action, **settings})

    def clear_faults(self) -> None:
        """Let nothing fail any more."""
        self._control("DELETE", "faults")

    def enforce_request_rates(self, *, enforced: bool = True, share: float = 1.0) -> None:
        """Refuse calls that come faster than AWS allows; see ``vmseries_lab.aws.rates``."""
        self._control("POST", "rates", {"enforced": enforced, "share": share})

    def quotas(self, *, addresses: int, licenses: int) -> None:
        """Change how many Elastic IP addresses and how many licenses there are at most."""
        self._control("POST", "ec2", {"addresses": addresses})
        self._control("POST", "licensing", {"pool_size": licenses})

    def boot_times(self, **seconds: float) -> None:
        """Change the times of boots to come; as ``vmseries_lab.firewalls.surroundings`` has it."""
        self._control("POST", "firewalls", seconds)

    def traffic(self, sessions: float) -> None:
        """Offer this many sessions to the firewalls in service."""
        self._control("POST", "traffic", {"sessions": sessions})

    def panorama(self, **knobs: Any) -> None:
        """Turn Panorama's knobs, e.g. ``available=False``; those of one peer by ``peer``."""
        self._control("POST", "panorama", knobs)

    def panorama_pair(self) -> None:
        """Make Panorama a high availability pair: ``panorama-2.example.com`` is passive."""
        self.hosts = self._control("POST", "panorama/pair")

    def panorama_failover(self, cause: str = "power") -> None:
        """Let the active peer fail: by ``power``, ``suspended``, or ``non-functional``.

        It is restored by ``panorama(peer=..., available=True)``, as the passive peer.
        """
        self._control("POST", "panorama/failover", {"cause": cause})

    def panorama_state(self) -> dict[str, Any]:
        """``active`` (its host name or ``None``), ``peers`` and ``most_requests_at_once``."""
        return dict(self._control("GET", "panorama"))

    def license_plugin(self, *, installed: bool = True) -> None:
        """Install the plugin ``sw_fw_license``, with a license manager; see ``panorama.plugin``."""
        self._control("POST", "panorama/plugin", {"installed": installed})

    def fast_delicensing(self, **settings: Any) -> None:
        """Switch the vendor's fast delicensing on; see ``panorama.delicensing``."""
        self._control("POST", "panorama/delicensing", settings)

    def panorama_cli(self, commands: Iterable[str]) -> None:
        """Enter set commands into Panorama and commit, as the administrator ``operator``."""
        self._control("POST", "panorama/cli", {"commands": list(commands)})

    def firewall_apis(self, **knobs: Any) -> None:
        """Serve the firewalls' own XML API to functions in their VPC; ``served=False`` ends it."""
        self._control("POST", "firewalls/apis", {"served": True, **knobs})

    def odd_firewall(self, instance_id: str | None = None, **oddities: Any) -> None:
        """Change what is odd about a firewall, or else about all that start later.

        Oddities are those of ``vmseries_lab.firewalls.oddities``, e.g. ``registers=False``.
        """
        of = {} if instance_id is None else {"instance_id": instance_id}
        self._control("POST", "firewalls/odd", {**of, **oddities})

    def firewalls(self) -> list[dict[str, Any]]:
        """The firewalls, as a table."""
        return list(self._control("GET", "firewalls"))

    # -- outside AWS -------------------------------------------------------------------------------

    def panorama_xml(self, **parameters: str) -> Element:
        """Ask the active Panorama; the answer's root element.

        It is asked as the administrator of the functions, unless a `key` is among the parameters.

        Raises:
            LabError: if Panorama refuses it.
        """
        if "key" not in parameters:
            parameters["key"] = self._secret("panorama")["api_key"]
        host = self.panorama_state()["active"] or PANORAMA_HOST
        status, body = self._https(host, "/api/", parameters, {})
        answer: Element = fromstring(body)
        if status != http.client.OK or answer.get("status") != "success":
            raise LabError(f"Panorama refused {parameters.get('type')}: {body.decode()}")
        return answer

    def licensing(self, action: str, **parameters: str) -> Any:
        """Ask the licensing API, e.g. ``licensing("get", authcode=lab.auth_code)``.

        Raises:
            LabError: if it refuses.
        """
        key = self._secret("licensing-api-key")["api_key"]
        path = f"/api/license/{action}"
        status, body = self._https(LICENSING_HOST, path, parameters, {"apikey": key})
        if status != http.client.OK:
            raise LabError(f"the licensing API answered {status} to {action}: {body.decode()}")
        return json.loads(body)

    def leftovers(self) -> Leftovers:
        """Count what is left, through the public APIs of AWS, Panorama and licensing only."""
        ec2 = self.client("ec2")
        tagged = [{"Name": "tag-key", "Values": [DEPLOYMENT_TAG]}]
        pages = ec2.get_paginator("describe_network_interfaces").paginate(Filters=tagged)
        return Leftovers(
            interfaces=sum(len(page["NetworkInterfaces"]) for page in pages),
            addresses=len(ec2.describe_addresses(Filters=tagged)["Addresses"]),
            licenses=self._used_licenses(),
            panorama_entries=self._panorama_entries(),
        )

    def _used_licenses(self) -> int:
        answer = self.licensing("get", authcode=self.auth_code)
        return int(answer["UsedCount"])

    def _panorama_entries(self) -> int:
        places = {
            "/config/mgt-config/devices": "devices/entry",
            f"{_HOST_ENTRY}/device-group": "device-group/entry/devices/entry",
            f"{_HOST_ENTRY}/template-stack": "template-stack/entry/devices/entry",
            f"{_HOST_ENTRY}/log-collector-group": (
                "log-collector-group/entry/logfwd-setting/devices/entry"
            ),
        }
        return sum(
            len(
                self.panorama_xml(type="config", action="show", xpath=where).findall(
                    f"result/{what}"
                )
            )
            for where, what in places.items()
        )

    def _secret(self, name: str) -> dict[str, str]:
        manager = self.client("secretsmanager")
        answer = manager.get_secret_value(SecretId=f"{SECRETS}/{name}")
        content: dict[str, str] = json.loads(answer["SecretString"])
        return content

    def _https(
        self, host: str, path: str, form: dict[str, str], headers: dict[str, str]
    ) -> tuple[int, bytes]:
        """POST to a host outside AWS, its certificate verified against the lab's authority."""
        connection = _LedConnection(host, self.hosts[f"{host}:443"], self.ca_pem)
        try:
            form_type = {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", path, urlencode(form), form_type | headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _control(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the control API.

        Raises:
            LabError: if it refuses, or the lab is not there.
        """
        if self._process is None:
            raise LabError("the lab is not running")
        where = urlsplit(self.endpoint)
        connection = http.client.HTTPConnection(
            str(where.hostname), where.port, timeout=REQUEST_LIMIT_SECONDS
        )
        try:
            connection.request(method, f"/lab/{path}", json.dumps(body or {}))
            answer = connection.getresponse()
            content = json.loads(answer.read())
        except OSError as error:
            raise LabError(f"the lab does not answer: {error}; it said:\n{self.log()}") from error
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise LabError(f"{method} /lab/{path}: {content['error']}")
        return content


class _LedConnection(http.client.HTTPSConnection):
    """A connection to a host by its real name, led to where the lab plays it."""

    def __init__(self, host: str, where: str, ca_pem: str) -> None:
        self._tls = ssl.create_default_context(cadata=ca_pem)
        self._where = where
        super().__init__(host, timeout=REQUEST_LIMIT_SECONDS, context=self._tls)

    def connect(self) -> None:
        """Connect."""
        address, _, port = self._where.rpartition(":")
        plain = socket.create_connection((address, int(port)), self.timeout)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)
