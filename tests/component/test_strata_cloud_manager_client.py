"""The client of Strata Cloud Manager's API, against the lab's over TLS."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element

import pytest

from component.fakes import lab_panorama, settings
from vmseries_autoscale.errors import (
    DeviceAccessError,
    DeviceBusyError,
    DeviceCertificateError,
    DeviceTimeoutError,
    DeviceUnavailableError,
    SecretError,
)
from vmseries_autoscale.secret_store import StrataCloudManagerCredentials
from vmseries_autoscale.settings import StrataCloudManagerSettings
from vmseries_autoscale.strata_cloud_manager import answers
from vmseries_autoscale.strata_cloud_manager.client import (
    TOKEN_PATH,
    StrataCloudManagerClient,
    forget_tokens,
)
from vmseries_lab.core.world import World
from vmseries_lab.net.https import Request, Response
from vmseries_lab.strata_cloud_manager import (
    CLIENT_ID,
    CLIENT_SECRET,
    FIRST_PUSH_SECONDS,
    FOLDER,
    OTHER_FOLDER,
    TOKEN_SECONDS,
    TSG_ID,
)

DEVICES = "/config/setup/v1/devices"


@dataclass
class Firewall:
    """What Strata Cloud Manager needs of a firewall."""

    serial: str
    hostname: str = "ip-10-0-1-7"
    ip_address: str = "10.0.1.7"
    mac: str = "0a:1b:2c:3d:4e:5f"
    sw_version: str = "11.2.15"

    def receive(self, configuration: list[Element]) -> None:
        pass


@dataclass
class Site:
    """The lab's tenant."""

    world: World
    vendor: Any
    clients: list[StrataCloudManagerClient] = field(default_factory=list)

    @property
    def strata(self) -> Any:
        return self.vendor.strata

    def client(self, *, timeout_seconds: int = 5, **changes: Any) -> StrataCloudManagerClient:
        given = {
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "tsg_id": TSG_ID,
            "ca_bundle": self.vendor.authority.pem,
        }
        shown = settings.strata_cloud_manager(timeout_seconds=timeout_seconds)
        return StrataCloudManagerClient(
            StrataCloudManagerSettings(**shown),
            StrataCloudManagerCredentials(**{**given, **changes}),
            self.world.clock.now,
        )

    def register(self, number: int = 1, folder: str = FOLDER) -> str:
        serial = f"{7951000000000 + number:015d}"
        self.strata.register(Firewall(serial), folder, certificate=True)
        return serial

    def answer(self, replaced: dict[str, Response]) -> None:
        """Answer the requests for these paths in another way."""
        self.strata.api.intercept = lambda request, _connection, effect: (
            replaced.get(request.path) or effect()
        )


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    world = World()
    forget_tokens()
    with lab_panorama.installed(world) as vendor:
        real = socket.getaddrinfo

        def resolve(host: Any, port: Any, *rest: Any, **more: Any) -> Any:
            if (served := world.hosts.get(f"{host}:{port}")) is None:
                return real(host, port, *rest, **more)
            address, _, at = served.rpartition(":")
            return real(address, int(at), *rest, **more)

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        yield Site(world, vendor)
    forget_tokens()


@pytest.mark.parametrize("field_name", ["id", "name", "serial-number"])
def test_a_firewall_is_read_whichever_field_has_its_serial_number(
    site: Site, field_name: str
) -> None:
    site.world.assumptions.set(strata_serial_field=field_name)
    serial = site.register()
    (firewall,) = site.client().firewalls()
    assert (firewall.serial, firewall.folder, firewall.connected) == (serial, FOLDER, True)
    assert (firewall.ip_address, firewall.mac) == ("10.0.1.7", "0a:1b:2c:3d:4e:5f")


def test_all_pages_are_read_with_one_token(site: Site) -> None:
    serials = {site.register(number) for number in range(450)}
    assert {item.serial for item in site.client().firewalls()} == serials
    assert site.strata.requests == [TOKEN_PATH, *[DEVICES] * 3]
    site.client().running_versions()
    assert site.strata.requests.count(TOKEN_PATH) == 1, "another connection uses the same token"


def test_a_token_is_replaced_before_it_ends_and_when_it_is_revoked(site: Site) -> None:
    site.client().firewalls()
    site.world.clock.jump(TOKEN_SECONDS - 59)
    site.client().firewalls()
    assert site.strata.requests.count(TOKEN_PATH) == 2
    site.strata.revoke_tokens()
    site.client().firewalls()
    assert site.strata.requests.count(TOKEN_PATH) == 3


@pytest.mark.parametrize("answer", ["absent", "listed"])
def test_running_versions_are_those_of_firewalls_and_perhaps_of_folders(
    site: Site, answer: str
) -> None:
    site.world.assumptions.set(strata_running_folder=answer)
    serial = site.register()
    assert serial not in site.client().running_versions()
    site.strata.push()
    versions = site.client().running_versions()
    assert versions[serial] == site.strata.folders[FOLDER]
    assert (FOLDER in versions) is (answer == "listed")


