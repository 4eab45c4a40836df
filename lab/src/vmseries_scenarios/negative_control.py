"""The negative control: leave something behind through public APIs, as a faulty function would.

A count that is always zero proves nothing. What is left behind here must appear in the last line of
the summary, and fail the run.
"""

from __future__ import annotations

from uuid import uuid4

from vmseries_lab.client import Lab

NETWORK = "10.254.0.0/24"
DEPLOYMENT = "edge"
"""The example's default name."""


def leave_behind(lab: Lab) -> None:
    """Leave an interface and a license that no destroy finds."""
    leave_interface(lab)
    leave_license(lab)


def leave_interface(lab: Lab) -> None:
    """Create an interface with the tag of the deployment.

    It has no tags that name an instance, since with them the reconcile function would remove it, as
    it should. It is in a VPC of its own, since in a subnet of the example it would make the destroy
    fail, which is not the subject here.
    """
    ec2 = lab.aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock=NETWORK)["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=NETWORK)["Subnet"]["SubnetId"]
    tags = {
        "Name": "negative control",
        "vmseries-autoscale:deployment": DEPLOYMENT,
        "vmseries-autoscale:group": DEPLOYMENT,
    }
    ec2.create_network_interface(
        SubnetId=subnet,
        Description="negative control of the demonstration",
        TagSpecifications=[
            {
                "ResourceType": "network-interface",
                "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
            }
        ],
    )


def leave_license(lab: Lab) -> None:
    """Activate a license for a firewall that does not exist.

    Palo Alto Networks, "Use the Licensing API": `activate` covers a firewall by UUID and CPU id.
    """
    lab.licensing.request(
        "activate", authcode=lab.auth_code, uuid=str(uuid4()).upper(), cpuid="AWS:negative-control"
    )
