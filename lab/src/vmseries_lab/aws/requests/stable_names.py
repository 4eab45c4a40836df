"""The subject of a call, in names that are the same in every run.

IDs are random and calls run in parallel, so neither IDs nor their order identify the same call in
two runs. The module's tags do: interfaces and addresses are tagged with their names in the module's
settings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from vmseries_lab.aws.moto_patching import backend

INTERFACE_TAG = "vmseries-autoscale:interface"
ATTRIBUTES = ("SourceDestCheck", "Attachment")
"""Attributes that ModifyNetworkInterfaceAttribute changes, one per call."""
_NAMED = ("QueueUrl", "SecretId", "LifecycleHookName", "TargetGroupArn")
_ARN_OF_GROUP = re.compile(r":targetgroup/([^/]+)/")
_SUFFIX_OF_SECRET = re.compile(r"-[A-Za-z0-9]{6}$")


def subject_of(parameters: dict[str, Any]) -> str:
    """Return the distinct names of the resources in the parameters, empty if there are none."""
    return " ".join(dict.fromkeys(_names(parameters)))


def _names(parameters: dict[str, Any]) -> Iterator[str]:
    for key in _NAMED:
        if key in parameters:
            yield _last_part(str(parameters[key]))
    for specification in parameters.get("TagSpecifications", ()):
        yield from (
            str(tag.get("Value", ""))
            for tag in specification.get("Tags", ())
            if tag.get("Key") == INTERFACE_TAG
        )
    for key in ("NetworkInterfaceId", "AttachmentId", "AllocationId", "AssociationId"):
        if name := _name_of_ec2_resource(str(parameters.get(key, ""))):
            yield name
    yield from (attribute for attribute in ATTRIBUTES if attribute in parameters)
    for tag in parameters.get("Tags", ()):
        if isinstance(tag, dict):
            # KMS has TagKey and TagValue: https://docs.aws.amazon.com/kms/latest/APIReference/API_Tag.html
            yield str(tag.get("Key", tag.get("TagKey", ""))).rpartition(":")[2]


def _last_part(value: str) -> str:
    """Return the name at the end of an ARN or URL."""
    if group := _ARN_OF_GROUP.search(value):
        return group[1]
    name = re.split("[/:]", value)[-1]
    return _SUFFIX_OF_SECRET.sub("", name) if ":secret:" in value else name


def _name_of_ec2_resource(resource_id: str) -> str:
    """Return the interface name for the ID of an interface, attachment, address or association."""
    if not resource_id:
        return ""
    store = backend("ec2")
    for interface in store.enis.values():
        if resource_id in (interface.id, interface.attachment_id):
            name = _tag(interface)
            return name or f"interface {interface.device_index}"
    for address in store.addresses:
        if resource_id in (address.allocation_id, address.association_id):
            return _tag(address)
    return ""


def _tag(resource: Any) -> str:
    tags = {tag["key"]: tag["value"] for tag in resource.get_tags()}
    return str(tags.get(INTERFACE_TAG, ""))
