"""The firewalls' own XML API with pan-os-python, and the functions that can reach it."""

import socket
import ssl
import uuid
from unittest import mock

import panos.errors
import panos.firewall
import pytest
from firewall_lab import UNTIL_SERVICE, firewall_lab, mocked_aws

from vmseries_lab import licensing_api
from vmseries_lab.firewalls import xml_api
from vmseries_lab.net.certificates import FIREWALL_NAME

ALONE = f"mgmt-interface-swap=enable;authcodes={licensing_api.AUTH_CODE}"
JOBS = "<show><jobs><all/></jobs></show>"


class Expecting(ssl.SSLContext):
    """Verifies the name in the certificate of all firewalls, whatever the address."""

    def wrap_socket(self, *arguments, **options):
        return super().wrap_socket(*arguments, **{**options, "server_hostname": FIREWALL_NAME})


class Verified(panos.firewall.Firewall):
    """pan-os-python, with the certificate verified."""

    def __init__(self, site, address, **credentials):
        super().__init__(address, **(credentials or {"api_key": xml_api.ADMIN.key}))
        self._context = Expecting(ssl.PROTOCOL_TLS_CLIENT)
        self._context.load_verify_locations(cadata=site.vendor.authority.pem)
        self.timeout = 5

    def generate_xapi(self):
        xapi = super().generate_xapi()
        xapi.ssl_context = self._context
        return xapi

    def _retrieve_api_key(self):
        xapi = self.XapiWrapper(
            pan_device=self,
            api_username=self._api_username,
            api_password=self._api_password,
            hostname=self.hostname,
            ssl_context=self._context,
        )
        return xapi.keygen(retry_on_peer=False).findtext("result/key")


@pytest.fixture(scope="module", autouse=True)
def _aws():
    with mocked_aws():
        yield


@pytest.fixture
def site():
    with firewall_lab() as site:
        site.fleet.apis.configure(served=True)
        yield site


@pytest.fixture
def function(site):
    """VPC settings of a function in the firewalls' subnet that their security group admits."""
    client = site.client("ec2")
    vpc = client.describe_subnets(SubnetIds=[site.subnet])["Subnets"][0]["VpcId"]
    name = f"functions-{uuid.uuid4()}"
    group = client.create_security_group(GroupName=name, Description="-", VpcId=vpc)["GroupId"]
    permission = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
    client.authorize_security_group_ingress(
        GroupId=site.group, IpPermissions=[{**permission, "UserIdGroupPairs": [{"GroupId": group}]}]
    )
    return {"SubnetIds": [site.subnet], "SecurityGroupIds": [group]}


@pytest.fixture(autouse=True)
def _network(site, function):
    """Resolve host names as in a process of that function."""
    real = socket.getaddrinfo

    def look_up(host, port, *rest, **more):
        if host == "127.0.0.1":
            return real(host, port, *rest, **more)
        where = site.world.reach(function).hosts.get(f"{host}:{port}")
        if where is None:
            raise socket.gaierror(socket.EAI_NONAME, f"{host}:{port}")
        address, _, lab_port = where.rpartition(":")
        return real(address, int(lab_port), *rest, **more)

    with mock.patch("socket.getaddrinfo", look_up):
        yield


def reached(site, function):
    """The firewalls that a function reaches, as ``address:port``."""
    return [name for name in site.world.reach(function).hosts if name[0].isdigit()]


def jobs(device):
    answer = device.op(JOBS, cmd_xml=False)
    return [
        tuple(job.findtext(tag) for tag in ("type", "status", "result"))
        for job in answer.iterfind("result/job")
    ]


def ready(device):
    return device.op("show chassis-ready").findtext("result").strip()


def ask(device, command):
    return "".join(device.op(command).itertext())


