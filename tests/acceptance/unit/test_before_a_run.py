"""What a run on AWS checks and asks before it makes anything. The lab stands in for AWS."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from acceptance.main import main
from rich.console import Console

from vmseries_lab.client import SECRETS, Lab

ACCOUNT = "123456789012"
READING = ("Describe", "Get", "List")

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab() as lab:
        yield lab
        assert lab.errors() == []


class Refused:
    """Starts runs on AWS that are refused, and returns what they print."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab, self.folder = lab, folder

    def __call__(self, variables: str = "", **environ: str) -> str:
        file = self.folder / "my.tfvars"
        file.write_text(variables)
        before = len(self.lab.calls())
        console = Console(record=True, width=500, file=io.StringIO())
        chosen = {"AWS": "1", "VARS": str(file), "OUTPUT": str(self.folder / "runs"), **environ}
        assert main(chosen, console) == 2
        made = [
            call["action"]
            for call in self.lab.calls(before)
            if not call["action"].startswith(READING) and "DryRun" not in call["parameters"]
        ]
        assert made == []
        assert not (self.folder / "runs").exists()
        return console.export_text()


@pytest.fixture
def refused(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Refused:
    for name, value in lab.aws.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    return Refused(lab, tmp_path)


def test_a_run_prints_what_it_makes_and_costs_and_needs_the_account_id(refused: Refused) -> None:
    text = refused()
    assert "examples/one-arm as acceptance, in AWS, Region us-east-1" in text
    assert "NAT gateways" in text
    assert "US dollars" in text
    assert "Set ACCOUNT to the ID of the account" in text
    assert "Nothing was made." in text
    assert "Set YES=1 to run without a question." in refused(ACCOUNT=ACCOUNT)


def test_another_account_is_refused(refused: Refused) -> None:
    text = refused(ACCOUNT="111122223333", YES="1")
    assert f"ACCOUNT is 111122223333, but the credentials belong to {ACCOUNT}" in text


def test_another_region_is_refused(refused: Refused) -> None:
    text = refused('region = "eu-west-1"\n', ACCOUNT=ACCOUNT, YES="1")
    assert "The example's region is eu-west-1, but AWS_REGION is us-east-1" in text


def test_all_missing_prerequisites_are_reported_at_once(refused: Refused) -> None:
    manager = refused.lab.aws.client("secretsmanager")
    name = f"{SECRETS}/licensing-api-key"
    kept = manager.get_secret_value(SecretId=name)["SecretString"]
    manager.put_secret_value(SecretId=name, SecretString=json.dumps({"key": "a-secret-value"}))
    try:
        text = refused(
            'bootstrap_secret_name = "none"\nfirewall = {\n  panos_version = "9.9.9"\n}\n',
            ACCOUNT=ACCOUNT,
            YES="1",
        )
    finally:
        manager.put_secret_value(SecretId=name, SecretString=kept)
    assert f"The secret {name} (licensing) has no api_key." in text
    assert "The secret none (bootstrap) cannot be read (ResourceNotFoundException)." in text
    assert "AWS Marketplace lists no image of PAN-OS 9.9.9 (byol) in us-east-1." in text
    assert "a-secret-value" not in text


def test_a_name_that_is_in_use_is_refused(refused: Refused) -> None:
    sqs = refused.lab.aws.client("sqs")
    url = sqs.create_queue(QueueName="acceptance-launch")["QueueUrl"]
    try:
        text = refused(ACCOUNT=ACCOUNT, YES="1")
    finally:
        sqs.delete_queue(QueueUrl=url)
    assert "The account has queues named or tagged acceptance (acceptance-launch)." in text
