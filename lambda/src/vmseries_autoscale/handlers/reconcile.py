"""Handler of the reconcile schedule and of manual invocations."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from vmseries_autoscale import preflight, recording, telemetry
from vmseries_autoscale.errors import InvalidInvocationError
from vmseries_autoscale.handlers._actions import refuse_unknown_action
from vmseries_autoscale.reconcile.run import reconcile
from vmseries_autoscale.settings import ReconcileSettings, from_environment
from vmseries_autoscale.time_budget import TimeBudget

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

SCHEDULED = "Scheduled Event"
ACTIONS = ("report", "reconcile", "validate", "record")


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Compare the inventories, resend lost events and remove orphans.

    Args:
        event: Scheduled event of EventBridge; ``{"action": "report"}`` to change nothing;
            ``{"action": "reconcile"}`` to do the same as on schedule;
            ``{"action": "validate"}`` for the pre-flight; or ``{"action": "record"}`` for the
            answers of Panorama in neutral values.
        context: Lambda context.

    Returns:
        The report of the run or of the pre-flight, or the recording; for an unknown action, what is
        wrong with it.

    Raises:
        InvalidInvocationError: For any other event.
        PanOsError: If Panorama cannot be reached, or refuses a request.
    """
    settings = from_environment(ReconcileSettings)
    with telemetry.invocation(settings.name):
        if preflight.is_preflight_request(event):
            return preflight.validate(settings)
        if refused := refuse_unknown_action(event, *ACTIONS):
            return refused
        if isinstance(event, Mapping) and event.get("action") == "record":
            return recording.record(settings, TimeBudget(context))
        return reconcile(
            settings,
            now=datetime.now(UTC),
            time_budget=TimeBudget(context),
            dry_run=_is_report_only(event) or settings.dry_run,
        )


def _is_report_only(event: object) -> bool:
    if isinstance(event, Mapping):
        if event.get("detail-type") == SCHEDULED:
            return False
        match event.get("action"):
            case "report":
                return True
            case "reconcile":
                return False
    actions = " | ".join(f'"{action}"' for action in ACTIONS)
    raise InvalidInvocationError(f'expected a scheduled event or {{"action": {actions}}}')
