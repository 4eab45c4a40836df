"""The distribution of traffic over a fleet, and traffic to firewalls that are not ready."""

import math
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmseries_lab.core.world import World
from vmseries_lab.firewalls.load_model import Load
from vmseries_lab.traffic import Target, Traffic


@dataclass
class Firewall:
    """A firewall as far as traffic is concerned."""

    name: str
    ready: bool = True
    phase: str = "in-sync"
    load: Load = field(default_factory=Load)

    def __post_init__(self):
        self.machine = SimpleNamespace(instance_id=self.name, powered=True)
        self.license = SimpleNamespace(active=True)
        self.bootstrap = SimpleNamespace(inspects_geneve=True)


class Site:
    """Three firewalls behind a load balancer whose targets' states are set by the test."""

    def __init__(self, names="abc"):
        self.world = World()
        self.firewalls = {name: Firewall(name) for name in names}
        self.states = dict.fromkeys(names, "healthy")
        self.failover = "no_rebalance"
        fleet = SimpleNamespace(all=lambda: list(self.firewalls.values()))
        self.traffic = Traffic(self.world, fleet, self.targets)
        self.world.engines.append(self.traffic)

    def targets(self):
        return {name: Target(state, self.failover) for name, state in self.states.items()}

    def sessions(self):
        return {name: firewall.load.sessions for name, firewall in self.firewalls.items()}


@pytest.fixture
def site():
    site = Site()
    site.traffic.configure(sessions=3000)
    site.world.advance(600)
    return site


def test_healthy_targets_share_the_sessions(site):
    assert site.sessions() == dict.fromkeys("abc", pytest.approx(1000, abs=1))
    assert site.firewalls["a"].load.utilization == pytest.approx(10, abs=0.1)


def test_a_new_target_gets_new_flows_only(site):
    site.firewalls["d"] = Firewall("d")
    site.states["d"] = "healthy"
    site.world.advance(10)
    assert 0 < site.sessions()["d"] < 300
    site.world.advance(300)
    assert site.sessions()["d"] == pytest.approx(750, abs=2)


def test_a_draining_target_keeps_its_flows_until_they_end(site):
    site.states["a"] = "draining"
    site.world.advance(10)
    assert 600 < site.sessions()["a"] < 800
    site.world.advance(600)
    assert site.sessions() == {
        "a": 0,
        "b": pytest.approx(1500, abs=1),
        "c": pytest.approx(1500, abs=1),
    }
    assert site.traffic.unready == 0


@pytest.fixture
def lasting(site):
    """Sessions of an hour, so that all of them outlast a deregistration delay."""
    site.traffic.configure(session_seconds=3600.0)
    return site


def lose(site, name):
    """Drain a firewall for five minutes, deregister it, and terminate its instance."""
    site.states[name] = "draining"
    site.world.advance(300)
    draining = site.sessions()[name]
    del site.states[name]
    site.world.advance(60)
    deregistered = site.sessions()[name]
    site.firewalls[name].machine.powered = False
    site.world.advance(5)
    return draining, deregistered


def test_without_rebalancing_flows_stay_on_a_drained_target_and_are_dropped_with_it(lasting):
    draining, deregistered = lose(lasting, "a")
    assert draining == pytest.approx(1000 * math.exp(-300 / 3600), abs=2)
    assert deregistered == pytest.approx(draining * math.exp(-60 / 3600), abs=2)
    assert lasting.traffic.status()["dropped"] == pytest.approx(deregistered, abs=3)
    assert lasting.traffic.status()["moved"] == 0


def test_with_rebalancing_flows_move_only_after_the_deregistration_delay(lasting):
    lasting.failover = "rebalance"
    draining, deregistered = lose(lasting, "a")
    assert draining == pytest.approx(1000 * math.exp(-300 / 3600), abs=2)
    assert deregistered == 0
    assert lasting.traffic.status()["moved"] == pytest.approx(draining, abs=3)
    assert lasting.traffic.status()["dropped"] == 0


def test_without_rebalancing_flows_stay_on_an_unhealthy_target_until_it_is_gone(lasting):
    lasting.states["a"] = "unhealthy"
    lasting.world.advance(60)
    assert lasting.sessions()["a"] == pytest.approx(1000 * math.exp(-60 / 3600), abs=2)
    lasting.firewalls["a"].machine.powered = False
    lasting.world.advance(5)
    assert lasting.traffic.status()["dropped"] == pytest.approx(980, abs=5)


def test_with_rebalancing_flows_of_an_unhealthy_target_move_when_its_checks_have_failed(lasting):
    lasting.failover = "rebalance"
    lasting.firewalls["a"].machine.powered = False
    lasting.world.advance(30)
    assert lasting.traffic.status()["moved"] == 0
    lasting.states["a"] = "unhealthy"
    lasting.world.advance(5)
    assert lasting.traffic.status()["moved"] == pytest.approx(1000 * math.exp(-35 / 3600), abs=3)
    assert lasting.traffic.status()["dropped"] == 0


