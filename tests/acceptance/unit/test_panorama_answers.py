"""What the run concludes from Panorama's recorded answers, and what the record has of them."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from acceptance.facts import Answer, Evidence
from acceptance.recorders import panorama_answers
from acceptance.report import Phase, Record, as_json, as_markdown
from acceptance.unit.support import plan
from defusedxml.ElementTree import fromstring

from vmseries_autoscale.recording.neutral import Neutralizer
from vmseries_autoscale.recording.shape import describe

CPU = "i-0123456789abcdef0"


def recording(**answers: str) -> dict[str, Any]:
    """A recording of these answers, by name, made as the function makes it."""
    known = {"DG": "our-device-group", CPU: "ec2-instance-1"}
    for index, mac in enumerate(("0a:11:22:33:44:00", "0a:11:22:33:44:55")):
        known[mac] = f"mac-of-ec2-instance-1-interface-{index}"
    neutralizer = Neutralizer(known)
    made = []
    for name, inner in answers.items():
        answer = fromstring(f"<response status='success'><result>{inner}</result></response>")
        asked = {"name": name.replace("_", " "), "seconds": 0.1, "bytes": 10}
        made.append(asked | describe(answer, neutralizer))
    return {"ok": True, "problems": [], "answers": made, "left_out": []}


def member(serial: int, policy: str = "In Sync") -> str:
    return (
        f"<entry name='{serial:015}'><serial>{serial:015}</serial>"
        f"<shared-policy-status>{policy}</shared-policy-status></entry>"
    )


def group(*members: str, name: str = "DG") -> str:
    return f"<entry name='{name}'><devices>{''.join(members)}</devices></entry>"


def groups(*several: str) -> str:
    return f"<devicegroups>{''.join(several)}</devicegroups>"


ALL = f"<devices>{member(1)}{member(2)}</devices>"


@pytest.mark.parametrize(
    ("answers", "value"),
    [
        ({"device_group": groups(group(member(1)), group(name="other"))}, "ignored"),
        ({"device_group": groups(group(member(1))), "devices": ALL}, "honored"),
        ({"device_group": groups(group(member(1), member(2))), "devices": ALL}, None),
        ({"device_group": groups()}, None),
        ({}, None),
    ],
)
def test_f4_the_groups_in_an_answer_are_counted(answers: dict[str, str], value: str | None) -> None:
    answer = panorama_answers.group_name_filter({"scale out": recording(**answers)})
    assert (answer and answer.value) == value


def job(number: int, kind: str = "Commit", inner: str = "") -> str:
    return f"<job><id>{number}</id><type>{kind}</type>{inner}</job>"


@pytest.mark.parametrize(
    ("jobs", "entries", "devices"),
    [
        (job(1) + job(2), "one-per-job", None),
        (job(1) + job(1), "two-per-job", None),
        (job(1, "CommitAll"), "one-per-job", "absent"),
        (job(1, "CommitAll", f"<devices>{member(1)}</devices>"), "one-per-job", "present"),
        ("", None, None),
    ],
)
def test_f3_the_list_of_jobs_is_judged(jobs: str, entries: str | None, devices: str | None) -> None:
    made = {"scale out": recording(jobs=jobs)}
    answers = (
        panorama_answers.job_list_entries(made),
        panorama_answers.push_devices_in_job_list(made),
    )
    assert [answer and answer.value for answer in answers] == [entries, devices]


@pytest.mark.parametrize(
    ("before", "after", "value"),
    [
        ("In Sync", "In Sync", "others-in-sync"),
        ("In Sync", "Out of Sync", "others-out-of-sync"),
        ("Out of Sync", "Out of Sync", None),
    ],
)
def test_states_after_a_removal_are_compared_with_those_before(
    before: str, after: str, value: str | None
) -> None:
    made = {
        "scale out": recording(device_group=groups(group(member(1, before), member(2, before)))),
        "scale in": recording(device_group=groups(group(member(1, after)))),
    }
    answer = panorama_answers.removal_commit_status(made)
    assert (answer and answer.value) == value
    assert panorama_answers.removal_commit_status({"scale in": made["scale in"]}) is None


@pytest.mark.parametrize(
    ("cpu_id", "value"),
    [("AWS:57060500FFFBAB1F", "hardware"), (f"AWS:{CPU[2:]}", "instance-id"), ("", None)],
)
def test_f8_a_cpu_id_is_compared_with_the_instance_id(cpu_id: str, value: str | None) -> None:
    made = recording(system=f"<system><vm-cpuid>{cpu_id}</vm-cpuid></system>")
    made["answers"][0]["name"] = "firewall: system"
    answer = panorama_answers.byol_cpu_id({"scale out": made})
    assert (answer and answer.value) == value


@pytest.mark.parametrize(
    ("inner", "value"),
    [
        ("<mac-address>0A:11:22:33:44:55</mac-address>", "management"),
        ("<mac-address>0a:11:22:33:44:00</mac-address>", "data"),
        ("<mac-address>0a:99:99:99:99:99</mac-address>", "none-of-ec2"),
        ("<hostname>fw</hostname>", "none"),
    ],
)
def test_f8_the_mac_address_of_a_firewall_is_compared_with_those_of_ec2(
    inner: str, value: str
) -> None:
    made = recording(system=f"<system>{inner}</system>")
    made["answers"][0]["name"] = "firewall: system"
    answer = panorama_answers.system_info_mac({"scale out": made})
    assert (answer and answer.value) == value
    assert panorama_answers.system_info_mac({"scale out": recording()}) is None


@pytest.mark.parametrize(
    ("inner", "value"),
    [
        ("", "empty-result"),
        ("<journal/>", "other"),
        ("no changes", "other"),
        ("<journal><entry><owner>x</owner></entry></journal>", None),
    ],
)
def test_the_form_of_an_empty_change_list_is_recorded(inner: str, value: str | None) -> None:
    answer = panorama_answers.empty_change_list({"scale out": recording(own_changes=inner)})
    assert (answer and answer.value) == value


def test_the_cpu_id_of_an_image_with_a_license_is_no_answer() -> None:
    made = recording(system=f"<system><vm-cpuid>AWSMP:{CPU[2:]}:a:b</vm-cpuid></system>")
    made["answers"][0]["name"] = "firewall: system"
    (fact,) = [fact for fact in panorama_answers.FACTS if fact.name == "byol-cpu-id"]
    account: Any = None
    for kind, seen in (("byol", True), ("bundle1", False)):
        evidence = Evidence(
            account, plan(firewall={"license_type": kind}), {}, (), None, "run", {"scale out": made}
        )
        assert isinstance(fact.record(evidence), Answer) is seen


def test_the_record_has_the_answers_and_the_page_a_table_of_them() -> None:
    made = recording(jobs=job(1))
    made["answers"].append({"name": "plugins", "seconds": 0.2, "error": "DeviceRefusedError"})
    made["left_out"].append("firewall: no firewall of the device group is connected")
    failed = {"problems": ["the function failed (Error)"]}
    record = Record(
        day=date(2026, 1, 2),
        is_lab=False,
        module="v1",
        tools={},
        setup={},
        phases=[Phase("record", 1.0)],
        panorama_answers={"no firewall": made, "scale in": failed},
    )
    document = json.loads(as_json(record))
    assert document["form"] == 2
    assert document["panorama_answers"]["no firewall"]["answers"][0] == made["answers"][0]
    page = as_markdown(record)
    assert "| no firewall | jobs | 10 bytes | 0.1 s |" in page
    assert "| no firewall | plugins | `DeviceRefusedError` | 0.2 s |" in page
    assert (
        "| no firewall | missing | firewall: no firewall of the device group is connected" in page
    )
    assert "| scale in | not recorded | the function failed (Error) |" in page
    assert "number-1" not in page
