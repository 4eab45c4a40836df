"""``{"action": "record"}``: what the reconcile function answers about Panorama's answers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from component.fakes import lab_panorama
from component.fakes import settings as fake_settings
from component.fakes.lab_panorama import Firewall
from component.fakes.runtime import FakeContext
from component.fakes.xml_server import Answer, XmlApi, success
from vmseries_autoscale import secret_store
from vmseries_autoscale.aws import clients
from vmseries_autoscale.handlers import reconcile
from vmseries_autoscale.recording import record
from vmseries_autoscale.recording.run import MAXIMUM_BYTES
from vmseries_autoscale.settings import ReconcileSettings, parse
from vmseries_autoscale.time_budget import TimeBudget
from vmseries_lab.core.world import World
from vmseries_lab.panorama import initial_config
from vmseries_lab.panorama.license_managers import LICENSE_MANAGER

INSTANCE, ADDRESS, MAC = "i-0123456789abcdef0", "10.110.10.57", "0a:11:22:33:44:55"
SERIAL, OTHER_SERIAL, KEY = "007951000012345", "007951000099999", "LUFRPT1secretkey00"
SECRETS = (INSTANCE, ADDRESS, MAC, SERIAL, OTHER_SERIAL, KEY, "0123456789abcdef0", "finance-branch")
"""What no recording may show."""
REFUSED = (
    '<response status="error" code="17"><msg><line>plugins is unexpected</line></msg></response>'
)
SYSTEM = success(
    f"<system><mac-address>{MAC}</mac-address><vm-license>VM-SERIES-4</vm-license>"
    f"<vm-cpuid>AWSMP:{INSTANCE[2:]}:e9yf:us-east-1</vm-cpuid></system>"
)


def device(serial: str, *, connected: str = "yes", hostname: str = INSTANCE) -> str:
    return (
        f"<entry name='{serial}'><serial>{serial}</serial><connected>{connected}</connected>"
        f"<hostname>{hostname}</hostname><ip-address>{ADDRESS}</ip-address></entry>"
    )


def groups(*others: str) -> str:
    own = f"<entry name='DG'><devices>{device(SERIAL)}</devices></entry>"
    return success(f"<devicegroups>{own}{''.join(others)}</devicegroups>")


@dataclass
class Content:
    """What Panorama answers, by a part of the command; the first match counts."""

    answers: dict[str, str | Answer] = field(
        default_factory=lambda: {
            "<high-availability>": success("<enabled>no</enabled>"),
            "<devicegroups>": groups(
                f"<entry name='finance-branch'><devices>{device(OTHER_SERIAL)}</devices></entry>"
            ),
            "<template-stack>": success("<template-stack><entry name='TS'/></template-stack>"),
            "<sw_fw_license>": success(
                f"<devices><entry><serial>{SERIAL}</serial></entry></devices>"
            ),
            "<jobs><id>": success("<job><id>7</id><type>CommitAll</type><devices/></job>"),
            "<jobs>": success("<job><id>7</id><type>CommitAll</type><status>FIN</status></job>"),
            "<installed": REFUSED,
            "<devices>": success(
                "<devices>"
                f"{device(SERIAL)}{device(OTHER_SERIAL, connected='no', hostname='finance-branch')}"
                "</devices>"
            ),
        }
    )
    firewall: str | Answer = SYSTEM

    def reply(self, fields: dict[str, str]) -> Answer:
        command = fields.get("cmd", "").replace(" />", ">")
        found = self.firewall if "target" in fields else success("")
        if "target" not in fields:
            matches = (answer for part, answer in self.answers.items() if part in command)
            found = next(matches, found)
        return found if isinstance(found, Answer) else Answer(found)


class Ec2:
    """An account with one instance of the deployment."""

    def get_paginator(self, _name: str) -> Ec2:
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        interface = {
            "MacAddress": MAC,
            "PrivateIpAddress": ADDRESS,
            "Attachment": {"DeviceIndex": 1},
        }
        instance = {"InstanceId": INSTANCE, "NetworkInterfaces": [interface]}
        return [{"Reservations": [{"Instances": [instance]}]}]


class DeniedEc2(Ec2):
    """An account in which the role may not describe instances."""

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": INSTANCE}}, "Describe")


@pytest.fixture
def content() -> Content:
    return Content()


@pytest.fixture
def api(content: Content, monkeypatch: pytest.MonkeyPatch) -> Iterator[XmlApi]:
    with XmlApi() as server:
        server.reply = content.reply
        secret = {"username": "autoscale", "api_key": KEY, "ca_bundle": server.ca_bundle}

        class SecretsManager:
            def get_secret_value(self, **_: Any) -> dict[str, Any]:
                return {"SecretString": json.dumps(secret)}

        monkeypatch.setattr(clients, "secrets", SecretsManager)
        monkeypatch.setattr(clients, "ec2", Ec2)
        secret_store.clear_cache()
        yield server


Recorded = Callable[..., dict[str, Any]]


@pytest.fixture
def recorded(api: XmlApi) -> Recorded:
    """Returns a function that records, and checks that no value survives."""

    def run(milliseconds: int = 300_000, **changes: Any) -> dict[str, Any]:
        document = fake_settings.reconcile(**changes)
        if document["panorama"] is not None:
            document["panorama"] |= {"hostnames": ["localhost"], "port": api.port}
        settings = parse(ReconcileSettings, json.dumps(document))
        answer = record(settings, TimeBudget(FakeContext(milliseconds)))  # type: ignore[arg-type]
        text = json.dumps(answer)
        assert [secret for secret in SECRETS if secret in text] == []
        assert len(text) <= MAXIMUM_BYTES
        return answer

    return run


def by_name(recording: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {answer["name"]: answer for answer in recording["answers"]}


@pytest.mark.documents(id="preflight/record")
def test_a_recording_has_every_answer_in_neutral_values(recorded: Recorded) -> None:
    recording = recorded()
    assert recording["ok"]
    assert recording["problems"] == []
    assert recording["left_out"] == []
    answers = by_name(recording)
    assert list(answers) == [
        "device group",
        "template stack",
        "jobs",
        "system",
        "high availability",
        "batch licenses",
        "own changes",
        "log collector groups",
        "plugins",
        "devices",
        "newest push",
        "firewall: system",
        "firewall: licenses",
    ]
    assert all(answer["seconds"] >= 0 and answer["question"] for answer in answers.values())
    assert answers["devices"]["bytes"] > 400
    assert answers["plugins"]["error"] == "DeviceRefusedError"
    assert "unexpected" not in json.dumps(answers["plugins"])


def test_f4_a_recording_shows_groups_that_were_not_asked_for(recorded: Recorded) -> None:
    elements = by_name(recorded())["device group"]["elements"]
    names = elements["response/result/devicegroups/entry/@name"]
    assert names["count"] == 2
    assert names["kinds"] == {"our-device-group": 1, "text": 1}


def test_a_device_group_that_is_called_like_the_administrator_is_shown(
    content: Content, recorded: Recorded
) -> None:
    content.answers["<devicegroups>"] = success(
        "<devicegroups><entry name='autoscale'/></devicegroups>"
    )
    panorama = fake_settings.reconcile()["panorama"] | {"device_group": "autoscale"}
    elements = by_name(recorded(panorama=panorama))["device group"]["elements"]
    names = elements["response/result/devicegroups/entry/@name"]
    assert names["kinds"] == {"our-device-group": 1}


def test_f8_a_recording_shows_which_value_of_ec2_a_firewall_has(recorded: Recorded) -> None:
    answers = by_name(recorded())
    sample = answers["devices"]["sample"]
    assert "<hostname>ec2-instance-1</hostname>" in sample
    assert "<ip-address>address-of-ec2-instance-1-interface-1</ip-address>" in sample
    system = answers["firewall: system"]["sample"]
    assert "<mac-address>mac-of-ec2-instance-1-interface-1</mac-address>" in system
    assert "<vm-cpuid>AWSMP:ec2-instance-1:text:text</vm-cpuid>" in system
    assert "<vm-license>VM-SERIES-4</vm-license>" in system


def test_a_recording_only_reads(api: XmlApi, recorded: Recorded) -> None:
    recorded(licensing_mode="plugin", license_manager="LM")
    assert {fields["type"] for fields in api.requests} == {"op"}
    commands = [fields["cmd"] for fields in api.requests]
    reads = ("<show>", "<request><batch><license><info", "<request><license><info")
    assert [cmd for cmd in commands if not cmd.startswith(reads)] == []
    assert not any("api-key" in command for command in commands)


def test_f2_the_license_plugin_is_recorded_in_its_mode(recorded: Recorded) -> None:
    answers = by_name(recorded(licensing_mode="plugin", license_manager="LM"))
    plugin = answers["license plugin"]["elements"]
    assert plugin["response/result/devices/entry/serial"]["kinds"] == {"serial": 1}
    assert "changes of the license plugin" in answers


def test_no_license_is_asked_for_in_mode_none(recorded: Recorded) -> None:
    assert "batch licenses" not in by_name(recorded(licensing_mode="none"))


def test_without_a_connected_firewall_none_is_asked(
    api: XmlApi, content: Content, recorded: Recorded
) -> None:
    content.answers["<devicegroups>"] = success("<devicegroups><entry name='DG'/></devicegroups>")
    assert recorded()["left_out"] == ["firewall: no firewall of the device group is connected"]
    assert not any("target" in fields for fields in api.requests)


def test_a_recording_ends_in_time_and_says_what_is_missing(api: XmlApi, recorded: Recorded) -> None:
    recording = recorded(milliseconds=24_000)
    assert recording["answers"] == []
    assert recording["left_out"][0] == "device group: no time left in this invocation"
    assert len(api.requests) == 1, "the state of high availability, which chooses the peer"


def test_a_recording_of_a_large_panorama_is_bounded_in_size_and_time(
    content: Content, recorded: Recorded
) -> None:
    rows = "".join(
        f"<entry name='{n:015}'><serial>{n:015}</serial><connected>yes</connected>"
        + "".join(f"<field-{k}x{n % 90}x>{n}-{k}</field-{k}x{n % 90}x>" for k in range(20))
        + "</entry>"
        for n in range(1000)
    )
    large = success(f"<devices>{rows}</devices>")
    content.answers |= {"<installed": large, "<devices>": large}
    start = time.monotonic()
    recording = recorded()
    assert time.monotonic() - start < 120
    assert by_name(recording)["devices"]["paths_left_out"] > 1000
    assert by_name(recording)["devices"]["bytes"] == pytest.approx(len(large), rel=0.05)


def test_without_ec2_and_without_panorama_the_reason_is_told(
    content: Content, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "ec2", DeniedEc2)
    assert recorded()["left_out"] == ["instances of EC2: ClientError"]
    content.answers["<high-availability>"] = Answer(status=502)
    recording = recorded()
    assert not recording["ok"]
    assert recording["problems"] == [
        "Panorama cannot be asked (DeviceUnavailableError): run the pre-flight."
    ]
    recording = recorded(panorama=None, licensing_mode="none")
    assert recording["problems"] == ["The deployment has no Panorama."]


def test_only_the_active_peer_of_a_pair_is_recorded(content: Content, recorded: Recorded) -> None:
    state = "<enabled>yes</enabled><local-info><state>{}</state></local-info>"
    content.answers["<high-availability>"] = success(state.format("secondary-passive"))
    recording = recorded()
    assert recording["problems"] == [
        "Panorama cannot be asked (DeviceBusyError): run the pre-flight."
    ]
    content.answers["<high-availability>"] = success(state.format("secondary-active"))
    assert recorded()["ok"]


def test_f7_what_a_read_only_recording_cannot_show_is_listed(recorded: Recorded) -> None:
    assert len(recorded()["needs_a_firewall"]) == 6


def test_the_function_answers_the_action(
    api: XmlApi, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = fake_settings.reconcile()
    document["panorama"] |= {"hostnames": ["localhost"], "port": api.port}
    settings = parse(ReconcileSettings, json.dumps(document))
    monkeypatch.setattr(reconcile, "from_environment", lambda _kind: settings)
    context: Any = FakeContext(300_000)
    answer = reconcile.handler({"action": "record"}, context)
    assert [one["name"] for one in answer["answers"]] == list(by_name(recorded()))
    assert json.loads(json.dumps(answer)) == answer


def test_no_value_of_the_labs_panorama_survives(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    with lab_panorama.installed(world) as vendor:
        admin = initial_config.AUTOSCALE
        secret = {"username": admin.name, "api_key": admin.key, "ca_bundle": vendor.authority.pem}

        class SecretsManager:
            def get_secret_value(self, **_: Any) -> dict[str, Any]:
                return {"SecretString": json.dumps(secret)}

        monkeypatch.setattr(clients, "secrets", SecretsManager)
        monkeypatch.setattr(clients, "ec2", Ec2)
        secret_store.clear_cache()
        vendor.plugin.configure(installed=True)
        (manager,) = vendor.plugin.managers()
        serials = [vendor.licensing.activate(manager.auth_code, f"U{n}", "CPU") for n in range(3)]
        for number, serial in enumerate(serials):
            host = Firewall(serial, hostname=f"{INSTANCE[:-1]}{number}", ip_address=ADDRESS)
            vendor.plugin.admit(host, manager.auth_key)
        world.advance(600)
        names = {
            "device_group": initial_config.DEVICE_GROUP,
            "template_stack": initial_config.TEMPLATE_STACK,
            "log_collector_group": initial_config.COLLECTOR_GROUP,
            "hostnames": [lab_panorama.HOST],
            "port": vendor.panorama.peers[0].server.port,
        }
        document = fake_settings.reconcile(licensing_mode="plugin", license_manager=LICENSE_MANAGER)
        document["panorama"] |= names
        settings = parse(ReconcileSettings, json.dumps(document))
        budget: Any = TimeBudget(FakeContext(300_000))  # type: ignore[arg-type]
        recording = record(settings, budget)
    text = json.dumps(recording)
    values = [*serials, INSTANCE[:-1], ADDRESS, admin.name, admin.key, LICENSE_MANAGER]
    values += [names["device_group"], names["template_stack"], names["log_collector_group"]]
    values += [lab_panorama.HOST, vendor.panorama.peers[0].address]
    assert [value for value in values if value in text] == []
    answers = by_name(recording)
    plugin = answers["license plugin"]["elements"]
    assert sum(facts["count"] for path, facts in plugin.items() if path.endswith("/serial")) == 3
    assert {name for name, answer in answers.items() if "error" in answer} <= {"plugins"}
