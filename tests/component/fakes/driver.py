"""A fleet of firewalls in the account in memory, with a Panorama and all functions.

A function runs as it does in Lambda, from a batch of messages or a schedule; what it calls is in
memory, and any call may fail.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from component.fakes import events, settings
from component.fakes.aws import (
    TARGET_GROUP,
    TARGET_PORT,
    VPC,
    Account,
    CrashError,
    Fault,
    Message,
)
from component.fakes.ec2 import NETWORKS
from component.fakes.events import Delivery
from component.fakes.panorama import LICENSE_MANAGER, FakePanorama, FirewallBehindPanorama
from component.fakes.runtime import FakeContext, simulate
from vmseries_autoscale import concurrency, panorama, telemetry
from vmseries_autoscale.errors import PANORAMA, DeviceTimeoutError, DeviceUnavailableError
from vmseries_autoscale.handlers import launch as launch_handler
from vmseries_autoscale.handlers import reconcile as reconcile_handler
from vmseries_autoscale.handlers import terminate as terminate_handler
from vmseries_autoscale.licensing import reporting as firewall_license
from vmseries_autoscale.panorama import Device, Part
from vmseries_autoscale.settings import (
    VARIABLE,
    LaunchSettings,
    ReconcileSettings,
    TerminateSettings,
    from_environment,
)

MINUTE = timedelta(minutes=1)
PANORAMA_DETECTION_TIME = 3 * MINUTE
CALM_LIMIT = timedelta(hours=12)

HANDLERS: dict[str, Any] = {
    "launch": launch_handler.handler,
    "terminate": terminate_handler.handler,
    "reconcile": reconcile_handler.handler,
}
BATCH_SIZES = {"launch": 10, "terminate": 100}
TARGET_GROUPS = [{"arn": TARGET_GROUP, "port": TARGET_PORT}]

SETTINGS: dict[type, dict[str, Any]] = {
    LaunchSettings: settings.launch(
        interfaces={
            role: settings.interface(role, target_groups=TARGET_GROUPS if role == "untrust" else [])
            for role in NETWORKS
        }
    ),
    TerminateSettings: settings.terminate(target_groups={"2": TARGET_GROUPS}),
    ReconcileSettings: settings.reconcile(
        target_groups=[{"arn": TARGET_GROUP, "vpc_id": VPC, "cidr_blocks": ["10.0.2.0/24"]}],
        maximum_share=0.5,
        metric_namespace=None,
    ),
}

PLUGIN_SETTINGS: dict[type, dict[str, Any]] = {
    TerminateSettings: SETTINGS[TerminateSettings] | {"licensing": settings.PLUGIN_LICENSING},
    ReconcileSettings: SETTINGS[ReconcileSettings]
    | {
        "licensing_mode": "plugin",
        "license_manager": LICENSE_MANAGER,
    },
}
"""The settings that differ if Panorama's plugin manages the licenses."""


class Panorama(FakePanorama):
    """A Panorama that lists committed devices only, and finishes its jobs when time passes."""

    def devices(self) -> list[Device]:
        managed = self.committed[Part.MANAGED_DEVICES]
        grouped = self.committed[Part.DEVICE_GROUP]
        return [
            device if serial in grouped else replace(device, policy_status=None)
            for serial, device in self.firewalls.items()
            if serial in managed
        ]

    def finish_jobs(self) -> None:
        self.finish_plugin()
        for number, job in enumerate(self.jobs):
            if not job.finished:
                self.end_job(number)

    def _forget(self) -> None:
        """Keep nothing: devices() reads the configuration."""

    def commit_all(self) -> None:
        """Commit the changes of all administrators."""
        self.committed = {part: set(serials) for part, serials in self.named.items()}


