"""The license commands of a firewall, the same directly and through Panorama.

Contract tests: every test runs with both connections to a firewall, against a server that returns
recorded responses of the XML API.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from defusedxml.ElementTree import fromstring

from component.fakes import settings
from component.fakes.xml_server import (
    KEY,
    UNUSABLE_RESPONSES,
    Answer,
    XmlApi,
    error,
    success,
)
from vmseries_autoscale.errors import (
    PANORAMA,
    AutoscaleError,
    DeviceBusyError,
    DeviceRefusedError,
    FirewallNotConnectedError,
    LicenseServerUnreachableError,
    LicensingKeyError,
    PanOsError,
)
from vmseries_autoscale.firewall.client import PanOsFirewall
from vmseries_autoscale.firewall_records import FirewallRecord
from vmseries_autoscale.licensing import by_firewall
from vmseries_autoscale.licensing.evidence import Observations
from vmseries_autoscale.pan_os.license_commands import LicenseCommands
from vmseries_autoscale.pan_os.system_info import SystemInfo
from vmseries_autoscale.panorama.client import PanOsPanorama
from vmseries_autoscale.secret_store import Credentials
from vmseries_autoscale.settings import FirewallApiSettings

SERIAL = "007951000012345"
ADDRESS = "127.0.0.1"
ROUTES = ("through Panorama", "directly")

OK = '<response status="success" code="20"><msg>command succeeded</msg></response>'
LICENSED = """<response status="success"><result><licenses>
<entry><feature>PA-VM</feature></entry><entry><feature>Threat Prevention</feature></entry>
</licenses></result></response>"""
UNLICENSED = '<response status="success"><result><licenses/></result></response>'


@dataclass(frozen=True)
class Route:
    """A connection to a firewall, directly or through Panorama.

    Attributes:
        device: The device that its errors name.
        target: The serial number to which Panorama forwards each request.
        busy: The error of a device that is busy; only Panorama can be.
        not_connected: The error for a firewall that Panorama is not connected to.
    """

    commands: LicenseCommands
    device: str
    target: str | None
    busy: type[AutoscaleError]
    not_connected: type[AutoscaleError]


@pytest.fixture(scope="module")
def server() -> Iterator[XmlApi]:
    with XmlApi() as api:
        yield api


@pytest.fixture
def api(server: XmlApi) -> XmlApi:
    server.requests.clear()
    server.answers(OK)
    return server


@pytest.fixture(params=ROUTES)
def route(request: pytest.FixtureRequest, api: XmlApi) -> Route:
    answer = request.node.callspec.params.get("answer")
    if isinstance(answer, Answer):
        api.answers(answer)  # Sets the timeout of the client.
    credentials = Credentials("autoscale", KEY, None, api.ca_bundle)
    if request.param == "directly":
        timeout = api.client_timeout_seconds
        own_api = FirewallApiSettings("arn:secret", api.port, "localhost", timeout)
        firewall = PanOsFirewall(ADDRESS, own_api, credentials)
        device = f"firewall {ADDRESS}"
        return Route(firewall, device, None, DeviceRefusedError, DeviceRefusedError)
    panorama = PanOsPanorama(
        "localhost",
        settings.of_server(api),
        credentials,
    )
    commands = panorama.firewall(SERIAL)
    return Route(commands, PANORAMA, SERIAL, DeviceBusyError, FirewallNotConnectedError)


def test_licenses_are_read_from_the_firewall(api: XmlApi, route: Route) -> None:
    api.answers(LICENSED, UNLICENSED)
    assert route.commands.licenses() == ["PA-VM"]
    assert route.commands.licenses() == []
    assert [request.get("target") for request in api.requests] == [route.target] * 2
    assert api.requests[0]["cmd"] == "<request><license><info /></license></request>"
    assert api.requests[0]["key"] == KEY


LEFT_OVER = """<response status="success"><result><licenses>
<entry><feature>Logging Service</feature><description>Device Logging Service</description>
<expired>no</expired><base-license-name>PA-VM</base-license-name></entry>
<entry><feature>Premium</feature><description>24 x 7 phone support</description></entry>
<entry><feature>Advanced DNS Security</feature><base-license-name>PA-VM</base-license-name></entry>
</licenses></result></response>"""


@pytest.mark.documents(id="readiness/gate/other-license")
def test_one_leftover_license_feature_is_no_capacity_license(api: XmlApi, route: Route) -> None:
    """F5: which features survive the deactivation of the capacity license is not recorded."""
    api.answers(LEFT_OVER)
    assert route.commands.licenses() == []
    assert route.commands.valid_licenses() == []


@pytest.mark.documents(id="readiness/gate/other-license")
@pytest.mark.parametrize(
    "feature", ["PA-VM", "VM-Capacity", "VM-Series Capacity", "VM-300", "VM-SERIES-4", "vm-flex-8"]
)
def test_an_expired_capacity_license_counts_at_the_end_but_not_at_launch(
    api: XmlApi, route: Route, feature: str
) -> None:
    """F5: an expired license does not pass traffic, but may have to be returned."""
    entry = f"<entry><feature>{feature}</feature><expired>%s</expired></entry>"
    api.answers(*(success(f"<licenses>{entry % expired}</licenses>") for expired in ("no", "yes")))
    assert route.commands.valid_licenses() == [feature]
    assert route.commands.valid_licenses() == []
    assert route.commands.licenses() == [feature]


SYSTEM = """<response status="success"><result><system><hostname>ip-10-0-1-7</hostname>
<ip-address>10.0.1.7</ip-address><mac-address>0A:1B:2C:3D:4E:5F</mac-address>
<serial>007951000012345</serial><vm-license>%s</vm-license>
<vm-cpuid>AWSMP:0123456789abcdef0:6njl1pau431dv1qxipg63mvah:us-east-1</vm-cpuid>
<model>PA-VM</model></system></result></response>"""


def test_a_firewall_says_its_address_and_its_capacity_license(api: XmlApi, route: Route) -> None:
    """F5, F8: evidence of identity that needs no host name."""
    api.answers(SYSTEM % "VM-SERIES-4", SYSTEM % "none", SYSTEM % "")
    assert route.commands.system_info() == SystemInfo(
        serial="007951000012345",
        hostname="ip-10-0-1-7",
        management_ip="10.0.1.7",
        mac="0a:1b:2c:3d:4e:5f",
        vm_license="VM-SERIES-4",
        cpu_id="AWSMP:0123456789abcdef0:6njl1pau431dv1qxipg63mvah:us-east-1",
    )
    assert route.commands.system_info().capacity_licensed is False
    assert route.commands.system_info().capacity_licensed is False
    assert api.requests[0]["cmd"] == "<show><system><info /></system></show>"
    assert api.requests[0].get("target") == route.target
    assert SystemInfo(None, vm_license="VM-300").capacity_licensed


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        ("<serial>unknown</serial>", SystemInfo(None)),
        ("<serial>UNKNOWN</serial>", SystemInfo(None)),
        ("<serial>../..</serial><mac-address>xx</mac-address>", SystemInfo(None)),
        ("<hostname>%s</hostname>" % ("h" * 5000), SystemInfo(None, "h" * 1000 + "…")),
        ("", SystemInfo(None)),
    ],
)
def test_odd_system_information_is_left_out(
    api: XmlApi, route: Route, system: str, expected: SystemInfo
) -> None:
    api.answers(success(f"<system>{system}</system>"))
    assert route.commands.system_info() == expected


def test_the_licensing_key_is_escaped(api: XmlApi, route: Route) -> None:
    route.commands.set_licensing_api_key("a<b&c")
    assert fromstring(api.requests[0]["cmd"]).findtext("license/api-key/set/key") == "a<b&c"
    assert api.requests[0].get("target") == route.target


@pytest.mark.documents(id="licensing/panorama/already-returned")
def test_setting_the_same_licensing_key_again_succeeds(api: XmlApi, route: Route) -> None:
    api.answers(error("API key is same as old"))
    route.commands.set_licensing_api_key("key")


def test_a_rejected_licensing_key_is_an_error(api: XmlApi, route: Route) -> None:
    api.answers(error("Failed to set API key"))
    with pytest.raises(DeviceRefusedError, match="Failed to set API key"):
        route.commands.set_licensing_api_key("key")


@pytest.mark.documents(id="licensing/panorama/already-returned")
@pytest.mark.parametrize(
    ("answer", "confirmed"),
    [
        (Answer(success("Successfully deactivated old keys")), True),
        (Answer(error("Successfully removed license keys")), True),
        (Answer(error("Already inactive")), True),
        (Answer(error("There is no VM-Capacity license to deactivate")), True),
        (Answer(error("License not found")), True),
        (Answer(success("Requested")), False),
        (Answer(success("Deactivation is under route")), False),
        (Answer(delay=1.5), False),
    ],
    ids=[
        *("success", "success in an error", "already inactive", "no license", "not found"),
        *("other text", "in progress", "timeout"),
    ],
)
def test_the_response_shows_whether_a_deactivation_is_confirmed(
    api: XmlApi, route: Route, answer: Answer, confirmed: bool
) -> None:
    api.answers(answer)
    assert route.commands.deactivate_license() is confirmed
    assert api.requests[0]["cmd"] == (
        "<request><license><deactivate><VM-Capacity><mode>auto</mode></VM-Capacity></deactivate>"
        "</license></request>"
    )
    assert api.requests[0].get("target") == route.target


def test_a_refused_deactivation_is_an_error(api: XmlApi, route: Route) -> None:
    api.answers(error("Invalid or missing deactivation token"))
    with pytest.raises(DeviceRefusedError, match="deactivation token"):
        route.commands.deactivate_license()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Failed to get license info. Please try again later.", LicenseServerUnreachableError),
        ("Invalid or missing deactivation token", LicensingKeyError),
        ("Timed out while getting config lock. Please try again.", None),
    ],
)
def test_an_error_with_a_licensing_cause_names_the_cause(
    api: XmlApi, route: Route, text: str, expected: type[AutoscaleError] | None
) -> None:
    api.answers(LICENSED, OK, error(text))
    with pytest.raises(AutoscaleError) as raised:
        by_firewall.return_license(
            route.commands,
            "its name",
            lambda: "key",
            FirewallRecord("i-0123456789abcdef0"),
            Observations(datetime.now(UTC)),
        )
    assert type(raised.value) is (expected or route.busy)


@pytest.mark.parametrize(
    ("answer", "expected"),
    UNUSABLE_RESPONSES,
    ids=["403", "code 16", "502", "HTML", "truncated", "timeout", "refused"],
)
def test_an_error_names_the_device_that_caused_it(
    api: XmlApi, route: Route, answer: Answer, expected: type[PanOsError]
) -> None:
    api.answers(answer)
    with pytest.raises(PanOsError) as raised:
        route.commands.licenses()
    assert type(raised.value) is expected
    assert raised.value.device == route.device
    assert KEY not in str(raised.value)


def test_only_panorama_can_be_busy(api: XmlApi, route: Route) -> None:
    api.answers(error("A commit is pending. Please try again later.", "13"))
    with pytest.raises(AutoscaleError) as raised:
        route.commands.licenses()
    assert type(raised.value) is route.busy


def test_only_panorama_reports_a_disconnected_firewall(api: XmlApi, route: Route) -> None:
    api.answers(error(f"{SERIAL} not connected"))
    with pytest.raises(PanOsError) as raised:
        route.commands.licenses()
    assert type(raised.value) is route.not_connected
