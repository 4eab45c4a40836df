"""The state of everything at the end of a run, by names that are the same in every run."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from vmseries_lab.panorama import references
from vmseries_scenarios.crash_matrix.forkable_lab import ForkableLab, messages_in

DEPLOYMENT = "vmseries-autoscale:deployment"
INTERFACE = "vmseries-autoscale:interface"
LAST_VISIT = "vmseries-autoscale:last-visit"
"""Time of the last visit, which differs in every run."""


def final_state(lab: ForkableLab, layout: str) -> dict[str, Any]:
    """Return everything that must be as in the clean run."""
    state = {
        "group": _group(lab, layout),
        "interfaces": _interfaces(lab, layout),
        "addresses": _addresses(lab, layout),
        "targets": _targets(lab),
        "panorama": _panorama(lab),
        "licenses in use": lab.simulator.vendor.licensing.used(),
        "licenses of gone firewalls": _licenses_of_gone(lab, layout),
        "messages": {name: len(messages_in(queue)) for name, queue in sorted(lab.queues.items())},
        "hooks": _hooks(lab),
    }
    text = json.dumps(state, sort_keys=True)
    for alias, name in _aliases(lab).items():
        text = text.replace(alias, name)
    return dict(json.loads(text))


def _aliases(lab: ForkableLab) -> dict[str, str]:
    """Return a name for each instance ID and serial number, in the order of their creation."""
    entries = lab.simulator.world.timeline.since()
    instances = dict.fromkeys(
        entry.subject for entry in entries if entry.kind == "instance-launching"
    )
    serials = [entry.subject for entry in entries if entry.kind == "license-activated"]
    return {
        **{key: f"instance {number}" for number, key in enumerate(instances, start=1)},
        **{key: f"serial {number}" for number, key in enumerate(serials, start=1)},
    }


def _group(lab: ForkableLab, layout: str) -> dict[str, Any]:
    group = lab.group(layout).describe() or {}
    members = {i["InstanceId"]: i for i in group["Instances"]}
    tags = {}
    if members:
        reservations = lab.client("ec2").describe_instances(InstanceIds=list(members))
        tags = {
            instance["InstanceId"]: _tags(instance.get("Tags"), without=LAST_VISIT)
            for reservation in reservations["Reservations"]
            for instance in reservation["Instances"]
        }
    return {
        "desired": group["DesiredCapacity"],
        "members": {
            key: {"state": member["LifecycleState"], "tags": tags[key]}
            for key, member in members.items()
        },
    }


def _interfaces(lab: ForkableLab, layout: str) -> list[Any]:
    """Return the interfaces of running firewalls, and those with the module's tag."""
    interfaces = []
    pages = lab.client("ec2").get_paginator("describe_network_interfaces").paginate()
    for interface in (item for page in pages for item in page["NetworkInterfaces"]):
        attachment = interface.get("Attachment", {})
        tags = _tags(interface["TagSet"])
        if tags.get(DEPLOYMENT) not in (None, layout) or not (tags or attachment):
            continue
        association = interface.get("Association", {})
        interfaces.append(
            {
                "tags": tags,
                "status": interface["Status"],
                "subnet": interface["SubnetId"],
                "source_dest_check": interface["SourceDestCheck"],
                "instance": attachment.get("InstanceId"),
                "device_index": attachment.get("DeviceIndex"),
                "delete_on_termination": attachment.get("DeleteOnTermination"),
                "address": bool(association),
            }
        )
    return _sorted(interfaces)


def _addresses(lab: ForkableLab, layout: str) -> list[Any]:
    tagged = [{"Name": f"tag:{DEPLOYMENT}", "Values": [layout]}]
    names = _names(lab)
    return _sorted(
        {
            "tags": _tags(address["Tags"]),
            "associated with": names.get(address.get("NetworkInterfaceId", "")),
        }
        for address in lab.client("ec2").describe_addresses(Filters=tagged)["Addresses"]
    )


def _names(lab: ForkableLab) -> dict[str, str]:
    """Return the names of the module's interfaces, by ID and by address."""
    tagged = [{"Name": "tag-key", "Values": [INTERFACE]}]
    answer = lab.client("ec2").describe_network_interfaces(Filters=tagged)
    return {
        key: _tags(interface["TagSet"])[INTERFACE]
        for interface in answer["NetworkInterfaces"]
        for key in (interface["NetworkInterfaceId"], interface["PrivateIpAddress"])
    }


def _targets(lab: ForkableLab) -> list[Any]:
    names = _names(lab)
    return _sorted(
        {
            "interface": names.get(target["Target"]["Id"], "unknown"),
            "port": target["Target"]["Port"],
            "state": target["TargetHealth"]["State"],
        }
        for target in lab.targets()
    )


def _panorama(lab: ForkableLab) -> dict[str, Any]:
    store = lab.simulator.vendor.panorama.leading.store
    return {
        kind: {
            "managed devices": sorted(references.managed(configuration)),
            **{
                f"{container} {name}": sorted(references.members(configuration, container, name))
                for container in ("template-stack", "device-group", "log-collector-group")
                for name in references.names(configuration, container)
            },
        }
        for kind, configuration in (("running", store.running), ("candidate", store.candidate))
    }


def _licenses_of_gone(lab: ForkableLab, layout: str) -> dict[str, str]:
    """Return what the records say of the licenses of firewalls that have left the group."""
    members = lab.group(layout).states()
    items = lab.client("dynamodb").scan(TableName=f"{layout}-firewalls")["Items"]
    return {
        item["instance_id"]["S"]: item["license"]["S"]
        for item in items
        if item["instance_id"]["S"] not in members
    }


def _hooks(lab: ForkableLab) -> dict[str, int]:
    """Return how often each hook of each instance was completed, by result."""
    return Counter(
        f"{entry.subject} {entry.kind} {entry.detail['hook']} {entry.detail['result']}"
        for entry in lab.simulator.world.timeline.since()
        if entry.kind in ("hook-completed", "hook-expired")
    )


def _tags(tags: Iterable[Mapping[str, str]] | None, without: str = "") -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags or () if tag["Key"] != without}


def _sorted(items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(items, key=lambda item: json.dumps(item, sort_keys=True))


def differences(clean: Any, state: Any, path: str = "") -> list[str]:
    """Return the differences between the final state of a run and that of the clean run."""
    if isinstance(clean, dict) and isinstance(state, dict):
        return [
            line
            for key in sorted({*clean, *state})
            for line in differences(clean.get(key), state.get(key), f"{path}/{key}")
        ]
    if isinstance(clean, list) and isinstance(state, list):
        # The order does not matter, but the number of equal items does.
        missing, extra = list(clean), list(state)
        for item in clean:
            if item in extra:
                extra.remove(item)
                missing.remove(item)
        return [f"{path}: missing {item}" for item in missing] + [
            f"{path}: orphan {item}" for item in extra
        ]
    return [] if clean == state else [f"{path}: {state!r} instead of {clean!r}"]


_TAG_PREFIX = re.compile(r"vmseries-autoscale:")


def shortened(line: str) -> str:
    """Return a difference without the tag prefix, which is in all of them."""
    return _TAG_PREFIX.sub("", line)