class Connection:
    """A connection to Panorama. Its calls can fail like those of AWS."""

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
        """Check that the function may change this firewall; a dead one does not respond."""
        if name in ("plugin_deactivate", "batch_deactivate"):
            for instance_id, serial in self._fleet.serials.items():
                if serial in arguments[-1]:
                    self._fleet.aws.take_from_panorama(instance_id, name)
        instance_ids = {serial: key for key, serial in self._fleet.serials.items()}
        if name == "remove_all":
            for serial in {removal.serial for removal in arguments[0]} & instance_ids.keys():
                self._fleet.aws.take_from_panorama(instance_ids[serial], name)
            return
        first = (*arguments, "")[0]
        instance_id = instance_ids.get(first) if isinstance(first, str) else None
        if instance_id is None:
            return
        if name in ("licenses", "deactivate_license") and not self._fleet.aws.lives(instance_id):
            raise DeviceTimeoutError(
                PANORAMA, "Panorama has not noticed yet that the firewall is gone"
            )
        if name == "deactivate_license":
            self._fleet.aws.take_from_panorama(instance_id, name)


class OneByOne:
    """A thread pool that runs its calls one by one when it is closed, in order or in reverse."""

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
            except Exception as error:  # noqa: BLE001 - raised where the result is read
                future.set_exception(error)


class Fleet:
    """The account, Panorama and the functions of one example.

    Attributes:
        current: The fleet that the functions work on.
        serials: Serial numbers of the firewalls, by instance id.
        reported: Serial numbers whose licenses were reported as not returned.
        away: Whether Panorama does not respond.
    """

    current: ClassVar[Fleet]

    def __init__(self) -> None:
        Fleet.current = self
        OneByOne.backwards = False
        self.aws, self.panorama = Account(find_entries_outside_aws=self.entries), Panorama()
        self.serials: dict[str, str] = {}
        self.reported: set[str] = set()
        self.away = False

    # Events of firewalls.

    def launch(self, mail: int = 1) -> str:
        self.aws.mail = mail
        return self.aws.launch()

    def bootable(self) -> list[str]:
        """Live instances with a management interface that have not joined Panorama."""
        return [
            key
            for key in self.living()
            if key not in self.serials and self.management_ip(key) is not None
        ]

    def boot(self, instance_id: str, **fields: Any) -> str:
        """Let the firewall join Panorama, and return its serial number."""
        serial = self.serials[instance_id] = f"S{len(self.serials)}"
        ip = self.management_ip(instance_id) or ""
        device = Device(serial, instance_id, ip, True, "In Sync", "In Sync")
        self.panorama.register(replace(device, **fields))
        return serial

    def in_service(self, number: int = 1) -> None:
        """Bring more firewalls into service."""
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
        """Let the group notice that a member is dead."""
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
            if died is not None and self.aws.now - died >= PANORAMA_DETECTION_TIME:
                self.connect(instance_id, connected=False)

    # Inventories.

    def living(self) -> list[str]:
        return [key for key in self.aws.instances if self.aws.lives(key)]

    def connected(self) -> list[str]:
        firewalls = self.panorama.firewalls
        return [key for key, serial in self.serials.items() if firewalls[serial].connected]

    def management_ip(self, instance_id: str) -> str | None:
        attached = self.aws.attached(instance_id)
        return next(
            (interface.private_ip for interface in attached if interface.subnet == "management"),
            None,
        )

    def entries(self, instance_id: str) -> list[str]:
        """The parts of the configuration that name the instance's firewall."""
        serial = self.serials.get(instance_id)
        memberships = (self.panorama.named, self.panorama.committed)
        return [part for members in memberships for part in Part if serial in members[part]]

    def remaining(self, instance_id: str) -> list[str]:
        """The resources and entries that remain of an instance, in AWS and in Panorama."""
        return self.aws.made_for(instance_id) + self.entries(instance_id)

    def all_remaining(self) -> list[str]:
        """The resources and entries that remain of all instances that joined Panorama."""
        return [item for instance_id in self.serials for item in self.remaining(instance_id)]

    def unfinished(self) -> str:
        """Describe open hooks and remaining messages; empty if there are none."""
        waits = [key for key, member in self.aws.members.items() if member.wait]
        messages = [body for queue in self.aws.queues.values() for body in queue]
        return f"{waits} {messages}" if waits or messages else ""

    # The functions.

    def visit(self, function: str, fault: Fault | None = None) -> bool:
        """Deliver the visible messages; returns whether there were any."""
        messages = self.aws.receive(function, BATCH_SIZES[function])
        if messages:
            self._deliver(function, messages, fault)
        return bool(messages)

    def visit_all(self, function: str) -> None:
        while self.visit(function):
            pass

    def visit_again(self, function: str) -> None:
        """Deliver messages a second time, also while they are being processed."""
        if messages := self.aws.queues[function][: BATCH_SIZES[function]]:
            for message in messages:
                self.aws.mark_received(message)
            self._deliver(function, messages, None)

    def _deliver(self, function: str, messages: list[Message], fault: Fault | None) -> None:
        batch = events.batch(
            function,
            [Delivery(item.body, item.receipt, item.sent, item.received) for item in messages],
        )
        # After a crash there is no response; the messages become visible again.
        with contextlib.suppress(CrashError), self.aws.invocation(function, fault):
            answer = HANDLERS[function](batch, FakeContext())
            stay = events.left_in_queue(answer)
            for number, message in enumerate(messages):
                if f"message-{number}" not in stay:
                    self.aws.remove_message(function, message)

    def reconcile(self, fault: Fault | None = None) -> dict[str, Any] | None:
        """Run the reconcile function; returns its report, or ``None`` if the run failed."""
        # A failed run is repeated by the schedule.
        with contextlib.suppress(CrashError, Exception), self.aws.invocation("reconcile", fault):
            answer: dict[str, Any] = HANDLERS["reconcile"](
                {"action": "reconcile"}, FakeContext(300_000)
            )
            return answer
        return None

    def calm_down(self) -> None:
        """Let only the functions act, until nothing is left to do."""
        self.away = False
        self.aws.expired.clear()
        begin, quiet = self.aws.now, False
        while not quiet:
            assert self.aws.now - begin < CALM_LIMIT, self.unfinished()
            for instance_id in self.dead_members():
                self.notice(instance_id, 1, hook=True)
            for instance_id in self.bootable():
                self.boot(instance_id)
            for instance_id in self.serials:
                if self.aws.lives(instance_id):
                    self.connect(instance_id, connected=True)
            quiet = not self.unfinished()
            report = self.reconcile()
            assert report is not None
            for _ in range(3):
                self.visit_all("launch")
                self.visit_all("terminate")
                self.pass_time(5 * MINUTE)
            open_keys = report.keys() - {"dry_run", "removed", "licenses_not_returned"}
            quiet &= not any(report[key] for key in open_keys)


