"""Whatever a response of the XML API contains, reading it ends with a value or a named error.

Each response is changed at one place after the other, and every method reads every response.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from component.fakes import settings as module_settings
from defusedxml.ElementTree import fromstring

from vmseries_autoscale.errors import PANORAMA, AutoscaleError, DeviceRefusedError
from vmseries_autoscale.firewall.client import PanOsFirewall
from vmseries_autoscale.pan_os.errors import classify_pan_os_error
from vmseries_autoscale.pan_os.values import MAXIMUM_TEXT_LENGTH, all_text
from vmseries_autoscale.panorama import Part, Removal, removal
from vmseries_autoscale.panorama.preflight_client import MAXIMUM_TEMPLATES, PreflightPanorama
from vmseries_autoscale.preflight import panorama_objects, panorama_rights
from vmseries_autoscale.secret_store import Credentials
from vmseries_autoscale.settings import FirewallApiSettings, PanoramaSettings

SERIAL = "007951000012345"
RESULTS = [
    f"""<devices><entry name="{SERIAL}"><serial>{SERIAL}</serial><hostname>fw</hostname>
    <ip-address>10.0.1.7</ip-address><connected>yes</connected><vsys><entry name="vsys1">
    <shared-policy-status>In Sync</shared-policy-status></entry></vsys></entry></devices>""",
    f"""<devicegroups><entry name="DG"><devices><entry name="{SERIAL}"><serial>{SERIAL}</serial>
    <shared-policy-status>In Sync</shared-policy-status></entry></devices></entry>
    </devicegroups>""",
    f"""<template-stack><entry name="TS"><devices><entry name="{SERIAL}"><template-status>In Sync
    </template-status></entry></devices></entry></template-stack>""",
    f"""<job><id>12</id><type>Commit</type><status>FIN</status><result>FAIL</result>
    <user>autoscale</user><details><line>S1 is not valid</line></details>
    <description>fw: remove 1 firewalls, 2026-11-29T00:00:00Z</description></job>
    <job><id>13</id><type>AutoCom</type><result>OK</result></job>
    <job><id>14</id><type>CommitAll</type><status>FIN</status><devices><entry>
    <serial-no>{SERIAL}</serial-no><result>FAIL</result><details><msg><line>no</line></msg>
    </details></entry></devices></job>""",
    "<msg><line>Commit job enqueued with jobid 17</line></msg><job>17</job>",
    "<enabled>yes</enabled><local-info><state>primary-active</state></local-info>",
    f"<system><serial>{SERIAL}</serial><sw-version>11.2.15</sw-version></system>",
    "<licenses><entry><feature>VM-Capacity</feature></entry></licenses>",
    "<templates><member>T1</member><member>T2</member></templates>",
    "<aws-cloudwatch><enabled>yes</enabled><name>fw</name><timeout>1</timeout></aws-cloudwatch>",
    f"<x><serial>{SERIAL}</serial></x>",
    "yes",
]
"""Results as Panorama and firewalls send them."""

RESPONSES = [
    *(f'<response status="success"><result>{result}</result></response>' for result in RESULTS),
    f"""<response status="error" code="10">{'<response status="success" code="20"/>' * 3}
    <response status="error" code="10"><msg><line>cannot be deleted because of references from:
    </line></msg></response></response>""",
    '<response status="error" code="7"><msg><line>No such node</line></msg></response>',
]
ODD_TEXTS = [None, "", " ", "abc", "-1", "9" * 5000, "'\"", "\u202e\x85", "x" * 3000, "success"]


def variants(response: str) -> Iterator[ET.Element]:
    """Yield the response, and each variant with one odd text, attribute or element."""
    root = fromstring(response)
    yield root
    for element, parent in [(root, None), *((c, p) for p in root.iter() for c in p)]:
        text, attributes = element.text, dict(element.attrib)
        for odd in ODD_TEXTS:
            element.text = odd
            yield root
        element.text = text
        for name in attributes:
            for odd in ODD_TEXTS[1:]:
                element.set(name, str(odd))
                yield root
            del element.attrib[name]
            yield root
            element.attrib = dict(attributes)
        if parent is not None:
            parent.append(element)
            yield root
            del parent[-1]
            position = list(parent).index(element)
            parent.remove(element)
            yield root
            parent.insert(position, element)
        children = list(element)
        element[:] = []
        yield root
        element[:] = children


class Device:
    """Takes the place of the connection: each request has the same response."""

    response: ET.Element
    refused = False

    def __init__(self, *_: object, **__: object) -> None:
        pass

    @property
    def last_response(self) -> ET.Element:
        return self.response

    def op(self, _command: ET.Element, **_: object) -> ET.Element:
        return self.request(lambda _: self.response)

    def request(self, _request: Callable[[Any], ET.Element], **_: object) -> ET.Element:
        if self.refused:
            raise classify_pan_os_error(
                PANORAMA, self.response.get("code"), all_text(self.response)
            )
        return self.response


CREDENTIALS = Credentials("autoscale", "key", None, None)
NOW = datetime(2026, 11, 29, tzinfo=UTC)


def always() -> bool:
    return True


def panorama_calls(panorama: PreflightPanorama) -> list[Callable[[], object]]:
    removals = [Removal(part, SERIAL) for part in Part]
    ours = frozenset({SERIAL})
    return [
        panorama.devices,
        panorama.members,
        lambda: panorama.devices([]),
        lambda: panorama.groups_of([SERIAL], list(Part)),
        lambda: panorama.running_parts([SERIAL]),
        lambda: panorama.candidate_parts([SERIAL]),
        lambda: panorama.job("9"),
        lambda: panorama.batch_deactivate([SERIAL]),
        panorama.batch_licensed,
        lambda: panorama.system_info(SERIAL),
        lambda: panorama.firewall(SERIAL).valid_licenses(),
        lambda: removal.remove_firewalls(panorama, ours, "fw", NOW, always, located=ours),
        lambda: removal.remove_firewalls(panorama, ours, "fw", NOW, always, jobs={SERIAL: "9"}),
        panorama.is_active,
        panorama.commits,
        lambda: panorama.pushes("fw"),
        lambda: panorama.push([SERIAL], "fw"),
        lambda: panorama.commit("description"),
        panorama.revert,
        panorama.running_members,
        panorama.candidate_members,
        lambda: panorama.remove_all(removals, always),
        lambda: panorama.plugin_licensed("manager"),
        lambda: panorama.plugin_deactivate("manager", [SERIAL]),
        lambda: panorama.firewall(SERIAL).licenses(),
        lambda: panorama.firewall(SERIAL).set_licensing_api_key("key"),
        lambda: panorama.firewall(SERIAL).deactivate_license(),
        lambda: removal.remove_firewalls(panorama, {SERIAL}, "fw", NOW, always),
        panorama.version,
        panorama.ha_state,
        panorama.device_groups,
        panorama.template_stacks,
        panorama.log_collector_groups,
        lambda: panorama.has_license_manager("manager"),
        panorama.check_configuration_access,
        panorama.metric_publishing,
        lambda: list(panorama_objects.report_pan_os_version(panorama)),
        panorama.connected_member,
        panorama.push_nothing,
        panorama.administrator,
        panorama.host_name_settings,
        lambda: panorama.has_open_changes("autoscale"),
        lambda: list(panorama_rights.check_change_rights(panorama)),
        lambda: list(panorama_rights.check_firewall_commands(panorama)),
        lambda: list(panorama_rights.check_batch_licenses(panorama)),
        lambda: list(panorama_rights.check_plugin_rights("manager", panorama)),
        lambda: list(panorama_rights.report_power(True, panorama)),
    ]


def firewall_calls(firewall: PanOsFirewall) -> list[Callable[[], object]]:
    return [
        firewall.state,
        firewall.serial,
        firewall.licenses,
        firewall.valid_licenses,
        firewall.system_info,
        lambda: firewall.set_licensing_api_key("key"),
        firewall.deactivate_license,
    ]


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> type[Device]:
    for module in ("panorama.client", "firewall.client"):
        monkeypatch.setattr(f"vmseries_autoscale.{module}.DeviceConnection", Device)
    return Device


@pytest.mark.documents(id="panorama/contention/odd-values")
@pytest.mark.documents(id="readiness/gate/hostile-firewall")
@pytest.mark.parametrize("refused", [False, True])
@pytest.mark.parametrize("response", RESPONSES, ids=lambda response: response[:60])
def test_any_response_is_a_value_or_a_named_error(
    device: type[Device], response: str, refused: bool
) -> None:
    """F4: no AttributeError, IndexError, ValueError, TypeError or RecursionError."""
    panorama_settings = PanoramaSettings(**module_settings.common()["panorama"])
    panorama = PreflightPanorama("panorama.example.com", panorama_settings, CREDENTIALS)
    firewall = PanOsFirewall(
        "10.0.1.7", FirewallApiSettings("arn", 443, "name", timeout_seconds=5), CREDENTIALS
    )
    calls = [*panorama_calls(panorama), *firewall_calls(firewall)]
    device.refused = refused
    for variant in variants(response):
        device.response = variant
        for call in calls:
            with contextlib.suppress(AutoscaleError):
                call()


def test_the_templates_of_a_stack_are_read_up_to_a_limit(
    device: type[Device],
) -> None:
    """Each template costs a request."""
    members = "<member>T</member>" * 10_000
    device.response = fromstring(
        f"<response><result><templates>{members}</templates></result></response>"
    )
    device.refused = False
    settings = PanoramaSettings(**module_settings.common()["panorama"])
    panorama = PreflightPanorama("panorama.example.com", settings, CREDENTIALS)
    assert len(panorama.metric_publishing()) == 1 + MAXIMUM_TEMPLATES


@pytest.mark.parametrize("tag", ["devicegroups", "template-stack", "log-collector-group"])
def test_a_long_name_is_cut_before_the_pre_flight_reports_it(
    device: type[Device], tag: str
) -> None:
    name = "x" * 1_000_000
    device.response = fromstring(
        f'<response><result><{tag}><entry name="{name}"/></{tag}></result></response>'
    )
    device.refused = False
    settings = PanoramaSettings(**module_settings.common()["panorama"])
    panorama = PreflightPanorama("panorama.example.com", settings, CREDENTIALS)
    lists = (panorama.device_groups, panorama.template_stacks, panorama.log_collector_groups)
    names = set[str]().union(*(read() for read in lists))
    assert names
    assert max(map(len, names)) <= MAXIMUM_TEXT_LENGTH + 1


def test_a_long_name_of_a_template_is_cut_in_the_error_about_it(device: type[Device]) -> None:
    name = "'&quot;" + "x" * 1_000_000
    device.response = fromstring(
        f"<response><result><templates><member>{name}</member></templates></result></response>"
    )
    device.refused = False
    settings = PanoramaSettings(**module_settings.common()["panorama"])
    panorama = PreflightPanorama("panorama.example.com", settings, CREDENTIALS)
    with pytest.raises(DeviceRefusedError, match="both kinds of quotes") as raised:
        panorama.metric_publishing()
    assert len(str(raised.value)) < MAXIMUM_TEXT_LENGTH + 200
