"""Publishing a firewall's metrics to CloudWatch."""

from __future__ import annotations

from concurrent.futures import Future

from vmseries_lab.firewalls.load_model import Load
from vmseries_lab.firewalls.machine import Machine
from vmseries_lab.firewalls.pushed_config import Pushed
from vmseries_lab.firewalls.shared_services import Surroundings


class Publisher:
    """Publishes at the interval that the pushed configuration names, if it says so at all."""

    def __init__(self, machine: Machine, surroundings: Surroundings) -> None:
        self._machine = machine
        self._around = surroundings
        self._due = 0.0
        self._under_way: Future[None] | None = None
        self._state = ""

    def busy(self) -> bool:
        """Whether a publication is under way, or its outcome has not been looked at."""
        return self._under_way is not None

    def tick(self, now: float, pushed: Pushed, load: Load) -> None:
        """Publish if it is time."""
        self.collect()
        if not pushed.publishes or self._under_way is not None or now < self._due:
            return
        # After a pause the rhythm starts anew, without making up for what was left out.
        start = self._due if self._due + pushed.interval_seconds > now else now
        self._due = start + pushed.interval_seconds
        cloud, machine = self._around.cloud, self._machine
        instance_id, role_arn, namespace = machine.instance_id, machine.role_arn(), pushed.namespace
        data = load.metric_data(self._around.world.clock.utc())
        self._under_way = cloud.submit(
            lambda: cloud.put_metrics(instance_id, role_arn, namespace, data)
        )
        self._enter("publishing", namespace=namespace, interval_seconds=pushed.interval_seconds)

    def collect(self) -> None:
        """Look at the outcome of a publication that has ended."""
        if self._under_way is None or not self._under_way.done():
            return
        ended, self._under_way = self._under_way, None
        if (error := ended.exception()) is not None:
            self._enter("publishing-failed", reason=str(error))

    def _enter(self, state: str, **detail: object) -> None:
        """Note when publishing begins, and when it fails for the first time."""
        if self._state == "publishing-failed" or self._state == state:
            return
        self._state = state
        self._around.world.timeline.add("firewall", state, self._machine.instance_id, **detail)
