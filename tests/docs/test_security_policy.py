"""SECURITY.md and docs/security.md say what the module does (M1, M2, M11)."""

from __future__ import annotations

import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def text_of(name: str) -> str:
    return " ".join((REPOSITORY / name).read_text(encoding="utf-8").split())


POLICY = text_of("SECURITY.md")
THREATS = text_of("docs/security.md")


def test_the_policy_says_that_queues_never_have_the_users_key() -> None:
    modules = "".join(path.read_text() for path in (REPOSITORY / "modules").rglob("*.tf"))
    queues = modules.count('resource "aws_sqs_queue" ')
    assert len(re.findall(r"sqs_managed_sse_enabled\s+= true", modules)) == queues > 0
    assert "kms_master_key_id" not in modules
    assert "encrypted with keys that SQS manages (SSE-SQS), and never with your own key" in POLICY


def test_the_policy_says_that_dead_letter_queues_keep_tokens() -> None:
    assert "The dead-letter queues keep events whole, token included" in POLICY


def test_the_policy_promises_licenses_only_until_the_deadline() -> None:
    assert "until the deadline of the termination (`deadlines.terminate_minutes`)" in POLICY
    assert "no license is lost" not in POLICY


def test_the_policy_names_a_release_as_soon_as_there_is_one() -> None:
    released = re.search(r"^## \[?v?\d", (REPOSITORY / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert ("there is no release yet" in POLICY) == (released is None)


def test_the_form_of_the_second_contact_exists() -> None:
    form = (REPOSITORY / ".github/ISSUE_TEMPLATE/security-contact.yml").read_text()
    [name] = re.findall(r"^name: (.+)$", form, re.MULTILINE)
    assert f"with the form **{name}**" in POLICY


def test_the_threat_model_says_for_each_attacker_what_remains() -> None:
    model = (REPOSITORY / "docs/security.md").read_text().split("\n## Threat model")[1]
    attackers = re.split(r"^### ", model.split("\n## ")[0], flags=re.MULTILINE)[1:]
    assert len(attackers) >= 8
    for attacker in attackers:
        assert attacker.count("**Remains**: ") == 1, attacker.splitlines()[0]


def test_the_threat_model_says_what_a_firewall_shares_with_others() -> None:
    source = (REPOSITORY / "modules/firewall-group/iam.tf").read_text()
    assert '[var.metric_namespace, "${var.metric_namespace}_dimensions"]' in source
    assert "two namespaces (the group's, and the same name with the suffix `_dimensions`" in THREATS
    assert "log-group:PaloAltoNetworksFirewalls" in source
    assert "The log group `PaloAltoNetworksFirewalls` is one for all deployments" in THREATS
