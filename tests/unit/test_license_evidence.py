"""A license counts as returned on evidence only, whatever a single answer says.

``make prove-properties`` tries ten thousand histories.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmseries_autoscale.firewall_records import FirewallRecord, LicenseState
from vmseries_autoscale.licensing import evidence
from vmseries_autoscale.licensing.evidence import (
    ABSENCE_SECONDS,
    EMPTY_SECONDS,
    REPEAT_SECONDS,
    WITNESS_SECONDS,
    GiveUp,
    JobState,
    Observations,
    Request,
    Returned,
    Seen,
    Step,
    Wait,
)

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
HELD = FirewallRecord("i-0123456789abcdef0", serial="1", license=LicenseState.HELD)
REQUESTED = evidence.requested(HELD, "57", NOW)
CONFIRMED = replace(REQUESTED, license=LicenseState.CONFIRMED)


def at(seconds: float, **observed: object) -> Observations:
    """Return what a visit observes this many seconds later."""
    return replace(Observations(NOW + timedelta(seconds=seconds)), **observed)  # type: ignore[arg-type]


def steps(record: FirewallRecord, *visits: Observations) -> tuple[FirewallRecord, Step]:
    """Make visits, of which the last one's step counts."""
    step: Step = Wait("")
    for seen in visits:
        decision = evidence.decide(record, seen)
        record, step = decision.record, decision.step
    return record, step


# Absences.


def test_one_empty_answer_returns_nothing() -> None:
    absent, listed = at(0, listed=Seen.ABSENT), at(30, listed=Seen.LISTED)
    record, step = steps(REQUESTED, absent)
    assert isinstance(step, Wait)
    assert record.absent_since == NOW
    record, step = steps(record, listed)
    assert record.absent_since is None
    assert not isinstance(step, Returned)


@pytest.mark.parametrize("later", [ABSENCE_SECONDS - 1, ABSENCE_SECONDS])
def test_two_absences_count_if_a_minute_is_between_them(later: int) -> None:
    absences = at(0, listed=Seen.ABSENT), at(later, listed=Seen.ABSENT)
    record, step = steps(REQUESTED, *absences)
    assert isinstance(step, Returned) == (later >= ABSENCE_SECONDS)
    assert (record.license is LicenseState.RETURNED) == isinstance(step, Returned)


def test_an_answer_that_is_not_believed_proves_nothing() -> None:
    unseen = [at(30 * number) for number in range(100)]
    _, step = steps(REQUESTED, *unseen)
    assert isinstance(step, Request)


def test_answers_without_a_list_count_a_quarter_of_an_hour_after_a_request() -> None:
    soon, late = at(EMPTY_SECONDS - 1, listed=Seen.EMPTY), at(EMPTY_SECONDS, listed=Seen.EMPTY)
    first = at(0, listed=Seen.EMPTY)
    assert isinstance(steps(REQUESTED, first, soon)[1], Wait)
    assert isinstance(steps(REQUESTED, first, late)[1], Returned)
    assert isinstance(steps(HELD, late)[1], Request), "without a request, they never count"
    contradicted = at(EMPTY_SECONDS, listed=Seen.EMPTY, witness=Seen.LISTED)
    step = steps(REQUESTED, first, contradicted)[1]
    assert isinstance(step, Request), "the firewall still has its license"


@pytest.mark.parametrize("between", [Seen.LISTED, Seen.ABSENT])
def test_one_late_answer_without_a_list_returns_nothing(between: Seen) -> None:
    """Two runs of the reconcile function may be a quarter of an hour apart."""
    late = at(EMPTY_SECONDS, listed=Seen.EMPTY)
    assert isinstance(steps(REQUESTED, late)[1], Wait)
    first, interrupted = at(1, listed=Seen.EMPTY), at(900, listed=between)
    assert isinstance(steps(REQUESTED, first, interrupted, at(950, listed=Seen.EMPTY))[1], Wait)