class TestCommands:
    def test_from_power_on_to_ready(self, site):
        instance_id = site.launch(user_data=ALONE)
        assert reached(site, None) == []
        firewall = site.fleet.get(instance_id)
        device = Verified(site, firewall.address or "10.0.0.1")
        with pytest.raises(panos.errors.PanURLError):
            ready(device)
        site.world.advance(300)
        device = Verified(site, firewall.address)
        assert (ready(device), jobs(device)) == ("no", [("AutoCom", "ACT", "PEND")])
        assert not firewall.ready
        site.world.advance(UNTIL_SERVICE)
        assert (ready(device), jobs(device)) == ("yes", [("AutoCom", "FIN", "OK")])
        assert device.is_ready(seconds=1)
        system = device.show_system_info()["system"]
        assert (system["serial"], system["ip-address"]) == (firewall.serial, firewall.address)
        assert (firewall.phase, firewall.ready) == ("standalone", True)
        assert site.world.probe(instance_id, 443)
        assert not site.world.probe(instance_id, 22)

    def test_the_license_is_returned_without_panorama(self, site):
        site.world.assumptions.set(features_after_deactivation="none")
        firewall = self.alone(site)
        device = Verified(site, firewall.address)
        assert firewall.serial in ask(device, "request license info")
        deactivate = 'request license deactivate VM-Capacity mode "auto"'
        with pytest.raises(panos.errors.PanDeviceXapiError, match="API Key is not set"):
            ask(device, deactivate)
        key = f'request license api-key set key "{licensing_api.API_KEY}"'
        ask(device, key)
        with pytest.raises(panos.errors.PanDeviceXapiError, match="same as old"):
            ask(device, key)
        assert "Successfully deactivated" in ask(device, deactivate)
        site.world.advance(25)
        assert ask(device, "request license info") == ""
        assert site.used() == 0

    def test_credentials(self, site):
        firewall = self.alone(site)
        with pytest.raises(panos.errors.PanURLError, match="403"):
            ready(Verified(site, firewall.address, api_key="wrong"))
        account = {"api_username": xml_api.ADMIN.name, "api_password": xml_api.ADMIN.password}
        assert ready(Verified(site, firewall.address, **account)) == "yes"
        with pytest.raises(panos.errors.PanURLError, match="403"):
            ready(Verified(site, firewall.address, **{**account, "api_password": "wrong"}))

    def test_another_authority_signed_it(self, site):
        firewall = self.alone(site)
        site.fleet.apis.configure(wrong_certificate=True)
        with pytest.raises(panos.errors.PanURLError, match="certificate verify failed"):
            ready(Verified(site, firewall.address))

    def test_each_firewall_answers_for_itself(self, site):
        first = self.alone(site)
        second = self.alone(site)
        for firewall in (first, second):
            system = Verified(site, firewall.address).show_system_info()["system"]
            assert system["serial"] == firewall.serial

    def test_an_auto_commit_that_fails(self, site):
        site.fleet.set_quirks(auto_commit_failure="Commit failed: zone is not valid")
        firewall = self.alone(site)
        device = Verified(site, firewall.address)
        assert (ready(device), jobs(device)) == ("no", [("AutoCom", "FIN", "FAIL")])
        assert not firewall.ready

    def test_a_firewall_that_read_no_bootstrap_data_knows_no_administrator(self, site):
        site.permit()
        instance_id = site.launch()
        site.attach(instance_id, 2)
        site.world.advance(UNTIL_SERVICE)
        firewall = site.fleet.get(instance_id)
        assert firewall.phase == "bootstrap-failed"
        with pytest.raises(panos.errors.PanURLError, match="403"):
            ready(Verified(site, firewall.address))

    def alone(self, site):
        instance_id = site.launch(user_data=ALONE)
        site.world.advance(UNTIL_SERVICE)
        return site.fleet.get(instance_id)


class TestReach:
    @pytest.fixture
    def firewall(self, site):
        instance_id = site.launch(user_data=ALONE)
        site.world.advance(UNTIL_SERVICE)
        return site.fleet.get(instance_id)

    def test_not_unless_it_is_served(self, site, firewall, function):
        assert reached(site, function) == [f"{firewall.address}:443"]
        site.fleet.apis.configure(served=False)
        assert reached(site, function) == []
        with pytest.raises(ValueError, match="not served"):
            site.fleet.apis.configure(mode="hanging")

    def test_only_from_within_the_vpc(self, site, firewall, function):
        client = site.client("ec2")
        other = client.create_vpc(CidrBlock="172.31.0.0/16")["Vpc"]["VpcId"]
        subnet = client.create_subnet(VpcId=other, CidrBlock="172.31.0.0/20")["Subnet"]["SubnetId"]
        assert reached(site, {**function, "SubnetIds": [subnet]}) == []
        assert reached(site, {"SubnetIds": [], "SecurityGroupIds": []}) == []

    def test_only_sources_that_the_security_group_allows(self, site, firewall, function):
        client = site.client("ec2")
        vpc = client.describe_subnets(SubnetIds=[site.subnet])["Subnets"][0]["VpcId"]
        group = client.create_security_group(GroupName="other", Description="-", VpcId=vpc)
        other = {**function, "SecurityGroupIds": [group["GroupId"]]}
        assert reached(site, other) == []
        subnet = client.describe_subnets(SubnetIds=[site.subnet])["Subnets"][0]
        permission = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": subnet["CidrBlock"]}]}
        client.authorize_security_group_ingress(GroupId=site.group, IpPermissions=[permission])
        assert reached(site, other)
        client.revoke_security_group_ingress(GroupId=site.group, IpPermissions=[permission])

    def test_not_once_it_is_off(self, site, firewall, function):
        device = Verified(site, firewall.address)
        assert ready(device) == "yes"
        client = site.client("ec2")
        client.stop_instances(InstanceIds=[firewall.machine.instance_id])
        site.world.advance(30)
        assert reached(site, function) == []
        client.start_instances(InstanceIds=[firewall.machine.instance_id])
        site.world.advance(200)
        assert ready(device) == "no"
        site.world.advance(200)
        assert ready(device) == "yes"
        assert firewall.phase == "standalone"

    def test_at_other_ports_after_a_standstill(self, site, firewall, function):
        site.fleet.stop()
        assert reached(site, function) == []
        site.fleet.start()
        assert ready(Verified(site, firewall.address)) == "yes"
