"""A firewall at any management address, as the client of its API shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from component.fakes import settings
from component.fakes.cloud import SERIAL
from vmseries_autoscale.firewall import State
from vmseries_autoscale.pan_os.system_info import SystemInfo
from vmseries_autoscale.settings import FirewallApiSettings

READY = State(chassis_ready=True, auto_commit="OK")


@dataclass
class FakeFirewall:
    """The firewall.

    Attributes:
        addresses: The addresses that a client connected to.
        fail: Called first with the name of each method; raises the error of that method.
        works: Whether a deactivation returns the license at once.
    """

    now: State = READY
    number: str | None = SERIAL
    licensed: list[str] = field(default_factory=lambda: ["VM-Capacity"])
    key: str = ""
    addresses: list[str] = field(default_factory=list)
    fail: Callable[[str], None] = lambda _name: None
    works: bool = True

    def connect(self, api_settings: FirewallApiSettings, address: str) -> FakeFirewall:
        assert api_settings.server_name == settings.SERVER_NAME
        self.addresses.append(address)
        return self

    def state(self) -> State:
        self.fail("state")
        return self.now

    def serial(self) -> str | None:
        self.fail("serial")
        return self.number

    def licenses(self) -> list[str]:
        self.fail("licenses")
        return list(self.licensed)

    def system_info(self) -> SystemInfo:
        self.fail("system_info")
        return SystemInfo(self.number, vm_license="VM-SERIES-4" if self.licensed else "none")

    def valid_licenses(self) -> list[str]:
        return self.licenses()

    def set_licensing_api_key(self, api_key: str) -> None:
        self.fail("set_licensing_api_key")
        self.key = api_key

    def deactivate_license(self) -> bool:
        self.fail("deactivate_license")
        if self.works:
            self.licensed.clear()
        return self.works


def raising(error: Exception) -> Callable[[str], None]:
    """Let every method raise an error."""

    def fail(_name: str) -> None:
        raise error

    return fail
