"""Finds the tags of a resource by its ID.

For every filter, moto compares all tags of the account with the resource. With hundreds of
firewalls, the lab would spend most of its time on that.
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models.core import TaggedEC2Resource
from moto.ec2.utils import EC2_PREFIX_TO_RESOURCE, get_prefix

from vmseries_lab.aws.moto_patching import wrap


def patch() -> None:
    """Let resources look up their own tags."""
    wrap(TaggedEC2Resource, "get_tags", _of_resource)


def _of_resource(_original: Any, resource: Any) -> list[dict[str, str]]:
    if not resource.id:
        return []
    kind = EC2_PREFIX_TO_RESOURCE.get(get_prefix(resource.id), "")
    return [
        {"resource_id": resource.id, "key": key, "value": value, "resource_type": kind}
        for key, value in resource.ec2_backend.tags.get(resource.id, {}).items()
    ]