def test_short_flows_end_within_the_deregistration_delay(site):
    lose(site, "a")
    assert site.traffic.status()["dropped"] == 0


def test_a_drained_firewall_may_return_its_license_while_flows_last(lasting):
    lasting.states["a"] = "draining"
    lasting.world.advance(300)
    del lasting.states["a"]
    lasting.firewalls["a"].ready = False
    lasting.world.advance(60)
    assert lasting.sessions()["a"] > 0
    assert lasting.traffic.unready == 0


def test_traffic_to_a_draining_firewall_that_is_not_ready_is_noted(lasting):
    lasting.states["a"] = "draining"
    lasting.firewalls["a"].ready = False
    lasting.world.advance(5)
    assert lasting.traffic.unready == 1


def test_traffic_that_a_firewall_does_not_inspect_is_noted_once(site):
    site.firewalls["d"] = Firewall("d")
    site.firewalls["d"].bootstrap.inspects_geneve = False
    site.states["d"] = "healthy"
    site.world.advance(60)
    assert site.traffic.uninspected == 1
    assert site.traffic.unready == 0


def test_sessions_have_a_duration(site):
    with pytest.raises(ValueError, match="longer than 0"):
        site.traffic.configure(session_seconds=0)


def test_no_firewall_carries_more_than_it_can(site):
    site.traffic.configure(sessions=100_000, capacity=4_000)
    site.world.advance(600)
    assert set(site.sessions().values()) == {4_000}
    assert site.traffic.status() == {
        "offered": 100_000,
        "carried": 12_000,
        "dropped": 0,
        "moved": 0,
        "unready": 0,
        "uninspected": 0,
        "refused": 0,
    }


def test_traffic_to_a_firewall_that_is_not_ready_is_noted_once_each_time(site):
    site.firewalls["b"].ready = False
    site.world.advance(60)
    site.firewalls["b"].ready = True
    site.world.advance(60)
    site.firewalls["b"].ready = False
    site.world.advance(60)
    noted = [entry for entry in site.world.timeline.since() if entry.kind == "traffic-to-unready"]
    assert [entry.subject for entry in noted] == ["b", "b"]
    assert site.traffic.unready == 2


def test_a_firewall_that_is_not_ready_and_gets_nothing_is_no_fault(site):
    site.firewalls["d"] = Firewall("d", ready=False)
    site.states["d"] = "initial"
    site.world.advance(60)
    assert site.traffic.unready == 0


def test_a_dead_firewall_loses_its_sessions_and_is_no_fault(site):
    site.firewalls["b"].machine.powered = False
    site.firewalls["b"].ready = False
    site.world.advance(60)
    assert site.traffic.unready == 0
    assert site.traffic.status()["dropped"] == 1000


@given(
    offered=st.integers(0, 60_000),
    states=st.lists(st.sampled_from(["healthy", "draining", "initial", "unhealthy"]), max_size=6),
)
def test_never_more_than_offered_and_never_where_it_does_not_belong(offered, states):
    names = [str(number) for number in range(len(states))]
    site = Site(names)
    site.traffic.configure(sessions=offered)
    site.world.advance(60)
    site.states = dict(zip(names, states, strict=True))
    site.world.advance(300)
    assert sum(site.sessions().values()) <= offered
    for name, sessions in site.sessions().items():
        if site.states[name] in ("initial", "unhealthy"):
            assert sessions == 0


def test_an_unknown_setting_is_rejected(site):
    with pytest.raises(ValueError, match="session"):
        site.traffic.configure(session=1)


def test_the_ten_metrics_follow_the_load():
    at = World().clock.utc()
    metrics = {m["MetricName"]: m for m in Load(sessions=5000, capacity=10_000).metric_data(at)}
    assert len(metrics) == 10
    assert metrics["panSessionUtilization"]["Value"] == 50
    assert metrics["panSessionUtilization"]["Unit"] == "Percent"
    assert metrics["panSessionActive"]["Value"] == 5000
    assert 40 < metrics["DataPlaneCPUUtilizationPct"]["Value"] < 50
    assert all(m["Timestamp"] == at for m in metrics.values())


def test_a_booting_target_gets_new_flows_until_its_first_health_checks_have_failed(site):
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/health-checks.html"""
    site.traffic.configure(sessions=3000, session_seconds=60)
    site.states["c"], site.firewalls["c"].ready = "initial", False
    site.world.advance(30)
    assert site.traffic.refused == pytest.approx(3000 / 60 * 30 / 3, rel=0.01)
    site.states["c"] = "unhealthy"
    before = site.traffic.refused
    site.world.advance(600)
    assert site.traffic.refused == before
    assert site.traffic.unready == 0


def test_a_booting_target_gets_no_flows_if_initial_targets_get_none(site):
    site.world.assumptions.set(initial_target_flows="none")
    site.states["c"], site.firewalls["c"].ready = "initial", False
    site.world.advance(30)
    assert site.traffic.refused == 0
