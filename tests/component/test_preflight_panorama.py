"""The pre-flight checks of Panorama, against a server that returns recorded responses."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import trustme

from component.fakes.settings import of_panorama
from component.fakes.xml_server import Answer, XmlApi, success
from vmseries_autoscale import secret_store
from vmseries_autoscale.aws import clients
from vmseries_autoscale.panorama.preflight_client import NO_DEVICE_GROUP, Administrator
from vmseries_autoscale.preflight import (
    connectivity,
    metric_publishing,
    panorama_access,
    panorama_objects,
    panorama_rights,
    secrets,
)
from vmseries_autoscale.preflight.findings import Finding, Severity
from vmseries_autoscale.settings import PanoramaSettings

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama"
NAMESPACE = "VMseries-fw"
UNREACHABLE = "127.0.0.2"  # The server listens on 127.0.0.1 only.
UNAUTHORIZED = (
    '<response status="error" code="16"><msg><line>Unauthorized request</line></msg></response>'
)
FORBIDDEN = Answer(
    '<response status="error" code="403"><result><msg>Invalid Credential</msg></result></response>',
    status=403,
)
not_executed = pytest.mark.parametrize(
    ("answer", "severity"),
    [
        (UNAUTHORIZED, Severity.PROBLEM),
        (
            UNAUTHORIZED.replace("Unauthorized request", "it is unexpected").replace("16", "17"),
            Severity.UNCHECKED,
        ),
    ],
    ids=["the role does not allow it", "the release does not know it"],
)
"""Reasons for which Panorama does not execute a command."""
BUSY = '<response status="error" code="22"><msg><line>Session timed out</line></msg></response>'
NO_SUCH_NODE = '<response status="error"><msg><line>No such node</line></msg></response>'
NOT_CONNECTED = (
    '<response status="error" code="13"><msg><line>007951000012345 not connected</line></msg>'
    "</response>"
)
NO_SUCH_GROUP = (
    '<response status="error" code="7"><msg><line>device-group is not a valid reference</line>'
    "</msg></response>"
)
NO_EDITS = '<response status="success"><result><msg><line>No edits</line></msg></result></response>'
MEMBER = (
    "<entry name='DG'><devices><entry name='007951000012345'><serial>007951000012345</serial>"
    "<connected>yes</connected></entry></devices></entry>"
)
ROLE_BASED = "<role-based><custom><profile>autoscale-api</profile></custom></role-based>"
NOTHING = (
    '<response status="success" code="19"><msg>There are no changes to commit.</msg></response>'
)
AUTH_KEY = "755036225328715"
CLOUDWATCH = "<enabled>yes</enabled><name>VMseries-fw</name><timeout>1</timeout>"


def role_of_type(kind: str, *rights: str, others: bool = False) -> str:
    """The definition of a role profile, with the rights that the module needs and more."""
    enabled = "".join(f"<{right}>enable</{right}>" for right in ("config", "op", "commit", *rights))
    commits = "<commit-for-other-admins>enable</commit-for-other-admins>" if others else ""
    webui = f"<webui><commit>{commits}</commit></webui>"
    disabled = "<log>disable</log>"
    return f"<role><{kind}><xmlapi>{enabled}{disabled}</xmlapi>{webui}</{kind}></role>"


def auth_key(expiry: str) -> str:
    """A VM auth key in Panorama's list."""
    return (
        f"<entry><vm-auth-key>{AUTH_KEY}</vm-auth-key><expiry-time>{expiry}</expiry-time></entry>"
    )


