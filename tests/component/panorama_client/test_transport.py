"""Keys, certificates, refusals and time limits of the Panorama client, and shared calls."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import trustme
from botocore.exceptions import ClientError

from component.fakes.panorama_api import (
    OK,
    QUEUED,
    SERIAL,
)
from component.fakes.settings import of_server
from component.fakes.xml_server import KEY, Answer, XmlApi, credentials, error, success
from vmseries_autoscale import call_slots
from vmseries_autoscale.aws import clients
from vmseries_autoscale.errors import (
    AutoscaleError,
    DeviceAccessError,
    DeviceBusyError,
    DeviceCertificateError,
    DeviceRefusedError,
    DeviceTimeoutError,
    DeviceUnavailableError,
    FirewallNotConnectedError,
    FullCommitRequiredError,
    ObjectReferencedError,
    SecretError,
)
from vmseries_autoscale.panorama import Part
from vmseries_autoscale.panorama.client import PanOsPanorama, connect_to_active
from vmseries_autoscale.secret_store import Credentials

# Keys and certificates.


@pytest.mark.documents(id="failure-modes/D13")
def test_special_characters_in_the_api_key_are_preserved(
    api: XmlApi, panorama: PanOsPanorama
) -> None:
    panorama.remove(Part.MANAGED_DEVICES, SERIAL)
    assert api.requests == [
        {
            "type": "config",
            "action": "delete",
            "xpath": f"/config/mgt-config/devices/entry[@name='{SERIAL}']",
            "key": KEY,
        }
    ]


@pytest.mark.documents(id="failure-modes/D13")
def test_a_password_is_exchanged_for_a_key_once(api: XmlApi) -> None:
    api.answers(f'<response status="success"><result><key>{KEY}</key></result></response>', OK)
    password_only = Credentials("autoscale", None, "it's a password", api.ca_bundle)
    panorama = connect_to_active(of_server(api), password_only)
    panorama.remove(Part.MANAGED_DEVICES, SERIAL)
    panorama.remove(Part.MANAGED_DEVICES, SERIAL)
    keygen, *deletes = api.requests
    assert keygen == {"type": "keygen", "user": "autoscale", "password": "it's a password"}
    assert [request["key"] for request in deletes] == [KEY, KEY]
    assert not any("password" in request for request in deletes)


@pytest.mark.documents(id="failure-modes/D12")
@pytest.mark.documents(id="panorama/contention/certificate")
@pytest.mark.parametrize(
    "secret",
    [
        Credentials("autoscale", KEY, None, trustme.CA().cert_pem.bytes().decode()),
        Credentials("autoscale", None, "secret", trustme.CA().cert_pem.bytes().decode()),
        Credentials("autoscale", KEY, None, None),
    ],
    ids=["another CA, key", "another CA, password", "system trust"],
)
def test_nothing_is_sent_to_an_unverified_server(api: XmlApi, secret: Credentials) -> None:
    panorama = connect_to_active(of_server(api), secret)
    with pytest.raises(DeviceCertificateError):
        panorama.devices()
    assert api.requests == []


def test_a_certificate_for_another_name_is_refused() -> None:
    with XmlApi(certified_name="panorama.example.com") as api:
        panorama = connect_to_active(of_server(api), credentials(api))
        with pytest.raises(DeviceCertificateError):
            panorama.devices()
        assert api.requests == []


def test_an_invalid_ca_bundle_is_reported(api: XmlApi) -> None:
    with pytest.raises(SecretError, match="ca_bundle"):
        connect_to_active(of_server(api), replace(credentials(api), ca_bundle="not PEM"))


# Unusable responses.


@pytest.mark.documents(id="panorama/contention/access")
@pytest.mark.documents(id="panorama/contention/bad-response")
@pytest.mark.documents(id="panorama/contention/timeout")
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(status=403, body=error("Invalid Credential", "403")), DeviceAccessError),
        (Answer(status=401), DeviceAccessError),
        (Answer(status=502), DeviceUnavailableError),
        (Answer(status=503), DeviceUnavailableError),
        (Answer(delay=1.5), DeviceTimeoutError),
        (Answer(reset=True), DeviceUnavailableError),
        (Answer(body="<response status=", claimed_length=500), DeviceUnavailableError),
        (Answer(body="not XML"), DeviceUnavailableError),
        (Answer(body="<response/>"), DeviceUnavailableError),
        (Answer(body=b"\xff\xfe"), DeviceUnavailableError),
        (Answer(body="<html/>", content_type="text/html"), DeviceUnavailableError),
    ],
    ids=lambda value: str(value)[:60],
)
def test_each_unusable_response_raises_its_own_error(
    api: XmlApi, panorama: PanOsPanorama, answer: Answer, expected: type[AutoscaleError]
) -> None:
    api.answers(answer)
    with pytest.raises(AutoscaleError) as raised:
        panorama.commits()
    assert type(raised.value) is expected
    assert KEY not in str(raised.value)


def test_a_closed_port_makes_panorama_unavailable(api: XmlApi) -> None:
    settings = replace(of_server(api), port=1)
    with pytest.raises(DeviceUnavailableError):
        connect_to_active(settings, credentials(api)).devices()


# Refusals, with recorded or documented texts.


BUSY = [
    ("A commit is pending. Please try again later.", "13"),
    ("Another commit/validate is in progress. Please try again later.", "13"),
    ("A commit is in progress.", None),
    ("Timed out while getting config lock. Please try again.", None),
    ("Other administrators are holding device wide commit locks.", "14"),
    ("Other administrators are holding commit locks.", None),
    ("Configuration is locked by operator", None),
    ("Config for scope shared is currently locked by operator", None),
    ("Commit lock is already held by operator", None),
    ("You cannot commit while an install is in progress. Please try again later.", None),
    ("Session timed out", "22"),
    ("Failed to synchronize running configuration with HA peer", None),
    ("Another sync is in progress. Please try again later", None),
    ("Local commit jobs are queued. Revert operation is not allowed.", None),
    ("The commit queue is full. Please try again later.", None),
    ("Maximum number of commit jobs queued. Try later.", None),
    ("Operation denied on a passive device", "15"),
]


@pytest.mark.documents(id="panorama/contention/commit")
@pytest.mark.documents(id="panorama/contention/queue-full")
@pytest.mark.parametrize(("text", "code"), BUSY, ids=[text for text, _ in BUSY])
def test_a_temporary_refusal_is_a_busy_error(
    api: XmlApi, panorama: PanOsPanorama, text: str, code: str | None
) -> None:
    api.answers(error(text, code))
    with pytest.raises(DeviceBusyError):
        panorama.commit("description")
    with pytest.raises(DeviceBusyError):
        panorama.remove(Part.MANAGED_DEVICES, SERIAL)


REFUSALS = [
    ("Invalid credentials.", None, DeviceAccessError),
    ("Unauthorized request", "16", DeviceAccessError),
    (f"{SERIAL} not connected", None, FirewallNotConnectedError),
    (
        f"{SERIAL} cannot be deleted because of references from:",
        "10",
        ObjectReferencedError,
    ),
    (
        "Partial revert is not allowed. Full system commit must be completed.",
        "13",
        FullCommitRequiredError,
    ),
    ("Malformed command", "18", DeviceRefusedError),
    ("", "12", DeviceRefusedError),
]


@pytest.mark.parametrize(
    ("text", "code", "expected"), REFUSALS, ids=[text or "no text" for text, *_ in REFUSALS]
)
def test_each_other_refusal_has_its_own_error(
    api: XmlApi,
    panorama: PanOsPanorama,
    text: str,
    code: str | None,
    expected: type[AutoscaleError],
) -> None:
    api.answers(error(text, code))
    with pytest.raises(AutoscaleError) as raised:
        panorama.remove(Part.MANAGED_DEVICES, SERIAL)
    assert type(raised.value) is expected
    if isinstance(raised.value, DeviceRefusedError):
        assert raised.value.code == code


def test_an_error_does_not_affect_the_next_request(api: XmlApi, panorama: PanOsPanorama) -> None:
    api.answers(error("whatever", "16"), Answer(status=502))
    with pytest.raises(DeviceAccessError):
        panorama.commits()
    with pytest.raises(DeviceUnavailableError):
        panorama.commits()


# Time limits and server names.


@pytest.mark.documents(id="panorama/contention/slow-license-server")
def test_a_license_request_may_take_longer_than_others(api: XmlApi) -> None:
    """F9, F10: a list that takes too long is an error; a license request has more time."""
    settings = replace(of_server(api), timeout_seconds=1)
    panorama = connect_to_active(settings, credentials(api))
    api.answers(Answer(success("<job>5</job>"), delay=1.4))
    assert panorama.batch_deactivate([SERIAL]) == "5"
    with pytest.raises(DeviceTimeoutError):
        panorama.commits()


def test_a_certificate_of_another_name_is_verified_for_the_server_name() -> None:
    """F10e: a Panorama that is addressed by address, or has the certificate it was born with."""
    with XmlApi(certified_name="panorama.example.com") as api:
        api.answers(OK)
        named = replace(of_server(api), server_name="panorama.example.com")
        connect_to_active(named, credentials(api)).remove(Part.MANAGED_DEVICES, SERIAL)
        assert len(api.requests) == 1
        other = replace(of_server(api), server_name="other.example.com")
        with pytest.raises(DeviceCertificateError):
            connect_to_active(other, credentials(api)).remove(Part.MANAGED_DEVICES, SERIAL)


# Calls that several deployments share.


class Slots:
    """A table of slots, which are free or all taken."""

    def __init__(self, api: XmlApi) -> None:
        self.api = api
        self.taken = False
        self.seen: list[tuple[str, int]] = []

    def put_item(self, **request: Any) -> None:
        self.seen.append((request["ConditionExpression"], len(self.api.requests)))
        if self.taken:
            code = {"Error": {"Code": "ConditionalCheckFailedException", "Message": "taken"}}
            raise ClientError(code, "PutItem")


@pytest.fixture
def slots(api: XmlApi, monkeypatch: pytest.MonkeyPatch) -> Slots:
    slots = Slots(api)
    monkeypatch.setattr(clients, "dynamodb", lambda: slots)
    monkeypatch.setattr(call_slots, "WAIT_SECONDS", 0.0)
    return slots


def sharing(api: XmlApi) -> PanOsPanorama:
    settings = replace(of_server(api), call_slots_table_arn="arn:table")
    return connect_to_active(settings, credentials(api))


@pytest.mark.documents(id="panorama/contention/five-calls-together")
def test_each_call_takes_a_slot_and_gives_it_back(api: XmlApi, slots: Slots) -> None:
    api.answers(Answer(QUEUED))
    panorama = sharing(api)
    for _ in range(2):
        panorama.commit("fw")
    free, ours = "attribute_not_exists(slot_id) OR lease_end <= :now", "holder = :holder"
    assert slots.seen == [(free, 0), (ours, 1), (free, 1), (ours, 2)]


@pytest.mark.documents(id="panorama/contention/five-calls-together")
def test_a_call_without_a_slot_is_not_made_and_is_no_error(api: XmlApi, slots: Slots) -> None:
    slots.taken = True
    with pytest.raises(DeviceBusyError, match="5 calls to Panorama"):
        sharing(api).commit("fw")
    assert api.requests == []


def test_a_deployment_alone_needs_no_table(
    api: XmlApi, panorama: PanOsPanorama, slots: Slots
) -> None:
    api.answers(Answer(QUEUED))
    panorama.commit("fw")
    assert slots.seen == []
