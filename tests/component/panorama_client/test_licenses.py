"""The licenses that the Panorama client returns: by Panorama itself, and by its plugin."""

from __future__ import annotations

import pytest

from component.fakes.panorama_api import (
    OTHER,
    SERIAL,
)
from component.fakes.xml_server import XmlApi, error, success
from vmseries_autoscale.errors import (
    DeviceRefusedError,
    LicensingKeyError,
    PanOsError,
    SecondaryPeerError,
)
from vmseries_autoscale.panorama import BatchLicense
from vmseries_autoscale.panorama.client import PanOsPanorama

# The license plugin.


LISTED = """<response status="success"><result><devices>
<entry><name>fw-1</name><serial>007951000012345</serial><ip>10.0.1.5</ip></entry>
<entry><name>fw-2</name><serial>007951000012346</serial><ip>10.0.1.6</ip></entry>
<entry><name>fw-3</name><serial/></entry>
</devices></result></response>"""


SENT = (
    '<response status="success"><result>Deactivation request sent. Check system logs for status.'
    "</result></response>"
)


def test_the_plugin_lists_the_licensed_firewalls(api: XmlApi, panorama: PanOsPanorama) -> None:
    api.answers(LISTED, '<response status="success"><result><devices/></result></response>')
    assert panorama.plugin_licensed("my manager") == {SERIAL, "007951000012346"}
    assert panorama.plugin_licensed("my manager") == frozenset()
    assert api.requests[0]["cmd"] == (
        "<show><plugins><sw_fw_license><devices><license-manager>my manager</license-manager>"
        "</devices></sw_fw_license></plugins></show>"
    )


def test_one_request_to_the_plugin_deactivates_several_licenses(
    api: XmlApi, panorama: PanOsPanorama
) -> None:
    api.answers(SENT)
    panorama.plugin_deactivate("LM", {"002", "001"})
    assert api.requests[0]["cmd"] == (
        "<request><plugins><sw_fw_license><deactivate><license-manager>LM</license-manager>"
        "<devices><member>001</member><member>002</member></devices></deactivate></sw_fw_license>"
        "</plugins></request>"
    )
    assert "target" not in api.requests[0]


@pytest.mark.parametrize(
    "text", [f"{SERIAL} is already deactivated", f"{SERIAL} not found in license-manager LM"]
)
def test_deactivating_a_license_that_was_already_returned_succeeds(
    api: XmlApi, panorama: PanOsPanorama, text: str
) -> None:
    api.answers(error(text))
    panorama.plugin_deactivate("LM", [SERIAL])


@pytest.mark.parametrize(
    "text", ["API Key is not set", "license-manager -> LM is not a valid reference"]
)
def test_a_refusal_of_the_plugin_is_reported(
    api: XmlApi, panorama: PanOsPanorama, text: str
) -> None:
    api.answers(error(text))
    with pytest.raises(DeviceRefusedError, match=text):
        panorama.plugin_deactivate("LM", [SERIAL])


# Licenses through Panorama itself.


@pytest.mark.parametrize("serials", [[SERIAL], [SERIAL, OTHER]])
def test_one_request_returns_the_licenses_of_firewalls_through_panorama_itself(
    api: XmlApi, panorama: PanOsPanorama, serials: list[str]
) -> None:
    """F1: the command of every public tool that returns licenses through Panorama."""
    api.answers(success("<msg><line>Job enqueued with jobid 23</line></msg><job>23</job>"))
    assert panorama.batch_deactivate(serials) == "23"
    (request,) = api.requests
    assert request["cmd"] == (
        "<request><batch><license><deactivate><VM-Capacity><mode>auto</mode><devices>"
        f"{','.join(sorted(serials))}</devices></VM-Capacity></deactivate></license></batch>"
        "</request>"
    )
    assert "target" not in request, "no firewall is asked"


