"""Launch step: attach the network interfaces and Elastic IP addresses."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from vmseries_autoscale import telemetry
from vmseries_autoscale.aws import clients
from vmseries_autoscale.aws.network import plan
from vmseries_autoscale.aws.network.converge import converge
from vmseries_autoscale.aws.network.state import NetworkState
from vmseries_autoscale.aws.tags import ResourceTags
from vmseries_autoscale.errors import BootedWithoutInterfacesError
from vmseries_autoscale.launch.instance import LaunchingInstance, describe_own
from vmseries_autoscale.lifecycle.visit import Outcomes, Visit, for_each
from vmseries_autoscale.outcome import Done, Outcome, Retry
from vmseries_autoscale.settings import LaunchSettings, Readiness
from vmseries_autoscale.telemetry import Metric

CAPACITY_RETRY_SECONDS = 300
"""Age in seconds up to which capacity errors are retried. The firewall boots in the meantime, and
its bootstrap tries only once: without a management interface it gets no license."""

SETTLED_SECONDS = 300
"""Age in seconds from which an attached interface without our tags is not ours. Before, it can be
one whose tags EC2 does not show yet: two responses usually agree within seconds."""

BOOT_SECONDS = 900
"""Age in seconds at which a firewall has booted. Without interfaces it never becomes ready."""


def attach_network(
    launching: Sequence[LaunchingInstance], visit: Visit[LaunchSettings]
) -> Outcomes:
    """Attach missing interfaces and addresses, after which the instance waits for its boot."""
    return for_each(launching, partial(_attach, visit=visit), visit.time_budget, parallel=True)


def _attach(launching: LaunchingInstance, visit: Visit[LaunchSettings]) -> Outcome:
    instance, before = launching.instance, launching.network
    if instance is None or instance.state not in ("pending", "running"):
        return Retry(f"the instance is {instance.state if instance else 'unknown to EC2'}")
    _check_boot(launching, visit.settings)
    resource_tags = ResourceTags(
        visit.settings.name,
        launching.event.auto_scaling_group,
        instance.instance_id,
        visit.settings.tags,
    )
    attachment = partial(
        plan.plan_attachment,
        resource_tags,
        instance.zone,
        visit.settings.interfaces,
        settled=launching.age >= SETTLED_SECONDS,
    )

    def attach(network: NetworkState) -> NetworkState:
        return converge(
            visit.ec2,
            attachment,
            network,
            ec2_once=clients.ec2_once(),
            retry_capacity_errors=launching.age < CAPACITY_RETRY_SECONDS,
            has_time=visit.time_budget.has_time,
        )

    launching.network = attach(before)
    if launching.network == before:
        return Done()
    telemetry.measure(Metric.INTERFACES_ATTACHED_SECONDS, launching.age)
    if visit.settings.readiness is Readiness.OFF:
        # No later visit releases what an earlier one created twice.
        instance_id, attached = instance.instance_id, launching.network.interfaces.values()
        own = describe_own([instance_id], [instance_id], visit)
        launching.network = attach(own.network(instance_id, attached))
        return Done()
    return Retry("the interfaces are attached; the firewall is booting, which takes minutes")


def _check_boot(launching: LaunchingInstance, settings: LaunchSettings) -> None:
    """Check that the firewall has not booted without its interfaces.

    Raises:
        BootedWithoutInterfacesError: If it has booted without them.
    """
    expected = any(interface.device_index > 0 for interface in settings.interfaces.values())
    attached = launching.network.own_interfaces
    if expected and not attached and launching.age >= BOOT_SECONDS:
        raise BootedWithoutInterfacesError(
            f"the firewall booted without its interfaces, which are still missing "
            f"{launching.age:.0f} s after its launch"
        )
