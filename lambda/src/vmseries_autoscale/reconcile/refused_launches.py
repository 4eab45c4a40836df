"""Report launches that EC2 refuses, which no visit can report."""

from __future__ import annotations

import logging
from datetime import datetime
from functools import partial

from vmseries_autoscale import telemetry
from vmseries_autoscale.aws import refused_launches
from vmseries_autoscale.aws.autoscaling_group import Group, NewestActivities
from vmseries_autoscale.reconcile.report import Observations
from vmseries_autoscale.telemetry import Metric

logger = logging.getLogger(__name__)


def report_refused_launches(
    observations: Observations, activities: NewestActivities, group: Group, now: datetime
) -> None:
    """Log and count the launches that EC2 refuses now, and add them to the observations.

    The metric is written in each run, so that its alarm ends when EC2 accepts launches again.
    """
    read = partial(refused_launches.read, activities, group, now)
    refused = observations.find_out("launches", read, None)
    if refused is None:
        return
    observations.launches_refused = refused
    telemetry.count(Metric.LAUNCH_REFUSED, sum(item.number for item in refused))
    for item in refused:
        logger.error("EC2 refuses launches", extra={"refused": item.as_json()})
