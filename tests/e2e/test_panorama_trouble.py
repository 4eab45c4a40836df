"""While Panorama is unavailable, an operator sees why, and nothing is lost afterwards.

One group of firewalls. Each test breaks one thing, terminates a firewall, checks the log, the
metric and the dead-letter queue, repairs it, and checks that the termination completes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
import trustme
from e2e.support import change_secret

from vmseries_lab.client import Lab, Leftovers
from vmseries_scenarios.deployment import MINUTE, Deployment

pytestmark = pytest.mark.apply(seconds=160)

FLEET = 5
"""One firewall for each test that terminates one."""


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with Lab() as lab:
        deployment = Deployment.copy(
            lab,
            "tests/fixtures/minimal",
            tmp_path_factory.mktemp("trouble") / "copy",
            capacity={"min": 1, "max": FLEET},
        )
        deployment.apply()
        deployment.group.scale(FLEET)
        deployment.wait_until_in_service(FLEET)
        yield deployment
        assert lab.errors() == []


def unresponsive_panorama(deployment: Deployment) -> Callable[[], None]:
    deployment.lab.panorama.configure(mode="hanging")
    return lambda: deployment.lab.panorama.configure(mode="answering")


def wrong_ca(deployment: Deployment) -> Callable[[], None]:
    return change_secret(deployment, ca_bundle=trustme.CA().cert_pem.bytes().decode())


def wrong_api_key(deployment: Deployment) -> Callable[[], None]:
    return change_secret(deployment, api_key="LUFRPT1-revoked")


@pytest.mark.documents(id="panorama/contention/access")
@pytest.mark.documents(id="panorama/contention/certificate")
@pytest.mark.documents(id="panorama/contention/timeout")
@pytest.mark.parametrize(
    ("breaking", "error", "sentence"),
    [
        pytest.param(wrong_ca, "DeviceCertificateError", "CERTIFICATE_VERIFY_FAILED", id="ca"),
        pytest.param(wrong_api_key, "DeviceAccessError", "403", id="api-key"),
        pytest.param(
            unresponsive_panorama, "DeviceTimeoutError", "did not respond", id="unresponsive"
        ),
    ],
)
def test_a_termination_waits_for_panorama_and_loses_nothing(
    deployment: Deployment,
    breaking: Callable[[Deployment], Callable[[], None]],
    error: str,
    sentence: str,
) -> None:
    repair = breaking(deployment)
    since = deployment.lab.now()
    instance = deployment.group.terminate_one()

    deployment.lab.advance(4 * MINUTE)

    lines = [line for line in deployment.log(since) if line.get("error") == error]
    assert lines, f"no {error} in the log: {deployment.log(since)}"
    assert all(line["instance_id"] == instance for line in lines)
    assert sentence in lines[-1]["reason"]
    assert deployment.metric("PanoramaUnavailable", since) >= len(lines)
    assert deployment.dead_letters() == []
    assert deployment.group.states()[instance] == "Terminating:Wait"
    assert deployment.happened("interface-detached", instance) == []

    repair()
    deployment.lab.advance(20 * MINUTE)

    assert instance not in deployment.group.states()
    assert deployment.happened("hook-expired", instance) == []
    assert [e.detail["result"] for e in deployment.happened("hook-completed", instance)][-1:] == [
        "CONTINUE"
    ]
    alive = len(deployment.group.states())
    assert deployment.lab.leftovers().licenses == alive


def test_a_detachment_that_never_ends_holds_no_leaving_firewall(deployment: Deployment) -> None:
    """An operator detaches its interfaces, and the detachment never ends."""
    lab, ec2 = deployment.lab, deployment.lab.aws.client("ec2")
    lab.assume(detach="never-ends")
    instance = deployment.group.terminate_one()
    for interface in deployment.instance(instance)["NetworkInterfaces"]:
        if interface["Attachment"]["DeviceIndex"] > 0:
            ec2.detach_network_interface(AttachmentId=interface["Attachment"]["AttachmentId"])

    deployment.wait_until_terminated(instance, minutes=20)

    waiting, completed = (
        [e for e in deployment.happened(kind, instance) if e.detail["hook"] == "terminate"]
        for kind in ("hook-waiting", "hook-completed")
    )
    assert completed[0].at - waiting[0].at < 5 * MINUTE
    lab.advance(30 * MINUTE)
    report = deployment.invoke("reconcile", "reconcile")
    assert (report["orphans"], report["ambiguous"]) == ({}, {})
    alive = len(deployment.group.states())
    assert lab.leftovers() == Leftovers(
        interfaces=2 * alive, addresses=0, licenses=alive, panorama_entries=4 * alive
    )


def test_an_invalid_message_goes_to_the_dead_letter_queue_at_once(deployment: Deployment) -> None:
    since = deployment.lab.now()
    body = json.dumps({"detail-type": "EC2 Instance-terminate Lifecycle Action", "detail": 7})
    deployment.lab.aws.client("sqs").send_message(
        QueueUrl=deployment.outputs["queues"]["terminate"]["url"], MessageBody=body
    )

    deployment.lab.advance(MINUTE)

    (message,) = deployment.dead_letters()
    assert message["Body"] == body
    assert message["MessageAttributes"]["error"]["StringValue"] == "MalformedEventError"
    assert deployment.metric("MessageDeadLettered", since) == 1
    assert [line["error"] for line in deployment.log(since) if "error" in line] == [
        "MalformedEventError"
    ]


def test_nothing_remains_after_the_destroy(deployment: Deployment) -> None:
    deployment.destroy()
    assert deployment.lab.leftovers() == Leftovers(
        interfaces=0, addresses=0, licenses=0, panorama_entries=0
    )
