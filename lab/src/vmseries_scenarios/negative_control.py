"""The negative control: leave something behind by public calls, as a faulty handler would.

A count that is always zero proves nothing. What is planted here must appear in the summary's last
line and fail the run.
"""

from __future__ import annotations

from uuid import uuid4

from vmseries_lab.client import Lab

NETWORK = "10.254.0.0/24"
DEPLOYMENT = "edge"
"""The example's default name."""


def leave_behind(lab: Lab) -> None:
    """Leave one interface and one license that no destroy will find."""
    leave_interface(lab)
    leave_license(lab)


def leave_interface(lab: Lab) -> None:
    """Make an interface that carries the deployment's tag.

    Not those that say for which instance it was made: by them the reconcile function finds what a
    gone firewall has left, and removes it, as it should. It is in a VPC of its own, since one in
    the example's subnets would make its destroy fail, and the destroy is not what is tried here.
    """
    ec2 = lab.aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock=NETWORK)["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=NETWORK)["Subnet"]["SubnetId"]
    tags = {
        "Name": "planted",
        "vmseries-autoscale:deployment": DEPLOYMENT,
        "vmseries-autoscale:group": DEPLOYMENT,
    }
    ec2.create_network_interface(
        SubnetId=subnet,
        Description="planted by the demonstration",
        TagSpecifications=[
            {
                "ResourceType": "network-interface",
                "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
            }
        ],
    )


def leave_license(lab: Lab) -> None:
    """Take a license for a firewall that does not exist.

    Palo Alto Networks, "Use the Licensing API": `activate` covers a firewall by UUID and CPU id.
    """
    lab.licensing.request(
        "activate", authcode=lab.auth_code, uuid=str(uuid4()).upper(), cpuid="AWS:planted"
    )
