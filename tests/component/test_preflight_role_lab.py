"""The shipped roles of Panorama's administrator allow what the functions do, and nothing else."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from defusedxml.ElementTree import fromstring

from component.fakes import lab_panorama
from component.fakes.lab_panorama import HOST, Firewall
from component.fakes.settings import of_panorama
from vmseries_autoscale import secret_store
from vmseries_autoscale.aws import clients
from vmseries_autoscale.panorama.client import PanOsPanorama
from vmseries_autoscale.preflight import panorama_access, panorama_objects, panorama_rights
from vmseries_autoscale.preflight.findings import Severity
from vmseries_lab.core.world import World
from vmseries_lab.panorama import initial_config, references
from vmseries_lab.panorama.license_managers import LICENSE_MANAGER

DOCS = Path(__file__).parents[2] / "docs"
ROLE_FILE = DOCS / "panorama-admin-role.xml"
PLAIN, PLUGIN = "autoscale-api", "autoscale-api-plugin"
PROFILES = "/config/shared/admin-role"
USER = f"/config/mgt-config/users/entry[@name='{initial_config.AUTOSCALE.name}']"
PUSH = (
    f"<commit-all><shared-policy><device-group><entry name='{initial_config.DEVICE_GROUP}'/>"
    "</device-group></shared-policy></commit-all>"
)
LISTS = (
    references.path("template-stack", initial_config.TEMPLATE_STACK) + "/devices",
    references.path("device-group", initial_config.DEVICE_GROUP) + "/devices",
    references.path("log-collector-group", initial_config.COLLECTOR_GROUP)
    + "/logfwd-setting/devices",
    "/config/mgt-config/devices",
)
"""The parts of the configuration that list a firewall, in the order of their removal."""
OPEN_RIGHTS = ("config", "op", "commit")


def roles() -> dict[str, ET.Element]:
    """The role profiles in the file, by name."""
    root = fromstring(ROLE_FILE.read_text(encoding="utf-8"))
    return {entry.get("name", ""): entry for entry in root.iterfind("entry")}


def leaves(entry: ET.Element, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the path and the text of each setting of a role profile."""
    for child in entry:
        here = f"{path}/{child.tag}"
        if len(child):
            yield from leaves(child, here)
        else:
            yield here.removeprefix("/"), (child.text or "").strip()


def enabled(name: str) -> list[str]:
    return [path for path, text in leaves(roles()[name]) if text == "enable"]


@dataclass
class Site:
    """The lab's Panorama with the license plugin and a connected firewall of the group."""

    world: World
    vendor: Any
    serial: str

    def use(self, role: ET.Element) -> None:
        """Give the functions' administrator a role profile, as an operator does."""
        operator = lab_panorama.connect(self.vendor, initial_config.OPERATOR)
        name = role.get("name")
        element = ET.tostring(role, encoding="unicode")
        profile = f"<profile>{name}</profile>"
        changes = (
            (f"{PROFILES}/entry[@name='{name}']", element),
            (f"{USER}/permissions/role-based/custom/profile", profile),
        )
        for path, content in changes:
            operator._connection.request(partial(_edit, path, content))
        operator.commit("role")
        self.world.advance(60)

    def remove(self, panorama: PanOsPanorama) -> None:
        """Remove the firewall from the candidate configuration, as the functions do."""
        for members in LISTS:
            path = f"{members}/entry[@name='{self.serial}']"
            panorama._connection.request(partial(_delete, path))

    def panorama(self) -> PanOsPanorama:
        return lab_panorama.connect(self.vendor)

    def preflight(self, *, plugin: bool) -> dict[Severity, list[str]]:
        """The findings of the checks that the reconcile function makes in Panorama."""
        settings = of_panorama(
            self.vendor.panorama.peers[0].server.port,
            hostnames=(HOST,),
            secret_arn="arn:secret",
            device_group=initial_config.DEVICE_GROUP,
            template_stack=initial_config.TEMPLATE_STACK,
            log_collector_group=initial_config.COLLECTOR_GROUP,
        )
        checks: list[tuple[str, panorama_access.PanoramaCheck]] = [
            ("Power", partial(panorama_rights.report_power, plugin)),
            ("Changes", panorama_rights.check_change_rights),
            ("Firewalls", panorama_rights.check_firewall_commands),
            ("Licenses", panorama_rights.check_batch_licenses),
            ("VM auth keys", partial(panorama_rights.check_vm_auth_keys, datetime.now(UTC))),
            ("Objects", partial(panorama_objects.check_objects, settings)),
        ]
        if plugin:
            check = partial(panorama_rights.check_plugin_rights, LICENSE_MANAGER)
            checks.append(("Plugin", check))
        found: dict[Severity, list[str]] = {severity: [] for severity in Severity}
        for finding in panorama_access.check(settings, checks):
            found[finding.severity].append(finding.text)
        return found


def _edit(path: str, content: str, xapi: Any) -> ET.Element:
    root: ET.Element = xapi.edit(xpath=path, element=content)
    return root


