"""The operator's own firewalls beside those of the module, and lists of their real size."""

import pytest
from panorama_lab import Firewall, panorama_lab
from vendor_api import DEVICES, INFO, SYSTEM, ask, members, op

from vmseries_lab.client.panorama import ESTATE_SERIALS
from vmseries_lab.net.https import Request
from vmseries_lab.panorama import estate, initial_config, lab_settings


@pytest.fixture
def site():
    with panorama_lab() as site:
        lab_settings.configure(site.vendor.panorama, estate=2)
        yield site


@pytest.fixture
def firewall(site):
    firewall = Firewall("007951000100001")
    site.vendor.panorama.register(
        firewall,
        initial_config.VM_AUTH_KEY,
        group="autoscale",
        stack="autoscale-stack",
        logs=None,
    )
    return firewall


def test_they_are_connected_and_in_sync_in_groups_of_their_own(site):
    for kind, name, tag in (
        ("devicegroups", "production", "shared-policy-status"),
        ("template-stack", "production-stack", "template-status"),
    ):
        shown = members(site.vendor, kind, name)
        assert list(shown) == site.vendor.panorama.estate.serials
        for device in shown.values():
            assert (device.findtext("connected"), device.findtext(tag)) == ("yes", "In Sync")


def test_they_can_only_grow(site):
    lab_settings.configure(site.vendor.panorama, estate=5)
    lab_settings.configure(site.vendor.panorama, estate=1)
    assert len(op(site.vendor, DEVICES).findall("result/devices/entry")) == 5


def test_networks_may_overlap(site, firewall):
    lab_settings.configure(
        site.vendor.panorama, estate={"number": 3, "addresses": [firewall.ip_address]}
    )
    devices = op(site.vendor, DEVICES).findall("result/devices/entry")
    same = [one for one in devices if one.findtext("ip-address") == firewall.ip_address]
    assert len(same) == 2


def test_they_answer_what_only_reads(site):
    serial = site.vendor.panorama.estate.serials[0]
    assert op(site.vendor, SYSTEM, target=serial).findtext("result/system/hostname") == "prod-fw-0"
    assert op(site.vendor, INFO, target=serial).find("result/licenses/entry") is not None
    refused = op(site.vendor, "<request><restart/></request>", target=serial)
    assert refused.get("status") == "error"


def test_the_client_leaves_them_out():
    assert ESTATE_SERIALS == estate.SERIALS


@pytest.mark.parametrize("answer", ["honored", "ignored"])
def test_the_name_of_a_group_is_honored_or_ignored(site, firewall, answer):
    site.world.assumptions.set(group_name_filter=answer)

    others = site.vendor.panorama.estate.serials if answer == "ignored" else []

    assert set(members(site.vendor, "devicegroups", "autoscale")) == {firewall.serial, *others}
    assert set(members(site.vendor, "template-stack", "autoscale-stack")) == {
        firewall.serial,
        *others,
    }


def test_a_device_has_the_elements_and_the_size_of_recorded_ones(site, firewall):
    entry = op(site.vendor, DEVICES).find("result/devices/entry")
    tags = [child.tag for child in entry]
    for tag in ("unsupported-version", "plugin_versions", "certificate-expiry", "express-mode"):
        assert tag in tags
    assert entry.findtext("vsys/entry/shared-policy-status") == ""
    group = members(site.vendor, "devicegroups", "autoscale")[firewall.serial]
    assert group.findtext("last-validate-all-state-sp") == "none"
    assert group.findtext("certificate-expiry") == " "
    stack = members(site.vendor, "template-stack", "autoscale-stack")[firewall.serial]
    assert stack.findtext("template-no-content-preview-status") == "Out of Sync"


def test_the_list_of_a_large_estate(site):
    lab_settings.configure(site.vendor.panorama, estate=2500)
    api = site.vendor.panorama.peers[0].api
    parameters = {"type": "op", "cmd": DEVICES, "key": initial_config.AUTOSCALE.key}
    body = api.respond(Request("/api/", parameters, {})).body

    assert 2000 * 2500 < len(body) < 3000 * 2500
    assert body.count(b"<connected>yes</connected>") == 2500
    status, answer = ask(site.vendor, type="config", action="show", xpath="/config/mgt-config")
    assert (status, len(answer.findall("result/mgt-config/devices/entry"))) == (200, 2500)
