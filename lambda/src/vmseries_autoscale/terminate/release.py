"""Terminate step: release interfaces and addresses, and complete the lifecycle action."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from vmseries_autoscale import telemetry
from vmseries_autoscale.aws import tags
from vmseries_autoscale.aws.network import describe, plan
from vmseries_autoscale.aws.network.converge import converge
from vmseries_autoscale.aws.network.state import NetworkState
from vmseries_autoscale.lifecycle import hooks
from vmseries_autoscale.lifecycle.visit import Outcomes, Visit, for_each
from vmseries_autoscale.outcome import Delay, Done, Outcome, Retry, Unfinished, reason_of, run_step
from vmseries_autoscale.settings import TerminateSettings
from vmseries_autoscale.telemetry import Metric
from vmseries_autoscale.terminate.instance import TerminatingInstance
from vmseries_autoscale.terminate.license_return import report_license_not_returned
from vmseries_autoscale.terminate.stages import Stage

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

logger = logging.getLogger(__name__)


def release_network(
    terminating: Sequence[TerminatingInstance], visit: Visit[TerminateSettings]
) -> Outcomes:
    """Release interfaces and addresses, then complete the lifecycle actions."""
    if not terminating:
        return {}
    networks = run_step(partial(_describe_networks, terminating, visit))
    if isinstance(networks, Unfinished):
        return {instance.event: networks for instance in terminating}
    release = partial(_release, networks=networks, visit=visit)
    return for_each(terminating, release, visit.time_budget)


def _describe_networks(
    terminating: Sequence[TerminatingInstance], visit: Visit[TerminateSettings]
) -> dict[str, NetworkState]:
    """Return our interfaces and addresses, by instance id."""
    ids = [instance.event.instance_id for instance in terminating]
    interfaces = describe.describe_interfaces(visit.ec2, visit.settings.name, ids)
    addresses = describe.describe_addresses(visit.ec2, visit.settings.name, ids)
    return {key: NetworkState.of(interfaces.get(key, []), addresses.get(key, [])) for key in ids}


def _release(
    terminating: TerminatingInstance,
    networks: Mapping[str, NetworkState],
    visit: Visit[TerminateSettings],
) -> Outcome:
    network = networks[terminating.event.instance_id]
    outcome = run_step(partial(_remove_network, network, visit.ec2))
    if isinstance(outcome, Unfinished):
        if not terminating.deadline_passed(Stage.RELEASE_NETWORK):
            return outcome
        logger.error(
            "Stopped releasing the interfaces at the deadline", extra={"reason": reason_of(outcome)}
        )
    _report_skipped_stages(terminating, visit.settings)
    report_license_not_returned(terminating, visit.settings)
    if terminating.hook_open:
        _complete(terminating, visit)
    return Done()


def _remove_network(network: NetworkState, ec2: EC2Client) -> Outcome:
    remaining = converge(ec2, partial(plan.plan_removal, detach=True), network)
    if remaining.interfaces or remaining.addresses:
        return Retry("interfaces are being detached", Delay.SHORT)
    return Done()


def _report_skipped_stages(terminating: TerminatingInstance, settings: TerminateSettings) -> None:
    """Report the stages whose deadline has passed. This happens once, in the last visit."""
    stages = [stage for stage in Stage if stage is not Stage.DRAIN or settings.target_groups]
    skipped = [stage.name.lower() for stage in stages if terminating.deadline_passed(stage)]
    if skipped:
        telemetry.count(Metric.TERMINATION_DEADLINE_PASSED)
        serial = terminating.tags.get(tags.SERIAL, "")
        logger.error(
            "Skipped stages whose deadline had passed", extra={"skipped": skipped, "serial": serial}
        )


def _complete(terminating: TerminatingInstance, visit: Visit[TerminateSettings]) -> None:
    hooks.complete(visit.autoscaling, terminating.event, hooks.Result.CONTINUE)
    telemetry.count(Metric.TERMINATION_COMPLETED)
    telemetry.measure(Metric.TERMINATION_SECONDS, terminating.age)
