"""What a firewall answers and does when its license is deactivated, and its system information."""

import pytest
from defusedxml.ElementTree import fromstring
from firewall_lab import BUNDLE, UNTIL_SERVICE, firewall_lab, mocked_aws
from vendor_api import DEACTIVATE, INFO, KEY, SYSTEM, batch, op, text

from vmseries_lab.licensing_api import API_KEY
from vmseries_lab.panorama.responses import ApiError


@pytest.fixture(scope="module", autouse=True)
def _aws():
    with mocked_aws():
        yield


@pytest.fixture
def site():
    with firewall_lab() as site:
        yield site


@pytest.fixture
def firewall(site):
    firewall = site.in_service()
    operate(firewall, KEY.format(API_KEY))
    return firewall


def operate(firewall, command):
    return firewall.operate(fromstring(command))


def shown(firewall):
    system = operate(firewall, SYSTEM).find("result/system")
    return {child.tag: child.text or "" for child in system}


class TestAfterwards:
    @pytest.mark.parametrize("answer", ["stays", "reboots", "drops-off"])
    def test_it_stays_or_comes_back_or_does_not(self, site, firewall, answer):
        site.world.assumptions.set(after_deactivation=answer, deactivation_moment="after-answer")

        assert "Successfully deactivated" in text(operate(firewall, DEACTIVATE))
        site.world.advance(60)

        assert firewall.connected is (answer == "stays")
        assert site.used() == 0
        site.world.advance(600)
        assert firewall.connected is (answer != "drops-off")
        facts = shown(firewall)
        assert facts["vm-license"] == "none"
        assert facts["serial"] == ("unknown" if answer == "drops-off" else firewall.serial)
        assert not firewall.ready

    @pytest.mark.parametrize("moment", ["before-answer", "after-answer"])
    def test_the_connection_is_lost_before_or_after_the_answer(self, site, firewall, moment):
        site.world.assumptions.set(after_deactivation="drops-off", deactivation_moment=moment)

        answer = text(op(site.vendor, DEACTIVATE, target=firewall.serial))

        lost = f"{firewall.serial} not connected"
        assert (answer == lost) is (moment == "before-answer")
        site.world.advance(10)
        assert text(op(site.vendor, INFO, target=firewall.serial)) == lost
        assert [use.returned_by for use in site.vendor.licensing.uses()] == ["firewall"]

    def test_a_deactivation_by_panorama_reaches_it_too(self, site, firewall):
        site.world.assumptions.set(after_deactivation="reboots")
        site.vendor.panorama.leading.licenses.api_key.value = API_KEY

        op(site.vendor, batch("deactivate", firewall.serial))
        site.world.advance(20)

        assert (firewall.connected, site.used()) == (False, 0)
        site.world.advance(600)
        assert firewall.connected
        assert site.kinds(firewall.machine.instance_id).count("left-after-deactivation") == 1

    def test_one_that_dropped_off_stays_away_when_its_instance_restarts(self, site, firewall):
        site.world.assumptions.set(after_deactivation="drops-off")
        with pytest.raises(ApiError, match="not connected"):
            operate(firewall, DEACTIVATE)
        client, instance_id = site.client("ec2"), firewall.machine.instance_id
        client.stop_instances(InstanceIds=[instance_id])
        site.world.advance(120)
        client.start_instances(InstanceIds=[instance_id])
        site.world.advance(UNTIL_SERVICE)
        assert not firewall.connected


@pytest.mark.parametrize("answer", ["msg-line", "result-text"])
def test_the_text_of_a_deactivation_is_in_one_of_two_places(site, firewall, answer):
    site.world.assumptions.set(deactivation_text=answer)

    done = operate(firewall, DEACTIVATE)

    in_line = "Successfully deactivated VM. Please issue reboot"
    assert done.findtext("result/msg/line") == (in_line if answer == "msg-line" else None)
    assert "Successfully deactivated" in text(done)


@pytest.mark.parametrize("answer", ["none", "logging-service"])
def test_licenses_other_than_the_capacity_license_may_stay(site, firewall, answer):
    site.world.assumptions.set(features_after_deactivation=answer)

    def features():
        entries = operate(firewall, INFO).iterfind("result/licenses/entry")
        return [entry.findtext("feature") for entry in entries]

    assert features() == ["PA-VM", "Premium", "Logging Service"]
    operate(firewall, DEACTIVATE)
    site.world.advance(30)
    assert features() == (["Logging Service"] if answer == "logging-service" else [])


@pytest.mark.parametrize("answer", ["none", "data", "management"])
def test_the_mac_address_is_that_of_an_interface_or_missing(site, firewall, answer):
    site.world.assumptions.set(system_info_mac=answer)
    described = site.client("ec2").describe_network_interfaces(
        NetworkInterfaceIds=[nic.interface_id for nic in firewall.interfaces]
    )["NetworkInterfaces"]
    macs = {nic["Attachment"]["DeviceIndex"]: nic["MacAddress"].lower() for nic in described}
    expected = {"none": "", "data": macs[0], "management": macs[1]}
    assert shown(firewall)["mac-address"] == expected[answer]


@pytest.mark.parametrize("answer", ["hardware", "instance-id"])
def test_the_cpu_id_may_name_the_instance(site, firewall, answer):
    site.world.assumptions.set(byol_cpu_id=answer)
    instance = firewall.machine.instance_id.removeprefix("i-")
    assert (instance in shown(firewall)["vm-cpuid"]) is (answer == "instance-id")


def test_the_cpu_id_of_a_pay_as_you_go_firewall_names_the_instance(site):
    firewall = site.in_service(image=BUNDLE)
    instance = firewall.machine.instance_id.removeprefix("i-")
    code = "e9yfvyj3uag5uo5j2hjikv74n"
    assert shown(firewall)["vm-cpuid"] == f"AWSMP:{instance}:{code}:us-east-1"


def test_the_system_information_comes_also_through_panorama(site, firewall):
    answer = op(site.vendor, SYSTEM, target=firewall.serial)
    found = {child.tag: child.text or "" for child in answer.find("result/system")}
    assert found == shown(firewall)
    assert found["hostname"] == firewall.hostname
    assert found["ip-address"] == firewall.address
    assert found["vm-license"] == "VM-SERIES-4"
