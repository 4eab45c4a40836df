"""A group without Panorama: the functions use the API of the firewalls, or only health checks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from vmseries_lab.client import Lab
from vmseries_scenarios.deployment import MINUTE, Deployment, completed_hooks
from vmseries_scenarios.refresh.observation import refresh, refresh_with_short_warmup

pytestmark = pytest.mark.apply(seconds=220)


@pytest.mark.documents(id="licensing/direct/normal")
@pytest.mark.documents(id="readiness/gate/firewall-api")
def test_the_firewall_api_shows_readiness_and_returns_the_license(tmp_path: Path) -> None:
    with Lab() as lab:
        lab.firewalls.serve_xml_api()
        # During the boot, each visit waits for a response in real time.
        lab.firewalls.set_boot_times(license=160.0, content=170.0)
        deployment = Deployment.copy(lab, "tests/fixtures/minimal", tmp_path / "copy", own_api=True)
        deployment.apply()
        since = lab.now()
        deployment.wait_until_in_service(1)
        (instance_id,) = deployment.group.states()
        (firewall,) = lab.firewalls.describe()
        tags = deployment.tags(instance_id)
        assert tags["vmseries-autoscale:serial"] == firewall["serial"]
        assert deployment.record(instance_id)["evidence"] == {"SS": ["firewall"]}
        waited = {str(line.get("reason")) for line in deployment.log(since, "launch")}
        assert any("does not respond" in reason for reason in waited), (
            "a visit found the firewall still booting"
        )
        assert deployment.metric("VisitFailed", since, "launch") == 0

        # A firewall with an invalid configuration is abandoned, with the reason. Meanwhile, the
        # first one is terminated, after its license was returned.
        lab.firewalls.set_quirks(auto_commit_failure="zone untrust is invalid")
        deployment.group.scale(2)
        lab.advance(MINUTE)
        (broken,) = deployment.group.states().keys() - {instance_id}
        assert deployment.group.terminate_one() == instance_id
        lab.advance(46 * MINUTE)
        (completed,) = completed_hooks(deployment.happened("hook-completed", broken), "launch")
        assert completed.detail["result"] == "ABANDON"
        assert "auto-commit has failed" in deployment.tags(broken)["vmseries-autoscale:abandoned"]

        assert instance_id not in deployment.group.states()
        assert deployment.record(instance_id)["license"] == {"S": "returned"}
        assert len(deployment.happened("license-returned", firewall["serial"])) == 1
        assert deployment.metric("LicenseNotReturned", since) == 0
        assert lab.errors() == []


@pytest.fixture(scope="module")
def payg(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A group of one firewall that is licensed by AWS Marketplace, with the module's defaults."""
    with Lab() as lab:
        deployment = Deployment.copy(
            lab,
            "tests/fixtures/minimal",
            tmp_path_factory.mktemp("payg") / "copy",
            payg=True,
            load_balancer=True,
            capacity={"min": 1, "max": 4, "instance_refresh": {}},
        )
        lab.firewalls.set_boot_times(register=10 * MINUTE)
        deployment.apply()
        lab.offer_sessions(1000)
        deployment.wait_until_in_service(1)
        yield deployment
        assert lab.errors() == []


def order_of(deployment: Deployment, instance_id: str) -> list[str]:
    """Return what happened to an instance as a target and as a member, once each and in order."""
    kinds = {"target-registered", "target-healthy", "instance-in-service"}
    entries = [e for e in deployment.lab.timeline() if e.subject == instance_id]
    return [e.kind for e in entries if e.kind in kinds]


SERVES = ["target-registered", "target-healthy", "instance-in-service"]


@pytest.mark.documents(id="readiness/gate/healthy")
@pytest.mark.documents(id="readiness/gate/healthy-scale-out")
def test_without_credentials_a_firewall_serves_once_it_is_a_healthy_target(
    payg: Deployment,
) -> None:
    (first,) = payg.group.states()
    assert order_of(payg, first) == SERVES
    assert payg.workspace.plan() == ()
    payg.group.scale(2)
    payg.lab.advance(8 * MINUTE)
    (second,) = payg.group.states().keys() - {first}
    assert payg.group.states()[second] == "Pending:Wait", "it boots"
    payg.wait_until_in_service(2)
    assert order_of(payg, second) == SERVES
    assert payg.lab.traffic()["unready"] == 0


@pytest.mark.documents(id="readiness/gate/healthy-leaves")
def test_a_firewall_that_leaves_while_it_boots_is_no_target_any_more(payg: Deployment) -> None:
    known = payg.group.states().keys()
    payg.group.scale(len(known) + 1)
    payg.lab.advance(2 * MINUTE)
    (booting,) = payg.group.states().keys() - known
    assert order_of(payg, booting) == ["target-registered"]
    payg.group.terminate(booting)
    payg.wait_until_terminated(booting, minutes=30)
    (drained,) = payg.happened("target-drained", booting)
    (completed,) = completed_hooks(payg.happened("hook-completed", booting), "terminate")
    assert drained.number < completed.number


@pytest.mark.documents(id="readiness/gate/healthy-deadline")
def test_a_firewall_that_never_answers_health_checks_is_replaced(payg: Deployment) -> None:
    known = payg.group.states().keys()
    payg.lab.firewalls.set_quirks(auto_commit_failure="zone untrust is invalid")
    payg.group.scale(len(known) + 1)
    payg.lab.advance(MINUTE)
    (broken,) = payg.group.states().keys() - known
    payg.lab.advance(46 * MINUTE)
    (completed,) = completed_hooks(payg.happened("hook-completed", broken), "launch")
    assert completed.detail["result"] == "ABANDON"
    reason = payg.tags(broken)["vmseries-autoscale:abandoned"]
    assert "unhealthy (Target.FailedHealthChecks)" in reason
    (draining,) = payg.happened("target-draining", broken)
    assert draining.number < completed.number
    payg.lab.firewalls.set_quirks(auto_commit_failure="")
    payg.group.scale(len(known))


@pytest.mark.documents(id="readiness/gate/refresh")
def test_an_instance_refresh_keeps_all_healthy_targets(payg: Deployment) -> None:
    observed = refresh(payg, "healthy", "m5.2xlarge")
    assert (observed.desired, observed.replaced, observed.warmup) == (2, 2, 120)
    assert observed.problems == []


@pytest.mark.documents(id="readiness/gate/refresh")
def test_an_instance_refresh_without_a_readiness_gate_waits_for_the_boot(
    payg: Deployment,
) -> None:
    payg.workspace.variables["readiness"] = "off"
    observed = refresh(payg, "off", "m5.4xlarge")
    assert (observed.desired, observed.replaced, observed.warmup) == (2, 2, 1540)
    assert observed.problems == []
    # Without the boot in the warm-up, which the module refuses, no firewall passes traffic.
    assert refresh_with_short_warmup(payg).fewest == 0
