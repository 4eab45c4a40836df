"""A lab with firewalls, in one process with moto, for the tests of firewalls."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import uuid4

import boto3
from moto import mock_aws
from moto.backends import get_backend
from vpc import Vpc, create_vpc

from vmseries_lab import firewalls, licensing_api, vendor_services
from vmseries_lab.aws import ec2
from vmseries_lab.aws.ec2 import launch_templates, marketplace_images
from vmseries_lab.core.world import ACCOUNT_ID, World
from vmseries_lab.panorama import initial_config, references

IMAGES = {image.product_code: image.image_id for image in marketplace_images.marketplace_images()}
BYOL = IMAGES[marketplace_images.PRODUCT_CODES["byol"]]
BUNDLE = IMAGES[marketplace_images.PRODUCT_CODES["bundle1"]]
USER_DATA = "mgmt-interface-swap=enable;secret_name=bootstrap"
BOOTSTRAP = {
    "type": "dhcp-client",
    "panorama-server": "panorama.example.com",
    "tplname": "autoscale-stack",
    "dgname": "autoscale",
    "cgname": "autoscale-logs",
    "vm-auth-key": initial_config.VM_AUTH_KEY,
    "authcodes": licensing_api.AUTH_CODE,
    "op-command-modes": "mgmt-interface-swap",
    "dhcp-accept-server-hostname": "yes",
}
UNTIL_SERVICE = 1700
PLACES = {
    "device-group": "autoscale",
    "template-stack": "autoscale-stack",
    "log-collector-group": "autoscale-logs",
}


def statement(action: str, resource: str = "*", **condition: str) -> dict[str, Any]:
    allowed: dict[str, Any] = {"Effect": "Allow", "Action": action, "Resource": resource}
    if condition:
        allowed["Condition"] = {"StringEquals": {"cloudwatch:namespace": condition["namespace"]}}
    return allowed


@dataclass
class Site:
    """A lab with Panorama, licensing, firewalls and one subnet behind a NAT gateway."""

    world: World
    vendor: vendor_services.VendorServices
    fleet: firewalls.Fleet
    subnet: str
    group: str
    vpc: Vpc

    def client(self, service: str) -> Any:
        return client_of(service)

    def permit(self, *statements: dict[str, Any], service: str = "ec2.amazonaws.com") -> None:
        """Give the firewalls' role exactly these permissions."""
        trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        iam = self.client("iam")
        iam.update_assume_role_policy(
            RoleName="firewall",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        )
        for name in iam.list_role_policies(RoleName="firewall")["PolicyNames"]:
            iam.delete_role_policy(RoleName="firewall", PolicyName=name)
        for number, allowed in enumerate(statements):
            document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
            iam.put_role_policy(
                RoleName="firewall", PolicyName=f"p{number}", PolicyDocument=document
            )

    def launch(self, image: str = BYOL, user_data: str = USER_DATA, wired: bool = True) -> str:
        """Start an instance as a group does, and attach the management interface early."""
        data = {
            "ImageId": image,
            "InstanceType": "m5.xlarge",
            "UserData": base64.b64encode(user_data.encode()).decode(),
            "IamInstanceProfile": {"Name": "firewall"},
            "PrivateDnsNameOptions": {"HostnameType": "resource-name"},
            "NetworkInterfaces": [{"DeviceIndex": 0, "Groups": [self.group]}],
        }
        client = self.client("ec2")
        with self.world.lock:
            name = f"template-{uuid4().hex}"
            template = client.create_launch_template(
                LaunchTemplateName=name, LaunchTemplateData=data
            )
            template_id = template["LaunchTemplate"]["LaunchTemplateId"]
            version = ec2.store().get_launch_template(template_id).latest_version()
            instance_id = launch_templates.launch(ec2.store(), version, self.subnet, {}).id
        self.world.advance(15)
        if wired:
            self.attach(instance_id)
        return str(instance_id)

    def interface(self, address: str | None = None) -> str:
        """Create an interface, optionally with a given address; return its ID."""
        fixed = {"PrivateIpAddress": address} if address else {}
        interface = self.client("ec2").create_network_interface(
            SubnetId=self.subnet, Groups=[self.group], **fixed
        )
        return str(interface["NetworkInterface"]["NetworkInterfaceId"])

    def attach(self, instance_id: str, index: int = 1, interface_id: str | None = None) -> str:
        interface_id = interface_id or self.interface()
        self.client("ec2").attach_network_interface(
            InstanceId=instance_id, NetworkInterfaceId=interface_id, DeviceIndex=index
        )
        return interface_id

    def in_service(self, **options: Any) -> firewalls.firewall.Firewall:
        instance_id = self.launch(**options)
        self.world.advance(UNTIL_SERVICE)
        firewall = self.fleet.get(instance_id)
        assert firewall is not None
        assert firewall.phase == "in-sync"
        return firewall

    def kinds(self, subject: str) -> list[str]:
        return [e.kind for e in self.world.timeline.since() if e.subject == subject]

    def detail(self, kind: str) -> dict[str, Any]:
        return next(e.detail for e in self.world.timeline.since() if e.kind == kind)

    def members(self) -> dict[str, list[str]]:
        running = self.vendor.panorama.leading.store.running
        found = {c: references.members(running, c, name) for c, name in PLACES.items()}
        return {**found, "managed": references.managed(running)}

    def used(self) -> int:
        return self.vendor.licensing.used()


@cache
def client_of(service: str) -> Any:
    return boto3.client(service, region_name="us-east-1")


@contextmanager
def mocked_aws() -> Iterator[None]:
    """Run moto in this process; once per test module, because its EC2 starts slowly."""
    with mock_aws():
        yield
    client_of.cache_clear()


@contextmanager
def firewall_lab():
    """A lab with firewalls; moto must be running."""
    world = World()
    ec2.install(world)
    marketplace_images.install(world)
    vendor = vendor_services.install(world)
    fleet = firewalls.install(world)
    network = create_vpc(client_of("ec2"))
    site = Site(world, vendor, fleet, network.private, network.group, network)
    secret = client_of("secretsmanager").create_secret(
        Name="bootstrap", SecretString=json.dumps(BOOTSTRAP)
    )
    iam = client_of("iam")
    iam.create_role(RoleName="firewall", AssumeRolePolicyDocument="{}")
    iam.create_instance_profile(InstanceProfileName="firewall")
    iam.add_role_to_instance_profile(InstanceProfileName="firewall", RoleName="firewall")
    site.permit(
        statement("secretsmanager:GetSecretValue", secret["ARN"]),
        statement("cloudwatch:PutMetricData", namespace="NS"),
    )
    yield site
    fleet.stop()
    vendor.stop()
    store = ec2.store()
    for things in (store.reservations, store.launch_templates, store.launch_template_name_to_ids):
        things.clear()
    for service in ("iam", "secretsmanager", "s3", "cloudwatch"):
        for backend in get_backend(service)[ACCOUNT_ID].values():
            backend.reset()
