"""What Panorama's answers look like, from the recordings of the reconcile function.

A recording describes each answer without its values: ``elements`` has the count of each path, how
many different values it has, and of which kinds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from acceptance.facts import Answer, Evidence, Fact

NOT_RECORDED = "the reconcile function recorded no such answer"
_GROUP = "response/result/devicegroups/entry"
_JOB = "response/result/job"
_STATES = ("shared-policy-status", "template-status")

Recordings = Mapping[str, Mapping[str, Any]]


def elements(recording: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the description of one answer in a recording; empty without it."""
    for answer in recording.get("answers", ()):
        if answer["name"] == name:
            found: Mapping[str, Any] = answer.get("elements", {})
            return found
    return {}


def group_name_filter(recordings: Recordings) -> Answer | None:
    """Return whether an answer has only the device group that was asked for.

    If it has, that says something only if there is another one: more firewalls than its own.
    """
    numbers = []
    for recording in recordings.values():
        group = elements(recording, "device group")
        names = group.get(f"{_GROUP}/@name", {}).get("kinds", {})
        if sum(names.values()) > 1:
            return Answer("ignored", f"{sum(names.values())} groups")
        own = group.get(f"{_GROUP}/devices/entry", {}).get("count", 0)
        every = elements(recording, "devices").get("response/result/devices/entry", {})
        numbers.append((names.get("our-device-group", 0), every.get("count", 0) - own))
    if any(named == 1 and others > 0 for named, others in numbers):
        return Answer("honored", f"{max(others for _, others in numbers)} firewalls of others")
    return None


def job_list_entries(recordings: Recordings) -> Answer | None:
    """Return how many entries the list has for a job."""
    ids = [elements(one, "jobs").get(f"{_JOB}/id", {}) for one in recordings.values()]
    counts = [(one["count"], one["different"]) for one in ids if one.get("different")]
    if not counts:
        return None
    twice = any(count > different for count, different in counts)
    entries, different = max(counts)
    detail = f"{entries} entries, {different} ids"
    return Answer("two-per-job" if twice else "one-per-job", detail)


def push_devices_in_job_list(recordings: Recordings) -> Answer | None:
    """Return whether the list shows the firewalls of a push."""
    lists = [elements(one, "jobs") for one in recordings.values()]
    pushes = [one for one in lists if one.get(f"{_JOB}/type", {}).get("kinds", {}).get("CommitAll")]
    if not pushes:
        return None
    shown = any(f"{_JOB}/devices/entry" in one for one in pushes)
    return Answer("present" if shown else "absent")


def removal_commit_status(recordings: Recordings) -> Answer | None:
    """Return the state of the other members after a removal, if they were in sync before."""
    before, after = (_states(recordings.get(phase, {})) for phase in ("scale out", "scale in"))
    if set(before) != {"In Sync"} or not after:
        return None
    number = sum(after.values())
    value = "others-in-sync" if set(after) == {"In Sync"} else "others-out-of-sync"
    return Answer(value, f"{number} states")


def byol_cpu_id(recordings: Recordings) -> Answer | None:
    """Return whether the CPU ID of a firewall contains its instance ID."""
    for sample in _system_samples(recordings):
        if found := re.search(r"<vm-cpuid>([^<]+)</vm-cpuid>", sample):
            return Answer("instance-id" if "instance" in found[1] else "hardware")
    return None


def system_info_mac(recordings: Recordings) -> Answer | None:
    """Return the interface of EC2 whose MAC address a firewall shows for its management."""
    kinds = {"interface-0": "data", "interface-1": "management"}
    for sample in _system_samples(recordings):
        found = re.search(r"<mac-address>[^<]*(interface-[0-9]+)</mac-address>", sample)
        if found:
            return Answer(kinds.get(found[1], found[1]))
        return Answer("none" if "<mac-address>" not in sample else "none-of-ec2")
    return None


def empty_change_list(recordings: Recordings) -> Answer | None:
    """Return whether an administrator without open changes has a list without entries."""
    empty = {"response", "response/@status", "response/@code", "response/result"}
    for recording in recordings.values():
        found = elements(recording, "own changes")
        if found and not any(path.endswith("/entry") for path in found):
            text = found.get("response/result", {}).get("different", 0)
            return Answer("other" if found.keys() - empty or text else "empty-result")
    return None


def _system_samples(recordings: Recordings) -> list[str]:
    """Return what one firewall has shown in each recording."""
    return [
        answer["sample"]
        for recording in recordings.values()
        for answer in recording.get("answers", ())
        if answer["name"] == "firewall: system" and "sample" in answer
    ]


def _states(recording: Mapping[str, Any]) -> dict[str, int]:
    """Return the states of the members of the device group and of the template stack."""
    states: dict[str, int] = {}
    for name in ("device group", "template stack"):
        for path, facts in elements(recording, name).items():
            if path.rpartition("/")[2] in _STATES:
                for kind, count in facts.get("kinds", {}).items():
                    states[kind] = states.get(kind, 0) + count
    return states


def _licensed_by_user(evidence: Evidence) -> Answer | None:
    return byol_cpu_id(evidence.recordings) if evidence.plan.license_type == "byol" else None


FACTS = (
    Fact(
        "group-name-filter",
        "Does Panorama show only the device group that a command names?",
        "",
        lambda evidence: group_name_filter(evidence.recordings),
        f"{NOT_RECORDED}, or Panorama has no other device group",
    ),
    Fact(
        "job-list-entries",
        "How many entries does Panorama's job list have for a job?",
        "",
        lambda evidence: job_list_entries(evidence.recordings),
        NOT_RECORDED,
    ),
    Fact(
        "push-devices-in-job-list",
        "Does Panorama's job list show the firewalls of a push?",
        "",
        lambda evidence: push_devices_in_job_list(evidence.recordings),
        f"{NOT_RECORDED}, or there was no push",
    ),
    Fact(
        "removal-commit-status",
        "Are the other members out of sync after a commit that removes a firewall?",
        "",
        lambda evidence: removal_commit_status(evidence.recordings),
        f"{NOT_RECORDED}, or the members were not in sync before",
    ),
    Fact(
        "empty-change-list",
        "Which form has the list of open changes of an administrator who has none?",
        "empty-result",
        lambda evidence: empty_change_list(evidence.recordings),
        f"{NOT_RECORDED}, or the administrator always had open changes",
    ),
    Fact(
        "system-info-mac",
        "Which MAC address does a firewall on AWS show in its system information?",
        "",
        lambda evidence: system_info_mac(evidence.recordings),
        NOT_RECORDED,
    ),
    Fact(
        "byol-cpu-id",
        "Does the CPU ID of a firewall with its own license contain the instance ID?",
        "",
        _licensed_by_user,
        f"{NOT_RECORDED}, or the firewalls are not of the license type byol",
    ),
)
