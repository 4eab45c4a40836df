"""Answers a schedule, and whoever wants to know what is left behind."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from vmseries_autoscale import preflight, telemetry, time_budget
from vmseries_autoscale.errors import MalformedEventError
from vmseries_autoscale.reconcile.run import reconcile
from vmseries_autoscale.settings import ReconcileSettings, from_environment

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

SCHEDULED = "Scheduled Event"


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Compare the inventories, and put right what they disagree in.

    Args:
        event: EventBridge's for a schedule; or ``{"action": "report"}``, which changes nothing, or
            ``{"action": "reconcile"}``, which does what the schedule does; or
            ``{"action": "validate"}`` for the pre-flight.
        context: Lambda's.

    Returns:
        The report, or the pre-flight's answer.

    Raises:
        MalformedEventError: for any other event.
        PanoramaError: if Panorama's inventory cannot be taken.
    """
    settings = from_environment(ReconcileSettings)
    with telemetry.invocation(settings.name):
        if preflight.is_asked(event):
            return preflight.validate(settings)
        return reconcile(
            settings,
            now=datetime.now(UTC),
            in_time=time_budget.enough(context),
            dry_run=_only_report(event) or settings.dry_run,
        )


def _only_report(event: dict[str, Any]) -> bool:
    if event.get("detail-type") == SCHEDULED:
        return False
    match event.get("action"):
        case "report":
            return True
        case "reconcile":
            return False
    raise MalformedEventError(
        'expected a scheduled event or {"action": "report" | "reconcile" | "validate"}'
    )
