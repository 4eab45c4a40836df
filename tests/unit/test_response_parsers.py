"""Whatever a response of the XML API contains, reading it ends with a value or a named error.

The responses are trees of the elements that the parsers look for, in any order and with any text.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from component.fakes import settings as module_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vmseries_autoscale.errors import PANORAMA, AutoscaleError
from vmseries_autoscale.firewall.client import PanOsFirewall
from vmseries_autoscale.pan_os.errors import classify_pan_os_error
from vmseries_autoscale.pan_os.values import all_text
from vmseries_autoscale.panorama import Part, removal
from vmseries_autoscale.panorama.preflight_client import PreflightPanorama
from vmseries_autoscale.preflight import panorama_objects
from vmseries_autoscale.secret_store import Credentials
from vmseries_autoscale.settings import FirewallApiSettings, PanoramaSettings

SERIAL = "007951000012345"
TAGS = [
    "result",
    "devices",
    "entry",
    "serial",
    "hostname",
    "ip-address",
    "connected",
    "shared-policy-status",
    "template-status",
    "devicegroups",
    "template-stack",
    "job",
    "id",
    "type",
    "status",
    "user",
    "details",
    "line",
    "description",
    "serial-no",
    "response",
    "msg",
    "licenses",
    "feature",
    "system",
    "sw-version",
    "enabled",
    "local-info",
    "state",
    "templates",
    "member",
    "log-collector-group",
    "aws-cloudwatch",
    "timeout",
    "x",
]
TEXTS = st.sampled_from(
    [
        *("", SERIAL, "yes", "no", "Commit", "CommitAll", "AutoCom", "FIN", "FAIL", "OK", "12"),
        *("abc", "-1", "9" * 5000, "'\"", "\u202e", "x" * 3000, "autoscale", "success", "error"),
        "fw: remove 1 firewalls, 2026-99-99T00:00:00Z",
        "There are no changes to commit.",
        "A commit is pending",
    ]
) | st.text(max_size=20)


def element(tag: str, text: str, attributes: dict[str, str], children: list[ET.Element]) -> Any:
    built = ET.Element(tag, attributes)
    built.text = text
    built.extend(children)
    return built


TREES = st.recursive(
    st.builds(
        element,
        st.sampled_from(TAGS),
        TEXTS,
        st.dictionaries(st.sampled_from(["name", "status", "code", "id"]), TEXTS, max_size=3),
        st.just([]),
    ),
    lambda inner: st.builds(
        element,
        st.sampled_from(TAGS),
        TEXTS,
        st.dictionaries(st.sampled_from(["name", "status", "code", "id"]), TEXTS, max_size=3),
        st.lists(inner, max_size=5),
    ),
    max_leaves=30,
)


class Device:
    """Takes the place of the connection: each request has the same response."""

    response: ET.Element
    refused = False

    def __init__(self, *_: object, **__: object) -> None:
        pass

    @property
    def last_response(self) -> ET.Element:
        return self.response

    def op(self, _command: ET.Element, target: str | None = None) -> ET.Element:
        return self.request(lambda _: self.response)

    def request(self, _request: Callable[[Any], ET.Element]) -> ET.Element:
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
    removals = [(part, SERIAL) for part in Part]
    return [
        panorama.devices,
        panorama.is_active,
        panorama.commits,
        panorama.pushes,
        lambda: panorama.push([SERIAL]),
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
        lambda: list(panorama_objects.check_commit_right(panorama)),
    ]


def firewall_calls(firewall: PanOsFirewall) -> list[Callable[[], object]]:
    return [
        firewall.state,
        firewall.serial,
        firewall.licenses,
        lambda: firewall.set_licensing_api_key("key"),
        firewall.deactivate_license,
    ]


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> type[Device]:
    for module in ("panorama.client", "firewall.client"):
        monkeypatch.setattr(f"vmseries_autoscale.{module}.DeviceConnection", Device)
    return Device


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.builds(
        element,
        st.just("response"),
        TEXTS,
        st.dictionaries(st.sampled_from(["status", "code"]), TEXTS),
        st.lists(TREES, max_size=4),
    ),
    st.booleans(),
)
def test_any_response_is_a_value_or_a_named_error(
    device: type[Device], response: ET.Element, refused: bool
) -> None:
    """F4: no AttributeError, IndexError, ValueError, TypeError or RecursionError."""
    device.response, device.refused = response, refused
    panorama_settings = PanoramaSettings(**module_settings.common()["panorama"])
    panorama = PreflightPanorama("panorama.example.com", panorama_settings, CREDENTIALS)
    firewall = PanOsFirewall(
        "10.0.1.7", FirewallApiSettings("arn", 443, "name", timeout_seconds=5), CREDENTIALS
    )
    for call in [*panorama_calls(panorama), *firewall_calls(firewall)]:
        with contextlib.suppress(AutoscaleError):
            call()
