"""Serial numbers and interfaces are assigned to their instance."""

from __future__ import annotations

from vmseries_lab.core.timeline import Entry
from vmseries_scenarios.demo.resource_owners import ResourceOwners


def entry(source: str, kind: str, subject: str, **detail: object) -> Entry:
    return Entry(0, 0.0, source, kind, subject, dict(detail))


def test_interface_that_names_itself_has_no_owner_yet() -> None:
    """EC2's entries about an interface repeat its ID, which once caused an endless loop."""
    owners = ResourceOwners()
    assert owners.of(entry("ec2", "interface-created", "eni-1", interface="eni-1")) is None
    assert owners.of(entry("ec2", "interface-created", "eni-1", interface="eni-1")) is None
    attached = entry("ec2", "interface-attached", "i-1", interface="eni-1", device_index=1)
    assert owners.of(attached) == "i-1"
    assert owners.of(entry("ec2", "interface-deleted", "eni-1", interface="eni-1")) == "i-1"


def test_address_is_followed_through_its_interface() -> None:
    owners = ResourceOwners()
    owners.of(entry("ec2", "interface-attached", "i-1", interface="eni-1"))
    owners.of(entry("ec2", "address-associated", "eip-1", allocation="eip-1", interface="eni-1"))
    assert owners.of(entry("ec2", "address-released", "eip-1", allocation="eip-1")) == "i-1"


def test_serial_belongs_to_the_instance_that_was_licensed_with_it() -> None:
    """The host name that Panorama shows says nothing about that."""
    owners = ResourceOwners()
    owners.of(entry("firewall", "licensed", "i-1", serial="0079"))
    owners.of(entry("panorama", "device-connected", "0079", hostname="ip-10-0-1-5"))
    assert owners.of(entry("panorama", "license-returned", "0079")) == "i-1"
