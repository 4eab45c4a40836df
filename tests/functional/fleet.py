"""A fleet of firewalls in a small account, with a Panorama, and the functions that look after it.

A function runs as it does in Lambda, from a batch of messages or a schedule; what it calls is in
memory, and any call may go wrong.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

import botocore.client
import pytest

from functional.account import (
    NAME,
    TARGET_GROUP,
    TARGET_PORT,
    VPC,
    ZONE,
    Account,
    CrashError,
    Fault,
    Message,
)
from functional.conftest import FakeContext
from functional.panorama import LICENSE_MANAGER, FakePanorama, FirewallBehindPanorama
from vmseries_autoscale import concurrency, panorama, telemetry
from vmseries_autoscale.errors import PANORAMA, DeviceTimeoutError, DeviceUnavailableError
from vmseries_autoscale.handlers import _hook
from vmseries_autoscale.handlers import launch as launch_handler
from vmseries_autoscale.handlers import reconcile as reconcile_handler
from vmseries_autoscale.handlers import terminate as terminate_handler
from vmseries_autoscale.licensing import by_firewall as firewall_license
from vmseries_autoscale.panorama import Device, Part
from vmseries_autoscale.settings import (
    VARIABLE,
    LaunchSettings,
    ReconcileSettings,
    TerminateSettings,
    from_environment,
)

MINUTE = timedelta(minutes=1)
PANORAMA_NOTICES = 3 * MINUTE
CALM_ENDS = timedelta(hours=12)

HANDLERS: dict[str, Any] = {
    "launch": launch_handler.handler,
    "terminate": terminate_handler.handler,
    "reconcile": reconcile_handler.handler,
}
BATCH_SIZES = {"launch": 10, "terminate": 100}

_COMMON = {
    "name": NAME,
    "auto_scaling_group_name": NAME,
    "panorama": {
        "hostnames": ["panorama.example.com"],
        "port": 443,
        "secret_arn": "arn:panorama",
        "device_group": "DG",
        "template_stack": "TS",
        "log_collector_group": "LCG",
        "timeout_seconds": 5,
        "push_when_out_of_sync": False,
    },
}


def hook_settings(name: str) -> dict[str, Any]:
    return _COMMON | {
        "lifecycle_hook_name": name,
        "queue_url": name,
        "dead_letter_queue_url": "dead",
        "visit_interval_seconds": 30,
        "maximum_visit_interval_seconds": 300,
    }


def interface(role: str, index: int) -> dict[str, Any]:
    return {
        "role": role,
        "device_index": index,
        "source_dest_check": index == 1,
        "subnet_ids": {ZONE: role},
        "security_group_ids": ["sg-0"],
        "public_ip": index > 0,
        "public_ipv4_pool": None,
        "target_groups": [{"arn": TARGET_GROUP, "port": TARGET_PORT}] if index == 2 else [],
    }


SETTINGS: dict[type, dict[str, Any]] = {
    LaunchSettings: hook_settings("launch")
    | {
        "deadline_seconds": 2700,
        "interfaces": {
            role: interface(role, index)
            for index, role in enumerate(("data", "management", "untrust"))
        },
        "tags": {},
        "readiness": "in-sync",
        "license_expected": True,
        "firewall_api": None,
    },
    TerminateSettings: hook_settings("terminate")
    | {
        "deadline_seconds": 86400,
        "management_device_index": 1,
        "licensing": {
            "mode": "firewall",
            "api_key_secret_arn": "arn:licensing",
            "license_manager": None,
        },
        "firewall_api": None,
        "target_groups": {"2": [{"arn": TARGET_GROUP, "port": TARGET_PORT}]},
    },
    ReconcileSettings: _COMMON
    | {
        "launch": {"lifecycle_hook_name": "launch", "queue_url": "launch"},
        "terminate": {"lifecycle_hook_name": "terminate", "queue_url": "terminate"},
        "licensing_mode": "firewall",
        "license_manager": None,
        "target_groups": [{"arn": TARGET_GROUP, "vpc_id": VPC, "cidr_blocks": ["10.0.2.0/24"]}],
        "age_floor_seconds": 1500,
        "maximum_firewalls": 25,
        "maximum_share": 0.5,
        "dry_run": False,
        "metric_namespace": None,
    },
}

BY_PLUGIN: dict[type, dict[str, Any]] = {
    TerminateSettings: SETTINGS[TerminateSettings]
    | {
        "licensing": {
            "mode": "plugin",
            "api_key_secret_arn": None,
            "license_manager": LICENSE_MANAGER,
        }
    },
    ReconcileSettings: SETTINGS[ReconcileSettings]
    | {"licensing_mode": "plugin", "license_manager": LICENSE_MANAGER},
}
"""What is different where Panorama's plugin has the licenses."""


