"""A mass launch on a small scale: a dozen firewalls, and a quarter of EC2's request rates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from vmseries_lab.client import Lab
from vmseries_lab.core.timeline import Entry
from vmseries_scenarios.deployment import Deployment
from vmseries_scenarios.mass_launch import (
    EXPECTED_INTERFACES,
    SLACK_SECONDS,
    Evidence,
    MassLaunch,
    Wave,
    allowed_seconds,
)

pytestmark = pytest.mark.apply(seconds=190)

FIREWALLS = 12
SHARE = 0.25
LIMIT = allowed_seconds(FIREWALLS, SHARE) + SLACK_SECONDS


@dataclass(frozen=True, slots=True)
class CompletedRun:
    """A completed run, in a lab that still runs."""

    deployment: Deployment
    evidence: Evidence


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CompletedRun]:
    with Lab() as lab:
        deployment = Deployment.copy(
            lab,
            "tests/fixtures/minimal",
            tmp_path_factory.mktemp("mass-launch") / "copy",
            capacity={"min": 0, "max": FIREWALLS},
            two_arm=True,
        )
        deployment.apply()
        yield CompletedRun(deployment, MassLaunch(deployment, FIREWALLS, SHARE).perform())


def test_nothing_is_lost_and_all_interfaces_are_attached_in_time(run: CompletedRun) -> None:
    assert run.evidence.problems(LIMIT) == []


def test_ec2_throttled_both_waves(run: CompletedRun) -> None:
    assert run.evidence.launched.throttled().total() > 0
    assert run.evidence.terminated.throttled().total() > 0
    assert run.evidence.launched.most_at_once() == FIREWALLS
    # Otherwise, the limit would prove nothing.
    assert run.evidence.seconds > allowed_seconds(FIREWALLS, SHARE) > 0


# Negative controls: each fault must fail the run.


def test_a_run_that_takes_longer_fails(run: CompletedRun) -> None:
    (problem,) = run.evidence.problems(run.evidence.seconds - 0.001)
    assert "launch part" in problem


def test_a_run_with_an_unexpected_interface_fails(run: CompletedRun) -> None:
    instance = min(run.evidence.interfaces)
    for number, interface in enumerate(EXPECTED_INTERFACES):
        for wrong in (
            replace(interface, source_dest_check=not interface.source_dest_check),
            replace(interface, delete_on_termination=False),
            replace(interface, public=not interface.public),
        ):
            changed = (*EXPECTED_INTERFACES[:number], wrong, *EXPECTED_INTERFACES[number + 1 :])
            interfaces = {**run.evidence.interfaces, instance: changed}
            (problem,) = replace(run.evidence, interfaces=interfaces).problems(LIMIT)
            assert problem.startswith(f"{instance} has unexpected interfaces")


def test_a_run_with_a_missing_firewall_fails(run: CompletedRun) -> None:
    instance = min(run.evidence.interfaces)
    interfaces = {key: value for key, value in run.evidence.interfaces.items() if key != instance}
    attached = {key: value for key, value in run.evidence.attached.items() if key != instance}
    assert replace(run.evidence, interfaces=interfaces).problems(LIMIT) != []
    assert replace(run.evidence, attached=attached).problems(LIMIT) != []
    assert replace(run.evidence, interfaces=interfaces, attached=attached).problems(LIMIT) != []


def altered(wave: Wave, kind: str, **detail: str) -> list[Wave]:
    """Return the wave without one of its entries, and with a changed detail in that entry."""
    entry = wave.of(kind)[0]
    rest = [other for other in wave.entries if other is not entry]
    other = Entry(0, entry.at, entry.source, kind, entry.subject, {**entry.detail, **detail})
    return [replace(wave, entries=rest), replace(wave, entries=[*rest, other])]


def test_a_run_with_an_abandoned_hook_fails(run: CompletedRun) -> None:
    for wave in altered(run.evidence.launched, "hook-completed", result="ABANDON"):
        assert replace(run.evidence, launched=wave).problems(LIMIT) != []
    for wave in altered(run.evidence.terminated, "hook-completed", result="ABANDON"):
        assert replace(run.evidence, terminated=wave).problems(LIMIT) != []


def test_a_run_with_a_dead_letter_fails(run: CompletedRun) -> None:
    lab = run.deployment.lab
    sqs = lab.aws.client("sqs")
    url = sqs.get_queue_url(QueueName=f"{run.deployment.name}-launch")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="not an event")
    lab.settle()
    dead_letters = run.deployment.count_dead_letters()
    (problem,) = replace(run.evidence, dead_letters=dead_letters).problems(LIMIT)
    assert problem.startswith("1 messages in")
