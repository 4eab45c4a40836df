"""Offerings of instance types, in every Region.

moto has the offerings of commercial Regions. In other Regions, the lab offers the instance types of
us-east-1 in every zone.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypeOfferings.html
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS, InstanceTypeOfferingBackend

from vmseries_lab.aws.moto_patching import wrap

_KNOWN = "us-east-1"


def patch() -> None:
    """Complete moto's offerings."""
    wrap(InstanceTypeOfferingBackend, "describe_instance_type_offerings", _describe)


def _describe(
    original: Any,
    store: Any,
    location_type: str | None = None,
    filters: dict[str, Any] | None = None,
) -> list[Any]:
    """DescribeInstanceTypeOfferings."""
    kind = location_type or "region"
    if kind not in INSTANCE_TYPE_OFFERINGS or store.region_name in INSTANCE_TYPE_OFFERINGS[kind]:
        return list(original(store, location_type, filters))
    locations = [store.region_name]
    if kind != "region":
        zones = store.describe_availability_zones()
        locations = [zone.zone_id if kind.endswith("-id") else zone.name for zone in zones]
    types = {offering["InstanceType"] for offering in INSTANCE_TYPE_OFFERINGS["region"][_KNOWN]}
    return [
        offering
        for name in sorted(types)
        for location in locations
        if store.matches_filters(
            offering := {"InstanceType": name, "LocationType": kind, "Location": location},
            filters or {},
            kind,
        )
    ]
