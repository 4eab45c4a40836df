"""The lab's Panorama as a high availability pair, with pan-os-python."""

from dataclasses import dataclass

import panos.errors
import pytest
from panorama_lab import (
    GROUP,
    HOST,
    LOGS,
    MANAGED,
    SECOND_HOST,
    STACK,
    Firewall,
    VerifiedPanorama,
    add,
    commit,
    job,
    panorama_lab,
    serials,
)

from vmseries_lab.panorama import initial_config, lab_settings, operator_session

TAKEOVER = 15
BATCH = (
    "<request><batch><license><deactivate><VM-Capacity><mode>auto</mode><devices>1</devices>"
    "</VM-Capacity></deactivate></license></batch></request>"
)


@dataclass
class Pair:
    """Two peers, and connections to both as the functions' administrator."""

    world: object
    vendor: object
    first: VerifiedPanorama
    second: VerifiedPanorama

    @property
    def panorama(self):
        return self.vendor.panorama

    def states(self):
        return tuple(self.panorama.state()["peers"].values())


@pytest.fixture
def pair():
    with panorama_lab() as site:
        site.vendor.panorama.make_pair()
        second = VerifiedPanorama(site.vendor, peer=1, api_key=initial_config.AUTOSCALE.key)
        yield Pair(site.world, site.vendor, site.device, second)


def state(device):
    result = device.op("show high-availability state").find("result")
    paths = ("enabled", "local-info/state", "peer-info/state", "peer-info/conn-status")
    return tuple(result.findtext(path) for path in paths)


def in_sync(device):
    return device.op("show high-availability state").findtext("result/running-sync")


def denied(device, action):
    with pytest.raises(panos.errors.PanDeviceXapiError, match="Operation denied"):
        action()
    return device.xapi.status_code == "15"


class TestPeers:
    def test_each_peer_reports_its_state(self, pair):
        assert state(pair.first) == ("yes", "primary-active", "secondary-passive", "up")
        assert state(pair.second) == ("yes", "secondary-passive", "primary-active", "up")
        names = [
            device.op("show system info").findtext("result/system/hostname")
            for device in (pair.first, pair.second)
        ]
        assert names == ["panorama", "panorama-2"]
        serials_of_both = {
            device.op("show system info").findtext("result/system/serial")
            for device in (pair.first, pair.second)
        }
        assert len(serials_of_both) == 2

    def test_each_has_a_certificate_of_its_own_name(self, pair):
        pair.second.xapi.uri = pair.second.xapi.uri.replace(SECOND_HOST, HOST)
        with pytest.raises(panos.errors.PanURLError, match="CERTIFICATE_VERIFY_FAILED"):
            pair.second.op("show system info")

    def test_the_passive_one_shows_everything_and_changes_nothing(self, pair):
        add(pair.first, MANAGED, "1")
        assert serials(pair.second, "get", MANAGED) == []
        assert pair.second.op("check pending-changes").findtext("result") == "no"
        push = (
            "<commit-all><template-stack><name>autoscale-stack</name></template-stack></commit-all>"
        )
        for action in (
            lambda: add(pair.second, MANAGED, "1"),
            lambda: pair.second.xapi.delete(f"{MANAGED}/entry[@name='1']"),
            lambda: commit(pair.second, "autoscale"),
            lambda: pair.second.xapi.commit(cmd=push, action="all"),
            lambda: pair.second.op("request commit-lock add"),
        ):
            assert denied(pair.second, action)

    def test_a_pair_is_made_once(self, pair):
        pair.panorama.make_pair()
        assert len(pair.panorama.peers) == 2

    def test_a_firewall_that_registers_is_known_to_both(self, pair):
        firewall = Firewall("007951000100001")
        pair.panorama.register(
            firewall,
            initial_config.VM_AUTH_KEY,
            group="autoscale",
            stack="autoscale-stack",
            logs="autoscale-logs",
        )
        for xpath in (MANAGED, GROUP, STACK, LOGS):
            assert serials(pair.second, "show", xpath) == [firewall.serial]
        entry = pair.second.op("show devices all").find("result/devices/entry")
        assert entry.findtext("connected") == "yes"


