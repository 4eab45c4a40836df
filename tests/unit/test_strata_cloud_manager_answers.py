"""The answers of Strata Cloud Manager's API, as its documentation and public tools show them."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmseries_autoscale.errors import DeviceUnavailableError
from vmseries_autoscale.strata_cloud_manager import answers
from vmseries_autoscale.strata_cloud_manager.interface import ConfigurationJob, ManagedFirewall

SERIAL = "007951000123456"
OTHER = "007951000123457"

DEVICE: dict[str, Any] = {
    "id": "0a1b2c3d-0000-4000-8000-000000000001",
    "name": SERIAL,
    "display_name": "PA-VM",
    "serial_number": SERIAL,
    "folder": "autoscale",
    "hostname": "ip-10-100-0-51",
    "ip_address": "10.100.0.51",
    "mac_address": "0A:1B:2C:3D:4E:5F",
    "model": "PA-VM",
    "family": "vm",
    "is_connected": True,
    "connected_since": "2026-11-30T05:00:00Z",
    "software_version": "11.2.5",
    "uptime": "0 days, 0:20:11",
    "installed_licenses": [{"feature": "PA-VM", "issued": "2026-11-30", "expires": "Never"}],
}
"""A device: the fields of the specification, and ``serial_number`` of the vendor's sample."""


def encoded(value: object) -> bytes:
    return json.dumps(value).encode()


def one(**changes: Any) -> ManagedFirewall:
    (firewall,) = answers.firewalls([{**DEVICE, **changes}])
    return firewall


def test_a_device_of_the_specification_is_read() -> None:
    assert one() == ManagedFirewall(
        SERIAL,
        hostname="ip-10-100-0-51",
        folder="autoscale",
        connected=True,
        ip_address="10.100.0.51",
        mac="0a:1b:2c:3d:4e:5f",
        names=frozenset({SERIAL, "ip-10-100-0-51", "PA-VM"}),
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"serial_number": SERIAL, "name": "fw", "id": "0a1b2c3d-0000-4000-8000-000000000001"},
        {"serial_number": None, "name": SERIAL, "id": "0a1b2c3d-0000-4000-8000-000000000001"},
        {"serial_number": None, "name": "fw", "id": SERIAL},
    ],
)
def test_the_serial_number_is_found_in_each_documented_field(fields: dict[str, Any]) -> None:
    assert one(**fields).serial == SERIAL


def test_an_entry_without_a_serial_number_is_no_firewall() -> None:
    nameless = {**DEVICE, "serial_number": None, "name": "fw", "id": "0a1b2c3d"}
    assert answers.firewalls([nameless, "text", 7, None, {}, []]) == []


@pytest.mark.parametrize("value", ["true", "yes", 1, None, {}])
def test_only_a_true_value_says_that_a_firewall_is_connected(value: object) -> None:
    assert not one(is_connected=value).connected


def test_a_device_that_never_connected_has_no_host_name_and_addresses() -> None:
    fields = {"hostname": None, "ip_address": None, "mac_address": None, "folder": None}
    assert one(**fields) == ManagedFirewall(
        SERIAL, connected=True, names=frozenset({SERIAL, "PA-VM"})
    )


@pytest.mark.parametrize("mac", ["0A-1B-2C-3D-4E-5F", "0a:1b:2c:3d:4e:5f"])
def test_a_mac_address_is_read_in_both_spellings(mac: str) -> None:
    assert one(mac_address=mac).mac == "0a:1b:2c:3d:4e:5f"


def test_of_two_entries_with_one_serial_number_the_connected_one_is_read() -> None:
    entries = [{**DEVICE, "is_connected": False}, DEVICE]
    assert answers.firewalls(entries) == answers.firewalls([DEVICE])


def test_two_folders_of_one_serial_number_are_none() -> None:
    (firewall,) = answers.firewalls([DEVICE, {**DEVICE, "folder": "other"}])
    assert (firewall.folder, firewall.connected) == (None, False)


def test_a_page_has_its_entries_and_the_number_of_all() -> None:
    body = encoded({"data": [DEVICE], "limit": 200, "offset": 0, "total": 7})
    assert answers.page(body) == answers.Page([DEVICE], 7)


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"data": None, "total": 0},
        {"total": 0},
        {"data": []},
        {"data": [], "total": -1},
        {"data": [], "total": True},
        {"data": [], "total": answers.MAXIMUM_ENTRIES + 1},
    ],
)
def test_a_list_without_its_container_or_total_is_not_believed(content: object) -> None:
    with pytest.raises(DeviceUnavailableError):
        answers.page(encoded(content))


def test_the_running_versions_are_read_by_serial_number_and_folder() -> None:
    rows = [
        {"device": "autoscale", "version": 72, "date": "2026-11-30T05:00:00Z"},
        {"device": SERIAL, "version": 71, "date": "2026-11-30T05:00:00Z"},
    ]
    body = encoded({"data": rows, "limit": 200, "offset": 0, "total": 2})
    assert answers.running_versions(body) == {"autoscale": 72, SERIAL: 71}


def test_of_two_running_versions_of_one_firewall_the_older_counts() -> None:
    rows = [{"device": SERIAL, "version": version} for version in (72, 70, 71)]
    assert answers.running_versions(encoded({"data": rows})) == {SERIAL: 70}


