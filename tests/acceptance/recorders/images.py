"""Images of VM-Series in AWS Marketplace, and their deprecation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from acceptance.facts import Answer, Evidence, Fact
from acceptance.prerequisites import PRODUCT_CODES


def deprecated(images: Sequence[Mapping[str, Any]], now: datetime) -> Answer | None:
    """Return whether deprecated images are shown, and for how long.

    Args:
        images: Images of VM-Series, as EC2 shows them with ``IncludeDeprecated``.
        now: The time.
    """
    if not images:
        return None
    times = [
        datetime.fromisoformat(image["DeprecationTime"])
        for image in images
        if image.get("DeprecationTime")
    ]
    days = [(now - time).days for time in times if time < now]
    if not days:
        return Answer("none", f"{len(images)} images, {len(times)} with a date")
    longest = f"the oldest for {max(days)} days"
    return Answer("shown", f"{len(days)} of {len(images)} images are deprecated, {longest}")


def _record(evidence: Evidence) -> Answer | None:
    shown = evidence.account.client("ec2").describe_images(
        Owners=["aws-marketplace"],
        IncludeDeprecated=True,
        Filters=[{"Name": "product-code", "Values": list(PRODUCT_CODES.values())}],
    )["Images"]
    return deprecated(shown, datetime.fromtimestamp(evidence.account.clock.now(), UTC))


FACTS = (
    Fact(
        "deprecated-images",
        "Does AWS Marketplace show deprecated images of VM-Series, and for how long?",
        "",
        _record,
        "AWS Marketplace lists no image of VM-Series",
    ),
)
