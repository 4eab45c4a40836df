"""The firewall client, against a server that returns recorded responses of the XML API."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

import pytest
import trustme

from component.fakes.xml_server import (
    KEY,
    UNUSABLE_RESPONSES,
    Answer,
    XmlApi,
    error,
    success,
)
from vmseries_autoscale.errors import (
    AutoscaleError,
    DeviceCertificateError,
    DeviceRefusedError,
)
from vmseries_autoscale.firewall import State
from vmseries_autoscale.firewall.client import PanOsFirewall
from vmseries_autoscale.secret_store import Credentials
from vmseries_autoscale.settings import FirewallApiSettings

NAME = "firewalls.example.com"
ADDRESS = "127.0.0.1"


def chassis(text: str) -> str:
    return success(f"<![CDATA[{text}\n]]>")


def jobs(*results: tuple[str, str, str]) -> str:
    return success(
        "".join(
            f"<job><id>{number}</id><type>{kind}</type><result>{result}</result></job>"
            for number, kind, result in results
        )
    )


@pytest.fixture(scope="module")
def server() -> Iterator[XmlApi]:
    with XmlApi(certified_name=NAME) as api:
        yield api


@pytest.fixture
def api(server: XmlApi) -> XmlApi:
    server.requests.clear()
    return server


def connect(api: XmlApi, server_name: str = NAME, ca_bundle: str | None = None) -> PanOsFirewall:
    settings = FirewallApiSettings(
        "arn:secret", api.port, server_name, timeout_seconds=api.client_timeout_seconds
    )
    administrator = Credentials("autoscale", KEY, None, ca_bundle or api.ca_bundle)
    return PanOsFirewall(ADDRESS, settings, administrator)


def test_the_client_connects_to_the_address_and_verifies_the_name(api: XmlApi) -> None:
    api.answers(success("<licenses/>"))
    assert connect(api).licenses() == []
    assert api.requests == [
        {"type": "op", "cmd": "<request><license><info /></license></request>", "key": KEY}
    ]


@pytest.mark.documents(id="readiness/gate/firewall-certificate")
@pytest.mark.parametrize(
    ("server_name", "ca_bundle"),
    [
        (ADDRESS, None),
        ("other.example.com", None),
        (NAME, trustme.CA().cert_pem.bytes().decode()),
    ],
    ids=["the address", "another name", "another CA"],
)
def test_nothing_is_sent_to_an_unverified_server(
    api: XmlApi, server_name: str, ca_bundle: str | None
) -> None:
    with pytest.raises(DeviceCertificateError, match="server_name"):
        connect(api, server_name, ca_bundle).state()
    assert api.requests == []


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        *UNUSABLE_RESPONSES,
        (Answer(error("A commit is pending. Please try again later.", "13")), DeviceRefusedError),
    ],
)
def test_each_unusable_response_raises_its_own_error(
    api: XmlApi, answer: Answer, expected: type[Exception]
) -> None:
    api.answers(answer)
    with pytest.raises(expected) as raised:
        connect(api).licenses()
    assert type(raised.value) is expected
    assert KEY not in str(raised.value)


LICENSING_KEY = "the/licensing+key=="
GENERATED_KEY = "a+generated/key=="


def forms(secret: str) -> tuple[str, ...]:
    return secret, quote(secret, safe=""), quote_plus(secret)


def test_no_error_quotes_the_licensing_key(api: XmlApi) -> None:
    """Finding F2: PAN-OS names the value that it refuses, "'x' is invalid"."""
    api.answers(error(" ".join(forms(LICENSING_KEY)) + " is invalid"))
    with pytest.raises(DeviceRefusedError, match="is invalid") as raised:
        connect(api).set_licensing_api_key(LICENSING_KEY)
    assert_hidden(raised.value, LICENSING_KEY)


@pytest.mark.parametrize(
    "answer",
    [
        error("the key {key} is invalid", "403"),
        error("the command of {key} is invalid"),
        "<response><result>{key}</result></response>",
        '<response status="success"><result>{key}',
    ],
)
def test_no_error_quotes_a_credential(api: XmlApi, answer: str) -> None:
    generated = Answer(success(f"<key>{GENERATED_KEY}</key>"))
    api.reply = lambda fields: (
        generated if fields["type"] == "keygen" else Answer(answer.format(key=fields["key"]))
    )
    for credentials, secret in (
        (Credentials("autoscale", KEY, None, api.ca_bundle), KEY),
        (Credentials("autoscale", None, "it's a password", api.ca_bundle), GENERATED_KEY),
    ):
        settings = FirewallApiSettings("arn:secret", api.port, NAME, timeout_seconds=30)
        with pytest.raises(AutoscaleError) as raised:
            PanOsFirewall(ADDRESS, settings, credentials).licenses()
        assert_hidden(raised.value, secret)


@pytest.mark.parametrize(
    "answer",
    [
        error("the password {password} is invalid", "403"),
        "<response><result><key>" + GENERATED_KEY + "</key></result></response>",
        success("<key>" + GENERATED_KEY + "</key>")[:-5],
    ],
)
def test_no_error_about_the_generation_of_a_key_quotes_a_secret(api: XmlApi, answer: str) -> None:
    api.reply = lambda fields: Answer(answer.replace("{password}", fields["password"]))
    settings = FirewallApiSettings("arn:secret", api.port, NAME, timeout_seconds=30)
    credentials = Credentials("autoscale", None, "it's a password", api.ca_bundle)
    with pytest.raises(AutoscaleError) as raised:
        PanOsFirewall(ADDRESS, settings, credentials).licenses()
    assert_hidden(raised.value, "it's a password")
    assert_hidden(raised.value, GENERATED_KEY)


def assert_hidden(raised: BaseException, secret: str) -> None:
    """Assert that neither the error nor its traceback has a secret in any form."""
    text = "".join(traceback.format_exception(raised))
    assert not [form for form in forms(secret) if form in text]


@pytest.mark.parametrize(
    ("chassis_answer", "known_jobs", "expected", "ready"),
    [
        ("yes", [("1", "AutoCom", "OK")], State(True, "OK"), True),
        ("no", [("1", "AutoCom", "OK")], State(False, "OK"), False),
        ("yes", [], State(True, None), False),
        ("yes", [("1", "AutoCom", "PEND")], State(True, "PEND"), False),
        ("yes", [("1", "AutoCom", "FAIL"), ("2", "Commit", "OK")], State(True, "FAIL"), False),
        # After a restart, such as the one after licensing, the firewall commits again.
        ("yes", [("9", "AutoCom", "FAIL"), ("12", "AutoCom", "OK")], State(True, "OK"), True),
    ],
)
def test_the_state_shows_the_progress_of_the_boot(
    api: XmlApi,
    chassis_answer: str,
    known_jobs: list[tuple[str, str, str]],
    expected: State,
    ready: bool,
) -> None:
    api.answers(chassis(chassis_answer), jobs(*known_jobs))
    state = connect(api).state()
    assert state == expected
    assert state.ready is ready
    assert [request["cmd"] for request in api.requests[:2]] == [
        "<show><chassis-ready /></show>",
        "<show><jobs><all /></jobs></show>",
    ]


@pytest.mark.parametrize(
    ("serial", "expected"), [("007951000012345", "007951000012345"), ("unknown", None), ("", None)]
)
def test_a_firewall_without_license_has_no_serial(
    api: XmlApi, serial: str, expected: str | None
) -> None:
    api.answers(success(f"<system><serial>{serial}</serial></system>"))
    assert connect(api).serial() == expected


# A firewall that was taken over may respond anything.


@pytest.mark.documents(id="readiness/gate/hostile-firewall")
@pytest.mark.parametrize(
    "serial", ["'", "../etc", "1" * 33, "1" * 5000, "\u0661", "a b", "&lt;a/&gt;"]
)
def test_a_text_that_is_not_a_serial_number_is_an_error(api: XmlApi, serial: str) -> None:
    """F4: the serial number goes into a tag and into messages to operators."""
    api.answers(success(f"<system><serial>{serial}</serial></system>"))
    with pytest.raises(DeviceRefusedError, match="it does not report a serial number") as raised:
        connect(api).serial()
    assert len(str(raised.value)) < 1200


@pytest.mark.parametrize("odd", ["", "abc", "-1", "9" * 5000])
def test_a_job_without_a_number_does_not_hide_the_auto_commit(api: XmlApi, odd: str) -> None:
    api.answers(chassis("yes"), jobs((odd, "AutoCom", "FAIL"), ("3", "AutoCom", "OK")))
    assert connect(api).state() == State(True, "OK")


def test_the_names_of_licenses_are_cut(api: XmlApi) -> None:
    entries = f"<entry><feature>VM-300 {'x' * 5000}</feature></entry><entry/>"
    api.answers(success(f"<licenses>{entries}</licenses>"))
    assert connect(api).licenses() == ["VM-300 " + "x" * 993 + "…"]