def _delete(path: str, xapi: Any) -> ET.Element:
    root: ET.Element = xapi.delete(path)
    return root


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    world = World()
    with lab_panorama.installed(world) as vendor:
        admin = initial_config.AUTOSCALE
        secret = {
            "username": admin.name,
            "api_key": admin.key,
            "ca_bundle": vendor.authority.pem,
        }

        class SecretsManager:
            def get_secret_value(self, **_: Any) -> dict[str, Any]:
                return {"SecretString": json.dumps(secret)}

        monkeypatch.setattr(clients, "secrets", SecretsManager)
        secret_store.clear_cache()
        vendor.plugin.configure(installed=True)
        (manager,) = vendor.plugin.managers()
        serial = vendor.licensing.activate(manager.auth_code, "UUID", "CPU")
        vendor.plugin.admit(Firewall(serial), manager.auth_key)
        world.advance(600)
        yield Site(world, vendor, serial)


def test_f6_the_lab_loads_the_file_that_the_module_ships() -> None:
    shared = initial_config.configuration().find("shared/admin-role")
    assert shared is not None
    loaded = {entry.get("name"): sorted(leaves(entry)) for entry in shared}
    assert loaded == {name: sorted(leaves(entry)) for name, entry in roles().items()}


def test_f6_the_commands_make_the_same_roles_as_the_file() -> None:
    made: dict[str, list[tuple[str, str]]] = {name: [] for name in roles()}
    for line in (DOCS / "panorama-admin-role.set").read_text(encoding="utf-8").splitlines():
        words = shlex.split(line, comments=True)
        if words[:3] == ["set", "shared", "admin-role"]:
            name, *path = words[3:]
            empty = path[-1] in ("webui", "restapi")
            value = "" if empty else path.pop()
            made[name].append(("/".join(path), value))
    for name, entry in roles().items():
        assert sorted(made[name]) == sorted(leaves(entry))


def test_f6_the_roles_are_of_type_panorama_and_allow_nothing_else() -> None:
    rights = [f"role/panorama/xmlapi/{right}" for right in OPEN_RIGHTS]
    others = "role/panorama/webui/commit/commit-for-other-admins"
    assert {name: enabled(name) for name in roles()} == {PLAIN: rights, PLUGIN: [*rights, others]}


@pytest.mark.parametrize("name", [PLAIN, PLUGIN])
def test_f6_no_right_is_missing_from_a_role(site: Site, name: str) -> None:
    site.use(roles()[name])
    findings = site.preflight(plugin=name == PLUGIN)
    assert findings[Severity.PROBLEM] == []
    assert findings[Severity.UNCHECKED] == []
    assert not any("which the module does not use" in text for text in findings[Severity.CHECKED])
    panorama = site.panorama()
    assert [device.serial for device in panorama.devices()] == [site.serial]
    panorama.firewall(site.serial).licenses()
    request = panorama._connection.request
    request(lambda xapi: xapi.commit(cmd=PUSH, action="all"))
    site.remove(panorama)
    panorama.revert()
    site.remove(panorama)
    assert panorama.commit("removal") is not None
    site.world.advance(600)
    assert panorama.devices() == []
    if name == PLUGIN:
        panorama.plugin_licensed(LICENSE_MANAGER)
        panorama.plugin_deactivate(LICENSE_MANAGER, [site.serial])
        site.world.advance(600)
        assert panorama.commit("plugin", "__sw_fw_license") is not None


@pytest.mark.parametrize(
    ("name", "right"), [(name, right) for name in (PLAIN, PLUGIN) for right in enabled(name)]
)
def test_f6_every_right_of_a_role_is_needed(site: Site, name: str, right: str) -> None:
    role = roles()[name]
    setting = role.find(right)
    assert setting is not None
    setting.text = "disable"
    site.use(role)
    assert site.preflight(plugin=name == PLUGIN)[Severity.PROBLEM] != []


@pytest.mark.documents(id="preflight/role/no-xml-api")
def test_f6_a_role_of_type_device_group_and_template_has_no_xml_api(site: Site) -> None:
    role = roles()[PLAIN]
    (panorama,) = role.iterfind("role/panorama")
    panorama.tag = "device-group"
    site.use(role)
    (text,) = site.preflight(plugin=False)[Severity.PROBLEM]
    assert "as every role of type Device Group and Template" in text


@pytest.mark.documents(id="preflight/role/commit-for-others")
@pytest.mark.parametrize(("answer", "needed"), [("required", True), ("not-required", False)])
def test_the_right_to_commit_for_others_is_tried_whether_the_xml_api_requires_it_or_not(
    site: Site, answer: str, needed: bool
) -> None:
    site.world.assumptions.set(**{"commit-for-others-right": answer})
    site.use(roles()[PLAIN])
    problems = site.preflight(plugin=True)[Severity.PROBLEM]
    assert ["commit the changes of __sw_fw_license" in text for text in problems] == [True] * needed


@pytest.mark.documents(id="preflight/role/target")
@pytest.mark.parametrize(("answer", "refused"), [("refused", True), ("allowed", False)])
def test_commands_on_firewalls_are_tried_whether_a_custom_role_may_send_them_or_not(
    site: Site, answer: str, refused: bool
) -> None:
    site.world.assumptions.set(**{"target-by-custom-role": answer})
    site.use(roles()[PLAIN])
    problems = site.preflight(plugin=False)[Severity.PROBLEM]
    assert ["(target=)" in text for text in problems] == [True] * refused
