"""The image of the firewalls, and when AWS Marketplace deprecates it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from acceptance.facts import Answer, Evidence, Fact


def dates(image: Mapping[str, Any]) -> Answer:
    """Return how long after its creation an image is deprecated."""
    created, deprecated = image.get("CreationDate"), image.get("DeprecationTime")
    if not created or not deprecated:
        return Answer("no-date")
    days = (datetime.fromisoformat(deprecated) - datetime.fromisoformat(created)).days
    value = "within-two-years" if days <= 732 else "later"
    return Answer(value, f"{days} days after its creation, in {str(created)[:4]}")


def _record(evidence: Evidence) -> Answer | None:
    ec2 = evidence.account.client("ec2")
    for snapshot in evidence.snapshots:
        for instance_id in snapshot.members:
            wanted = [{"Name": "instance-id", "Values": [instance_id]}]
            for reservation in ec2.describe_instances(Filters=wanted)["Reservations"]:
                image_id = reservation["Instances"][0]["ImageId"]
                images = ec2.describe_images(ImageIds=[image_id])["Images"]
                return dates(images[0]) if images else None
    return None


FACTS = (
    Fact(
        "image-deprecation",
        "When is the image of the firewalls deprecated?",
        "",
        _record,
        "no firewall was launched",
    ),
)