@dataclass
class Content:
    """The content of a correctly configured Panorama, which tests change.

    Attributes:
        answers: Responses that override the rest, by a word of the request.
    """

    version: str = "11.2.15"
    state: str = "<enabled>no</enabled>"
    group: str = MEMBER
    stack: str = "<entry name='TS'/>"
    collectors: str = "<entry name='LCG'/>"
    templates: tuple[str, ...] = ("network",)
    cloudwatch: dict[str, str] = field(default_factory=lambda: {"template-stack": CLOUDWATCH})
    system: dict[str, str] = field(default_factory=dict)
    auth_keys: str = auth_key("2099/12/31 12:03:52")
    user: str = ROLE_BASED
    role: str = role_of_type("panorama")
    answers: dict[str, str | Answer] = field(default_factory=dict)

    def reply(self, fields: dict[str, str]) -> Answer:
        request = fields.get("cmd", "") + fields.get("xpath", "") + fields["type"]
        for word, answer in self.answers.items():
            if word in request:
                return answer if isinstance(answer, Answer) else Answer(answer)
        return Answer(self._answer(fields, request))

    def _answer(self, fields: dict[str, str], request: str) -> str:
        if fields["type"] == "commit":
            return NO_SUCH_GROUP if "<commit-all>" in request else NOTHING
        if "<revert>" in request:
            return NO_EDITS
        if fields["type"] == "config":
            return self._configuration(request)
        shown = {
            "system": f"<system><sw-version>{self.version}</sw-version></system>",
            "high-availability": self.state,
            "devicegroups": f"<devicegroups>{self.group}</devicegroups>",
            "template-stack": f"<template-stack>{self.stack}</template-stack>",
            "log-collector-group": f"<log-collector-group>{self.collectors}</log-collector-group>",
            "jobs": "",
            "changes": "",
            "batch": "<devices/>",
            "bootstrap": f"<bootstrap-vm-auth-keys>{self.auth_keys}</bootstrap-vm-auth-keys>",
            "sw_fw_license": "<devices/>",
        }
        return success(next(inner for word, inner in shown.items() if f"<{word}" in request))

    def _configuration(self, request: str) -> str:
        if "/templates" in request:
            members = "".join(f"<member>{name}</member>" for name in self.templates)
            return success(f"<templates>{members}</templates>")
        if "/aws-cloudwatch" in request:
            for template, inner in self.cloudwatch.items():
                if f"/{template}/" in request or f"/template/entry[@name='{template}']" in request:
                    return success(f"<aws-cloudwatch>{inner}</aws-cloudwatch>")
        if "/deviceconfig/system/" in request:
            for template, inner in self.system.items():
                owner = (
                    f"/{template}/" in request or f"/template/entry[@name='{template}']" in request
                )
                element = f"<{request.rpartition('/')[2].removesuffix('config')}"
                if owner and element in inner:
                    return success(inner)
        if "/mgt-config/users/" in request:
            return success(self.user) if self.user else NO_SUCH_NODE
        if "/admin-role/" in request:
            return success(self.role)
        return NO_SUCH_NODE


@pytest.fixture
def content() -> Content:
    return Content()


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def api(content: Content, ca: trustme.CA) -> Iterator[XmlApi]:
    with XmlApi(ca=ca) as server:
        server.reply = content.reply
        yield server


