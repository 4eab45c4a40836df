"""The pre-flight checks of Strata Cloud Manager."""

from __future__ import annotations

import pytest

from component.fakes import settings
from component.fakes.firewall import raising
from component.fakes.strata_cloud_manager import FOLDER, FakeStrata
from vmseries_autoscale import strata_cloud_manager
from vmseries_autoscale.errors import STRATA_CLOUD_MANAGER, DeviceAccessError, DeviceBusyError
from vmseries_autoscale.preflight import strata_cloud_manager_access
from vmseries_autoscale.preflight.findings import Severity
from vmseries_autoscale.settings import StrataCloudManagerSettings
from vmseries_autoscale.strata_cloud_manager import ManagedFirewall

SETTINGS = StrataCloudManagerSettings(**settings.strata_cloud_manager())


@pytest.fixture
def strata(monkeypatch: pytest.MonkeyPatch) -> FakeStrata:
    fake = FakeStrata(versions={FOLDER: 3})
    fake.add(ManagedFirewall("007951000123456", folder=FOLDER, connected=True))
    fake.add(ManagedFirewall("007951000123457", folder="branches"))
    monkeypatch.setattr(strata_cloud_manager, "connect", fake.connect)
    return fake


def texts(severity: Severity) -> list[str]:
    found = strata_cloud_manager_access.check(SETTINGS)
    return [item.text for item in found if item.severity is severity]


def test_a_tenant_that_can_be_read_has_no_problems(strata: FakeStrata) -> None:
    assert texts(Severity.PROBLEM) == []
    checked = texts(Severity.CHECKED)
    assert "2, of which 1 in folder autoscale, 1 connected" in checked[0]
    assert checked[-1] == "Strata Cloud Manager has the folder autoscale."
    assert set(strata.calls) == {"firewalls", "running_versions", "jobs", "has_folder"}


def test_a_folder_that_does_not_exist_is_a_problem(strata: FakeStrata) -> None:
    strata.folders = frozenset({"branches"})
    (problem,) = texts(Severity.PROBLEM)
    assert "no folder autoscale" in problem


def test_an_account_that_may_not_read_is_a_problem_of_each_list(strata: FakeStrata) -> None:
    strata.fail = raising(DeviceAccessError(STRATA_CLOUD_MANAGER, "HTTP 403"))
    problems = texts(Severity.PROBLEM)
    assert len(problems) == 3
    assert all("HTTP 403" in problem for problem in problems)


def test_what_cannot_be_read_now_is_not_a_problem(strata: FakeStrata) -> None:
    strata.fail = raising(DeviceBusyError(STRATA_CLOUD_MANAGER, "HTTP 429"))
    assert texts(Severity.PROBLEM) == []
    assert len(texts(Severity.UNCHECKED)) == 4
