"""Uncommitted changes in the lab's Panorama, and how they are reverted."""

import pytest
from panorama_lab import (
    GROUP,
    MANAGED,
    STACK,
    add,
    ask,
    commit,
    job,
    panorama_lab,
    rejected,
    serials,
)

from vmseries_lab.panorama import initial_config, lab_settings, operator_session

MINE = "<partial><admin><member>autoscale</member></admin></partial>"
REVERT = f"<revert><config>{MINE}</config></revert>"
SUMMARY = f"<show><config><list><change-summary>{MINE}</change-summary></list></config></show>"


@pytest.fixture
def site():
    with panorama_lab() as site:
        yield site


def summary(device):
    found = device.op(SUMMARY, cmd_xml=False).find("result/summary")
    return {place.tag: [member.text for member in place] for place in found}


class TestRevert:
    def test_takes_back_ones_own_changes_only(self, site):
        add(site.device, MANAGED, "1")
        add(site.operator, MANAGED, "2")
        _, body = ask(site.vendor, type="op", cmd=REVERT, key=initial_config.AUTOSCALE.key)
        text = "All changes were reverted from configuration"
        assert body == (
            f'<response status="success"><result><msg><line>{text}</line></msg></result></response>'
        )
        assert serials(site.device, "get", MANAGED) == ["2"]
        site.operator.op("<revert><config/></revert>", cmd_xml=False)
        assert serials(site.device, "get", MANAGED) == []

    def test_a_revert_restores_deleted_objects(self, site):
        add(site.device, MANAGED, "1")
        add(site.device, GROUP, "1")
        commit(site.device, "autoscale")
        site.world.advance(31)
        site.device.xapi.delete(f"{GROUP}/entry[@name='1']")
        site.device.xapi.delete(f"{MANAGED}/entry[@name='1']")
        site.device.op(REVERT, cmd_xml=False)
        assert serials(site.device, "get", MANAGED) == serials(site.device, "get", GROUP) == ["1"]
        assert commit(site.device, "autoscale") is None

    def test_waits_until_the_queue_is_empty(self, site):
        lab_settings.configure(site.vendor.panorama, queued_commits=1)
        add(site.device, MANAGED, "1")
        with rejected(site.device, "Local commit jobs are queued. Revert operation is", None):
            site.device.op(REVERT, cmd_xml=False)
        site.world.advance(31)
        site.device.op(REVERT, cmd_xml=False)
        assert serials(site.device, "get", MANAGED) == []

    def test_is_a_change_of_a_configuration_that_may_be_locked(self, site):
        add(site.device, MANAGED, "1")
        lab_settings.configure(site.vendor.panorama, locks=["config"])
        with rejected(site.device, "currently locked by operator", None):
            site.device.op(REVERT, cmd_xml=False)


class TestFullCommitRequired:
    def test_partial_commits_fail_until_a_full_commit(self, site):
        required = "<check><full-commit-required/></check>"
        assert site.device.op(required, cmd_xml=False).findtext("result") == "no"
        add(site.device, MANAGED, "1")
        lab_settings.configure(site.vendor.panorama, full_commit_required=True)
        assert site.device.op(required, cmd_xml=False).findtext("result") == "yes"
        with rejected(site.device, "Full system commit must be completed", None):
            commit(site.device, "autoscale")
        with rejected(site.device, "Partial revert is not allowed. Full system commit", None):
            site.device.op(REVERT, cmd_xml=False)
        number = commit(site.operator)
        site.world.advance(31)
        assert job(site.device, number).findtext("result") == "OK"
        assert site.device.op(required, cmd_xml=False).findtext("result") == "no"


class TestLists:
    def test_the_places_that_an_administrator_changed(self, site):
        assert summary(site.device) == {}
        add(site.device, GROUP, "1", "2")
        add(site.device, STACK, "1")
        add(site.operator, MANAGED, "1")
        operator_session.run_commands(
            site.vendor.panorama, ["set template t config deviceconfig system timezone UTC"]
        )
        assert summary(site.device) == {
            "device-group": ["autoscale"],
            "template-stack": ["autoscale-stack"],
        }
        everybody = site.device.op("show config list change-summary")
        assert everybody.findtext("result/summary/template/member") == "t"

    def test_each_change(self, site):
        assert len(site.device.op("show config list changes").find("result")) == 0
        add(site.device, MANAGED, "1")
        site.device.xapi.delete(f"{MANAGED}/entry[@name='1']")
        entries = site.device.op("show config list changes").findall("result/journal/entry")
        assert [entry.findtext("action") for entry in entries] == ["CREATE", "DELETE"]
        assert entries[0].findtext("xpath") == MANAGED
