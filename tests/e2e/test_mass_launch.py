"""`make prove-rates` on a small scale: a dozen launches that share the request rates of EC2."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from vmseries_lab.client import Lab
from vmseries_lab.core.timeline import Entry
from vmseries_scenarios import deployment
from vmseries_scenarios.mass_launch import (
    PACE,
    SLACK_SECONDS,
    WANTED,
    Burst,
    Evidence,
    Wave,
    allowed_seconds,
)

pytestmark = pytest.mark.apply(seconds=190)

FIREWALLS = 12
SHARE = 0.25
LIMIT = allowed_seconds(FIREWALLS, SHARE) + SLACK_SECONDS


@dataclass(frozen=True, slots=True)
class Done:
    """A run that is over, in a lab that still stands."""

    burst: Burst
    evidence: Evidence


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Done]:
    with Lab() as lab:
        workspace = deployment.copy(
            lab,
            "tests/fixtures/minimal",
            tmp_path_factory.mktemp("burst") / "copy",
            capacity={"min": 0, "max": FIREWALLS},
            two_arm=True,
        )
        lab.pace(PACE)
        workspace.apply(limit=120)
        lab.pace(0)
        group = workspace.output()["autoscaling_group"]["name"]
        burst = Burst(lab, group, FIREWALLS, SHARE)
        yield Done(burst, burst.perform())


def test_nothing_is_lost_and_all_is_wired_in_time(done: Done) -> None:
    assert done.evidence.problems(LIMIT) == []


def test_ec2_did_throttle(done: Done) -> None:
    assert done.evidence.launched.throttled().total() > 0
    assert done.evidence.terminated.throttled().total() > 0
    assert done.evidence.launched.most_at_once() == FIREWALLS
    # Else the limit is no limit.
    assert done.evidence.seconds > allowed_seconds(FIREWALLS, SHARE) > 0


# What would fail a run. Else its success would say nothing.


def test_a_run_that_takes_longer_fails(done: Done) -> None:
    (problem,) = done.evidence.problems(done.evidence.seconds - 0.001)
    assert "launch part" in problem


def test_a_firewall_that_is_not_wired_as_wanted_fails_it(done: Done) -> None:
    instance = min(done.evidence.nics)
    for number, nic in enumerate(WANTED):
        for wrong in (
            replace(nic, source_dest_check=not nic.source_dest_check),
            replace(nic, delete_on_termination=False),
            replace(nic, public=not nic.public),
        ):
            nics = (*WANTED[:number], wrong, *WANTED[number + 1 :])
            planted = replace(done.evidence, nics={**done.evidence.nics, instance: nics})
            (problem,) = planted.problems(LIMIT)
            assert problem.startswith(f"{instance} is not wired as it should be")


def test_a_firewall_that_is_missing_fails_it(done: Done) -> None:
    instance = min(done.evidence.nics)
    nics = {key: value for key, value in done.evidence.nics.items() if key != instance}
    wired = {key: value for key, value in done.evidence.wired.items() if key != instance}
    assert replace(done.evidence, nics=nics).problems(LIMIT) != []
    assert replace(done.evidence, wired=wired).problems(LIMIT) != []
    assert replace(done.evidence, nics=nics, wired=wired).problems(LIMIT) != []


def changed(wave: Wave, kind: str, **detail: str) -> list[Wave]:
    """The wave without one of its entries of a kind, and with one that says something else."""
    entry = wave.of(kind)[0]
    rest = [other for other in wave.entries if other is not entry]
    other = Entry(0, entry.at, entry.source, kind, entry.subject, {**entry.detail, **detail})
    return [replace(wave, entries=rest), replace(wave, entries=[*rest, other])]


def test_a_hook_that_does_not_end_well_fails_it(done: Done) -> None:
    for wave in changed(done.evidence.launched, "hook-completed", result="ABANDON"):
        assert replace(done.evidence, launched=wave).problems(LIMIT) != []
    for wave in changed(done.evidence.terminated, "hook-completed", result="ABANDON"):
        assert replace(done.evidence, terminated=wave).problems(LIMIT) != []


def test_a_message_that_was_put_aside_fails_it(done: Done) -> None:
    lab = done.burst.lab
    sqs = lab.aws.client("sqs")
    url = sqs.get_queue_url(QueueName=f"{done.burst.group}-launch")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="not an event")
    lab.settle()
    dead_letters = done.burst.dead_letters()
    (problem,) = replace(done.evidence, dead_letters=dead_letters).problems(LIMIT)
    assert problem.startswith("1 messages in")
