"""What a call is about, by a name that is the same in every run.

Ids are drawn by lot and calls are made at the same time, so that neither tells which call of one
run is which call of another. The module's tags do: an interface and its address have the name that
the settings give them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from moto.backends import get_backend

from vmseries_lab.core.world import ACCOUNT_ID, REGION

INTERFACE_TAG = "vmseries-autoscale:interface"
ATTRIBUTES = ("SourceDestCheck", "Attachment")
"""What ModifyNetworkInterfaceAttribute changes, one in each call."""
_NAMED = ("QueueUrl", "SecretId", "LifecycleHookName", "TargetGroupArn")
_ARN_OF_GROUP = re.compile(r":targetgroup/([^/]+)/")
_SUFFIX_OF_SECRET = re.compile(r"-[A-Za-z0-9]{6}$")


def subject_of(parameters: dict[str, Any]) -> str:
    """The names of what the parameters refer to, without repetition; empty if they name nothing."""
    return " ".join(dict.fromkeys(_names(parameters)))


def _names(parameters: dict[str, Any]) -> Iterator[str]:
    for key in _NAMED:
        if key in parameters:
            yield _last_part(str(parameters[key]))
    for specification in parameters.get("TagSpecifications", ()):
        yield from (t["Value"] for t in specification.get("Tags", ()) if t["Key"] == INTERFACE_TAG)
    for key in ("NetworkInterfaceId", "AttachmentId", "AllocationId", "AssociationId"):
        if name := _of_ec2(str(parameters.get(key, ""))):
            yield name
    yield from (attribute for attribute in ATTRIBUTES if attribute in parameters)
    for tag in parameters.get("Tags", ()):
        if isinstance(tag, dict):
            yield str(tag["Key"]).rpartition(":")[2]


def _last_part(value: str) -> str:
    """The name in an ARN or a URL."""
    if group := _ARN_OF_GROUP.search(value):
        return group[1]
    name = re.split("[/:]", value)[-1]
    return _SUFFIX_OF_SECRET.sub("", name) if ":secret:" in value else name


def _of_ec2(wanted: str) -> str:
    """The name of the interface with this id or attachment, or of the one this address is for."""
    if not wanted:
        return ""
    store = get_backend("ec2")[ACCOUNT_ID][REGION]
    for interface in store.enis.values():
        if wanted in (interface.id, interface.attachment_id):
            name = _tag(interface)
            return name or f"interface {interface.device_index}"
    for address in store.addresses:
        if wanted in (address.allocation_id, address.association_id):
            return _tag(address)
    return ""


def _tag(resource: Any) -> str:
    tags = {tag["key"]: tag["value"] for tag in resource.get_tags()}
    return str(tags.get(INTERFACE_TAG, ""))
