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
from vmseries_autoscale.preflight import (
    connectivity,
    metric_publishing,
    panorama_access,
    panorama_objects,
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
BUSY = '<response status="error" code="22"><msg><line>Session timed out</line></msg></response>'
NO_SUCH_NODE = '<response status="error"><msg><line>No such node</line></msg></response>'
NOTHING = (
    '<response status="success" code="19"><msg>There are no changes to commit.</msg></response>'
)
CLOUDWATCH = "<enabled>yes</enabled><name>VMseries-fw</name><timeout>1</timeout>"


@dataclass
class Content:
    """The content of a correctly configured Panorama, which tests change.

    Attributes:
        answers: Responses that override the rest, by a word of the request.
    """

    version: str = "11.2.15"
    state: str = "<enabled>no</enabled>"
    group: str = "<entry name='DG'/>"
    stack: str = "<entry name='TS'/>"
    collectors: str = "<entry name='LCG'/>"
    templates: tuple[str, ...] = ("network",)
    cloudwatch: dict[str, str] = field(default_factory=lambda: {"template-stack": CLOUDWATCH})
    answers: dict[str, str | Answer] = field(default_factory=dict)

    def reply(self, fields: dict[str, str]) -> Answer:
        request = fields.get("cmd", "") + fields.get("xpath", "") + fields["type"]
        for word, answer in self.answers.items():
            if word in request:
                return answer if isinstance(answer, Answer) else Answer(answer)
        return Answer(self._answer(fields, request))

    def _answer(self, fields: dict[str, str], request: str) -> str:
        if fields["type"] == "commit":
            return NOTHING
        if fields["type"] == "config":
            return self._configuration(request)
        shown = {
            "system": f"<system><sw-version>{self.version}</sw-version></system>",
            "high-availability": self.state,
            "devicegroups": f"<devicegroups>{self.group}</devicegroups>",
            "template-stack": f"<template-stack>{self.stack}</template-stack>",
            "log-collector-group": f"<log-collector-group>{self.collectors}</log-collector-group>",
            "jobs": "",
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


Validate = Callable[..., dict[Severity, list[str]]]


@pytest.fixture
def validate(settings: PanoramaSettings, secret: dict[str, Any]) -> Validate:
    """Returns a function that runs all checks and returns the findings by severity."""
    assert secret

    def run_checks(**changes: Any) -> dict[Severity, list[str]]:
        changed = replace(settings, **changes)
        checks = [
            ("The PAN-OS version", panorama_objects.report_pan_os_version),
            ("The right to commit", panorama_objects.check_commit_right),
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
        "autoscale may commit.",
        "localhost has the device group DG.",
        "localhost has the template stack TS.",
        "localhost has the log collector group LCG.",
        "Template stack TS: the settings for publishing to CloudWatch.",
    ]


@pytest.mark.documents(id="preflight/nothing-wrong")
def test_the_checks_change_nothing(api: XmlApi, validate: Validate) -> None:
    validate()
    assert {fields.get("action", "show") for fields in api.requests} <= {"show", "get"}
    (commit,) = [fields["cmd"] for fields in api.requests if fields["type"] == "commit"]
    assert "<partial><admin><member>autoscale</member></admin></partial>" in commit


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
    assert len(findings[Severity.UNCHECKED]) == 5


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
        ("<system>", UNAUTHORIZED, "Operational Requests", 4),
        ("config", FORBIDDEN, "Configuration", 0),
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
    assert text.startswith("The right to commit: Panorama is busy (code 22)")
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
    assert not any(fields["type"] == "commit" for fields in api.requests)


# High availability.


def pair(state: str) -> str:
    return f"<enabled>yes</enabled><local-info><state>{state}</state></local-info>"


@pytest.mark.documents(id="preflight/pair")
def test_naming_only_the_passive_peer_is_a_problem(content: Content, validate: Validate) -> None:
    content.state = pair("secondary-passive")
    findings = validate()
    (text,) = findings[Severity.PROBLEM]
    assert "accepts changes (localhost is secondary-passive): name both peers of the pair" in text
    assert len(findings[Severity.UNCHECKED]) == 4


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
    assert findings[Severity.UNCHECKED] == [
        "Publishing to CloudWatch: the template stack does not exist."
    ]


@pytest.mark.documents(id="preflight/license-manager")
@pytest.mark.parametrize(
    ("exists", "severity"), [(True, Severity.CHECKED), (False, Severity.PROBLEM)]
)
def test_a_missing_license_manager_is_a_problem(
    content: Content,
    settings: PanoramaSettings,
    secret: dict[str, Any],
    exists: bool,
    severity: Severity,
) -> None:
    assert secret
    content.answers = {"sw_fw_license": success("<entry name='LM'/>") if exists else NO_SUCH_NODE}
    checks = [("The license manager", partial(panorama_objects.check_license_manager, "LM"))]
    findings = by_severity(panorama_access.check(settings, checks))
    assert "license manager LM" in findings[severity][-1]
    unchecked = [text for text in findings[Severity.UNCHECKED] if "Commit For Other Admins" in text]
    assert bool(unchecked) is exists


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
