"""Pushes of the launch function are known by the ids of their jobs (F4, F9)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from component.fakes.cloud import SERIAL, Cloud
from component.fakes.functions import configure
from component.fakes.logs import Logs, reasons
from component.fakes.panorama import FakePanorama
from vmseries_autoscale.lifecycle.events import Transition
from vmseries_autoscale.panorama import Job

REASON = "zone untrust is invalid"


@pytest.fixture
def event(
    launching: Cloud, fake_panorama: FakePanorama, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """The event of an instance whose firewall is connected and out of sync."""
    settings = launching.launch_settings()
    settings["panorama"]["push_when_out_of_sync"] = True
    configure(monkeypatch, settings)
    event = launching.event(Transition.LAUNCHING)
    launching.deliver(event)
    fake_panorama.register(replace(launching.firewall(SERIAL), policy_status="Out of Sync"))
    return event


def visit(cloud: Cloud, panorama: FakePanorama, event: dict[str, Any]) -> list[str]:
    """Visit the launch once; return the calls to Panorama after the list of members."""
    panorama.calls.clear()
    cloud.deliver(event)
    return panorama.calls[1:]


@pytest.mark.documents(id="readiness/gate/push-by-id")
def test_f9_the_list_of_jobs_is_read_once_and_then_each_push_by_its_id(
    launching: Cloud, fake_panorama: FakePanorama, event: dict[str, Any]
) -> None:
    assert visit(launching, fake_panorama, event) == ["pushes", "push"]
    assert launching.account.record(launching.instance_id).pushes == ("101",)
    assert visit(launching, fake_panorama, event) == ["job"]
    fake_panorama.finish_push({SERIAL: REASON})
    assert visit(launching, fake_panorama, event) == ["job", "push"]
    assert launching.account.record(launching.instance_id).pushes == ("101", "102")
    assert visit(launching, fake_panorama, event) == ["job"], "the newest one is in progress"


@pytest.mark.documents(id="readiness/gate/push-failed")
def test_f4_three_failures_stop_and_are_reported(
    launching: Cloud, fake_panorama: FakePanorama, event: dict[str, Any], logs: Logs
) -> None:
    for _ in range(3):
        assert visit(launching, fake_panorama, event)[-1] == "push"
        fake_panorama.finish_push({SERIAL: REASON})
    logs()
    assert visit(launching, fake_panorama, event) == ["job"] * 3
    assert reasons(logs())[-1].endswith(f"; push job 103 failed: {REASON}")


@pytest.mark.documents(id="readiness/gate/push-by-id")
@pytest.mark.parametrize("job_id", ["7", "999"])
def test_f4_a_job_of_others_with_the_recorded_number_never_blocks(
    launching: Cloud, fake_panorama: FakePanorama, event: dict[str, Any], job_id: str
) -> None:
    """The job with this number is another administrator's, or is not known to this peer."""
    others = Job("7", False, False, (), "Friday's rollout", frozenset({SERIAL}))
    fake_panorama.jobs.append(others)
    launching.account.put_record(launching.instance_id, pushes=(job_id,))
    assert visit(launching, fake_panorama, event) == ["job", "pushes", "push"]


@pytest.mark.documents(id="readiness/gate/push-by-id")
@pytest.mark.parametrize(
    ("finished", "failed", "calls"),
    [(False, False, ["job"]), (True, False, ["job", "push"]), (True, True, ["job", "push"])],
)
def test_f4_a_job_without_its_description_counts_if_it_is_for_the_firewall(
    launching: Cloud,
    fake_panorama: FakePanorama,
    event: dict[str, Any],
    *,
    finished: bool,
    failed: bool,
    calls: list[str],
) -> None:
    """Whether the answer about one job has the description is not documented."""
    visit(launching, fake_panorama, event)
    fake_panorama.push_jobs.clear()
    bare = Job("101", finished, failed, (REASON,), "", frozenset({SERIAL}))
    fake_panorama.jobs.append(bare)
    assert visit(launching, fake_panorama, event) == calls


@pytest.mark.documents(id="readiness/gate/push-by-id")
def test_f4_a_push_whose_number_was_not_recorded_is_found_in_the_list(
    launching: Cloud,
    fake_panorama: FakePanorama,
    event: dict[str, Any],
) -> None:
    visit(launching, fake_panorama, event)
    launching.account.put_record(launching.instance_id, pushes=())
    assert visit(launching, fake_panorama, event) == ["pushes"]
    assert len(fake_panorama.push_jobs) == 1


@pytest.mark.documents(id="readiness/gate/push")
def test_a_firewall_that_others_put_out_of_sync_enters_service(
    launching: Cloud, fake_panorama: FakePanorama, event: dict[str, Any]
) -> None:
    """F10h: somebody commits without a push during the boot, or another firewall is removed."""
    in_sync = launching.firewall(SERIAL)
    fake_panorama.firewalls[SERIAL] = replace(in_sync, connected=False)
    assert launching.deliver(event) == ["message-0"]
    fake_panorama.firewalls[SERIAL] = replace(in_sync, template_status="Out of Sync")
    assert visit(launching, fake_panorama, event) == ["pushes", "push"]
    fake_panorama.finish_push()
    assert launching.deliver(event) == []
    assert launching.results == ["CONTINUE"]
    assert [job.serials for job in fake_panorama.push_jobs] == [{SERIAL}]
