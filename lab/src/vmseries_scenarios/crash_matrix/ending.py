"""What there is when all is over, by names that are the same in every run."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from vmseries_lab.panorama import references
from vmseries_scenarios.crash_matrix.stage import Stage, messages_in

DEPLOYMENT = "vmseries-autoscale:deployment"
INTERFACE = "vmseries-autoscale:interface"
LAST_VISIT = "vmseries-autoscale:last-visit"
"""A visit's time, which is another one in every run."""


def ending(stage: Stage, layout: str) -> dict[str, Any]:
    """Everything that may not differ from the clean run's."""
    found = {
        "group": _group(stage, layout),
        "interfaces": _interfaces(stage, layout),
        "addresses": _addresses(stage, layout),
        "targets": _targets(stage),
        "panorama": _panorama(stage),
        "licenses in use": stage.lab.outside.licensing.used(),
        "messages": {name: len(messages_in(queue)) for name, queue in sorted(stage.queues.items())},
        "hooks": _hooks(stage),
    }
    text = json.dumps(found, sort_keys=True)
    for alias, name in _aliases(stage).items():
        text = text.replace(alias, name)
    return dict(json.loads(text))


def _aliases(stage: Stage) -> dict[str, str]:
    """Instance ids and serial numbers in the order in which they came to be."""
    entries = stage.lab.world.timeline.since()
    instances = dict.fromkeys(
        entry.subject for entry in entries if entry.kind == "instance-launching"
    )
    serials = [entry.subject for entry in entries if entry.kind == "license-taken"]
    return {
        **{key: f"instance {number}" for number, key in enumerate(instances, start=1)},
        **{key: f"serial {number}" for number, key in enumerate(serials, start=1)},
    }


def _group(stage: Stage, layout: str) -> dict[str, Any]:
    group = stage.group(layout)
    members = {i["InstanceId"]: i for i in group["Instances"]}
    tags = {}
    if members:
        reservations = stage.client("ec2").describe_instances(InstanceIds=list(members))
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


def _interfaces(stage: Stage, layout: str) -> list[Any]:
    """Those of living firewalls and those with our tag."""
    found = []
    pages = stage.client("ec2").get_paginator("describe_network_interfaces").paginate()
    for interface in (one for page in pages for one in page["NetworkInterfaces"]):
        attachment = interface.get("Attachment", {})
        own = _tags(interface["TagSet"])
        if own.get(DEPLOYMENT) not in (None, layout) or not (own or attachment):
            continue
        association = interface.get("Association", {})
        found.append(
            {
                "tags": own,
                "status": interface["Status"],
                "subnet": interface["SubnetId"],
                "source_dest_check": interface["SourceDestCheck"],
                "instance": attachment.get("InstanceId"),
                "device_index": attachment.get("DeviceIndex"),
                "delete_on_termination": attachment.get("DeleteOnTermination"),
                "address": bool(association),
            }
        )
    return _sorted(found)


def _addresses(stage: Stage, layout: str) -> list[Any]:
    tagged = [{"Name": f"tag:{DEPLOYMENT}", "Values": [layout]}]
    names = _names(stage)
    return _sorted(
        {
            "tags": _tags(address["Tags"]),
            "associated with": names.get(address.get("NetworkInterfaceId", "")),
        }
        for address in stage.client("ec2").describe_addresses(Filters=tagged)["Addresses"]
    )


def _names(stage: Stage) -> dict[str, str]:
    """The names of our interfaces by id and by address."""
    tagged = [{"Name": "tag-key", "Values": [INTERFACE]}]
    answer = stage.client("ec2").describe_network_interfaces(Filters=tagged)
    return {
        key: _tags(interface["TagSet"])[INTERFACE]
        for interface in answer["NetworkInterfaces"]
        for key in (interface["NetworkInterfaceId"], interface["PrivateIpAddress"])
    }


def _targets(stage: Stage) -> list[Any]:
    names = _names(stage)
    return _sorted(
        {
            "interface": names.get(one["Target"]["Id"], "nobody's"),
            "port": one["Target"]["Port"],
            "state": one["TargetHealth"]["State"],
        }
        for one in stage.targets()
    )


def _panorama(stage: Stage) -> dict[str, Any]:
    store = stage.lab.outside.panorama.store
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


def _hooks(stage: Stage) -> dict[str, int]:
    """How often each hook of each instance was completed, and with what."""
    return Counter(
        f"{entry.subject} {entry.kind} {entry.detail['hook']} {entry.detail['result']}"
        for entry in stage.lab.world.timeline.since()
        if entry.kind in ("hook-completed", "hook-expired")
    )


def _tags(tags: Iterable[Mapping[str, str]] | None, without: str = "") -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags or () if tag["Key"] != without}


def _sorted(found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(found, key=lambda one: json.dumps(one, sort_keys=True))


def differences(clean: Any, seen: Any, where: str = "") -> list[str]:
    """Where ``seen`` is not what the clean run has left, in words."""
    if isinstance(clean, dict) and isinstance(seen, dict):
        return [
            line
            for key in sorted({*clean, *seen})
            for line in differences(clean.get(key), seen.get(key), f"{where}/{key}")
        ]
    if isinstance(clean, list) and isinstance(seen, list):
        # Not the order but the number of equal things counts.
        lost, extra = list(clean), list(seen)
        for one in clean:
            if one in extra:
                extra.remove(one)
                lost.remove(one)
        return [f"{where}: missing {one}" for one in lost] + [
            f"{where}: left over {one}" for one in extra
        ]
    return [] if clean == seen else [f"{where}: {seen!r} instead of {clean!r}"]


_SHORT = re.compile(r"vmseries-autoscale:")


def shortened(line: str) -> str:
    """A difference without what is in all of them."""
    return _SHORT.sub("", line)