class TestSynchronization:
    def test_the_running_configuration_follows_a_commit(self, pair):
        add(pair.first, MANAGED, "1")
        commit(pair.first, "autoscale")
        pair.world.advance(31)
        assert in_sync(pair.first) == "synchronization in progress"
        assert serials(pair.second, "show", MANAGED) == []
        pair.world.advance(10)
        assert in_sync(pair.first) == in_sync(pair.second) == "synchronized"
        assert serials(pair.second, "show", MANAGED) == ["1"]

    def test_jobs_are_each_peers_own(self, pair):
        pair.world.assumptions.set(job_list_entries="one-per-job")
        add(pair.first, MANAGED, "1")
        number = commit(pair.first, "autoscale")
        pair.world.advance(45)
        assert job(pair.first, number).findtext("result") == "OK"
        with pytest.raises(panos.errors.PanDeviceXapiError, match=f"job {number} not found"):
            job(pair.second, number)
        assert pair.second.xapi.status_code == "7"
        jobs = pair.second.op("show jobs all").findall("result/job[id]")
        assert [(one.findtext("type"), one.findtext("result")) for one in jobs] == [
            ("HA-Sync", "OK")
        ]


class TestFailover:
    def test_the_other_one_takes_over_after_a_while(self, pair):
        pair.panorama.fail_over()
        with pytest.raises(panos.errors.PanURLError, match="Connection refused"):
            state(pair.first)
        assert state(pair.second) == ("yes", "secondary-passive", "unknown", "down")
        assert denied(pair.second, lambda: add(pair.second, MANAGED, "1"))
        pair.world.advance(TAKEOVER)
        assert state(pair.second) == ("yes", "secondary-active", "unknown", "down")
        add(pair.second, MANAGED, "1")

    def test_a_commit_under_way_is_lost_with_its_edits(self, pair):
        add(pair.first, MANAGED, "1")
        number = commit(pair.first, "autoscale")
        pair.world.advance(10)
        pair.panorama.fail_over()
        pair.world.advance(60)
        assert serials(pair.second, "get", MANAGED) == serials(pair.second, "show", MANAGED) == []
        with pytest.raises(panos.errors.PanDeviceXapiError, match=f"job {number} not found"):
            job(pair.second, number)
        lab_settings.configure(pair.panorama, peer="primary", available=True)
        pair.world.advance(60)
        with pytest.raises(panos.errors.PanDeviceXapiError, match=f"job {number} not found"):
            job(pair.first, number)
        assert serials(pair.first, "show", MANAGED) == []

    def test_a_commit_that_was_not_synchronized_yet_is_lost_too(self, pair):
        add(pair.first, MANAGED, "1")
        number = commit(pair.first, "autoscale")
        pair.world.advance(31)
        assert job(pair.first, number).findtext("result") == "OK"
        pair.panorama.fail_over()
        pair.world.advance(TAKEOVER)
        assert serials(pair.second, "show", MANAGED) == []
        sync = pair.second.op("show jobs all").find("result/job")
        assert (sync.findtext("type"), sync.findtext("result")) == ("HA-Sync", "FAIL")

    def test_a_peer_that_is_suspended_hands_its_candidate_over(self, pair):
        add(pair.first, MANAGED, "1")
        command = (
            "<request><high-availability><state><suspend/></state></high-availability></request>"
        )
        pair.first.op(command, cmd_xml=False)
        assert state(pair.first)[1:3] == ("primary-suspended", "secondary-active")
        assert denied(pair.first, lambda: add(pair.first, MANAGED, "2"))
        assert serials(pair.second, "get", MANAGED) == ["1"]
        assert serials(pair.second, "show", MANAGED) == []
        commit(pair.second, "autoscale")
        pair.world.advance(31)
        assert serials(pair.second, "show", MANAGED) == ["1"]
        pair.first.op(command.replace("suspend", "functional"), cmd_xml=False)
        assert state(pair.first)[1:3] == ("primary-passive", "secondary-active")
        pair.world.advance(TAKEOVER)
        assert serials(pair.first, "show", MANAGED) == ["1"]

    def test_commits_of_a_suspended_peer_stay_on_it(self, pair):
        add(pair.first, MANAGED, "1")
        commit(pair.first, "autoscale")
        pair.panorama.fail_over("suspended")
        pair.world.advance(60)
        assert serials(pair.first, "show", MANAGED) == ["1"]
        assert serials(pair.second, "show", MANAGED) == []

    def test_a_peer_whose_path_monitoring_fails(self, pair):
        add(pair.first, MANAGED, "1")
        pair.panorama.fail_over("non-functional")
        pair.world.advance(TAKEOVER)
        assert state(pair.first)[1:3] == ("primary-non-functional", "secondary-active")
        assert serials(pair.second, "get", MANAGED) == []

    def test_a_peer_that_comes_back_is_passive_and_brought_in_step(self, pair):
        pair.panorama.fail_over()
        pair.world.advance(TAKEOVER)
        add(pair.second, MANAGED, "1")
        commit(pair.second, "autoscale")
        pair.world.advance(31)
        lab_settings.configure(pair.panorama, peer="primary", available=True)
        assert state(pair.first)[1:3] == ("primary-passive", "secondary-active")
        pair.world.advance(TAKEOVER)
        assert serials(pair.first, "show", MANAGED) == ["1"]
        assert in_sync(pair.second) == "synchronized"

    def test_both_down_and_back_again(self, pair):
        lab_settings.configure(pair.panorama, available=False)
        assert pair.panorama.state()["active"] is None
        assert not pair.panorama.reachable
        assert pair.panorama.push(["1"]) is None
        pair.world.advance(2 * 3600)
        lab_settings.configure(pair.panorama, available=True)
        assert pair.states() == ("primary-passive", "secondary-passive")
        pair.world.advance(TAKEOVER)
        assert pair.states() == ("primary-active", "secondary-passive")

    def test_the_first_restored_peer_has_its_own_configuration(self, pair):
        pair.panorama.fail_over()
        pair.world.advance(TAKEOVER)
        add(pair.second, MANAGED, "1")
        commit(pair.second, "autoscale")
        pair.world.advance(31)
        lab_settings.configure(pair.panorama, peer="secondary", available=False)
        lab_settings.configure(pair.panorama, peer="primary", available=True)
        pair.world.advance(TAKEOVER)
        assert state(pair.first)[1] == "primary-active"
        assert serials(pair.first, "show", MANAGED) == []

    def test_a_passive_peer_that_dies_changes_nothing_else(self, pair):
        add(pair.first, MANAGED, "1")
        commit(pair.first, "autoscale")
        pair.world.advance(31)
        lab_settings.configure(pair.panorama, peer="secondary", available=False)
        assert state(pair.first) == ("yes", "primary-active", "unknown", "down")
        lab_settings.configure(pair.panorama, peer="secondary", available=True)
        pair.world.advance(TAKEOVER)
        assert serials(pair.second, "show", MANAGED) == ["1"]

    def test_a_peer_that_cannot_be_reached_stays_active(self, pair):
        lab_settings.configure(pair.panorama, peer="primary", mode="resetting")
        pair.world.advance(TAKEOVER)
        assert state(pair.second)[1:] == ("secondary-passive", "primary-active", "up")

    def test_licenses_are_not_deployed_by_the_secondary_peer(self, pair):
        pair.panorama.fail_over()
        pair.world.advance(TAKEOVER)
        assert denied(pair.second, lambda: pair.second.op(BATCH, cmd_xml=False))

    def test_commands_reach_firewalls_through_the_new_active_peer(self, pair):
        firewall = Firewall("1")
        pair.panorama.register(
            firewall, initial_config.VM_AUTH_KEY, group=None, stack=None, logs=None
        )
        pair.world.advance(TAKEOVER)
        pair.panorama.fail_over()
        pair.world.advance(TAKEOVER)
        command = "<request><license><info/></license></request>"
        answer = pair.second.xapi.op(command, extra_qs={"target": "1"})
        assert answer.findtext("result") == "1 obeys"

    def test_a_first_push_that_was_lost_is_made_again(self, pair):
        firewall = Firewall("1")
        names = {"group": "autoscale", "stack": "autoscale-stack", "logs": None}
        pair.panorama.register(firewall, initial_config.VM_AUTH_KEY, **names)
        pair.panorama.push(["1"])
        pair.world.advance(TAKEOVER)
        pair.panorama.fail_over()
        pair.world.advance(TAKEOVER + 240)
        assert len(firewall.received) == 1

    @pytest.mark.parametrize("cause", ["power", "earthquake"])
    def test_an_impossible_failover_is_rejected(self, pair, cause):
        if cause == "power":
            lab_settings.configure(pair.panorama, available=False)
        with pytest.raises(ValueError, match=cause):
            pair.panorama.fail_over(cause)

    def test_the_command_line_fails_while_both_peers_are_down(self, pair):
        lab_settings.configure(pair.panorama, available=False)
        with pytest.raises(ValueError, match="no Panorama is active"):
            operator_session.run_commands(pair.panorama, ["set mgt-config devices 1"])

    def test_settings_of_a_missing_peer_are_rejected(self):
        with panorama_lab() as site, pytest.raises(ValueError, match="secondary"):
            lab_settings.configure(site.vendor.panorama, peer="secondary", available=False)