class Panorama(FakePanorama):
    """One that lists what is committed, and finishes its jobs when time passes."""

    def devices(self) -> list[Device]:
        managed = self.committed[Part.MANAGED_DEVICES]
        grouped = self.committed[Part.DEVICE_GROUP]
        return [
            one if serial in grouped else replace(one, policy_status=None)
            for serial, one in self.firewalls.items()
            if serial in managed
        ]

    def finish_jobs(self) -> None:
        self.finish_plugin()
        for number, job in enumerate(self.jobs):
            if not job.finished:
                self.end_job(number)

    def _forget(self) -> None:
        """What is shown is told from the configuration, above."""

    def commit_all(self) -> None:
        """As any administrator can, whose edits they may be."""
        self.committed = {part: set(serials) for part, serials in self.named.items()}


class Line:
    """A connection to Panorama, on which calls fail like all others."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def firewall(self, serial: str) -> FirewallBehindPanorama:
        return FirewallBehindPanorama(self, serial)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._fleet.panorama, name)

        def call(*arguments: Any, **options: Any) -> Any:
            unavailable, timeout = (
                DeviceUnavailableError(PANORAMA, "away"),
                DeviceTimeoutError(PANORAMA, "slow"),
            )
            with self._fleet.aws.tripping(unavailable, timeout):
                if self._fleet.away:
                    raise unavailable
                self._watch(name, arguments)
                return method(*arguments, **options)

        return call

    def _watch(self, name: str, arguments: tuple[Any, ...]) -> None:
        """What is taken from a firewall is taken from its instance; a dead one gives nothing."""
        if name == "plugin_deactivate":
            for instance_id, serial in self._fleet.serials.items():
                if serial in arguments[1]:
                    self._fleet.aws.take_from_panorama(instance_id, name)
        instance_ids = {serial: key for key, serial in self._fleet.serials.items()}
        if name == "remove_all":
            for serial in {serial for _, serial in arguments[0]} & instance_ids.keys():
                self._fleet.aws.take_from_panorama(instance_ids[serial], name)
            return
        instance_id = instance_ids.get((*arguments, "")[0])
        if instance_id is None:
            return
        if name in ("licenses", "deactivate_license") and not self._fleet.aws.lives(instance_id):
            raise DeviceTimeoutError(
                PANORAMA, "Panorama has not noticed yet that the firewall is gone"
            )
        if name == "deactivate_license":
            self._fleet.aws.take_from_panorama(instance_id, name)


class OneByOne:
    """A thread pool that runs everything when it is left, in an order of its own."""

    backwards = False

    def __init__(self, *_: Any, **__: Any) -> None:
        self._calls: list[tuple[Future[Any], Callable[[], Any]]] = []

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self._calls.append((future, lambda: function(*arguments)))
        return future

    def __enter__(self) -> OneByOne:
        return self

    def __exit__(self, *_: object) -> None:
        for future, call in reversed(self._calls) if self.backwards else self._calls:
            try:
                future.set_result(call())
            except Exception as error:  # noqa: BLE001 - whoever asks for the result gets it
                future.set_exception(error)


class Fleet:
    """Everything that there is in one example.

    Attributes:
        current: the fleet that the functions see.
        serials: of the firewalls, by instance id.
        told: serial numbers whose licenses were said to be lost.
        away: Panorama does not answer.
    """

    current: ClassVar[Fleet]

    def __init__(self) -> None:
        Fleet.current = self
        OneByOne.backwards = False
        self.aws, self.panorama = Account(left_elsewhere=self.entries), Panorama()
        self.serials: dict[str, str] = {}
        self.told: set[str] = set()
        self.away = False

    # What happens to firewalls.

    def launch(self, mail: int = 1) -> str:
        self.aws.mail = mail
        return self.aws.launch()

    def bootable(self) -> list[str]:
        """Instances that have found their management interface, and not yet Panorama."""
        return [
            key
            for key in self.living()
            if key not in self.serials and self.management_ip(key) is not None
        ]

    def boot(self, instance_id: str, **fields: Any) -> str:
        """Its firewall joins Panorama; its serial number."""
        serial = self.serials[instance_id] = f"S{len(self.serials)}"
        ip = self.management_ip(instance_id) or ""
        device = Device(serial, instance_id, ip, True, "In Sync", "In Sync")
        self.panorama.register(replace(device, **fields))
        return serial

    def in_service(self, number: int = 1) -> None:
        """So many more firewalls in service."""
        for _ in range(number):
            self.launch()
        self.visit_all("launch")
        for instance_id in self.bootable():
            self.boot(instance_id)
        self.pass_time(MINUTE)
        self.visit_all("launch")

    def scale_in(self, instance_id: str, mail: int = 1) -> None:
        self.aws.mail = mail
        self.aws.scale_in(instance_id)

    def dead_members(self) -> list[str]:
        waiting = self.aws.in_state("Pending:Wait", "InService")
        return [key for key in waiting if not self.aws.lives(key)]

    def notice(self, instance_id: str, mail: int, *, hook: bool) -> None:
        """The group finds out that a member is dead."""
        if hook:
            self.scale_in(instance_id, mail)
        else:
            self.aws.lose_from_group(instance_id)

    def connect(self, instance_id: str, *, connected: bool) -> None:
        serial = self.serials[instance_id]
        known = self.panorama.firewalls[serial]
        self.panorama.firewalls[serial] = replace(known, connected=connected)

    def pass_time(self, duration: timedelta) -> None:
        self.aws.mail = 1
        self.aws.pass_time(duration)
        self.panorama.finish_jobs()
        for instance_id in self.connected():
            died = self.aws.instances[instance_id].terminated
            if died is not None and self.aws.now - died >= PANORAMA_NOTICES:
                self.connect(instance_id, connected=False)

    # What there is.

    def living(self) -> list[str]:
        return [key for key in self.aws.instances if self.aws.lives(key)]

    def connected(self) -> list[str]:
        firewalls = self.panorama.firewalls
        return [key for key, serial in self.serials.items() if firewalls[serial].connected]

    def management_ip(self, instance_id: str) -> str | None:
        attached = self.aws.attached(instance_id)
        return next((one.private_ip for one in attached if one.subnet == "management"), None)

    def entries(self, instance_id: str) -> list[str]:
        """Where Panorama names the instance's firewall."""
        serial = self.serials.get(instance_id)
        memberships = (self.panorama.named, self.panorama.committed)
        return [part for one in memberships for part in Part if serial in one[part]]

    def left(self, instance_id: str) -> list[str]:
        """What there still is of an instance, anywhere."""
        return self.aws.made_for(instance_id) + self.entries(instance_id)

    def open_ends(self) -> str:
        waits = [key for key, member in self.aws.members.items() if member.wait]
        messages = [body for queue in self.aws.queues.values() for body in queue]
        return f"{waits} {messages}" if waits or messages else ""

    # The functions.

    def visit(self, function: str, fault: Fault | None = None) -> bool:
        """Lambda's poller hands over what is visible; whether there was anything."""
        messages = self.aws.receive(function, BATCH_SIZES[function])
        if messages:
            self._hand_over(function, messages, fault)
        return bool(messages)

    def visit_all(self, function: str) -> None:
        while self.visit(function):
            pass

    def visit_again(self, function: str) -> None:
        """SQS delivers at least once, and sometimes twice, also while the first is in work."""
        if messages := self.aws.queues[function][: BATCH_SIZES[function]]:
            self._hand_over(function, messages, None)

    def _hand_over(self, function: str, messages: list[Message], fault: Fault | None) -> None:
        records = [
            {
                "messageId": f"message-{number}",
                "receiptHandle": message.receipt,
                "body": message.body,
                "attributes": {"ApproximateReceiveCount": str(message.received or 1)},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:us-east-1:1:{function}",
                "awsRegion": "us-east-1",
            }
            for number, message in enumerate(messages)
        ]
        # A crash tells nobody anything; the messages come back by themselves.
        with contextlib.suppress(CrashError), self.aws.invocation(function, fault):
            answer = HANDLERS[function]({"Records": records}, FakeContext())
            stay = {item["itemIdentifier"] for item in answer["batchItemFailures"]}
            for number, message in enumerate(messages):
                if f"message-{number}" not in stay:
                    self.aws.remove_message(function, message)

    def reconcile(self, fault: Fault | None = None) -> dict[str, Any] | None:
        """Run the reconcile function; its report, if it comes to its end."""
        # A run that fails is a run that comes again.
        with contextlib.suppress(CrashError, Exception), self.aws.invocation("reconcile", fault):
            answer: dict[str, Any] = HANDLERS["reconcile"](
                {"action": "reconcile"}, FakeContext(300_000)
            )
            return answer
        return None

    def calm_down(self) -> None:
        """Nothing happens any more that nobody of us does, until there is nothing left to do."""
        self.away = False
        self.aws.expired.clear()
        begin, quiet = self.aws.now, False
        while not quiet:
            assert self.aws.now - begin < CALM_ENDS, self.open_ends()
            for instance_id in self.dead_members():
                self.notice(instance_id, 1, hook=True)
            for instance_id in self.bootable():
                self.boot(instance_id)
            for instance_id in self.serials:
                if self.aws.lives(instance_id):
                    self.connect(instance_id, connected=True)
            quiet = not self.open_ends()
            report = self.reconcile()
            assert report is not None
            for _ in range(3):
                self.visit_all("launch")
                self.visit_all("terminate")
                self.pass_time(5 * MINUTE)
            found = report.keys() - {"dry_run", "removed", "licenses_not_returned"}
            quiet &= not any(report[kind] for kind in found)


