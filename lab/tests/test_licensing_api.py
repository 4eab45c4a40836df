"""The licensing API with pan-python's client."""

import socket

import pan.licapi
import pytest

from vmseries_lab.core.world import World
from vmseries_lab.licensing_api import (
    API_KEY,
    AUTH_CODE,
    Licensing,
    LicensingRejectedError,
    PoolExhaustedError,
)
from vmseries_lab.net.certificates import LICENSING_NAME, Authority


@pytest.fixture
def world():
    return World()


@pytest.fixture
def authority():
    return Authority()


@pytest.fixture
def service(world, authority):
    service = Licensing(world, authority)
    yield service
    service.close()


@pytest.fixture
def client(service, authority, monkeypatch, tmp_path):
    """Returns clients that verify the certificate and resolve the API's host name to the lab."""
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *rest, **more: real("127.0.0.1", *rest, **more)
    )
    bundle = tmp_path / "ca.pem"
    bundle.write_text(authority.pem)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    monkeypatch.setenv("HOME", str(tmp_path))

    def make(key=API_KEY):
        return pan.licapi.PanLicapi(
            hostname=f"{LICENSING_NAME}:{service.server.port}", api_key=key, timeout=60
        )

    return make


def test_used_licenses_can_be_counted_over_the_api(service, client):
    first = service.activate(AUTH_CODE, "UUID-1", "CPU-1")
    second = service.activate(AUTH_CODE, "UUID-2", "CPU-2")
    service.return_license(first)
    answer = client().get(authcode=AUTH_CODE)
    assert answer.http_code == 200
    assert answer.json == {
        "AuthCode": AUTH_CODE,
        "UsedCount": 1,
        "TotalVMCount": 100,
        "UsedDeviceDetails": [{"UUID": "UUID-2", "CPUID": "CPU-2", "SerialNumber": second}],
    }


def test_a_firewall_without_internet_access_is_activated_through_the_api(service, client):
    answer = client().activate(authcode=AUTH_CODE, uuid="UUID-1", cpuid="CPU-1")
    serial = answer.json[0]["serialnumField"]
    assert service.pools[AUTH_CODE].used == {serial: ("UUID-1", "CPU-1")}


@pytest.mark.parametrize(
    ("key", "authcode", "status"), [("wrong", AUTH_CODE, 401), (API_KEY, "D0000000", 400)]
)
def test_errors_contain_the_reason(client, key, authcode, status):
    answer = client(key).get(authcode=authcode)
    assert answer.http_code == status
    assert answer.json["Message"]


def test_an_unknown_action(client):
    assert client().deactivate(encryptedtoken="token").http_code == 404


def test_a_pool_covers_so_many_and_no_more(service):
    service.configure(pool_size=1)
    serial = service.activate(AUTH_CODE, "UUID-1", "CPU-1")
    with pytest.raises(PoolExhaustedError):
        service.activate(AUTH_CODE, "UUID-2", "CPU-2")
    service.return_license(serial)
    assert service.activate(AUTH_CODE, "UUID-2", "CPU-2") != serial


def test_returning_a_license_twice_has_no_effect(world, service):
    serial = service.activate(AUTH_CODE, "UUID-1", "CPU-1")
    service.return_license(serial)
    service.return_license(serial)
    kinds = [entry.kind for entry in world.timeline.since()]
    assert kinds == ["license-activated", "license-returned"]


def test_no_firewall_is_licensed_while_the_service_is_down(service):
    service.configure(available=False)
    with pytest.raises(LicensingRejectedError, match="try again later"):
        service.activate(AUTH_CODE, "UUID-1", "CPU-1")
    service.configure(available=True)
    assert service.activate(AUTH_CODE, "UUID-1", "CPU-1")


def test_an_unknown_setting_is_rejected(service):
    with pytest.raises(ValueError, match="pool_sise"):
        service.configure(pool_sise=1)