@pytest.mark.parametrize(
    "answer",
    [
        success("<msg><line>Successfully deactivated VM. Please issue reboot</line></msg>"),
        error("Successfully removed VM"),
    ],
)
def test_a_batch_return_that_is_confirmed_at_once_has_no_job(
    api: XmlApi, panorama: PanOsPanorama, answer: str
) -> None:
    api.answers(answer)
    assert panorama.batch_deactivate([SERIAL]) is None


@pytest.mark.parametrize(
    "text", ["API Key is not set", "Invalid or missing deactivation token", "Invalid api key"]
)
@pytest.mark.parametrize("refused", [True, False])
def test_a_panorama_without_licensing_key_is_recognized(
    api: XmlApi, panorama: PanOsPanorama, text: str, refused: bool
) -> None:
    """F1: the caller then returns the license through the firewall."""
    api.answers(error(text) if refused else success(f"<msg><line>{text}</line></msg>"))
    with pytest.raises(LicensingKeyError, match="install the support account's current licensing"):
        panorama.batch_deactivate([SERIAL])


def test_a_secondary_peer_that_returns_no_licenses_is_recognized(
    api: XmlApi, panorama: PanOsPanorama
) -> None:
    """The caller then returns the license through the firewall, and does not wait for the primary.

    Panorama Administrator's Guide, "Priority and Failover on Panorama in HA".
    """
    api.answers(error("Operation denied: deployment is managed on the primary peer", "15"))
    with pytest.raises(SecondaryPeerError, match="deployment is managed on the primary peer"):
        panorama.batch_deactivate([SERIAL])
    assert panorama.batch_licensed() is None, "a refusal says nothing about a license"


@pytest.mark.parametrize("answer", [error("not connected to server"), success("<msg>Hm</msg>")])
def test_a_batch_return_with_another_answer_is_no_success(
    api: XmlApi, panorama: PanOsPanorama, answer: str
) -> None:
    api.answers(answer)
    with pytest.raises(PanOsError) as raised:
        panorama.batch_deactivate([SERIAL])
    assert not isinstance(raised.value, LicensingKeyError)


def test_panoramas_own_list_shows_the_capacity_license_only(
    api: XmlApi, panorama: PanOsPanorama
) -> None:
    """F2, F5: the second witness, in the shape that licdump and pan-os-php read."""
    entries = "".join(
        f"<entry><serial-no>{serial}</serial-no><devicename>i-1</devicename><licenses>{licenses}"
        "</licenses></entry>"
        for serial, licenses in (
            (SERIAL, "<entry name='PA-VM'><type>PERP</type></entry><entry name='Premium'/>"),
            (OTHER, "<entry name='Logging Service'><type>SUB</type></entry>"),
            ("'", "<entry name='PA-VM'/>"),
        )
    )
    api.answers(success(f"<devices>{entries}</devices>"), success("<devices/>"), success(""))
    assert panorama.batch_licensed() == {
        SERIAL: BatchLicense(True, "i-1"),
        OTHER: BatchLicense(False, "i-1"),
    }
    assert api.requests[0]["cmd"] == (
        "<request><batch><license><info /></license></batch></request>"
    )
    assert panorama.batch_licensed() == {}
    assert panorama.batch_licensed() is None, "the answer has no list"


@pytest.mark.parametrize(
    "answer",
    [
        success(""),
        success("License manager is initializing"),
        success("<msg>No devices</msg>"),
        success("<msg><line>Plugin is starting</line></msg>"),
        success("<devices>busy</devices>"),
        success("<devices><entry><name>fw-1</name></entry></devices>"),
        '<response status="success"/>',
        '<response status="success"><msg>ok</msg></response>',
    ],
)
def test_one_empty_answer_of_the_plugin_says_nothing(
    api: XmlApi, panorama: PanOsPanorama, answer: str
) -> None:
    """F2: only a response with the list that a full response has can show an absence."""
    api.answers(answer)
    assert panorama.plugin_licensed("LM") is None
