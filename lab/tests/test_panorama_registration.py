"""What Panorama does when firewalls register, are deleted, and leave a group to others."""

import pytest
from firewall_lab import UNTIL_SERVICE, firewall_lab, mocked_aws
from vendor_api import JOBS, ask, members, op

from vmseries_lab.panorama import initial_config, references

PLACES = (
    references.members_path("template-stack", "autoscale-stack"),
    references.members_path("device-group", "autoscale"),
    references.members_path("log-collector-group", "autoscale-logs"),
    references.MANAGED_DEVICES,
)


@pytest.fixture(scope="module", autouse=True)
def _aws():
    with mocked_aws():
        yield


@pytest.fixture
def site():
    with firewall_lab() as site:
        yield site


def remove(site, serial):
    for place in PLACES:
        xpath = f"{place}/entry[@name='{serial}']"
        ask(site.vendor, type="config", action="delete", xpath=xpath)
    ask(site.vendor, type="commit", cmd="<commit></commit>")
    site.world.advance(31)


@pytest.mark.parametrize("answer", ["stays-away", "registers-again"])
def test_a_firewall_that_was_deleted_while_connected(site, answer):
    site.world.assumptions.set(deleted_while_connected=answer)
    firewall = site.in_service()

    remove(site, firewall.serial)
    assert not firewall.connected
    assert site.members()["managed"] == []
    site.world.advance(180)

    again = answer == "registers-again"
    assert firewall.connected is again
    assert site.members()["managed"] == [firewall.serial] * again
    assert site.members()["template-stack"] == [firewall.serial] * again


def test_one_whose_management_interface_is_gone_does_not_register_again(site):
    site.world.assumptions.set(deleted_while_connected="registers-again")
    firewall = site.in_service()
    site.client("ec2").terminate_instances(InstanceIds=[firewall.machine.instance_id])
    remove(site, firewall.serial)
    site.world.advance(180)
    assert site.members()["managed"] == []


def test_one_whose_key_is_not_valid_any_more_does_not_register_again(site):
    site.world.assumptions.set(deleted_while_connected="registers-again")
    firewall = site.in_service()
    site.vendor.panorama.vm_auth_keys.generate(initial_config.VM_AUTH_KEY, 0)
    remove(site, firewall.serial)
    site.world.advance(180)
    assert site.members()["managed"] == []


@pytest.mark.parametrize("answer", ["none", "commit-job"])
def test_panorama_may_commit_a_registration_by_itself(site, answer):
    site.world.assumptions.set(registration_commit=answer, job_list_entries="one-per-job")

    site.launch()
    site.world.advance(UNTIL_SERVICE)

    jobs = op(site.vendor, JOBS).findall("result/job[type='Commit']")
    shown = [(one.findtext("user"), one.findtext("result")) for one in jobs]
    assert shown == ([("", "OK")] if answer == "commit-job" else [])


@pytest.mark.parametrize("answer", ["others-in-sync", "others-out-of-sync"])
def test_a_removal_may_turn_the_other_members_out_of_sync(site, answer):
    site.world.assumptions.set(removal_commit_status=answer)
    stays, leaves = site.in_service(), site.in_service()

    remove(site, leaves.serial)

    expected = "In Sync" if answer == "others-in-sync" else "Out of Sync"
    group = members(site.vendor, "devicegroups", "autoscale")
    stack = members(site.vendor, "template-stack", "autoscale-stack")
    assert group[stays.serial].findtext("shared-policy-status") == expected
    assert stack[stays.serial].findtext("template-status") == expected
    site.vendor.panorama.push([stays.serial])
    site.world.advance(250)
    group = members(site.vendor, "devicegroups", "autoscale")
    assert group[stays.serial].findtext("shared-policy-status") == "In Sync"
