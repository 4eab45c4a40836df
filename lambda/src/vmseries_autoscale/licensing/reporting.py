"""Report licenses that were not returned, by everything that is known of their firewall."""

from __future__ import annotations

import logging

from vmseries_autoscale import telemetry
from vmseries_autoscale.firewall_records import FirewallRecord
from vmseries_autoscale.telemetry import Metric

logger = logging.getLogger(__name__)

LICENSE_NOT_RETURNED = (
    "The license was not returned: deactivate the serial number in the Customer Support Portal "
    "under Assets, Devices"
)
"""Log message for a terminated firewall that did not return its license."""

UNKNOWN_LICENSE_NOT_RETURNED = (
    "Nobody learned which firewall ran on this instance: if it had a license, the license was not "
    "returned; find its serial number in the Customer Support Portal under Assets, Devices, by the "
    "time of the launch"
)
"""Log message for such a firewall if its serial number was never known."""

AMBIGUOUS_LICENSE_NOT_RETURNED = (
    "The firewall of this instance is ambiguous: if it had a license, the license was not "
    "returned; find its serial number in the Customer Support Portal under Assets, Devices"
)
"""Log message for such a firewall if its identity is ambiguous."""

LICENSE_LEFT_TO_RECONCILE = (
    "The license is not returned yet: the firewall stays in Panorama, and the reconcile function "
    "continues to request the license's deactivation"
)
"""Log message for a terminated firewall whose license the reconcile function returns."""


def report_not_returned(record: FirewallRecord, reason: str) -> None:
    """Log and count a license that no function tries to return any longer.

    Args:
        record: Record of the firewall.
        reason: Why no function tries any longer, and what was not known.
    """
    if record.ambiguous is not None:
        message = AMBIGUOUS_LICENSE_NOT_RETURNED
    else:
        message = LICENSE_NOT_RETURNED if record.serial else UNKNOWN_LICENSE_NOT_RETURNED
    telemetry.count(Metric.LICENSE_NOT_RETURNED)
    # An ambiguous firewall's serial number may be that of another firewall.
    serial = "" if record.ambiguous is not None else record.serial or ""
    logger.error(
        message,
        extra={
            "step": "license",
            "license": record.license.value,
            "instance_id": record.instance_id,
            "serial": serial,
            "address": record.management_ip or "",
            "launched": "" if record.launched is None else record.launched.isoformat(),
            "reason": reason,
        },
    )


def report_left_to_reconcile(record: FirewallRecord) -> None:
    """Log a license that is not returned when the instance terminates, and may still be."""
    logger.error(
        LICENSE_LEFT_TO_RECONCILE,
        extra={"step": "license", "instance_id": record.instance_id, "serial": record.serial or ""},
    )
