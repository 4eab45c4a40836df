"""What the tests of the acceptance run share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from acceptance.choices import Choices, Plan, make_plan
from acceptance.history import Interface, Machine, Snapshot
from acceptance.panorama import Device

START = 1_700_000_000.0 // 60 * 60
INSTANCE = "i-0123456789abcdef0"
ADDRESS, MAC, SERIAL = "10.110.10.57", "0a:11:22:33:44:55", "007951000012345"


def plan(example: str = "one-arm", **variables: Any) -> Plan:
    return make_plan(Choices(example=example, variables=variables), "run", None)


def interface(index: int) -> Interface:
    mac, address = (
        (MAC, ADDRESS) if index == 1 else (f"0a:00:00:00:00:0{index}", f"10.110.0.{index}")
    )
    return Interface(index, mac, address)


def machine(state: str = "running", *interfaces: Interface, tagged: bool = True) -> Machine:
    return Machine(state, tagged, SERIAL, {one.device_index: one for one in interfaces})


def device(hostname: str = INSTANCE, address: str = ADDRESS, *, connected: bool = True) -> Device:
    return Device(SERIAL, hostname, address, connected)


def snapshot(
    second: float,
    members: Mapping[str, str],
    machines: Mapping[str, Machine] | None = None,
    *devices: Device,
) -> Snapshot:
    return Snapshot(START + second, "phase", members, machines or {}, devices)