@pytest.fixture
def secret(api: XmlApi, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The content of the secret, which tests change."""
    content = {"username": "autoscale", "api_key": "key", "ca_bundle": api.ca_bundle}

    class SecretsManager:
        def get_secret_value(self, **_: Any) -> dict[str, Any]:
            return {"SecretString": json.dumps(content)}

    monkeypatch.setattr(clients, "secrets", SecretsManager)
    return content


@pytest.fixture
def settings(api: XmlApi) -> PanoramaSettings:
    return of_panorama(api.port, secret_arn=SECRET)


POWER = (
    "Whoever has the key of autoscale can: read and change the whole configuration, which is every "
    "device group, template and administrator; run operational commands on Panorama and on every "
    "connected firewall, restarts and license changes included; commit, and push to every "
    "firewall. A right of the XML API covers all of Panorama; no role limits it to a device group."
)

Validate = Callable[..., dict[Severity, list[str]]]


@pytest.fixture
def validate(settings: PanoramaSettings, secret: dict[str, Any]) -> Validate:
    """Returns a function that runs all checks and returns the findings by severity."""
    assert secret

    def run_checks(**changes: Any) -> dict[Severity, list[str]]:
        changed = replace(settings, **changes)
        checks = [
            ("The PAN-OS version", panorama_objects.report_pan_os_version),
            ("What the key could do", partial(panorama_rights.report_power, False)),
            ("The rights to push, commit and revert", panorama_rights.check_change_rights),
            ("The right to run commands on firewalls", panorama_rights.check_firewall_commands),
            ("Licenses through Panorama", panorama_rights.check_batch_licenses),
            ("VM auth keys", partial(panorama_rights.check_vm_auth_keys, datetime.now(UTC))),
            ("Host names", partial(panorama_objects.check_host_names, changed)),
            ("Objects", partial(panorama_objects.check_objects, changed)),
            (
                "Publishing to CloudWatch",
                partial(panorama_objects.check_publishing, changed, NAMESPACE),
            ),
        ]
        return by_severity(panorama_access.check(changed, checks))

    return run_checks


def by_severity(findings: Any) -> dict[Severity, list[str]]:
    texts: dict[Severity, list[str]] = {severity: [] for severity in Severity}
    for finding in findings:
        assert isinstance(finding, Finding)
        texts[finding.severity].append(finding.text)
    return texts


@pytest.mark.documents(id="preflight/nothing-wrong")
def test_a_correct_setup_has_no_problems(api: XmlApi, validate: Validate) -> None:
    findings = validate()
    assert findings[Severity.PROBLEM] == []
    assert findings[Severity.UNCHECKED] == []
    assert findings[Severity.CHECKED] == [
        f"Secret {SECRET}: autoscale, a ca_bundle.",
        f"localhost:{api.port} can be reached.",
        f"localhost:{api.port}: the certificate is trusted.",
        "localhost accepts autoscale: Operational Requests, Configuration.",
        "PAN-OS 11.2.15: the firewalls of a batch are removed in one transaction (multi-config).",
        POWER,
        "autoscale may request pushes.",
        "autoscale may commit.",
        "autoscale may revert its own changes.",
        "autoscale may run commands on firewalls through Panorama.",
        "autoscale may read licenses through Panorama.",
        "localhost: the last VM auth key expires on 2099-12-31.",
        "Template stack TS: firewalls keep the host name that AWS gives them.",
        "localhost has the device group DG.",
        "localhost has the template stack TS.",
        "localhost has the log collector group LCG.",
        "Template stack TS: the settings for publishing to CloudWatch.",
    ]


@pytest.mark.documents(id="preflight/nothing-wrong")
def test_the_checks_change_nothing(api: XmlApi, validate: Validate) -> None:
    validate()
    config = [fields for fields in api.requests if fields["type"] == "config"]
    assert {fields["action"] for fields in config} <= {"show", "get"}
    push, commit = [fields["cmd"] for fields in api.requests if fields["type"] == "commit"]
    assert NO_DEVICE_GROUP in push
    assert len(NO_DEVICE_GROUP) > 31
    assert "<partial><admin><member>autoscale</member></admin></partial>" in commit
    (revert,) = [fields["cmd"] for fields in api.requests if "<revert>" in fields.get("cmd", "")]
    assert "<partial><admin><member>autoscale</member></admin></partial>" in revert
    asked = [fields.get("cmd", "") for fields in api.requests]
    assert asked.index(commit) > next(n for n, cmd in enumerate(asked) if "<changes>" in cmd)


# The secret.


@pytest.mark.documents(id="preflight/secret/shape")
@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"api_key": None}, "must be a JSON object of strings"),
        ({"username": "autoscale", "password": "p"}, "username and either api_key or password"),
        ({"ca_bundle": "no certificate"}, "does not contain certificates in PEM format"),
    ],
)
def test_the_connection_is_checked_even_if_the_secret_is_invalid(
    api: XmlApi,
    secret: dict[str, Any],
    validate: Validate,
    change: dict[str, str | None],
    text: str,
) -> None:
    secret.update(change)
    findings = validate()
    assert len(findings[Severity.PROBLEM]) == 1
    assert text in findings[Severity.PROBLEM][0]
    assert SECRET in findings[Severity.PROBLEM][0]
    assert f"localhost:{api.port} can be reached." in findings[Severity.CHECKED]
    rest = "localhost: TLS, the credential and everything that depends on them"
    assert f"{rest}: the secret cannot be used." in findings[Severity.UNCHECKED]


@pytest.mark.documents(id="preflight/secret/whitespace")
@pytest.mark.parametrize(
    ("end", "defect"),
    [
        (" ", "begins or ends with white space"),
        ("\n", "contains a character that cannot be printed, such as a line break"),
    ],
)
def test_white_space_around_a_secret_value_is_reported(
    secret: dict[str, Any], validate: Validate, end: str, defect: str
) -> None:
    secret["api_key"] = f"very-secret{end}"
    findings = validate()
    assert f"ecret {SECRET}: the value of api_key {defect}" in str(findings[Severity.PROBLEM])
    assert "very-secret" not in str(findings)


@pytest.mark.documents(id="preflight/secret/unreadable")
def test_an_unreadable_secret_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    class SecretsManager:
        def get_secret_value(self, **_: Any) -> dict[str, Any]:
            raise RuntimeError("Secrets Manager can't find the specified secret.")

    monkeypatch.setattr(clients, "secrets", SecretsManager)
    (text,) = by_severity(secrets.check_licensing_api_key(SECRET))[Severity.PROBLEM]
    assert "can't find the specified secret: check the secret's ARN" in text


@pytest.mark.documents(id="preflight/secret/shape")
def test_an_invalid_ca_bundle_in_the_firewalls_secret_is_reported(secret: dict[str, Any]) -> None:
    assert by_severity(secrets.check_firewall_administrator(SECRET))[Severity.PROBLEM] == []
    secret["ca_bundle"] = "no certificate"
    secret_store.clear_cache()
    (text,) = by_severity(secrets.check_firewall_administrator(SECRET))[Severity.PROBLEM]
    assert "does not contain certificates in PEM format" in text


# The connection.


@pytest.mark.documents(id="preflight/route/panorama")
def test_an_unresolvable_host_name_is_reported(api: XmlApi, validate: Validate) -> None:
    findings = validate(hostnames=("panorama.invalid",))
    (text,) = findings[Severity.PROBLEM]
    assert text.startswith(f"panorama.invalid:{api.port}: the name cannot be resolved")
    assert len(findings[Severity.UNCHECKED]) == 10


@pytest.mark.documents(id="preflight/route/panorama")
def test_a_closed_port_is_reported(api: XmlApi, validate: Validate) -> None:
    (text,) = validate(hostnames=(UNREACHABLE,))[Severity.PROBLEM]
    assert text.startswith(f"{UNREACHABLE}:{api.port}: the connection failed (Connection refused)")
    assert "panorama.port" in text


@pytest.mark.documents(id="preflight/route/panorama")
def test_a_connection_timeout_names_what_to_check(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> None:
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", never)
    (text,) = by_severity(connectivity.check_connection("localhost", 443))[Severity.PROBLEM]
    assert "localhost:443: no response within 5 s" in text
    assert "security groups" in text
    assert "NAT gateway" in text


# TLS.


@pytest.mark.documents(id="preflight/tls")
def test_a_certificate_of_an_untrusted_authority_is_reported(
    secret: dict[str, Any], validate: Validate
) -> None:
    secret["ca_bundle"] = trustme.CA().cert_pem.bytes().decode()
    findings = validate()
    (text,) = findings[Severity.PROBLEM]
    assert "is not trusted" in text
    assert f"ca_bundle of secret {SECRET}" in text
    assert (
        "localhost: the credential and everything that depends on it: there is no TLS connection."
        in findings[Severity.UNCHECKED]
    )


@pytest.mark.documents(id="preflight/tls")
def test_a_certificate_for_another_name_is_reported(api: XmlApi, validate: Validate) -> None:
    (text,) = validate(hostnames=("127.0.0.1",))[Severity.PROBLEM]
    assert text.startswith(f"127.0.0.1:{api.port}: the certificate is for another name")


@pytest.mark.documents(id="preflight/tls")
def test_f10_e_a_certificate_for_the_configured_server_name_is_accepted(
    api: XmlApi, ca: trustme.CA
) -> None:
    trust = ssl.create_default_context(cadata=ca.cert_pem.bytes().decode())
    check = partial(connectivity.check_certificate, "127.0.0.1", api.port, trust, SECRET)
    assert by_severity(check("localhost"))[Severity.PROBLEM] == []
    (text,) = by_severity(check("other.example.com"))[Severity.PROBLEM]
    assert "the certificate is for another name" in text


@pytest.mark.documents(id="preflight/tls")
def test_f10_f_an_old_form_of_tls_is_named(monkeypatch: pytest.MonkeyPatch, api: XmlApi) -> None:
    error = ssl.SSLError(1, "[SSL: UNSAFE_LEGACY_RENEGOTIATION_DISABLED] unsafe")
    error.reason = "UNSAFE_LEGACY_RENEGOTIATION_DISABLED"

    class Context:
        def wrap_socket(self, *_: Any, **__: Any) -> None:
            raise error

    context: Any = Context()
    findings = connectivity.check_certificate("localhost", api.port, context, SECRET)
    (text,) = by_severity(findings)[Severity.PROBLEM]
    assert "speaks an old form of TLS: update it, or exclude Panorama from decryption" in text


@pytest.mark.documents(id="preflight/tls")
def test_an_expired_certificate_is_reported(ca: trustme.CA) -> None:
    with XmlApi(ca=ca, expires=datetime.now(UTC) - timedelta(days=1)) as server:
        trust = ssl.create_default_context(cadata=server.ca_bundle)
        findings = by_severity(
            connectivity.check_certificate("localhost", server.port, trust, SECRET)
        )
    assert "has expired: renew it" in findings[Severity.PROBLEM][0]


# The administrator.


@pytest.mark.documents(id="preflight/credential")
def test_a_rejected_api_key_is_reported(content: Content, validate: Validate) -> None:
    content.answers = {"": FORBIDDEN}
    (text,) = validate()[Severity.PROBLEM]
    assert "localhost rejects the administrator autoscale" in text
    assert f"renew secret {SECRET}" in text


@pytest.mark.documents(id="preflight/role/missing-right")
@pytest.mark.parametrize(
    ("word", "answer", "right", "unchecked"),
    [
        ("<system>", UNAUTHORIZED, "Operational Requests", 9),
        ("/config", FORBIDDEN, "Configuration", 0),
        ("<commit>", UNAUTHORIZED, "Commit", 0),
    ],
)
def test_a_missing_right_of_the_role_is_reported(
    content: Content,
    validate: Validate,
    word: str,
    answer: str | Answer,
    right: str,
    unchecked: int,
) -> None:
    content.answers = {word: answer}
    findings = validate()
    assert (
        f"localhost: the administrator autoscale may not use {right}: enable it under XML API in "
        "the administrator's role (Panorama > Admin Roles)."
    ) in findings[Severity.PROBLEM]
    assert len(findings[Severity.UNCHECKED]) == unchecked


@pytest.mark.documents(id="preflight/panorama-busy")
def test_a_busy_panorama_is_not_a_problem(content: Content, validate: Validate) -> None:
    content.answers = {"<commit>": BUSY}
    findings = validate()
    assert findings[Severity.PROBLEM] == []
    (text,) = findings[Severity.UNCHECKED]
    assert text.startswith("The rights to push, commit and revert: Panorama is busy (code 22)")
    assert text.endswith("Invoke the function again.")


@pytest.mark.documents(id="preflight/role/removal-pending")
def test_nothing_is_committed_while_a_removal_is_in_progress(
    api: XmlApi, content: Content, validate: Validate
) -> None:
    content.answers = {
        "<jobs>": success(
            "<job><id>7</id><type>Commit</type><user>autoscale</user><status>ACT</status></job>"
        )
    }
    findings = validate()
    assert "is waiting for its commit" in findings[Severity.UNCHECKED][0]
    assert not any("<commit>" in fields.get("cmd", "") for fields in api.requests)
    assert not any("<revert>" in fields.get("cmd", "") for fields in api.requests)


# What the administrator may do, tried with nothing to change.


@pytest.mark.documents(id="preflight/role/push")
def test_f6_a_push_that_panorama_accepts_is_told(content: Content, validate: Validate) -> None:
    content.answers = {"<commit-all>": success("<job>9</job>")}
    (text,) = validate()[Severity.UNCHECKED]
    assert text.startswith("The right to push: Panorama did not refuse a push of a device group")


@pytest.mark.documents(id="preflight/role/push")
def test_f6_a_missing_right_to_push_is_reported(content: Content, validate: Validate) -> None:
    content.answers = {"<commit-all>": FORBIDDEN}
    findings = validate()
    assert (
        "localhost: the administrator autoscale may not use Commit" in findings[Severity.PROBLEM][0]
    )
    assert "autoscale may commit." in findings[Severity.CHECKED]


@pytest.mark.documents(id="preflight/role/revert")
def test_f6_a_missing_right_to_revert_is_reported(content: Content, validate: Validate) -> None:
    content.answers = {"<revert>": UNAUTHORIZED}
    (text,) = validate()[Severity.PROBLEM]
    assert text.startswith("localhost: the administrator autoscale may not revert its own")
    assert text.endswith("Give it a role of docs/panorama-admin-role.xml.")


@pytest.mark.documents(id="preflight/role/open-changes")
@pytest.mark.parametrize(
    "answer",
    [
        success("<journal><entry><owner>autoscale</owner></entry></journal>"),
        success("<summary><device-group><member>DG</member></device-group></summary>"),
        success("2 changes"),
        "<response status='success'/>",
    ],
)
def test_f10_i_nothing_is_committed_while_the_account_has_open_changes(
    api: XmlApi, content: Content, validate: Validate, answer: str
) -> None:
    content.answers = {"<changes>": answer}
    findings = validate()
    assert findings[Severity.PROBLEM] == []
    (text,) = findings[Severity.UNCHECKED]
    assert text.startswith("The rights to commit and to revert: autoscale has uncommitted changes")
    sent = [fields.get("cmd", "") for fields in api.requests]
    assert not any("<commit>" in cmd or "<revert>" in cmd for cmd in sent)
    (asked,) = [cmd for cmd in sent if "<changes>" in cmd]
    assert "<partial><admin><member>autoscale</member></admin></partial>" in asked


@pytest.mark.parametrize("answer", [success(""), success("<journal/>"), success(" \n ")])
def test_f10_i_an_empty_change_list_lets_the_rights_be_tried(
    content: Content, validate: Validate, answer: str
) -> None:
    content.answers = {"<changes>": answer}
    assert "autoscale may commit." in validate()[Severity.CHECKED]


@pytest.mark.documents(id="preflight/role/target")
@pytest.mark.parametrize("answer", [FORBIDDEN, UNAUTHORIZED])
def test_f6_a_role_that_may_not_reach_firewalls_is_reported(
    api: XmlApi, content: Content, validate: Validate, answer: str | Answer
) -> None:
    ordinary = content.reply

    def reply(fields: dict[str, str]) -> Answer:
        refused = answer if isinstance(answer, Answer) else Answer(answer)
        return refused if "target" in fields else ordinary(fields)

    api.reply = reply
    (text,) = validate()[Severity.PROBLEM]
    assert text.startswith(
        "localhost: the administrator autoscale may not run show system info on the firewall "
        "007951000012345 (target=)"
    )
    assert [fields["target"] for fields in api.requests if "target" in fields] == [
        "007951000012345"
    ]


@pytest.mark.documents(id="preflight/role/target")
@pytest.mark.parametrize(
    "group",
    [
        "<entry name='DG'/>",
        MEMBER.replace(">yes<", ">no<"),
        MEMBER.replace("name='DG'", "name='other'"),
    ],
)
def test_f6_only_a_connected_firewall_of_the_own_group_is_asked(
    api: XmlApi, content: Content, validate: Validate, group: str
) -> None:
    content.group = group
    assert "no firewall of the device group is connected" in str(validate()[Severity.UNCHECKED])
    assert not any("target" in fields for fields in api.requests)


@pytest.mark.documents(id="preflight/role/target")
def test_f6_a_firewall_that_disconnects_meanwhile_is_not_a_problem(
    api: XmlApi, content: Content, validate: Validate
) -> None:
    ordinary = content.reply
    api.reply = lambda fields: Answer(NOT_CONNECTED) if "target" in fields else ordinary(fields)
    findings = validate()
    assert findings[Severity.PROBLEM] == []
    assert "007951000012345 not connected" in findings[Severity.UNCHECKED][0]


@pytest.mark.documents(id="preflight/role/batch-licenses")
@not_executed
def test_f6_licenses_through_panorama_are_tried(
    content: Content, validate: Validate, answer: str, severity: Severity
) -> None:
    content.answers = {"<batch>": answer}
    assert "request batch license info" in str(validate()[severity])


@pytest.mark.documents(id="preflight/vm-auth-keys")
@pytest.mark.parametrize(
    ("keys", "severity", "sentence"),
    [
        (auth_key("2019/12/29 12:03:52"), Severity.PROBLEM, "the last VM auth key has expired"),
        ("", Severity.UNCHECKED, "localhost has none"),
        (auth_key(AUTH_KEY), Severity.UNCHECKED, "no readable expiry-time"),
    ],
)
def test_vm_auth_keys_that_let_no_firewall_join_are_reported(
    content: Content, validate: Validate, keys: str, severity: Severity, sentence: str
) -> None:
    content.auth_keys = keys
    findings = validate()
    assert sentence in str(findings[severity])
    assert AUTH_KEY not in str(findings)


@pytest.mark.documents(id="preflight/vm-auth-keys")
@not_executed
def test_the_right_to_see_vm_auth_keys_is_tried(
    content: Content, validate: Validate, answer: str, severity: Severity
) -> None:
    content.answers = {"<bootstrap>": answer}
    assert "request bootstrap vm-auth-key show" in str(validate()[severity])


PluginRights = Callable[[], dict[Severity, list[str]]]


@pytest.fixture
def plugin_rights(settings: PanoramaSettings, secret: dict[str, Any]) -> PluginRights:
    """Returns a function that checks the rights for the license plugin."""
    assert secret
    check = partial(panorama_rights.check_plugin_rights, "LM")
    return lambda: by_severity(panorama_access.check(settings, [("The plugin", check)]))


WITH_MANAGER = {"/sw_fw_license/": success("<entry name='LM'/>")}


@pytest.mark.documents(id="preflight/role/commit-for-others")
def test_f6_the_rights_for_the_license_plugin_are_tried_without_a_change(
    api: XmlApi, content: Content, plugin_rights: PluginRights
) -> None:
    content.answers = dict(WITH_MANAGER)
    assert plugin_rights()[Severity.CHECKED][-2:] == [
        "autoscale may read the list of license manager LM.",
        "autoscale may commit the license plugin's changes.",
    ]
    sent = [fields["cmd"] for fields in api.requests if "__sw_fw_license" in fields.get("cmd", "")]
    assert ["<changes>" in cmd for cmd in sent] == [True, False]
    assert "<partial><admin><member>__sw_fw_license</member></admin></partial>" in sent[1]


@pytest.mark.documents(id="preflight/role/commit-for-others")
@pytest.mark.parametrize(
    ("word", "answer", "severity", "text"),
    [
        ("<commit>", UNAUTHORIZED, Severity.PROBLEM, "(Commit For Other Admins under Web UI"),
        ("<commit>", NO_SUCH_GROUP, Severity.PROBLEM, "(Commit For Other Admins under Web UI"),
        ("<plugins>", UNAUTHORIZED, Severity.PROBLEM, "show plugins sw_fw_license devices"),
        ("<plugins>", NO_SUCH_GROUP, Severity.PROBLEM, "does not list the devices of the license"),
        ("<changes>", success("<entry/>"), Severity.UNCHECKED, "has uncommitted changes"),
        ("/sw_fw_license/", NO_SUCH_NODE, Severity.UNCHECKED, "there is no license manager LM"),
    ],
)
def test_f6_what_the_license_plugin_needs_is_reported(
    content: Content,
    plugin_rights: PluginRights,
    word: str,
    answer: str,
    severity: Severity,
    text: str,
) -> None:
    content.answers = {**WITH_MANAGER, word: answer}
    findings = plugin_rights()
    assert text in str(findings[severity])
    assert (findings[Severity.PROBLEM] == []) is (severity is Severity.UNCHECKED)


@pytest.mark.documents(id="preflight/role/power")
@pytest.mark.parametrize(
    ("user", "role", "severity", "text"),
    [
        (
            "<role-based><superuser>yes</superuser></role-based>",
            "",
            Severity.CHECKED,
            "can do what the built-in role superuser can. The module needs less: give autoscale",
        ),
        ("", "", Severity.UNCHECKED, "Its role may come from RADIUS, SAML or LDAP"),
        (
            ROLE_BASED,
            role_of_type("panorama", "export", "log"),
            Severity.CHECKED,
            "The role autoscale-api of autoscale also allows export, log, which the module",
        ),
        (
            ROLE_BASED,
            role_of_type("panorama", others=True),
            Severity.CHECKED,
            "also allows commit-for-other-admins, which the module",
        ),
        (
            ROLE_BASED,
            role_of_type("device-group"),
            Severity.PROBLEM,
            "is of type device-group: a role of type Device Group and Template has no XML API",
        ),
        (ROLE_BASED, "<role/>", Severity.PROBLEM, "is of type unknown"),
    ],
)
def test_f6_it_is_told_what_the_key_could_do(
    content: Content, validate: Validate, user: str, role: str, severity: Severity, text: str
) -> None:
    content.user, content.role = user, role
    assert text in str(validate()[severity])


def test_f6_the_right_to_commit_for_others_is_no_excess_with_the_license_plugin() -> None:
    found = Administrator(None, "r", "panorama", frozenset({"config", "op", "commit"}), True)
    findings = by_severity(panorama_rights.describe_power("autoscale", found, plugin=True))
    assert findings[Severity.CHECKED] == [POWER]


# Host names.

DHCP = "<dhcp-client>{}</dhcp-client>"
NO_NAME = DHCP.format("<send-hostname>yes</send-hostname>")
REFUSES = DHCP.format("<accept-dhcp-hostname>no</accept-dhcp-hostname>")
ACCEPTS = DHCP.format("<accept-dhcp-hostname>yes</accept-dhcp-hostname>")


@pytest.mark.documents(id="preflight/host-names")
@pytest.mark.parametrize(
    ("system", "severity", "text"),
    [
        ({"network": "<hostname>fw</hostname>"}, Severity.PROBLEM, "The template network sets the"),
        ({"template-stack": "<hostname>fw</hostname>"}, Severity.PROBLEM, "The template stack TS"),
        ({"network": "<hostname>$n</hostname>"}, Severity.UNCHECKED, "template variable $n of the"),
        ({"network": NO_NAME}, Severity.PROBLEM, "The template network makes the management"),
        ({"network": REFUSES}, Severity.PROBLEM, "does not accept a host name"),
        ({"network": ACCEPTS}, Severity.CHECKED, "keep the host name that AWS gives them"),
        ({"template-stack": ACCEPTS, "network": REFUSES}, Severity.CHECKED, "keep the host name"),
        ({"template-stack": REFUSES, "network": ACCEPTS}, Severity.PROBLEM, "template stack TS m"),
    ],
)
def test_f8_a_template_that_takes_the_host_name_away_is_reported(
    content: Content,
    validate: Validate,
    system: dict[str, str],
    severity: Severity,
    text: str,
) -> None:
    content.system = system
    findings = validate()
    assert text in str(findings[severity])
    assert (findings[Severity.PROBLEM] == []) is (severity is not Severity.PROBLEM)


# High availability.


def pair(state: str) -> str:
    return f"<enabled>yes</enabled><local-info><state>{state}</state></local-info>"


@pytest.mark.documents(id="preflight/pair")
def test_naming_only_the_passive_peer_is_a_problem(content: Content, validate: Validate) -> None:
    content.state = pair("secondary-passive")
    findings = validate()
    (text,) = findings[Severity.PROBLEM]
    assert "accepts changes (localhost is secondary-passive): name both peers of the pair" in text
    assert len(findings[Severity.UNCHECKED]) == 9


@pytest.mark.documents(id="preflight/pair")
def test_the_active_peer_is_used_and_the_other_one_is_reported(
    api: XmlApi, content: Content, validate: Validate
) -> None:
    content.state = pair("secondary-active")
    findings = validate(hostnames=(UNREACHABLE, "localhost"))
    (text,) = findings[Severity.PROBLEM]
    assert text.startswith(f"{UNREACHABLE}:{api.port}: the connection failed")
    assert "High availability: localhost is secondary-active." in findings[Severity.CHECKED]
    assert "autoscale may commit." in findings[Severity.CHECKED]


@pytest.mark.documents(id="preflight/pair")
def test_two_names_without_high_availability_are_a_problem(validate: Validate) -> None:
    (text,) = validate(hostnames=("localhost", "LOCALHOST"))[Severity.PROBLEM]
    assert text.startswith("High availability is disabled on localhost and LOCALHOST")


# Required objects.


@pytest.mark.documents(id="preflight/objects")
def test_missing_objects_do_not_hide_each_other(content: Content, validate: Validate) -> None:
    content.group = content.stack = content.collectors = ""
    findings = validate()
    assert findings[Severity.PROBLEM] == [
        f"localhost has no {kind} {name}: create and commit it, or correct panorama.{attribute}."
        for kind, name, attribute in (
            ("device group", "DG", "device_group"),
            ("template stack", "TS", "template_stack"),
            ("log collector group", "LCG", "log_collector_group"),
        )
    ]
    firewalls, publishing = findings[Severity.UNCHECKED]
    assert "no firewall of the device group is connected" in firewalls
    assert publishing == "Publishing to CloudWatch: the template stack does not exist."


@pytest.mark.documents(id="preflight/license-manager")
@pytest.mark.parametrize(
    ("group", "severity"),
    [("DG", Severity.CHECKED), ("another", Severity.PROBLEM), ("", Severity.PROBLEM)],
    ids=["ours", "another-group", "absent"],
)
def test_a_missing_license_manager_is_a_problem(
    content: Content,
    settings: PanoramaSettings,
    secret: dict[str, Any],
    group: str,
    severity: Severity,
) -> None:
    assert secret
    groups = f"<device-group>{group}</device-group><template-stack>TS</template-stack>"
    manager = success(f"<entry name='LM'>{groups}</entry>")
    content.answers = {"/sw_fw_license/": manager if group else NO_SUCH_NODE}
    checks = [("The license manager", partial(panorama_objects.check_license_manager, "LM"))]
    findings = by_severity(panorama_access.check(settings, checks))
    assert "license manager LM" in findings[severity][-1]


@pytest.mark.documents(id="preflight/old-release")
def test_a_release_without_multi_config_is_reported_to_remove_firewalls_one_by_one(
    content: Content, validate: Validate
) -> None:
    content.version = "10.0.12"
    assert (
        "PAN-OS 10.0.12: the firewalls of a batch are removed one by one."
        in validate()[Severity.CHECKED]
    )


# Publishing.


@pytest.mark.documents(id="preflight/publishing")
def test_a_template_may_provide_settings_that_the_stack_lacks(
    content: Content, validate: Validate
) -> None:
    content.templates = ("first", "second")
    content.cloudwatch = {
        "template-stack": "<timeout>1</timeout>",
        "first": "<enabled>yes</enabled>",
        "second": "<enabled>no</enabled><name>VMseries-fw</name>",
    }
    assert validate()[Severity.PROBLEM] == []


@pytest.mark.documents(id="preflight/publishing")
@pytest.mark.parametrize(
    ("configured", "texts"),
    [
        ({}, ["does not let firewalls publish"]),
        (
            {"enabled": "no", "name": "VMseries"},
            ["does not let", "to the namespace VMseries, but", "every 5 minutes"],
        ),
        ({"enabled": "yes", "name": "VMseries", "timeout": "1"}, ["read from VMseries-fw"]),
        ({"enabled": "yes", "name": NAMESPACE, "timeout": "3"}, ["publish every 3 minutes"]),
        ({"enabled": "yes", "timeout": "1"}, ["to the namespace (none)"]),
        ({"enabled": "yes", "name": NAMESPACE, "timeout": "1"}, []),
    ],
)
def test_each_wrong_publishing_setting_is_reported(
    configured: dict[str, str], texts: list[str]
) -> None:
    problems = by_severity(metric_publishing.check_publishing("TS", NAMESPACE, configured))[
        Severity.PROBLEM
    ]
    assert len(problems) == len(texts)
    for problem, text in zip(problems, texts, strict=True):
        assert text in problem
        assert "panorama_set_commands" in problem


@pytest.mark.documents(id="preflight/publishing")
def test_a_template_variable_is_reported_as_unchecked() -> None:
    findings = by_severity(
        metric_publishing.check_publishing(
            "TS", NAMESPACE, {"enabled": "yes", "name": "$ns", "timeout": "1"}
        )
    )
    assert findings[Severity.PROBLEM] == []
    assert findings[Severity.UNCHECKED] == [
        "Template stack TS: aws-cloudwatch name is the template variable $ns."
    ]
