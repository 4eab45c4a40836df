"""What a run makes, for how long, and about what it costs. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from acceptance.choices import Plan

PRICED_ON = "2025-06-30"
PRICED_IN = "us-east-1"
"""The prices are list prices of this Region on this day, rounded. Other Regions cost up to twice as
much. https://aws.amazon.com/ec2/pricing/on-demand/, https://aws.amazon.com/vpc/pricing/,
https://aws.amazon.com/elasticloadbalancing/pricing/, https://aws.amazon.com/privatelink/pricing/"""

INSTANCE_DOLLARS = {
    "c5.xlarge": 0.17,
    "c5.2xlarge": 0.34,
    "c5.4xlarge": 0.68,
    "c5n.xlarge": 0.216,
    "c5n.2xlarge": 0.432,
    "c5n.4xlarge": 0.864,
    "c6in.xlarge": 0.227,
    "m5.large": 0.096,
    "m5.xlarge": 0.192,
    "m5.2xlarge": 0.384,
    "m5.4xlarge": 0.768,
    "m5n.xlarge": 0.238,
    "m5n.2xlarge": 0.476,
    "m6in.xlarge": 0.279,
}
"""Linux on demand, per hour, without the software of the image."""
UNKNOWN_INSTANCE_DOLLARS = 0.8
"""For any other type: that of four to sixteen virtual CPUs is below this."""
NAT_GATEWAY_DOLLARS = 0.045
LOAD_BALANCER_DOLLARS = 0.0125
ENDPOINT_DOLLARS = 0.01
PUBLIC_ADDRESS_DOLLARS = 0.005
VOLUME_DOLLARS = 0.0083
"""60 GB of General Purpose SSD."""
OTHER_DOLLARS = 0.50
"""For the whole run: function invocations, logs, metrics, alarms, secrets, data."""

ZONES = 3
"""The examples use three Availability Zones, or all if the Region has fewer."""

APPLY_MINUTES = 10
LAUNCH_MINUTES = 25
LEAVE_MINUTES = 25
DESTROY_MINUTES = 40
WATCH_MINUTES = 10
MINIMUM_HOURS = (
    APPLY_MINUTES + 2 * LAUNCH_MINUTES + LEAVE_MINUTES + DESTROY_MINUTES + WATCH_MINUTES
) / 60
"""How long a run takes if nothing waits."""


@dataclass(frozen=True)
class Item:
    """A kind of resource.

    Attributes:
        what: Its name, in the plural.
        number: How many at the same time, at most.
        dollars_per_hour: Price of one; None for free.
    """

    what: str
    number: int
    dollars_per_hour: float = 0.0

    @property
    def per_hour(self) -> float:
        """The price of all of them for an hour, in US dollars."""
        return self.number * self.dollars_per_hour


def items(plan: Plan) -> list[Item]:
    """Return what an example of this size makes, at its largest: with one firewall more."""
    firewalls = plan.minimum + 1
    instance = INSTANCE_DOLLARS.get(plan.instance_type, UNKNOWN_INSTANCE_DOLLARS)
    return [
        Item(f"firewalls ({plan.instance_type}, {plan.license_type.upper()})", firewalls, instance),
        Item("volumes of the firewalls", firewalls, VOLUME_DOLLARS),
        Item(
            "public addresses of firewalls",
            firewalls * plan.public_interfaces,
            PUBLIC_ADDRESS_DOLLARS,
        ),
        Item("NAT gateways", ZONES, NAT_GATEWAY_DOLLARS),
        Item("public addresses of NAT gateways", ZONES, PUBLIC_ADDRESS_DOLLARS),
        Item("Gateway Load Balancer (zones)", ZONES, LOAD_BALANCER_DOLLARS),
        Item("Gateway Load Balancer endpoints", ZONES, ENDPOINT_DOLLARS),
        Item("VPCs with subnets, routes and security groups", 2),
        Item("Lambda functions with queues, rules, alarms and log groups", 3),
    ]


def elastic_addresses(plan: Plan) -> int:
    """Return how many Elastic IP addresses the run needs at the same time."""
    return ZONES + (plan.minimum + 1) * plan.public_interfaces


def dollars(found: Sequence[Item], hours: float) -> float:
    """Return the price of all items for some hours, and of what is priced for the whole run."""
    return sum(item.per_hour for item in found) * hours + OTHER_DOLLARS


def summary(plan: Plan) -> str:
    """Return how long a run takes and what it costs on AWS, as a sentence."""
    found = items(plan)
    each_hour = sum(item.per_hour for item in found)
    return (
        f"For about {MINIMUM_HOURS:.1f} hours; each phase has a limit, after which everything is "
        f"removed. On AWS about {dollars(found, MINIMUM_HOURS):.0f} US dollars, and "
        f"{each_hour:.2f} for each further hour."
    )


def notes(plan: Plan) -> list[str]:
    """Return what the price does not say."""
    prices = f"list prices of {PRICED_IN} on {PRICED_ON}, without data transfer and taxes"
    said = [f"Prices are approximate: {prices}."]
    if plan.region != PRICED_IN:
        said.append(f"{plan.region} has other prices, up to twice as high.")
    if plan.instance_type not in INSTANCE_DOLLARS:
        said.append(f"The price of {plan.instance_type} is not in the table; a high one is used.")
    if plan.license_type == "byol":
        said.append(
            "Licenses of the firewalls are your own. Each firewall uses one until it leaves."
        )
    else:
        said.append(
            "The hourly price of the image's software is not included: AWS Marketplace shows it, "
            "and it is higher than that of the instance."
        )
    return said