def test_the_job_of_a_failed_first_push_is_read(site: Site) -> None:
    site.world.assumptions.set(strata_first_push="pushes")
    serial = site.register()
    site.strata.configure(failing=[serial])
    site.strata.tick(site.world.clock.now() + FIRST_PUSH_SECONDS)
    newest, first = site.client().jobs()
    assert (newest.device_name, newest.finished, newest.failed) == (serial, True, True)
    assert newest.text == "FAIL: Configuration push failed: validation failed"
    assert (first.finished, first.failed) == (False, False)


def test_folders_are_found_by_their_exact_names(site: Site) -> None:
    client = site.client()
    assert client.has_folder(OTHER_FOLDER)
    assert not client.has_folder("Branches")


@pytest.mark.parametrize(
    "changes",
    [{"client_secret": "another-secret-of-the-account"}, {"client_id": "nobody"}, {"tsg_id": "7"}],
)
def test_rejected_credentials_are_named_and_not_quoted(site: Site, changes: dict[str, str]) -> None:
    with pytest.raises(DeviceAccessError, match="client_id, client_secret or tsg_id") as caught:
        site.client(**changes).firewalls()
    assert "another-secret" not in str(caught.value)
    assert CLIENT_SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (403, DeviceAccessError),
        (429, DeviceBusyError),
        (500, DeviceUnavailableError),
        (504, DeviceUnavailableError),
    ],
)
def test_a_refusal_is_named_with_its_reason(
    site: Site, status: int, error: type[Exception]
) -> None:
    body = b'{"_errors": [{"code": "E007", "message": "Unauthorized"}]}'
    site.answer({DEVICES: Response(body, "application/json", status)})
    with pytest.raises(error, match=f"HTTP {status}: E007 Unauthorized"):
        site.client().firewalls()


def test_a_refusal_that_repeats_the_secret_does_not_show_it(site: Site) -> None:
    body = f'{{"_errors": [{{"code": "E003", "message": "{CLIENT_SECRET}"}}]}}'.encode()
    site.answer({DEVICES: Response(body, "application/json", 403)})
    with pytest.raises(DeviceAccessError) as caught:
        site.client().firewalls()
    assert CLIENT_SECRET not in str(caught.value)


def test_a_refusal_that_repeats_the_token_does_not_show_it(site: Site) -> None:
    site.strata.configure(quotes_token=True)
    with pytest.raises(DeviceAccessError, match=r"HTTP 403: E007 \*\*\* may not"):
        site.client().firewalls()


@pytest.mark.parametrize(
    "body",
    [
        b'{"data": [], "total": 1}',
        b'{"data": [{}, {}], "total": 1}',
    ],
)
def test_a_list_that_is_not_complete_is_not_believed(site: Site, body: bytes) -> None:
    site.answer({DEVICES: Response(body, "application/json")})
    with pytest.raises(DeviceBusyError, match="may have changed"):
        site.client().firewalls()


@pytest.mark.parametrize("body", [b"<html>", b'{"data": null}', b"[]", b"7"])
def test_an_answer_in_another_format_is_an_error(site: Site, body: bytes) -> None:
    site.answer({DEVICES: Response(body, "application/json")})
    with pytest.raises(DeviceUnavailableError):
        site.client().firewalls()


def test_an_answer_has_a_limited_size(site: Site) -> None:
    site.answer({DEVICES: Response(b" " * 2**20, "application/json", repeat=None)})
    with pytest.raises(DeviceUnavailableError, match=f"more than {answers.MAXIMUM_BYTES} bytes"):
        site.client().firewalls()


def test_a_server_that_another_authority_certified_gets_no_credential(site: Site) -> None:
    site.strata.identity.behave(wrong_certificate=True)
    received: list[Request] = []
    site.strata.identity.intercept = lambda request, _connection, effect: (
        received.append(request) or effect()
    )
    with pytest.raises(DeviceCertificateError, match="not trusted"):
        site.client().firewalls()
    assert received == []


def test_a_server_that_refuses_or_hangs_is_unavailable(site: Site) -> None:
    client = site.client(timeout_seconds=1)
    client.firewalls()
    site.strata.api.behave(mode="hanging")
    with pytest.raises(DeviceTimeoutError, match="within 1 s"):
        client.firewalls()
    site.strata.api.behave(mode="refusing")
    with pytest.raises(DeviceUnavailableError, match="route to port 443"):
        client.firewalls()


def test_a_bundle_that_is_not_in_pem_format_is_an_error(site: Site) -> None:
    with pytest.raises(SecretError, match="PEM"):
        site.client(ca_bundle="no certificate")
