"""Host names of firewalls, which come with their management interface by DHCP.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-naming.html
"""

import pytest
from firewall_lab import BOOTSTRAP, UNTIL_SERVICE, firewall_lab, mocked_aws


@pytest.fixture(scope="module", autouse=True)
def _aws():
    with mocked_aws():
        yield


@pytest.fixture
def site():
    with firewall_lab() as site:
        yield site


def booted(site, **options):
    instance_id = site.launch(**options)
    site.world.advance(UNTIL_SERVICE)
    return site.fleet.get(instance_id)


def test_a_late_interface_has_the_name_of_its_address_by_default(site):
    firewall = booted(site)
    assert firewall.hostname == "ip-" + firewall.address.replace(".", "-")


def test_a_late_interface_can_have_the_instance_id(site):
    site.world.assumptions.set(late_interface_host_name="instance-id")
    firewall = booted(site)
    assert firewall.hostname == firewall.machine.instance_id


def test_a_late_interface_may_get_no_name_at_all(site):
    site.world.assumptions.set(late_interface_host_name="pa-vm")
    assert booted(site).hostname == "PA-VM"


def test_an_interface_created_at_launch_has_the_name_of_the_instance(site):
    text = ";".join(
        f"{key}={value}" for key, value in BOOTSTRAP.items() if key != "op-command-modes"
    )
    firewall = booted(site, user_data=text, wired=False)
    assert firewall.management.device_index == 0
    assert firewall.hostname == firewall.machine.instance_id
