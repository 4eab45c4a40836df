"""The lab's process: the simulated AWS and everything else, on one loopback port."""

from __future__ import annotations

import gc
import math
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from ipaddress import ip_address
from typing import Any

from moto import backends
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import BaseWSGIServer, make_server

from vmseries_lab import firewalls, seed, traffic, vendor_services
from vmseries_lab.aws import (
    autoscaling,
    ec2,
    elbv2,
    lambda_,
    log_groups,
    moto_clock,
    requests,
    s3_listing,
    secret_versions,
    sqs,
)
from vmseries_lab.aws.cloudwatch import alarm_actions, emf, service_metrics
from vmseries_lab.aws.ec2 import marketplace_images
from vmseries_lab.aws.eventbridge import bus
from vmseries_lab.aws.iam.roles import issued_credentials
from vmseries_lab.aws.lambda_ import event_source_mapping
from vmseries_lab.aws.moto_patching import replace
from vmseries_lab.aws.throttling import Throttling
from vmseries_lab.core.control_api import PREFIX, Control, since
from vmseries_lab.core.location import LOCATION
from vmseries_lab.core.world import World
from vmseries_lab.licensing_api import AUTH_CODE
from vmseries_lab.panorama import faults as panorama_faults

ESTATE = 2
"""Number of the operator's own firewalls at first."""
PUMP_SECONDS = 0.05
STANDING = -1.0
"""The pace at which no time passes by itself."""


