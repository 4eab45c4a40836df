"""Rows D1 to D13 of docs/proofs/failure-modes.md that no other test covers."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest
from component.fakes import settings
from component.fakes.driver import MINUTE, SETTINGS, Fleet, configure
from component.fakes.secrets_manager import PANORAMA_SECRET
from failure_modes.rows import finish_termination, launch_into_service

from vmseries_autoscale import secret_store
from vmseries_autoscale.errors import (
    PANORAMA,
    DeviceAccessError,
    DeviceRefusedError,
    DeviceUnavailableError,
    PanOsError,
)
from vmseries_autoscale.panorama.client import connect_to_active
from vmseries_autoscale.secret_store import Credentials
from vmseries_autoscale.settings import LaunchSettings, TerminateSettings


@pytest.mark.documents(id="failure-modes/D1")
@pytest.mark.parametrize(
    "error",
    [
        DeviceAccessError(PANORAMA, "wrong key"),
        DeviceRefusedError(PANORAMA, "17", "the plugin is not installed"),
        ValueError("an unexpected response"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("method", ["batch_deactivate", "job", "commit"])
def test_d1_a_termination_continues_after_any_panorama_error(
    fleet: Fleet, method: str, error: Exception
) -> None:
    instance_id = launch_into_service(fleet)
    serial = fleet.serials[instance_id]

    def fail(name: str) -> None:
        if name == method:
            raise error

    fleet.panorama.fail = fail
    fleet.scale_in(instance_id)
    for _ in range(10):
        fleet.visit("terminate")
        fleet.pass_time(5 * MINUTE)
    assert fleet.aws.members[instance_id].state == "Terminating:Wait"
    assert len(fleet.aws.attached(instance_id)) == 3

    fleet.panorama.fail = lambda _name: None
    finish_termination(fleet, instance_id)
    assert not fleet.panorama.licensed[serial]
    assert fleet.remaining(instance_id) == []


@pytest.mark.documents(id="failure-modes/D3")
def test_d3_the_management_interface_may_be_at_any_index(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    launch = json.loads(json.dumps(SETTINGS[LaunchSettings]))
    launch["interfaces"]["management"]["device_index"] = 2
    launch["interfaces"]["untrust"]["device_index"] = 1
    terminate = {**SETTINGS[TerminateSettings], "management_device_index": 2, "target_groups": {}}
    configure(monkeypatch, {LaunchSettings: launch, TerminateSettings: terminate})
    instance_id = launch_into_service(fleet, hostname="PA-VM")
    # Only the address identifies the firewall.
    assert fleet.aws.record(instance_id).evidence == {"management-ip"}
    del fleet.aws.items[instance_id]
    fleet.scale_in(instance_id)
    finish_termination(fleet, instance_id)
    assert not fleet.panorama.licensed[fleet.serials[instance_id]]


@pytest.mark.documents(id="failure-modes/D4")
def test_d4_a_firewall_behind_nat_is_identified_by_its_own_address(fleet: Fleet) -> None:
    """Panorama lists the management address of the firewall, not that of the connection."""
    instance_id = launch_into_service(fleet, hostname="PA-VM")
    fleet.scale_in(instance_id)
    finish_termination(fleet, instance_id)
    assert not fleet.panorama.licensed[fleet.serials[instance_id]]
    assert fleet.remaining(instance_id) == []


@pytest.mark.documents(id="failure-modes/D4")
def test_d4_a_firewall_at_another_address_is_not_touched(fleet: Fleet) -> None:
    """The other answer: its host name alone does not show that it is the instance's."""
    instance_id = fleet.launch()
    fleet.visit_all("launch")
    serial = fleet.boot(instance_id, ip_address="203.0.113.9")
    fleet.pass_time(60 * MINUTE)
    fleet.visit_all("launch")
    finish_termination(fleet, instance_id)
    assert fleet.panorama.licensed[serial]
    assert fleet.panorama.entries() == 4


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never responds."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.documents(id="failure-modes/D8")
def test_d8_two_unresponsive_panoramas_time_out_within_seconds(silent_port: int) -> None:
    pair = settings.of_panorama(silent_port, hostnames=("localhost", "127.0.0.1"))
    with pytest.raises(DeviceUnavailableError):
        connect_to_active(pair, Credentials("autoscale", "key", None, None))
    assert issubclass(DeviceUnavailableError, PanOsError), "which later visits retry"


@pytest.mark.documents(id="failure-modes/D11")
@pytest.mark.parametrize("password", ["it's", 'a "quoted" one', "back\\slash", "ümläut & <tag>"])
def test_d11_a_password_may_contain_any_character(fleet: Fleet, password: str) -> None:
    secret = json.dumps({"username": "o'brien", "password": password})
    fleet.aws.secrets[PANORAMA_SECRET] = secret
    with fleet.aws.invocation("terminate", None):
        read = secret_store.administrator_credentials(PANORAMA_SECRET)
    assert read == Credentials("o'brien", None, password, None)
