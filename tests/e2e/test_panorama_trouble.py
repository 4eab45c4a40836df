"""What an operator sees while Panorama cannot be used, and that nothing is lost afterwards.

One group of firewalls; each test breaks one thing, has a firewall terminated, looks at log, metric
and dead-letter queue, mends it, and sees the termination through.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
import trustme
from e2e.fleet import MINUTE, Fleet

from vmseries_lab.client import Lab, Leftovers
from vmseries_scenarios import deployment

pytestmark = pytest.mark.apply(seconds=160)

FLEET = 4


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with Lab() as lab:
        workspace = deployment.copy(
            lab, "tests/fixtures/minimal", tmp_path_factory.mktemp("trouble") / "copy"
        )
        lab.pace(60)
        workspace.apply()
        lab.pace(0)
        fleet = Fleet(lab, workspace, workspace.output())
        lab.aws.client("autoscaling").set_desired_capacity(
            AutoScalingGroupName=fleet.name, DesiredCapacity=FLEET
        )
        for _ in range(60):
            if list(fleet.states().values()) == ["InService"] * FLEET:
                break
            lab.advance(MINUTE)
        yield fleet
        assert lab.errors() == []


def silent_panorama(fleet: Fleet) -> Callable[[], None]:
    fleet.lab.panorama.configure(mode="hanging")
    return lambda: fleet.lab.panorama.configure(mode="answering")


def wrong_ca(fleet: Fleet) -> Callable[[], None]:
    return fleet.change_secret(ca_bundle=trustme.CA().cert_pem.bytes().decode())


def wrong_api_key(fleet: Fleet) -> Callable[[], None]:
    return fleet.change_secret(api_key="LUFRPT1-revoked")


@pytest.mark.parametrize(
    ("breaking", "error", "sentence"),
    [
        pytest.param(wrong_ca, "PanoramaCertificateError", "CERTIFICATE_VERIFY_FAILED", id="ca"),
        pytest.param(wrong_api_key, "PanoramaAccessError", "403", id="api-key"),
        pytest.param(silent_panorama, "PanoramaTimeoutError", "did not answer", id="silent"),
    ],
)
def test_termination_waits_and_then_loses_nothing(
    fleet: Fleet, breaking: Callable[[Fleet], Callable[[], None]], error: str, sentence: str
) -> None:
    mend = breaking(fleet)
    since = fleet.lab.now()
    instance = fleet.terminate_one()

    fleet.lab.advance(4 * MINUTE)

    lines = [line for line in fleet.log(since) if line.get("error") == error]
    assert lines, f"no {error} in the log: {fleet.log(since)}"
    assert all(line["instance_id"] == instance for line in lines)
    assert sentence in lines[-1]["reason"]
    assert fleet.metric("PanoramaUnavailable", since) >= len(lines)
    assert fleet.dead_letters() == []
    assert fleet.states()[instance] == "Terminating:Wait"
    assert fleet.happened("interface-detached", instance) == []

    mend()
    fleet.lab.advance(20 * MINUTE)

    assert instance not in fleet.states()
    assert fleet.happened("hook-expired", instance) == []
    assert [e.detail["result"] for e in fleet.happened("hook-completed", instance)][-1:] == [
        "CONTINUE"
    ]
    alive = len(fleet.states())
    assert fleet.lab.leftovers().licenses == alive


def test_unreadable_message_goes_to_the_dead_letter_queue_at_once(fleet: Fleet) -> None:
    since = fleet.lab.now()
    body = json.dumps({"detail-type": "EC2 Instance-terminate Lifecycle Action", "detail": 7})
    fleet.lab.aws.client("sqs").send_message(
        QueueUrl=fleet.outputs["queues"]["terminate"]["url"], MessageBody=body
    )

    fleet.lab.advance(MINUTE)

    (message,) = fleet.dead_letters()
    assert message["Body"] == body
    assert message["MessageAttributes"]["error"]["StringValue"] == "MalformedEventError"
    assert fleet.metric("MessageDeadLettered", since) == 1
    assert [line["error"] for line in fleet.log(since) if "error" in line] == [
        "MalformedEventError"
    ]


def test_nothing_is_left_in_the_end(fleet: Fleet) -> None:
    fleet.lab.pace(60)
    fleet.workspace.destroy()
    assert fleet.lab.leftovers() == Leftovers(
        interfaces=0, addresses=0, licenses=0, panorama_entries=0
    )
