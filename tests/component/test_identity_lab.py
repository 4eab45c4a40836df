"""Identities from the device list of the lab's Panorama, as the functions' own client reads it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from component.fakes import lab_panorama
from component.fakes.lab_panorama import Firewall
from vmseries_autoscale import firewall_identity
from vmseries_autoscale.firewall_identity import (
    Ambiguous,
    Identity,
    OtherInstance,
    Result,
    Subject,
    Undecided,
)
from vmseries_autoscale.panorama.client import PanOsPanorama
from vmseries_lab.core.world import World
from vmseries_lab.panorama import initial_config, operator_session

ID, OTHER = "i-0123456789abcdef0", "i-0fedcba9876543210"
IP, OTHER_IP = "10.0.1.5", "10.0.1.6"
RUNNING = Subject(ID, management_ip=IP)


@pytest.fixture
def panorama() -> Iterator[PanOsPanorama]:
    """A Panorama with a firewall in service, and one of another team in a group of its own."""
    world = World()
    with lab_panorama.installed(world) as vendor:
        operator_session.run_commands(
            vendor.panorama, ["set device-group data-center description x"]
        )
        world.advance(60)
        for firewall, group in (
            (Firewall("S1", OTHER, ip_address=OTHER_IP), initial_config.DEVICE_GROUP),
            (Firewall("DC", "dc-core-fw1", ip_address="192.168.0.1"), "data-center"),
            (Firewall("S2", ID, ip_address=IP), initial_config.DEVICE_GROUP),
        ):
            vendor.panorama.register(
                firewall,
                initial_config.VM_AUTH_KEY,
                group=group,
                stack=initial_config.TEMPLATE_STACK,
                logs=initial_config.COLLECTOR_GROUP,
            )
        world.advance(60)
        yield lab_panorama.connect(vendor)


def identify(panorama: PanOsPanorama, subject: Subject) -> Result:
    rivals = [OtherInstance(OTHER, "S1", frozenset({OTHER_IP}), exists=True)]
    return firewall_identity.identify(subject, panorama.devices(), lambda: rivals)


@pytest.mark.documents(id="readiness/identity/evidence")
def test_a_registered_firewall_is_identified(panorama: PanOsPanorama) -> None:
    result = identify(panorama, RUNNING)
    assert isinstance(result, Identity)
    assert result.serial == "S2"


@pytest.mark.documents(id="security/identity/host-name")
@pytest.mark.documents(id="security/identity/serial-tag")
@pytest.mark.documents(id="security/identity/foreign")
@pytest.mark.parametrize("serial", ["DC", "S1", "X"])
@pytest.mark.parametrize("exists", [True, False])
def test_a_forged_tag_identifies_no_firewall(
    panorama: PanOsPanorama, serial: str, *, exists: bool
) -> None:
    subject = Subject(ID, serial, IP if exists else None, exists)
    assert isinstance(identify(panorama, subject), Ambiguous)


def test_a_terminated_instance_waits_for_its_connected_firewall(panorama: PanOsPanorama) -> None:
    assert isinstance(identify(panorama, Subject(ID, exists=False)), Undecided)