@pytest.mark.parametrize("version", ["72", None, True, -1, 1.5, 2**80])
def test_a_running_version_that_is_no_number_is_none(version: object) -> None:
    body = encoded({"data": [{"device": SERIAL, "version": version}]})
    assert answers.running_versions(body) == {}


def job(**changes: Any) -> dict[str, Any]:
    return {
        "id": "115",
        "device_name": SERIAL,
        "type_str": "NGFW-Bootstrap-Push",
        "status_str": "FIN",
        "result_str": "OK",
        "summary": "",
        **changes,
    }


def test_a_job_that_ended_with_success_is_read() -> None:
    assert answers.jobs(encoded({"data": [job()]})) == [
        ConfigurationJob(115, SERIAL, finished=True, failed=False, text="OK")
    ]


@pytest.mark.parametrize(
    ("status", "result", "finished", "failed"),
    [
        ("FIN", "OK", True, False),
        ("FIN", "FAIL", True, True),
        ("FIN", "CANCELLED", True, True),
        ("FIN", None, True, True),
        ("PUSHFAIL", "FAIL", True, True),
        ("PUSHABORT", "OK", True, True),
        ("PUSHTIMEOUT", "TIMEOUT", True, True),
        ("ACT", "PEND", False, False),
        ("PUSHSENT", "PEND", False, False),
        ("PEND", "PEND", False, False),
    ],
)
def test_a_job_succeeded_only_if_its_status_and_its_result_say_so(
    status: str, result: str | None, finished: bool, failed: bool
) -> None:
    (read,) = answers.jobs(encoded({"data": [job(status_str=status, result_str=result)]}))
    assert (read.finished, read.failed) == (finished, failed)


@pytest.mark.parametrize("name", ["type_str", "status_str", "result_str", "device_name", "details"])
def test_a_job_with_an_object_instead_of_a_text_is_read_or_left_out(name: str) -> None:
    assert len(answers.jobs(encoded({"data": [job(**{name: {"a": []}})]}))) == (name != "type_str")


def test_a_failed_job_says_why() -> None:
    details = json.dumps({"errors": ["Config push aborted"], "info": []})
    (read,) = answers.jobs(
        encoded({"data": [job(status_str="PUSHFAIL", result_str="FAIL", details=details)]})
    )
    assert read.text == "FAIL: Config push aborted"


def test_jobs_are_newest_first_and_other_jobs_are_left_out() -> None:
    listed = [job(id="9"), job(id="115"), job(id="116", type_str="Validate"), job(id="x"), 7]
    assert [item.job_id for item in answers.jobs(encoded({"data": listed}))] == [115, 9]


def test_the_documented_answer_to_a_token_request_is_read_and_not_shown() -> None:
    sample = {"access_token": "eyJhbGciOi.J9", "token_type": "Bearer", "expires_in": 899}
    token = answers.token(encoded({**sample, "scope": "tsg_id:1234567890"}))
    assert (token.value, token.seconds) == ("eyJhbGciOi.J9", 899)
    assert "eyJ" not in repr(token)


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"access_token": "", "expires_in": 1},
        {"access_token": "a\r\nHost: x", "expires_in": 1},
        {"access_token": "a", "expires_in": 0},
        {"access_token": "a", "expires_in": True},
        {"access_token": "a", "expires_in": "899"},
        {"access_token": "a", "expires_in": 10**9},
    ],
)
def test_a_token_that_cannot_be_used_is_an_error(content: object) -> None:
    with pytest.raises(DeviceUnavailableError):
        answers.token(encoded(content))


def test_a_refusal_says_why() -> None:
    body = {
        "_errors": [{"code": "E007", "message": "Unauthorized", "details": {}}],
        "_request_id": "123e4567-e89b-12d3-a456-426655440000",
    }
    assert answers.error_text(encoded(body)) == "E007 Unauthorized"


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[" * 10**5, b'{"_errors": 7}', b'{"_errors": []}']
)
def test_a_refusal_that_cannot_be_read_says_nothing(body: bytes) -> None:
    assert answers.error_text(body) == ""


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda children: (
        st.lists(children, max_size=4)
        | st.dictionaries(
            st.sampled_from(["data", "total", "device", "version", *DEVICE, "type_str", "details"]),
            children,
            max_size=6,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_any_json_is_read_or_is_a_named_error(content: object) -> None:
    body = encoded(content)
    for read in (answers.page, answers.running_versions, answers.jobs, answers.token):
        with suppress(DeviceUnavailableError):
            read(body)
    assert len(answers.error_text(body)) <= 2 * answers.MAXIMUM_NAME + 1


@given(st.lists(JSON | st.fixed_dictionaries(dict.fromkeys(DEVICE, JSON)), max_size=5))
def test_what_is_read_of_a_device_is_bounded_and_printable(entries: list[object]) -> None:
    found = answers.firewalls(entries)
    assert len({item.serial for item in found}) == len(found)
    for firewall in found:
        assert re.fullmatch(r"[A-Za-z0-9]{1,32}", firewall.serial)
        for text in (firewall.hostname, firewall.ip_address, firewall.mac, firewall.folder or ""):
            assert len(text) <= answers.MAXIMUM_NAME
            assert text.isprintable()
