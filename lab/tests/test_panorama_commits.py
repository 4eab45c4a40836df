"""Commits of the lab's Panorama: jobs, changes by administrator, failures."""

from xml.etree import ElementTree as ET

import panos.errors
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from panorama_lab import GROUP, LOGS, MANAGED, STACK, add, ask, commit, job, panorama_lab, serials

from vmseries_lab.panorama import initial_config, lab_settings
from vmseries_lab.panorama.config_store import Change, ConfigStore


@pytest.fixture
def site():
    with panorama_lab() as site:
        yield site


class TestCommits:
    def test_a_commit_is_a_job_that_takes_its_time(self, site):
        add(site.device, MANAGED, "1")
        number = commit(site.device)
        assert [job(site.device, number).findtext(tag) for tag in ("status", "result")] == [
            "PEND",
            "PEND",
        ]
        site.world.advance(15)
        running = job(site.device, number)
        assert running.findtext("status") == "ACT"
        assert 45 <= int(running.findtext("progress")) <= 55
        assert serials(site.device, "show", MANAGED) == []
        site.world.advance(16)
        done = job(site.device, number)
        facts = {
            tag: done.findtext(tag) for tag in ("status", "result", "progress", "type", "user")
        }
        assert facts == {
            "status": "FIN",
            "result": "OK",
            "progress": "100",
            "type": "Commit",
            "user": "autoscale",
        }
        assert done.findtext("details/line") == "Configuration committed successfully"
        assert serials(site.device, "show", MANAGED) == ["1"]

    @pytest.mark.documents(id="panorama/contention/other-edits")
    def test_a_partial_commit_leaves_other_peoples_edits_alone(self, site):
        add(site.device, MANAGED, "1")
        add(site.operator, MANAGED, "2")
        commit(site.device, "autoscale")
        site.world.advance(31)
        assert serials(site.device, "show", MANAGED) == ["1"]
        assert serials(site.device, "get", MANAGED) == ["1", "2"]
        assert site.device.op("check pending-changes").findtext("result") == "yes"
        commit(site.operator)
        site.world.advance(31)
        assert serials(site.device, "show", MANAGED) == ["1", "2"]
        assert site.device.op("check pending-changes").findtext("result") == "no"

    def test_changes_made_after_the_command_wait_for_the_next_commit(self, site):
        add(site.device, MANAGED, "1")
        commit(site.device, "autoscale")
        add(site.device, MANAGED, "2")
        site.world.advance(31)
        assert serials(site.device, "show", MANAGED) == ["1"]
        assert commit(site.device, "autoscale") == "2"

    def test_commits_run_one_after_the_other(self, site):
        add(site.device, MANAGED, "1")
        first = commit(site.device, "autoscale")
        add(site.operator, MANAGED, "2")
        second = commit(site.operator, "operator")
        site.world.advance(20)
        states = [job(site.device, number).findtext("status") for number in (first, second)]
        assert states == ["ACT", "PEND"]
        assert job(site.device, second).findtext("positionInQ") == "1"
        site.world.advance(15)
        assert job(site.device, second).findtext("status") == "ACT"
        site.world.advance(30)
        assert job(site.device, second).findtext("result") == "OK"

    @pytest.mark.parametrize("as_line", [False, True])
    def test_nothing_to_commit_in_both_recorded_forms(self, site, as_line):
        lab_settings.configure(site.vendor.panorama, no_changes_as_line=as_line)
        key = initial_config.AUTOSCALE.key
        _, body = ask(site.vendor, type="commit", cmd="<commit></commit>", key=key)
        text = "There are no changes to commit."
        shown = f"<line>{text}</line>" if as_line else text
        assert body == f'<response status="success" code="19"><msg>{shown}</msg></response>'

    def test_a_commit_that_would_repeat_the_one_in_the_queue(self, site):
        add(site.device, MANAGED, "1")
        commit(site.device, "autoscale")
        command = "<commit><partial><admin><member>autoscale</member></admin></partial></commit>"
        _, body = ask(site.vendor, type="commit", cmd=command, key=initial_config.AUTOSCALE.key)
        assert "The result of this commit would be the same as the previous commit" in body

    def test_a_commit_that_fails_leaves_the_changes_to_be_committed(self, site):
        lab_settings.configure(site.vendor.panorama, fail_next_commit="Validation Error: disk full")
        add(site.device, MANAGED, "1")
        number = commit(site.device)
        site.world.advance(31)
        failed = job(site.device, number)
        assert (failed.findtext("status"), failed.findtext("result")) == ("FIN", "FAIL")
        lines = [line.text for line in failed.iterfind("details/line")]
        assert lines == ["Validation Error: disk full", "Commit failed"]
        number = commit(site.device)
        site.world.advance(31)
        assert job(site.device, number).findtext("result") == "OK"

    def test_every_commit_fails(self, site):
        lab_settings.configure(site.vendor.panorama, fail_commits="Validation Error: disk full")
        add(site.device, MANAGED, "1")
        for _ in range(2):
            number = commit(site.device)
            site.world.advance(31)
            assert job(site.device, number).findtext("result") == "FAIL"
        lab_settings.configure(site.vendor.panorama, fail_commits=None)
        number = commit(site.device)
        site.world.advance(31)
        assert job(site.device, number).findtext("result") == "OK"

    def test_a_commit_that_would_leave_a_reference_dangling_fails(self, site):
        add(site.device, MANAGED, "1")
        add(site.device, GROUP, "1")
        commit(site.device)
        site.world.advance(31)
        site.operator.xapi.delete(f"{GROUP}/entry[@name='1']")
        site.device.xapi.delete(f"{MANAGED}/entry[@name='1']")
        number = commit(site.device, "autoscale")
        site.world.advance(31)
        lines = [line.text for line in job(site.device, number).iterfind("details/line")]
        assert "device-group -> autoscale -> devices '1' is not a valid reference" in lines
        assert serials(site.device, "show", MANAGED) == ["1"]

    def test_ten_commits_may_wait_and_no_more(self, site):
        for number in range(11):
            add(site.device, MANAGED, str(number))
            commit(site.device)
            site.world.tick()
        add(site.device, MANAGED, "one too many")
        with pytest.raises(panos.errors.PanDeviceXapiError, match="queue is full"):
            commit(site.device)
        assert site.device.xapi.status_code == "13"
        pending = site.device.op("<show><jobs><pending/></jobs></show>", cmd_xml=False)
        assert len(pending.findall("result/job")) == 11

    def test_a_commit_lock_keeps_others_out_until_its_owner_has_committed(self, site):
        add(site.device, MANAGED, "1")
        add(site.operator, MANAGED, "2")
        lock = "<request><commit-lock><add><comment>mine</comment></add></commit-lock></request>"
        answer = site.operator.op(lock, cmd_xml=False)
        assert answer.findtext("result").startswith("Successfully acquired lock.")
        shown = site.device.op("show commit-locks").find("result/commit-locks/entry")
        assert (shown.get("name"), shown.findtext("comment")) == ("operator", "mine")
        with pytest.raises(panos.errors.PanDeviceXapiError, match="holding device wide commit"):
            commit(site.device, "autoscale")
        assert site.device.xapi.status_code == "14"
        commit(site.operator, "operator")
        site.world.advance(31)
        assert commit(site.device, "autoscale") == "2"

    def test_a_configuration_lock_keeps_others_from_changing_anything(self, site):
        lock = "<request><config-lock><{}/></config-lock></request>"
        site.operator.op(lock.format("add"), cmd_xml=False)
        with pytest.raises(panos.errors.PanDeviceXapiError, match="locked by operator"):
            add(site.device, MANAGED, "1")
        assert serials(site.device, "get", MANAGED) == []
        add(site.operator, MANAGED, "2")
        site.operator.op(lock.format("remove"), cmd_xml=False)
        add(site.device, MANAGED, "1")
        with pytest.raises(panos.errors.PanDeviceXapiError, match="not currently locked"):
            site.operator.op(lock.format("remove"), cmd_xml=False)

    def test_an_unknown_job(self, site):
        with pytest.raises(panos.errors.PanDeviceXapiError, match="job 19 not found"):
            job(site.device, 19)
        assert site.device.xapi.status_code == "7"

    def test_pan_os_python_waits_for_a_commit(self, site):
        lab_settings.configure(site.vendor.panorama, commit_seconds=0)
        add(site.device, MANAGED, "1")
        number = commit(site.device)
        site.world.tick()
        report = site.device.syncjob(job_id=number, interval=0.01)
        assert (report["success"], report["messages"]) == (
            True,
            ["Configuration committed successfully"],
        )

    @settings(max_examples=40, deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["autoscale", "operator"]),
                st.sampled_from(["set", "delete"]),
                st.sampled_from([GROUP, STACK, LOGS]),
                st.sampled_from("123"),
            )
        )
    )
    def test_a_full_commit_makes_both_configurations_equal(self, edits):
        store = ConfigStore(initial_config.configuration())
        for serial in "123":
            store.make(MANAGED, f"<entry name='{serial}'/>")
        for admin, action, xpath, serial in edits:
            if action == "set":
                store.apply([Change(admin, "set", xpath, f"<entry name='{serial}'/>")])
            else:
                store.apply([Change(admin, "delete", f"{xpath}/entry[@name='{serial}']")])
        store.commit(store.pending())
        assert ET.tostring(store.running) == ET.tostring(store.candidate)
        assert store.pending() == []
