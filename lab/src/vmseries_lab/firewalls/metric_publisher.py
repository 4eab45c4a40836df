"""Publishes a firewall's metrics to CloudWatch."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from vmseries_lab.firewalls.load_model import Load
from vmseries_lab.firewalls.machine import Machine
from vmseries_lab.firewalls.pushed_config import PushedConfig
from vmseries_lab.firewalls.shared_services import SharedServices


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
        if not self._online():
            self._enter("publishing-failed", reason="CloudWatch is not reachable")
            return
        cloud, machine = self._services.cloud, self._machine
        instance_id, role_arn, namespace = machine.instance_id, machine.role_arn(), pushed.namespace
        data = load.metric_data(self._services.world.clock.utc())
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