def test_an_absence_does_not_count_against_a_second_witness() -> None:
    contradicted = [
        at(30 * number, listed=Seen.ABSENT, witness=Seen.LISTED)
        for number in range(WITNESS_SECONDS // 30)
    ]
    record, step = steps(REQUESTED, *contradicted)
    assert isinstance(step, Wait)
    _, step = steps(record, at(WITNESS_SECONDS, listed=Seen.ABSENT, witness=Seen.LISTED))
    assert isinstance(step, Returned), "after a quarter of an hour, the witness is out of date"


def test_a_witness_is_never_out_of_date_without_a_request() -> None:
    """Otherwise the wrong license manager's list would return a license."""
    contradicted = [
        at(30 * number, listed=Seen.ABSENT, witness=Seen.LISTED) for number in range(1000)
    ]
    _, step = steps(HELD, *contradicted)
    assert isinstance(step, Wait)


def test_a_firewall_that_boots_may_still_take_a_license() -> None:
    unknown = replace(HELD, license=LicenseState.UNKNOWN)
    absences = [at(30 * number, listed=Seen.ABSENT, settled=False) for number in range(20)]
    record, step = steps(unknown, *absences)
    assert isinstance(step, Wait)
    assert record.absent_since is None
    settled = at(600, listed=Seen.ABSENT), at(660, listed=Seen.ABSENT)
    assert isinstance(steps(record, *settled)[1], Returned)


# Confirmations.


def test_a_confirmation_is_remembered_when_the_firewall_drops_off() -> None:
    record, step = steps(REQUESTED, at(0, confirmed=True, connected=True))
    assert record.license is LicenseState.CONFIRMED
    assert isinstance(step, Wait)
    _, step = steps(record, at(30, connected=False))
    assert isinstance(step, Returned)


def test_a_firewall_that_drops_off_without_a_confirmation_returned_nothing() -> None:
    _, step = steps(REQUESTED, at(30, connected=False))
    assert not isinstance(step, Returned)


def test_a_confirmation_and_one_absence_agree() -> None:
    _, step = steps(REQUESTED, at(0, confirmed=True, listed=Seen.ABSENT, connected=True))
    assert isinstance(step, Returned)
    _, step = steps(CONFIRMED, at(30, witness=Seen.ABSENT))
    assert isinstance(step, Returned)


def test_a_list_that_still_shows_the_license_contradicts_a_confirmation() -> None:
    soon = at(REPEAT_SECONDS - 1, listed=Seen.LISTED, connected=False)
    record, step = steps(CONFIRMED, soon)
    assert record.license is LicenseState.CONFIRMED
    assert not isinstance(step, Returned)
    late = at(REPEAT_SECONDS, listed=Seen.LISTED, connected=False)
    record, step = steps(record, late)
    assert record.license is LicenseState.HELD
    assert isinstance(step, Request)


def test_what_panorama_has_stored_does_not_contradict_a_confirmation() -> None:
    """Nothing says when Panorama reads the licenses of a firewall again that is gone."""
    assert isinstance(steps(CONFIRMED, at(0, witness=Seen.LISTED, connected=False))[1], Returned)
    stale = at(0, witness=Seen.LISTED, listed=Seen.ABSENT, connected=True)
    assert isinstance(steps(CONFIRMED, stale)[1], Returned)
    assert isinstance(steps(CONFIRMED, at(0, witness=Seen.LISTED, connected=True))[1], Wait)


@pytest.mark.parametrize("later", [WITNESS_SECONDS - 1, WITNESS_SECONDS])
def test_a_job_counts_where_the_firewall_may_not_be_asked(later: int) -> None:
    """What Panorama has stored may show the license for ever, and the firewall stays connected."""
    seen = at(later, job=JobState.SUCCEEDED, witness=Seen.LISTED, connected=True)
    assert isinstance(steps(CONFIRMED, seen)[1], Returned) == (later >= WITNESS_SECONDS)
    first_look = steps(REQUESTED, seen)[1]
    unsure = replace(seen, job=JobState.UNKNOWN), replace(seen, listed=Seen.EMPTY)
    for step in (first_look, *(steps(CONFIRMED, each)[1] for each in unsure)):
        assert isinstance(step, Wait)
    assert isinstance(steps(CONFIRMED, replace(seen, listed=Seen.LISTED))[1], Request | Wait)


# Jobs and requests.


def test_a_job_is_awaited_and_its_success_confirms() -> None:
    running = at(500, job=JobState.RUNNING)
    assert isinstance(steps(REQUESTED, running)[1], Wait)
    done = at(30, job=JobState.SUCCEEDED, connected=False)
    record, step = steps(REQUESTED, done)
    assert isinstance(step, Returned)
    assert record.license_job is None


def test_a_failed_job_is_repeated() -> None:
    record, step = steps(REQUESTED, at(30, job=JobState.FAILED))
    assert isinstance(step, Request)
    assert record.license_job is None


def test_a_request_without_result_is_repeated_later() -> None:
    assert isinstance(steps(REQUESTED, at(REPEAT_SECONDS - 1))[1], Wait)
    assert isinstance(steps(REQUESTED, at(REPEAT_SECONDS))[1], Request)


def test_what_keeps_a_request_from_being_made_is_the_reason() -> None:
    step = steps(HELD, at(0, can_request=False, waiting_for="not connected"))[1]
    assert step == Wait("not connected")


# The end.


@pytest.mark.parametrize(
    ("record", "observed", "unknown"),
    [
        (replace(HELD, license=LicenseState.UNKNOWN), {}, "whether the firewall had a license"),
        (HELD, {}, "the deactivation was not requested"),
        (REQUESTED, {}, "its result is not known"),
        (CONFIRMED, {}, "nothing else shows the return"),
        (REQUESTED, {"listed": Seen.LISTED}, "a license list still shows"),
    ],
)
def test_every_end_says_what_was_not_known(
    record: FirewallRecord, observed: dict[str, Seen], unknown: str
) -> None:
    after, step = steps(record, at(10, last_look="the deadline passed", **observed))
    assert isinstance(step, GiveUp)
    assert step.unknown.startswith("the deadline passed; ")
    assert unknown in step.unknown
    assert after.license is LicenseState.NOT_RETURNED


def test_a_loss_is_ticked_off_by_a_list_or_a_confirmation() -> None:
    lost = replace(HELD, license=LicenseState.NOT_RETURNED)
    absences = at(0, listed=Seen.ABSENT), at(60, listed=Seen.ABSENT)
    record, _ = steps(lost, absences[0])
    assert record.license is LicenseState.NOT_RETURNED
    assert isinstance(steps(lost, *absences)[1], Returned)
    again = evidence.requested(lost, "58", NOW)
    assert again.license is LicenseState.NOT_RETURNED
    assert isinstance(steps(again, at(30, job=JobState.SUCCEEDED, connected=False))[1], Returned)


def test_a_returned_license_stays_returned() -> None:
    record = replace(HELD, license=LicenseState.RETURNED)
    after, step = steps(record, at(0, listed=Seen.LISTED, last_look="the deadline passed"))
    assert isinstance(step, Returned)
    assert after == record


# Any history. The world holds a license, and its answers are late, missing or singly wrong.

VISIT_SECONDS = 30
VISITS = 30


@dataclass(frozen=True)
class Moment:
    """What happens in one visit.

    Attributes:
        answer: Whether the deciding list answers truthfully, wrongly, or with nothing to believe.
        witness: The same for the second witness; it never lies, but may be late.
        connected: Whether the firewall is connected, as far as it exists.
        takes_effect: After how many visits a request of this visit returns the license; ``None``
            for a request that does nothing.
        confirms: Whether the device reports what it did.
        has_job: Whether the request is answered with a job.
    """

    answer: str
    witness: bool
    connected: bool
    takes_effect: int | None
    confirms: bool
    has_job: bool


moments = st.builds(
    Moment,
    answer=st.sampled_from(["true", "true", "true", "nothing", "wrong"]),
    witness=st.booleans(),
    connected=st.booleans(),
    takes_effect=st.sampled_from([None, 0, 1, 2, 7]),
    confirms=st.booleans(),
    has_job=st.booleans(),
)


@dataclass
class World:
    """The truth about one license.

    Attributes:
        takes_at: Visit in which the firewall takes its license; ``None`` if it never does.
        returns_at: Visit in which a request takes effect.
        confirms: Whether that request is confirmed.
        list_delay: Visits for which the deciding list still shows a returned license.
    """

    takes_at: int | None
    list_delay: int
    returns_at: int | None = None
    confirms: bool = False
    lied: bool = False

    def holds(self, visit: int, delay: int = 0) -> bool:
        """Return whether the license was in use this many visits ago."""
        then = visit - delay
        taken = self.takes_at is not None and self.takes_at <= visit
        returned = self.returns_at is not None and self.returns_at <= then
        return taken and not returned

    def shows(self, moment: Moment, visit: int) -> Seen:
        """Return what the deciding list shows. No two wrong answers follow each other."""
        truth = self.holds(visit, self.list_delay)
        if moment.answer == "nothing":
            return Seen.NOT_SEEN
        wrong = moment.answer == "wrong" and not self.lied
        self.lied = wrong
        return Seen.LISTED if truth != wrong else Seen.ABSENT

    def observe(self, moment: Moment, visit: int, record: FirewallRecord) -> Observations:
        """Return what a visit observes."""
        done = self.returns_at is not None and self.returns_at <= visit
        job = JobState.UNKNOWN
        if record.license_job is not None and self.returns_at is not None:
            job = JobState.SUCCEEDED if done else JobState.RUNNING
        elif record.license_job is not None:
            job = JobState.FAILED
        witness = Seen.LISTED if self.holds(visit, 1) else Seen.ABSENT
        return at(
            visit * VISIT_SECONDS,
            listed=self.shows(moment, visit),
            witness=witness if moment.witness else Seen.NOT_SEEN,
            confirmed=done and self.confirms and moment.confirms,
            job=job,
            connected=moment.connected,
            settled=self.takes_at is None or self.takes_at <= visit,
            last_look="the deadline passed" if visit >= VISITS else "",
        )


@given(
    history=st.lists(moments, min_size=VISITS + 1, max_size=VISITS + 1),
    takes_at=st.sampled_from([None, 0, 0, 0, 3, 9]),
    list_delay=st.integers(0, 5),
    start=st.sampled_from([LicenseState.UNKNOWN, LicenseState.HELD]),
)
def test_no_license_in_use_ever_counts_as_returned(
    history: list[Moment], takes_at: int | None, list_delay: int, start: LicenseState
) -> None:
    if start is LicenseState.HELD:
        takes_at = 0
    world = World(takes_at, list_delay)
    record = replace(HELD, license=start)
    for visit, moment in enumerate(history):
        decision = evidence.decide(record, world.observe(moment, visit, record))
        record = decision.record
        match decision.step:
            case Returned():
                assert not world.holds(visit)
                assert takes_at is None or takes_at <= visit, "it takes the license later"
                return
            case GiveUp():
                assert visit == VISITS
                assert record.license is LicenseState.NOT_RETURNED
                return
            case Request():
                record = evidence.requested(record, "57" if moment.has_job else None, NOW)
                record = replace(
                    record, license_requested=NOW + timedelta(seconds=visit * VISIT_SECONDS)
                )
                if moment.takes_effect is not None and world.returns_at is None:
                    world.returns_at = visit + moment.takes_effect
                    world.confirms = moment.confirms
            case Wait(reason):
                assert reason
    pytest.fail("the deadline did not end it")


@given(
    effect=st.integers(0, 7),
    list_delay=st.integers(0, 5),
    has_job=st.booleans(),
    lie=st.integers(0, 20),
)
def test_every_license_is_returned_soon_if_requests_work(
    effect: int, list_delay: int, has_job: bool, lie: int
) -> None:
    world, record = World(0, list_delay), HELD
    for visit in range(VISITS + 1):
        moment = Moment("wrong" if visit == lie else "true", True, True, effect, True, has_job)
        decision = evidence.decide(record, world.observe(moment, visit, record))
        record = decision.record
        if isinstance(decision.step, Returned):
            assert visit <= effect + list_delay + 5
            return
        if isinstance(decision.step, Request):
            now = NOW + timedelta(seconds=visit * VISIT_SECONDS)
            record = evidence.requested(record, "57" if has_job else None, now)
            if world.returns_at is None:
                world.returns_at, world.confirms = visit + effect, True
    pytest.fail("it was never returned")
