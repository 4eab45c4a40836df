"""Firewalls in service without a record, as after an update from a version without records."""

from __future__ import annotations

from dataclasses import replace

import pytest

from component.fakes.cloud import SERIAL, Cloud, in_service_at
from component.fakes.functions import become_reconcile
from component.fakes.logs import Logs, metrics
from component.fakes.panorama import FakePanorama
from component.fakes.steps import (
    FLOOR,
    change_device,
    end_without_visits,
    pass_time,
    record_activity,
    run,
)
from vmseries_autoscale.aws.autoscaling_group import ActivityType
from vmseries_autoscale.firewall_records import LicenseState


@pytest.fixture
def older(reconciling: Cloud, fake_panorama: FakePanorama) -> Cloud:
    """A firewall in service that a version without records launched."""
    reconciling.set_members({reconciling.instance_id: "InService"})
    reconciling.account.items.clear()
    fake_panorama.calls.clear()
    return reconciling


def test_a_firewall_in_service_without_a_record_gets_one(
    older: Cloud, fake_panorama: FakePanorama
) -> None:
    run(older)
    record = older.account.record(older.instance_id)
    assert record.serial == SERIAL
    assert {"management-ip", "hostname"} <= record.evidence
    assert record.management_ip == older.attached()[1]["PrivateIpAddress"]
    assert len(record.macs) == len(older.attached())
    assert record.launched is not None
    assert record.license is LicenseState.UNKNOWN
    assert "system_info" not in fake_panorama.calls, "no firewall is asked"
    requests = list(fake_panorama.calls)
    fake_panorama.calls.clear()
    older.calls.clear()
    run(older)
    assert fake_panorama.calls == requests, "the record costs Panorama no request"
    assert older.operations()["PutItem"] == 0, "it is written once"


@pytest.mark.parametrize("state", ["Standby", "Pending:Wait", "Terminating:Wait"])
def test_only_firewalls_whose_hooks_are_complete_get_a_record(older: Cloud, state: str) -> None:
    older.set_members({older.instance_id: state})
    run(older)
    assert (older.instance_id in older.account.items) is (state == "Standby")


def test_a_report_writes_no_record(older: Cloud) -> None:
    run(older, {"action": "report"})
    assert older.account.items == {}


def test_without_panorama_the_record_has_what_ec2_shows(
    older: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    become_reconcile(older, monkeypatch, panorama=None)
    run(older)
    record = older.account.record(older.instance_id)
    assert record.serial is None
    assert record.management_ip == older.attached()[1]["PrivateIpAddress"]
    assert record.macs


def test_a_firewall_that_another_one_resembles_gets_its_serial_number_later(
    older: Cloud, fake_panorama: FakePanorama
) -> None:
    twin = "007951000999999"
    known = fake_panorama.firewalls[SERIAL]
    fake_panorama.register(replace(in_service_at(older.instance_id, twin)))
    for _ in range(2):
        run(older)
        record = older.account.record(older.instance_id)
        assert record.serial is None
        assert record.ambiguous is None, "nothing is removed yet"
        assert record.management_ip is not None
    del fake_panorama.firewalls[twin]
    assert known.serial == SERIAL
    run(older)
    assert older.account.record(older.instance_id).serial == SERIAL


def test_a_firewall_that_was_seeded_is_known_when_it_dies_without_its_hook(
    older: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    """Neither its name nor its tags say what it was."""
    change_device(fake_panorama, hostname="PA-VM")
    fake_panorama.no_key = False
    run(older)
    gone = end_without_visits(older, fake_panorama)
    change_device(fake_panorama, connected=False)
    record_activity(older, ActivityType.TERMINATING, gone, FLOOR + 60, FLOOR + 60)
    for _ in range(5):
        report = run(older)
        pass_time(older, 900)
        fake_panorama.finish_job()
    assert report["licenses_not_returned"] == []
    assert fake_panorama.licensed[SERIAL] == []
    assert fake_panorama.entries() == 0
    assert metrics(logs())["LicenseReturned"] == 1
