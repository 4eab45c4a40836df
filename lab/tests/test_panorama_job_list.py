"""The list of Panorama's jobs, which is not the ledger that it looks like."""

import pytest
from panorama_lab import MANAGED, Firewall, add, commit, panorama_lab
from vendor_api import JOBS, ask, job, op

from vmseries_lab.panorama import initial_config, lab_settings


@pytest.fixture
def site():
    with panorama_lab() as site:
        yield site


@pytest.fixture
def push(site):
    """The number of a push to one firewall, which has ended."""
    firewall = Firewall("007951000100001")
    site.vendor.panorama.register(
        firewall,
        initial_config.VM_AUTH_KEY,
        group="autoscale",
        stack="autoscale-stack",
        logs=None,
    )
    command = (
        "<commit-all><shared-policy><device-group><entry name='autoscale'><devices>"
        f"<entry name='{firewall.serial}'/></devices></entry></device-group>"
        "<description>a push of ours</description></shared-policy></commit-all>"
    )
    _, answer = ask(site.vendor, type="commit", action="all", cmd=command)
    site.world.advance(300)
    return answer.findtext("result/job")


def entries(site, number):
    jobs = op(site.vendor, JOBS).findall("result/job")
    return [entry for entry in jobs if entry.findtext("id") == number]


@pytest.mark.parametrize("answer", ["one-per-job", "two-per-job"])
def test_a_job_that_has_ended_may_have_a_second_entry_that_never_ends(site, answer):
    site.world.assumptions.set(job_list_entries=answer)
    add(site.device, MANAGED, "1")
    number = commit(site.device, "autoscale")
    site.world.advance(31)

    listed = [(one.findtext("status"), one.findtext("result")) for one in entries(site, number)]

    expected = [("FIN", "OK"), ("ACT", "PEND")]
    assert listed == (expected if answer == "two-per-job" else expected[:1])
    assert job(site.vendor, number).findtext("status") == "FIN"


@pytest.mark.parametrize("answer", ["absent", "present"])
def test_the_list_may_have_no_firewalls_of_a_push(site, push, answer):
    site.world.assumptions.set(push_devices_in_job_list=answer, job_list_entries="one-per-job")

    (listed,) = entries(site, push)

    assert (listed.find("devices") is not None) is (answer == "present")
    assert listed.findtext("description") == "a push of ours"


def test_a_push_by_its_number_has_the_messages_of_each_firewall(site, push):
    shown = job(site.vendor, push).find("devices/entry")
    assert shown.findtext("serial-no") == "007951000100001"
    message = shown.find("details/msg")
    assert (message.get("dname"), message.get("result")) == ("007951000100001", "success")
    assert message.findtext("errors/line") == "Configuration committed successfully"


def test_a_push_that_fails_says_why_for_each_firewall(site, push):
    site.vendor.panorama.disconnect("007951000100001")
    again = site.vendor.panorama.push(["007951000100001"])
    site.world.advance(300)
    shown = job(site.vendor, again.number).find("devices/entry")
    assert (shown.findtext("result"), shown.findtext("status")) == ("FAIL", "not connected")
    assert shown.findtext("details/msg/errors/line") == "not connected"


def test_jobs_that_a_restart_has_ended_have_no_number(site):
    lab_settings.configure(site.vendor.panorama, failed_jobs=2, jobs_without_id=1)

    jobs = op(site.vendor, JOBS).findall("result/job")

    assert [(one.findtext("type"), one.findtext("id")) for one in jobs] == [
        ("Failed-Job", None),
        ("Failed-Job", None),
        ("Commit", ""),
    ]


def test_many_pushes_of_the_operator_are_under_way(site):
    lab_settings.configure(site.vendor.panorama, estate=3)
    lab_settings.configure(site.vendor.panorama, queued_pushes=20)
    site.world.advance(1)

    jobs = op(site.vendor, JOBS).findall("result/job[type='CommitAll']")

    assert [one.findtext("status") for one in jobs] == ["ACT"] * 20
    assert {one.findtext("user") for one in jobs} == {"operator"}
    site.world.advance(700)
    shown = job(site.vendor, jobs[0].findtext("id"))
    assert len(shown.findall("devices/entry")) == 3
