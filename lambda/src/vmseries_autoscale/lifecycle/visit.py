"""A visit: one pass over all instances of a batch, step by step.

A visit reads the current state from AWS and Panorama and takes each instance as far as possible.
The next visit retries the steps that are not complete.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

from vmseries_autoscale import firewall_records, telemetry
from vmseries_autoscale.aws import clients
from vmseries_autoscale.concurrency import run_parallel
from vmseries_autoscale.firewall_records import FirewallRecords
from vmseries_autoscale.lifecycle.events import LifecycleEvent
from vmseries_autoscale.lifecycle.instance_in_transition import InstanceInTransition
from vmseries_autoscale.lifecycle.panorama_session import PanoramaSession
from vmseries_autoscale.outcome import OUT_OF_TIME, Done, Outcome, Unfinished, run_step
from vmseries_autoscale.settings import HookSettings
from vmseries_autoscale.time_budget import TimeBudget

if TYPE_CHECKING:
    from mypy_boto3_autoscaling import AutoScalingClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client

Outcomes: TypeAlias = Mapping[LifecycleEvent, Outcome]
"""Outcomes by lifecycle event."""

Settings_co = TypeVar("Settings_co", bound=HookSettings, covariant=True)
Instance = TypeVar("Instance", bound=InstanceInTransition)


@dataclass(slots=True)
class Visit(Generic[Settings_co]):
    """The context that the steps of one visit share.

    Attributes:
        settings: Settings of the function.
        now: Current time, timezone-aware.
        time_budget: Time that is left of the invocation.
        session: Connection to Panorama; ``None`` until a step opens it.
    """

    settings: Settings_co
    now: datetime
    time_budget: TimeBudget
    session: PanoramaSession | None = None

    def age(self, began: datetime) -> float:
        """Return the number of seconds since a time."""
        return (self.now - began).total_seconds()

    @property
    def records(self) -> FirewallRecords:
        """The records of the deployment's firewalls."""
        return firewall_records.connect(self.settings.records_table)

    @property
    def ec2(self) -> EC2Client:
        """The client for Amazon EC2."""
        return clients.ec2()

    @property
    def autoscaling(self) -> AutoScalingClient:
        """The client for Amazon EC2 Auto Scaling."""
        return clients.autoscaling()

    @property
    def elbv2(self) -> ElasticLoadBalancingv2Client:
        """The client for Elastic Load Balancing."""
        return clients.elbv2()


Step: TypeAlias = Callable[[Sequence[Instance], Visit[Settings_co]], Outcomes]
"""A step of a visit, which returns outcomes by event. Instances that are *Done* or have no outcome
continue with the next step."""


def run_steps(
    instances: Sequence[Instance],
    steps: Iterable[Step[Instance, Settings_co]],
    visit: Visit[Settings_co],
) -> dict[LifecycleEvent, Outcome]:
    """Take the instances through the steps, each up to the first step that is not complete.

    Returns:
        The outcome of each instance: *Done* if all steps are complete.
    """
    outcomes: dict[LifecycleEvent, Outcome] = {}
    for step in steps:
        remaining = [instance for instance in instances if instance.event not in outcomes]
        outcomes |= unfinished(step(remaining, visit))
    return {instance.event: outcomes.get(instance.event, Done()) for instance in instances}


def for_each(
    instances: Iterable[Instance],
    step: Callable[[Instance], Outcome],
    time_budget: TimeBudget | None,
    *,
    parallel: bool = False,
) -> dict[LifecycleEvent, Outcome]:
    """Run a step for each instance. An error affects only the outcome of its own instance.

    Args:
        instances: Instances to run the step for.
        step: Step for one instance.
        time_budget: Time that is left; no further instance is started when it is used up. ``None``
            for a step that takes no time.
        parallel: Whether the instances are processed in parallel.

    Returns:
        The outcome of each instance.
    """

    def run(instance: Instance) -> Outcome:
        if time_budget is not None and not time_budget.has_time():
            return OUT_OF_TIME
        with telemetry.log_context(**instance.event.log_keys):
            return run_step(partial(step, instance))

    calls = {instance.event: partial(run, instance) for instance in instances}
    results = run_parallel(list(calls.values())) if parallel else [run() for run in calls.values()]
    return dict(zip(calls, results, strict=True))


def unfinished(outcomes: Outcomes) -> dict[LifecycleEvent, Unfinished]:
    """Return the outcomes that are not *Done*."""
    return {event: outcome for event, outcome in outcomes.items() if not isinstance(outcome, Done)}
