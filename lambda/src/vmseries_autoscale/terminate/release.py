"""Terminate step: release the addresses, and complete the lifecycle action.

EC2 deletes the interfaces with the instance. What cannot be released does not hold the instance:
the reconcile function releases it after the instance has terminated.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial

from vmseries_autoscale import telemetry
from vmseries_autoscale.aws.instances import LEAVING_STATES
from vmseries_autoscale.aws.network import describe, plan
from vmseries_autoscale.aws.network.converge import converge
from vmseries_autoscale.aws.network.state import NetworkState
from vmseries_autoscale.lifecycle import hooks
from vmseries_autoscale.lifecycle.removal import wait_or_leave
from vmseries_autoscale.lifecycle.visit import Outcomes, Visit, for_each
from vmseries_autoscale.outcome import Done, Outcome, Unfinished, run_step
from vmseries_autoscale.settings import TerminateSettings
from vmseries_autoscale.telemetry import Metric
from vmseries_autoscale.terminate.instance import TerminatingInstance
from vmseries_autoscale.terminate.license_end import conclude_license
from vmseries_autoscale.terminate.stages import Stage

logger = logging.getLogger(__name__)


def release_network(
    terminating: Sequence[TerminatingInstance], visit: Visit[TerminateSettings]
) -> Outcomes:
    """Release the addresses, then complete the lifecycle actions."""
    if not terminating:
        return {}
    networks = run_step(partial(_describe_networks, terminating, visit))
    release = partial(_release, networks=networks, visit=visit)
    return for_each(terminating, release, visit.time_budget)


def _describe_networks(
    terminating: Sequence[TerminatingInstance], visit: Visit[TerminateSettings]
) -> dict[str, NetworkState]:
    """Return our addresses, and our interfaces as far as needed, by instance id."""
    ids = [instance.event.instance_id for instance in terminating]
    uncertain = [
        instance.event.instance_id for instance in terminating if _needs_interfaces(instance)
    ]
    name = visit.settings.name
    interfaces = describe.describe_interfaces(visit.ec2, name, uncertain) if uncertain else {}
    addresses = describe.describe_addresses(visit.ec2, name, ids)
    return {key: NetworkState.of(interfaces.get(key, []), addresses.get(key, [])) for key in ids}


def _needs_interfaces(terminating: TerminatingInstance) -> bool:
    """Return whether an interface may remain when EC2 terminates the instance.

    The description of the instance shows whether EC2 deletes all attached interfaces. If none but
    the primary one is attached, the others may be detached. An instance that leaves without waiting
    for its hook is left to the reconcile function.
    """
    instance = terminating.instance
    if instance is None:
        return True
    if not terminating.hook_open and instance.state in LEAVING_STATES:
        return False
    attached = [interface for interface in instance.interfaces if interface.device_index != 0]
    return not attached or not all(interface.delete_on_termination for interface in attached)


def _release(
    terminating: TerminatingInstance,
    networks: Mapping[str, NetworkState] | Unfinished,
    visit: Visit[TerminateSettings],
) -> Outcome:
    outcome: object = networks
    if not isinstance(networks, Unfinished):
        network = networks[terminating.event.instance_id]
        outcome = run_step(partial(converge, visit.ec2, plan.plan_removal, network))
    last_visit = terminating.deadline_passed(max(Stage))
    if waiting := wait_or_leave(outcome, last_visit=last_visit):
        return waiting
    # First, so that a second attempt reports nothing twice.
    license_end = run_step(partial(conclude_license, terminating, visit.settings))
    if waiting := wait_or_leave(license_end, last_visit=last_visit):
        return waiting
    _report_skipped_stages(terminating, visit.settings)
    if terminating.hook_open:
        _complete(terminating, visit)
    return Done()


def _report_skipped_stages(terminating: TerminatingInstance, settings: TerminateSettings) -> None:
    """Report the stages whose deadline has passed. This happens once, in the last visit."""
    stages = [stage for stage in Stage if stage is not Stage.DRAIN or settings.has_target_groups]
    skipped = [stage.name.lower() for stage in stages if terminating.deadline_passed(stage)]
    if skipped:
        telemetry.count(Metric.TERMINATION_DEADLINE_PASSED)
        serial = terminating.record.serial or ""
        logger.error(
            "Skipped stages whose deadline had passed", extra={"skipped": skipped, "serial": serial}
        )


def _complete(terminating: TerminatingInstance, visit: Visit[TerminateSettings]) -> None:
    hooks.complete(visit.autoscaling, terminating.event, hooks.Result.CONTINUE)
    telemetry.count(Metric.TERMINATION_COMPLETED)
    telemetry.measure(Metric.TERMINATION_SECONDS, terminating.age)
