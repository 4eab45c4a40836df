"""Write changed tags of the settings to running firewalls and their resources.

A changed tag replaces no firewall, and Auto Scaling tags only new instances. A tag that is removed
from the settings stays on the resources, because somebody else may have written it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from vmseries_autoscale.aws import clients, user_tags
from vmseries_autoscale.aws.instances import Instance
from vmseries_autoscale.outcome import Done, Failed, Unfinished, reason_of, run_if_time
from vmseries_autoscale.reconcile.inventory import Inventory
from vmseries_autoscale.reconcile.report import Observations, log_failure
from vmseries_autoscale.settings import ReconcileSettings
from vmseries_autoscale.telemetry import Metric
from vmseries_autoscale.time_budget import TimeBudget

SUBJECT = "tags"


def update_tags(
    observations: Observations,
    settings: ReconcileSettings,
    inventory: Inventory,
    time_budget: TimeBudget,
    *,
    dry_run: bool,
) -> None:
    """Write the tags of the settings where they differ. No error ends the run.

    Args:
        observations: Get the ids of the tagged resources, or why they were not tagged.
        settings: Settings of the function.
        inventory: Inventory of the run.
        time_budget: Time that is left of the invocation.
        dry_run: Whether to write nothing, and to name the resources only.
    """
    wanted = user_tags.wanted(settings.tags)
    shares = [set(_resources(firewall, inventory)) for firewall in inventory.in_service()]
    resources = sorted(set().union(*shares))
    if not wanted or not resources:
        return

    def find() -> list[str]:
        described = user_tags.describe(clients.ec2(), resources)
        differing = user_tags.differing(described, settings.name, wanted)
        return differing[: user_tags.MAXIMUM_RESOURCES]

    def write(part: Collection[str]) -> Done | Unfinished:
        def step() -> Done:
            user_tags.write(clients.ec2(), part, wanted)
            observations.tagged += part
            return Done()

        return run_if_time(step, time_budget)

    differing = run_if_time(find, time_budget)
    if isinstance(differing, Unfinished):
        _note(observations, differing)
    elif dry_run:
        observations.tagged = differing
    elif differing:
        outcomes = [write(differing)]
        # EC2 refuses the whole call for a single resource, e.g. one that has 50 tags already. It
        # must not keep the tags from the other firewalls.
        parts = [part for share in shares if (part := [key for key in differing if key in share])]
        if isinstance(outcomes[0], Failed) and len(parts) > 1:
            outcomes = [write(part) for part in parts]
        if waiting := [outcome for outcome in outcomes if isinstance(outcome, Unfinished)]:
            _note(observations, waiting[0])


def _note(observations: Observations, outcome: Unfinished) -> None:
    if isinstance(outcome, Failed):
        log_failure(SUBJECT, outcome.error, Metric.TAGS_NOT_WRITTEN)
    observations.note(SUBJECT, reason_of(outcome))


def _resources(firewall: Instance, inventory: Inventory) -> Iterator[str]:
    """Yield the ids of an instance, its volumes, interfaces and addresses."""
    yield firewall.instance_id
    yield from firewall.volumes
    for interface in firewall.interfaces:
        yield interface.interface_id
    network = inventory.networks.get(firewall.instance_id)
    if network is not None:
        yield from network.addresses
