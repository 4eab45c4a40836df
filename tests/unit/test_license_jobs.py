"""What a job or an answer of Panorama says about the license of one firewall."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from vmseries_autoscale.errors import PANORAMA, DeviceRefusedError
from vmseries_autoscale.firewall_records import FirewallRecord, LicenseState
from vmseries_autoscale.licensing import by_panorama
from vmseries_autoscale.licensing.attempts import Leaving
from vmseries_autoscale.licensing.evidence import Returned
from vmseries_autoscale.panorama import BatchLicense, Job
from vmseries_autoscale.panorama.batch_license import says_returned

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
ONE, TWO = "007951000000001", "007951000000002"


@dataclass
class OneAnswer:
    """A Panorama that knows one job, and confirms each request for one firewall at once."""

    known: Job | None = None
    confirms: frozenset[str] = frozenset()
    requests: list[tuple[str, ...]] = field(default_factory=list)

    def job(self, job_id: str) -> Job | None:
        return self.known if self.known and self.known.job_id == job_id else None

    def batch_licensed(self) -> dict[str, BatchLicense] | None:
        return None

    def batch_deactivate(self, serials: Collection[str]) -> str | None:
        self.requests.append(tuple(serials))
        if self.confirms.isdisjoint(serials):
            raise DeviceRefusedError(PANORAMA, None, "the license server is busy")
        return None


def gone(serial: str, job: str | None = None) -> Leaving:
    """A firewall that is gone, whose license was requested long ago if there is a job."""
    record = FirewallRecord(f"i-0{serial}", serial=serial)
    if job is not None:
        asked = NOW - timedelta(hours=1)
        record = FirewallRecord(
            f"i-0{serial}",
            serial=serial,
            license=LicenseState.REQUESTED,
            license_job=job,
            license_requested=asked,
        )
    return Leaving(record, serial, connected=False)


def returned(panorama: OneAnswer, *leaving: Leaving) -> set[str]:
    """Return the serial numbers whose license counts as returned after one visit."""
    attempts = by_panorama.return_licenses(panorama, leaving, NOW)  # type: ignore[arg-type]
    return {key for key, item in attempts.items() if isinstance(item.decision.step, Returned)}


@pytest.mark.parametrize("kind", ["Commit", "CommitAll"])
def test_a_commit_with_the_id_of_an_earlier_license_job_returns_nothing(kind: str) -> None:
    """Each peer of a pair counts its own jobs, and a replaced Panorama counts from 1 again."""
    assert returned(OneAnswer(Job("57", True, False, (), kind=kind)), gone(ONE, "57")) == set()
    assert returned(OneAnswer(Job("57", True, False, ())), gone(ONE, "57")) == {ONE}


def test_a_job_that_names_only_other_firewalls_returns_nothing() -> None:
    job = Job("57", True, False, (), serials=frozenset({TWO}))
    assert returned(OneAnswer(job), gone(ONE, "57"), gone(TWO, "57")) == {TWO}


def test_what_a_failed_job_says_of_another_firewall_returns_nothing() -> None:
    job = Job("57", True, True, (f"{TWO}: license already deactivated", "failed for the others"))
    assert returned(OneAnswer(job), gone(ONE, "57"), gone(TWO, "57")) == {TWO}
    unnamed = Job("57", True, True, ("license already deactivated",))
    assert returned(OneAnswer(unnamed), gone(ONE, "57")) == {ONE}


def test_one_answer_to_a_request_for_several_confirms_none_of_them() -> None:
    panorama = OneAnswer(confirms=frozenset({TWO}))
    assert returned(panorama, gone(ONE), gone(TWO)) == {TWO}
    assert panorama.requests == [(ONE, TWO), (ONE,), (TWO,)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("License VM-Capacity not found", True),
        ("Successfully deactivated license", True),
        ("License API key not found", False),
        (f"Device {ONE} not found", False),
        (f"Serial number {ONE} is not found", False),
    ],
)
def test_a_missing_key_or_firewall_is_no_returned_license(text: str, *, expected: bool) -> None:
    assert says_returned(text) is expected
