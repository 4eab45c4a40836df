"""Security groups, network ACLs and routes decide what firewalls and functions reach."""

import pytest
from account import Account
from firewall_lab import (
    BOOTSTRAP,
    UNTIL_SERVICE,
    USER_DATA,
    firewall_lab,
    mocked_aws,
    statement,
)
from vpc import create_vpc

from vmseries_lab.client import Lab
from vmseries_lab.client.errors import LabError
from vmseries_lab.internet import DEVICE_CERTIFICATE

ANYWHERE = [{"CidrIp": "0.0.0.0/0"}]
ALL = {"IpProtocol": "-1", "IpRanges": ANYWHERE}


@pytest.fixture(scope="module")
def _aws():
    with mocked_aws():
        yield


@pytest.fixture
def site(_aws):
    with firewall_lab() as site:
        yield site


def only(site, *ports):
    """Let the firewalls' security group open connections to these ports only."""
    client = site.client("ec2")
    client.revoke_security_group_egress(GroupId=site.group, IpPermissions=[ALL])
    permissions = [
        {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": ANYWHERE}
        for port in ports
    ]
    if permissions:
        client.authorize_security_group_egress(GroupId=site.group, IpPermissions=permissions)


def close(site):
    site.client("ec2").delete_route(
        RouteTableId=site.vpc.private_table, DestinationCidrBlock="0.0.0.0/0"
    )


def opened(site):
    client = site.client("ec2")
    (nat,) = client.describe_nat_gateways(Filter=[{"Name": "vpc-id", "Values": [site.vpc.vpc_id]}])[
        "NatGateways"
    ]
    client.create_route(
        RouteTableId=site.vpc.private_table,
        DestinationCidrBlock="0.0.0.0/0",
        NatGatewayId=nat["NatGatewayId"],
    )


def booted(site, **options):
    instance_id = site.launch(**options)
    site.world.advance(UNTIL_SERVICE)
    return site.fleet.get(instance_id)


class TestFirewalls:
    """https://docs.paloaltonetworks.com/pan-os/11-1/pan-os-admin/firewall-administration/reference-port-number-usage"""

    def test_it_needs_443_and_3978_and_28443(self, site):
        only(site, 443, 3978, 28443)
        assert booted(site).phase == "in-sync"

    def test_without_443_it_reads_no_bootstrap_data(self, site):
        only(site, 3978, 28443)
        firewall = booted(site)
        assert firewall.phase == "bootstrap-failed"
        assert "no rule allows tcp" in firewall.refused["secretsmanager"]
        assert site.used() == 0

    def test_without_3978_it_does_not_register(self, site):
        only(site, 443, 28443)
        firewall = booted(site)
        assert (firewall.phase, firewall.connected) == ("licensed", False)
        assert site.group in firewall.refused["panorama.example.com:3978"]
        only_more = {"IpProtocol": "tcp", "FromPort": 3978, "ToPort": 3978, "IpRanges": ANYWHERE}
        site.client("ec2").authorize_security_group_egress(
            GroupId=site.group, IpPermissions=[only_more]
        )
        site.world.advance(600)
        assert firewall.phase == "in-sync"
        assert "panorama.example.com:3978" not in site.fleet.status()[0]["refused"]

    def test_without_28443_it_gets_no_content_and_no_push(self, site):
        only(site, 443, 3978)
        firewall = booted(site)
        assert (firewall.phase, firewall.connected) == ("connected", True)

    def test_without_a_route_it_is_not_licensed(self, site):
        text = ";".join(f"{key}={value}" for key, value in BOOTSTRAP.items())
        close(site)
        firewall = booted(site, user_data=text)
        assert firewall.phase == "unlicensed"
        assert site.detail("unlicensed")["reason"] == "the licensing API is not reachable"
        assert site.vpc.private_table in firewall.refused["api.paloaltonetworks.com:443"]
        assert site.used() == 0

    def test_it_takes_no_license_once_its_management_interface_is_detached(self, site):
        site.world.assumptions.set(detach="seconds")
        instance_id = site.launch()
        site.world.advance(200)
        firewall = site.fleet.get(instance_id)
        assert firewall.phase == "bootstrapped"
        client = site.client("ec2")
        (found,) = client.describe_network_interfaces(
            NetworkInterfaceIds=[firewall.management.interface_id]
        )["NetworkInterfaces"]
        client.detach_network_interface(AttachmentId=found["Attachment"]["AttachmentId"])
        site.world.advance(UNTIL_SERVICE)
        assert firewall.phase == "unlicensed"
        assert site.used() == 0

    def test_the_bootstrap_data_may_come_through_an_interface_endpoint(self, site):
        """https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-access-aws-services.html"""
        close(site)
        client = site.client("ec2")
        group = client.create_security_group(
            GroupName="endpoint", Description="-", VpcId=site.vpc.vpc_id
        )["GroupId"]
        for private_dns in (False, True):
            client.create_vpc_endpoint(
                VpcId=site.vpc.vpc_id,
                VpcEndpointType="Interface",
                ServiceName="com.amazonaws.us-east-1.secretsmanager",
                SubnetIds=[site.vpc.public],
                SecurityGroupIds=[group],
                PrivateDnsEnabled=private_dns,
            )
            firewall = booted(site)
            assert firewall.phase == "bootstrap-failed"
            where = group if private_dns else site.vpc.private_table
            assert where in firewall.refused["secretsmanager"]
        of_firewalls = {
            "IpProtocol": "tcp",
            "FromPort": 443,
            "ToPort": 443,
            "UserIdGroupPairs": [{"GroupId": site.group}],
        }
        client.authorize_security_group_ingress(GroupId=group, IpPermissions=[of_firewalls])
        # The secret is read; the licensing API still has no route.
        assert booted(site).phase == "unlicensed"

    def test_a_bucket_may_be_reached_through_a_gateway_endpoint(self, site):
        """https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html"""
        close(site)
        s3 = site.client("s3")
        s3.create_bucket(Bucket="boot")
        text = "\n".join(f"{key}={value}" for key, value in BOOTSTRAP.items())
        s3.put_object(Bucket="boot", Key="config/init-cfg.txt", Body=text.encode())
        site.permit(
            statement("s3:GetObject", "arn:aws:s3:::boot/*"),
            statement("s3:ListBucket", "arn:aws:s3:::boot"),
        )
        user_data = "mgmt-interface-swap=enable\nvmseries-bootstrap-aws-s3bucket=boot"
        assert booted(site, user_data=user_data).phase == "bootstrap-failed"
        site.client("ec2").create_vpc_endpoint(
            VpcId=site.vpc.vpc_id,
            VpcEndpointType="Gateway",
            ServiceName="com.amazonaws.us-east-1.s3",
            RouteTableIds=[site.vpc.private_table],
        )
        assert booted(site, user_data=user_data).phase == "unlicensed"

    def test_the_connection_ends_with_the_route_and_comes_back(self, site):
        firewall = site.in_service()
        close(site)
        site.world.advance(60)
        assert not firewall.connected
        assert not firewall.reaches_licensing()
        opened(site)
        site.world.advance(60)
        assert firewall.connected
        assert firewall.phase == "in-sync"

    def test_an_established_connection_survives_a_changed_group(self, site):
        """https://docs.aws.amazon.com/vpc/latest/userguide/security-group-connection-tracking.html"""
        firewall = site.in_service()
        only(site)
        site.world.advance(120)
        assert firewall.connected
        assert not firewall.reaches_licensing()

    def test_panorama_in_a_private_network_needs_a_route_to_it(self, site):
        site.world.addresses["panorama.example.com"] = "192.168.7.10"
        instance_id = site.launch()
        site.world.advance(UNTIL_SERVICE)
        firewall = site.fleet.get(instance_id)
        assert firewall.phase == "licensed"
        assert "192.168.7.10" in firewall.refused["panorama.example.com:3978"]
        client = site.client("ec2")
        gateway = client.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
        client.create_route(
            RouteTableId=site.vpc.private_table,
            DestinationCidrBlock="192.168.0.0/16",
            TransitGatewayId=gateway,
        )
        site.world.advance(600)
        assert firewall.phase == "in-sync"


class TestDeviceCertificate:
    """TCP 443, 80 and 444.

    https://docs.paloaltonetworks.com/panorama/11-0/panorama-admin/manage-firewalls/install-the-device-certificate-for-managed-firewalls/install-the-device-certificate-for-a-managed-firewall
    """

    PIN = "vm-series-auto-registration-pin-id=a;vm-series-auto-registration-pin-value=b"

    @pytest.mark.parametrize(
        ("ports", "refused"),
        [((443, 3978, 28443), {80, 444}), ((443, 3978, 28443, 80, 444), set())],
    )
    def test_it_needs_ports_80_and_444(self, site, ports, refused):
        only(site, *ports)
        firewall = booted(site, user_data=f"{USER_DATA};{self.PIN}")
        assert firewall.phase == "in-sync", "it is silent"
        shown = site.fleet.status()[0]["device_certificate"]
        for host, port in DEVICE_CERTIFICATE:
            assert (f"{host}:{port}" in shown) == (port in refused)
        assert (shown == "installed") == (not refused)

    def test_without_a_pin_none_is_requested(self, site):
        only(site, 443, 3978, 28443)
        assert booted(site).device_certificate == "no PIN"


@pytest.mark.lab
class TestFunctions:
    """https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc-internet.html"""

    CODE = """
        import socket, time, urllib.error, urllib.request
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        def seconds(call):
            started = time.time()
            try:
                call()
                what = "ok"
            except (OSError, BotoCoreError) as error:
                reason = getattr(error, "reason", error)
                what = type(reason).__name__
            return [what, round(time.time() - started)]

        def handler(event, context):
            fast = Config(connect_timeout=3, read_timeout=3, retries={"total_max_attempts": 1})
            return [
                seconds(lambda: socket.create_connection(("panorama.example.com", 443), 7)),
                seconds(lambda: socket.create_connection(("10.7.0.99", 443), 4)),
                seconds(lambda: boto3.client("ec2", config=fast).describe_vpcs()),
            ]
    """

    def outcome(self, account, **vpc_config):
        settings = {"VpcConfig": vpc_config} if vpc_config else {}
        answer, error = account.invoke(account.function(self.CODE, Timeout=60, **settings))
        assert error == "", answer
        return answer

    def test_outside_a_vpc(self, lab: Lab, account: Account) -> None:
        """The internet is reached, a private address is not."""
        answers = self.outcome(account)
        assert answers == [["ok", 0], ["TimeoutError", 4], ["ok", 0]]

    def test_behind_a_nat_gateway(self, lab: Lab, account: Account) -> None:
        vpc = create_vpc(lab.aws.client("ec2"))
        answers = self.outcome(account, SubnetIds=[vpc.private], SecurityGroupIds=[vpc.group])
        assert answers == [["ok", 0], ["TimeoutError", 4], ["ok", 0]]

    def test_panorama_in_a_private_network(self, lab: Lab, account: Account) -> None:
        """DNS names it everywhere, and only routes decide."""
        before = lab.set_addresses({})["panorama.example.com"]
        lab.set_addresses({"panorama.example.com": "192.168.7.10"})
        with pytest.raises(LabError, match="does not appear to be an IPv4"):
            lab.set_addresses({"panorama.example.com": "panorama"})
        ec2 = lab.aws.client("ec2")
        vpc = create_vpc(ec2)
        inside = {"SubnetIds": [vpc.private], "SecurityGroupIds": [vpc.group]}
        assert self.outcome(account)[0] == ["TimeoutError", 7]
        assert self.outcome(account, **inside)[0] == ["TimeoutError", 7]
        gateway = ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
        ec2.create_route(
            RouteTableId=vpc.private_table,
            DestinationCidrBlock="192.168.0.0/16",
            TransitGatewayId=gateway,
        )
        assert self.outcome(account, **inside)[0] == ["ok", 0]
        lab.set_addresses({"panorama.example.com": before})

    @pytest.mark.parametrize("where", ["no route", "no rule", "public subnet"])
    def test_connections_time_out(self, lab: Lab, account: Account, where: str) -> None:
        """A function has no public address, so an internet gateway does not help it."""
        ec2 = lab.aws.client("ec2")
        vpc = create_vpc(ec2)
        if where == "no route":
            ec2.delete_route(RouteTableId=vpc.private_table, DestinationCidrBlock="0.0.0.0/0")
        elif where == "no rule":
            ec2.revoke_security_group_egress(GroupId=vpc.group, IpPermissions=[ALL])
        subnet = vpc.public if where == "public subnet" else vpc.private
        answers = self.outcome(account, SubnetIds=[subnet], SecurityGroupIds=[vpc.group])
        assert answers[0] == ["TimeoutError", 7]
        assert answers[1] == ["TimeoutError", 4]
        assert answers[2] == ["ReadTimeoutError", 3]