class QuietHandler(MotoRequestHandler):  # type: ignore[misc]
    """Writes no line per request: the call log has them."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


def _list_modules_once() -> None:
    """Moto lists its own folder at each request, all others waiting."""
    replace(backends, "list_of_moto_modules", lambda original: cache(lambda: tuple(original())))


def _create_app(service: Any) -> Any:
    """Moto's application for one service, in which connections can be cut.

    Flask would answer 500 for the error that stands for a broken connection; werkzeug breaks it.
    """
    app = create_backend_app(service)
    app.config["PROPAGATE_EXCEPTIONS"] = True
    return app


@dataclass
class Pump:
    """Lets time pass: ticks the engines, and moves the clock if a pace is set.

    Attributes:
        pace: additional lab seconds per real second in which no work is in flight; one second
            passes in any case; -1 stops the clock.
    """

    world: World
    pace: float = 0.0
    _stopped: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> None:
        """Pump until stopped."""
        while not self._stopped.wait(PUMP_SECONDS):
            try:
                with self._lock:
                    self.run_once()
            except Exception as error:  # noqa: BLE001 - no error may stop the clock
                self.world.errors.record("pump", error)

    def run_once(self) -> None:
        """Tick, then move the clock by the pace unless work is in flight.

        The clock moves by the nominal pause, not by the real one, which depends on the machine.
        """
        self.world.tick()
        if self.world.busy():
            return
        if self.pace:
            self.world.advance((1 + self.pace) * PUMP_SECONDS)
        else:
            self.world.clock.jump(PUMP_SECONDS)

    def advance(self, seconds: float) -> None:
        """Move the clock; return when no work is in flight."""
        with self._lock:
            self.world.advance(seconds)

    def stop(self) -> None:
        """End the pump."""
        self._stopped.set()


class Laboratory:
    """A running lab: the world, its server and its parts."""

    def __init__(self) -> None:
        # The policies that AWS manages, for roles that attach them. Not set at import: moto would
        # load a thousand policies for each account of the tests that simulate AWS in process.
        os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
        self.world = World()
        self.world.errors.keep = True
        self.world.errors.record_unhandled()
        self.control = Control(self.world.errors)
        self.pump = Pump(self.world)
        aws = DomainDispatcherApplication(_create_app)

        def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
            if environ["PATH_INFO"].startswith(PREFIX):
                return self.control(environ, start_response)
            try:
                return aws(environ, start_response)
            except ConnectionError:
                raise  # a fault that breaks the connection, or a client that has gone
            except Exception as error:
                self.world.errors.record(f"request to {environ['PATH_INFO']}", error)
                raise

        self._application = application
        self.server = self._listen()
        _list_modules_once()
        self._install_aws()
        self.vendor = vendor_services.install(self.world)
        panorama_faults.install(self.vendor.panorama, self.pipeline)
        self.vendor.panorama.estate.grow(ESTATE)
        self.fleet = firewalls.install(self.world)
        self.fleet.apis.intercept = panorama_faults.interceptor(self.pipeline, "firewall")
        self.parts: list[Any] = [
            self.vendor,
            self.fleet,
            traffic.install(self.world),
            self.marketplace,
        ]
        seed.seed(self.vendor.authority.pem)
        self._add_routes()

    def _listen(self) -> BaseWSGIServer:
        """Listen on a free port; the caller starts to serve."""
        server = make_server(
            "127.0.0.1", 0, self._application, threaded=True, request_handler=QuietHandler
        )
        self.world.endpoint = f"http://127.0.0.1:{server.server_port}"
        return server

    def _install_aws(self) -> None:
        world = self.world
        moto_clock.install(world)
        secret_versions.install(world)
        log_groups.install()
        self.pipeline = requests.install(world)
        s3_listing.install(self.pipeline)
        self.functions = lambda_.install(world, self.pipeline)
        bus.install(world, self.pipeline.faults, self.functions.start)
        sqs.install(world)
        event_source_mapping.install(world, self.pipeline, self.functions)
        emf.install()
        service_metrics.install(world, self.functions)
        self.ec2 = ec2.install(world)
        self.marketplace = marketplace_images.install(world)
        elbv2.install(world)
        autoscaling.install(world, self.ec2)
        alarm_actions.install(world)

    def _add_routes(self) -> None:
        world, faults, add = self.world, self.pipeline.faults, self.control.add
        add("GET", "ready", lambda _query, _body: self.ready())
        add("GET", "clock", lambda _query, _body: self._clock())
        add("POST", "clock", lambda _query, body: self._move_clock(body))
        add(
            "GET",
            "timeline",
            lambda q, _body: [e.as_dict() for e in world.timeline.since(since(q))],
        )
        add("GET", "calls", lambda query, _body: self.pipeline.calls.since(since(query)))
        add("GET", "invocations", lambda query, _body: self.functions.records.since(since(query)))
        add("GET", "credentials", lambda _query, _body: issued_credentials())
        add("GET", "errors", lambda _query, _body: world.errors.all())
        add("GET", "validation", lambda _query, _body: self.pipeline.validator.report())
        add("GET", "faults", lambda _query, _body: faults.listed())
        add("POST", "faults", lambda _query, body: faults.add(requests.Fault(**body)))
        add("DELETE", "faults", lambda _query, _body: faults.clear())
        add("POST", "rates", lambda _query, body: self._enforce_rates(**body))
        add("GET", "assumptions", lambda _query, _body: world.assumptions.set())
        add("POST", "assumptions", lambda _query, body: world.assumptions.set(**body))
        add("POST", "addresses", lambda _query, body: self._set_addresses(body))
        add("POST", "ec2", lambda _query, body: self._change_ec2(**body))
        for part in self.parts:
            for method, path, route in part.routes():
                add(method, path, route)

    def _clock(self) -> dict[str, Any]:
        return {
            "now": self.world.clock.now(),
            "offset": self.world.clock.offset,
            "pace": self.pump.pace,
            "busy": self.world.busy(),
        }

    def _move_clock(self, body: dict[str, Any]) -> dict[str, Any]:
        unknown = set(body) - {"advance", "pace"}
        if unknown:
            raise ValueError(f"the clock takes advance or pace, not {', '.join(sorted(unknown))}")
        if "pace" in body:
            self.pump.pace = max(float(body["pace"]), STANDING)
        if "advance" in body:
            seconds = float(body["advance"])
            if not 0 <= seconds < math.inf:
                raise ValueError(f"the clock advances by 0 or more seconds, not {seconds:g}")
            self.pump.advance(seconds)
        return self._clock()

    def _enforce_rates(self, *, enforced: bool, share: float = 1.0) -> dict[str, Any]:
        self.pipeline.rates = Throttling(self.world.clock, share) if enforced else None
        return {"enforced": enforced, "share": share}

    def _set_addresses(self, addresses: dict[str, str]) -> dict[str, str]:
        for address in addresses.values():
            ip_address(address)
        with self.world.lock:
            self.world.addresses.update(addresses)
            return dict(self.world.addresses)

    def _change_ec2(self, *, addresses: int | None = None, **limits: Any) -> dict[str, Any]:
        if addresses is not None:
            self.ec2.addresses.quota = int(addresses)
        self.ec2.checks.change(**limits)
        return {"addresses": self.ec2.addresses.quota, **self.ec2.checks.describe()}

    def ready(self) -> dict[str, Any]:
        """Return what a client needs: addresses, Region, CA certificate, auth code, process ID."""
        return {
            "pid": os.getpid(),
            "endpoint": self.world.endpoint,
            "region": LOCATION.region,
            "partition": LOCATION.partition,
            "hosts": self.world.hosts,
            "ca_pem": self.vendor.authority.pem,
            "auth_code": AUTH_CODE,
        }

    def serve(self) -> None:
        """Serve until :meth:`stop`."""
        threading.Thread(target=self.pump.run, daemon=True).start()
        self.server.serve_forever(poll_interval=0.1)

    def stand_still(self) -> None:
        """End every thread and every worker and stop listening, so that the process can be forked.

        Resources stay as they are. The pump must be stopped, and no work may be in flight.
        """
        self.server.shutdown()
        self.server.server_close()
        self.functions.workers.end_idle()
        self.vendor.panorama.stop()
        self.vendor.licensing.server.stop()
        self.vendor.strata.stop()
        self.vendor.credits.identity.stop()
        self.fleet.stop()

    def go_on(self, now: float) -> None:
        """Continue after :meth:`stand_still`, on new ports; only ``advance`` moves the clock.

        Args:
            now: lab time at which the clock continues.
        """
        self.world.clock.jump(now - self.world.clock.now())
        self.server = self._listen()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.vendor.start()
        self.fleet.start()

    def stop(self) -> None:
        """End all threads and processes of the lab."""
        self.pump.stop()
        self.server.shutdown()
        self.functions.stop()
        for part in self.parts:
            if hasattr(part, "stop"):
                part.stop()


def main(
    announce: Callable[[dict[str, Any]], None], *, with_parent: bool = False, pace: float = 0.0
) -> None:
    """Start a lab, announce where it is, and serve until it is stopped.

    Args:
        announce: called once with what :meth:`Laboratory.ready` returns, before the first response.
        with_parent: stop when standard input ends, that is, when the process that started this one
            is gone, however it went.
        pace: see :class:`Pump`.
    """
    laboratory = Laboratory()
    laboratory.pump.pace = max(pace, STANDING)
    # What is there by now, moto and the models of its services above all, is there to stay: the
    # garbage collector need not look through it again and again.
    gc.freeze()
    stopping = threading.Event()

    def stop() -> None:
        stopping.wait()
        laboratory.stop()

    def follow_parent() -> None:
        # Not through sys.stdin: Python aborts, after a second, if a thread reads that at the end.
        while os.read(0, 1024):
            pass
        stopping.set()

    stopper = threading.Thread(target=stop, daemon=True)
    stopper.start()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    if with_parent:
        threading.Thread(target=follow_parent, daemon=True).start()
    announce(laboratory.ready())
    laboratory.serve()
    stopper.join()