class Clock:
    """``datetime``, as far as the handlers ask it for the time."""

    @staticmethod
    def now(_zone: object) -> datetime:
        return Fleet.current.aws.now


class Losses(logging.Handler):
    """Hears which licenses are lost."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg == firewall_license.LICENSE_NOT_RETURNED:
            Fleet.current.told.add(record.serial)  # type: ignore[attr-defined]


def configure(patch: pytest.MonkeyPatch, changes: Mapping[type, dict[str, Any]]) -> None:
    """Give each function its settings: its own environment, which there is only one of here."""
    from_environment.cache_clear()
    for kind, document in {**SETTINGS, **changes}.items():
        patch.setenv(VARIABLE, json.dumps(document))
        from_environment(kind)


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The functions' edges lead to the fleet of the example that runs."""
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "ERROR")
    configure(monkeypatch, {})

    def call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        return Fleet.current.aws.call(client, operation, parameters)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)
    monkeypatch.setattr(panorama, "connect", lambda _settings: Line(Fleet.current))
    monkeypatch.setattr(concurrency, "ThreadPoolExecutor", OneByOne)
    for module in (_hook, reconcile_handler):
        monkeypatch.setattr(module, "datetime", Clock)
    telemetry._logger()
    losses, logger = Losses(logging.ERROR), logging.getLogger("vmseries_autoscale")
    for handler in logger.handlers:
        handler.setLevel(logging.CRITICAL)  # Nobody reads what thousands of examples write.
    logger.addHandler(losses)
    yield
    logger.removeHandler(losses)
