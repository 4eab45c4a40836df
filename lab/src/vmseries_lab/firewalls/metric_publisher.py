"""Publishes a firewall's metrics to CloudWatch.

Two facts are not documented: whether a firewall without traffic publishes (``core/assumptions``:
``leaving-firewall-metrics``), and whether a period has one value of each firewall or more
(``metric-publishing``), for example because a request is repeated after a lost response.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from vmseries_lab.firewalls.load_model import Load
from vmseries_lab.firewalls.machine import Machine
from vmseries_lab.firewalls.pushed_config import PushedConfig
from vmseries_lab.firewalls.shared_services import SharedServices

COPIES = {"once-a-minute": 1, "twice-a-minute": 2}
"""How many data points a publication has of each metric."""


class MetricPublisher:
    """Publishes metrics at the configured interval, if the pushed configuration enables that."""

    def __init__(
        self, machine: Machine, services: SharedServices, online: Callable[[], bool]
    ) -> None:
        self._machine = machine
        self._online = online
        self._services = services
        self._due = 0.0
        self._call: Future[None] | None = None
        self._state = ""

    def busy(self) -> bool:
        """Whether a call is in progress, or its outcome was not collected."""
        return self._call is not None

    def tick(self, now: float, pushed: PushedConfig, load: Load) -> None:
        """Publish metrics if they are due."""
        self.collect()
        if not pushed.publishes or self._call is not None or now < self._due:
            return
        # After a pause, the interval restarts; missed publications are skipped.
        start = self._due if self._due + pushed.interval_seconds > now else now
        self._due = start + pushed.interval_seconds
        world, cloud, machine = self._services.world, self._services.cloud, self._machine
        if load.sessions == 0 and world.assumptions["leaving-firewall-metrics"] == "nothing":
            return
        if not self._online():
            self._enter("publishing-failed", reason="CloudWatch is not reachable")
            return
        instance_id, role_arn, namespace = machine.instance_id, machine.role_arn(), pushed.namespace
        times = COPIES[world.assumptions["metric-publishing"]]
        data = load.metric_data(world.clock.utc()) * times
        self._call = cloud.submit(lambda: cloud.put_metrics(instance_id, role_arn, namespace, data))
        self._enter("publishing", namespace=namespace, interval_seconds=pushed.interval_seconds)

    def collect(self) -> None:
        """Handle the outcome of a call that has finished."""
        if self._call is None or not self._call.done():
            return
        finished, self._call = self._call, None
        if (error := finished.exception()) is not None:
            self._enter("publishing-failed", reason=str(error))

    def _enter(self, state: str, **detail: object) -> None:
        """Add the first publication and the first failure to the timeline."""
        if self._state == "publishing-failed" or self._state == state:
            return
        self._state = state
        self._services.world.timeline.add("firewall", state, self._machine.instance_id, **detail)
