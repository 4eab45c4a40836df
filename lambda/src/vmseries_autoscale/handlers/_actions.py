"""Actions with which a person invokes a function."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from vmseries_autoscale.errors import quote

logger = logging.getLogger(__name__)


def refuse_unknown_action(event: object, *known: str) -> dict[str, Any] | None:
    """Return the answer to an action that the function does not have, in the form of a pre-flight.

    Lambda would count an exception among the function's errors, whose alarm is for crashes, and
    answer with a stack trace.

    Args:
        event: Event with which the function was invoked.
        known: Actions of the function.

    Returns:
        The answer, None for an event that names no action, or one of these.
    """
    action = event.get("action") if isinstance(event, Mapping) and "Records" not in event else None
    if not isinstance(action, str) or action in known:
        return None
    problem = f"The function has no action {quote(action)}: use {' or '.join(known)}."
    logger.error(problem)
    return {"ok": False, "problems": [problem], "checked": [], "unchecked": []}