class Losses(logging.Handler):
    """Notes the licenses that are reported as not returned."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg == firewall_license.LICENSE_NOT_RETURNED:
            Fleet.current.reported.add(record.serial)  # type: ignore[attr-defined]


def configure(patch: pytest.MonkeyPatch, changes: Mapping[type, dict[str, Any]]) -> None:
    """Cache the settings of each function: in Lambda each has an environment of its own."""
    from_environment.cache_clear()
    for kind, document in {**SETTINGS, **changes}.items():
        patch.setenv(VARIABLE, json.dumps(document))
        from_environment(kind)


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Connect the functions to the fleet of the example that runs."""
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "ERROR")
    configure(monkeypatch, {})

    def call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        return Fleet.current.aws.call(client, operation, parameters)

    def pause(seconds: float) -> None:
        Fleet.current.aws.pass_time(timedelta(seconds=seconds))

    simulate(monkeypatch, call, lambda: Fleet.current.aws.now, pause)
    monkeypatch.setattr(panorama, "connect", lambda _settings: Connection(Fleet.current))
    monkeypatch.setattr(concurrency, "ThreadPoolExecutor", OneByOne)
    telemetry._logger()
    losses, logger = Losses(logging.ERROR), logging.getLogger("vmseries_autoscale")
    for handler in logger.handlers:
        handler.setLevel(logging.CRITICAL)  # Thousands of examples would write too much.
    logger.addHandler(losses)
    yield
    logger.removeHandler(losses)
