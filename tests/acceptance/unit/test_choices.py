"""What a user may choose, what a run costs, and what must be right before it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from acceptance import cost, prerequisites
from acceptance.account import AwsAccount, LabClock, RealClock
from acceptance.choices import EXAMPLES, RUN_TAG, ChoiceError, Choices, make_plan, read_choices
from acceptance.main import Interrupts, confirmed, main
from acceptance.unit.support import plan
from botocore.exceptions import ClientError
from rich.console import Console


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"EXAMPLE": "three-arm"}, "EXAMPLE is one-arm or two-arm"),
        ({"AWS": "yes"}, "AWS is 1 or 0"),
        ({"ACCOUNT": "12345"}, "ACCOUNT is the 12 digits"),
        ({"AWS": "1", "ASSUME": "a=b"}, "ASSUME and PLANT are for the lab only"),
        ({"AWS": "1", "PLANT": "leftover"}, "ASSUME and PLANT are for the lab only"),
        ({"PLANT": "tree"}, "PLANT is leftover"),
        ({"ASSUME": "a"}, "ASSUME is a list"),
        ({"VARS": "/nonexistent.tfvars"}, "VARS: /nonexistent.tfvars cannot be read"),
    ],
)
def test_an_impossible_choice_is_a_sentence(environ: dict[str, str], sentence: str) -> None:
    with pytest.raises(ChoiceError, match=sentence):
        read_choices(environ)
    assert main(environ, Console(quiet=True)) == 2


def test_choices_come_from_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "my.tfvars"
    file.write_text('name = "edge"\ncapacity = {\n  min = 1\n  max = 2\n}\n')
    choices = read_choices({"EXAMPLE": "two-arm", "VARS": str(file), "YES": "1", "ASSUME": "a=b"})
    assert choices.variables == {"name": "edge", "capacity": {"min": 1, "max": 2}}
    assert (choices.example, choices.yes, choices.on_aws) == ("two-arm", True, False)
    assert choices.answers == {"a": "b"}


def test_a_broken_variables_file_is_not_quoted(tmp_path: Path) -> None:
    file = tmp_path / "my.tfvars"
    file.write_text('bootstrap_keys = { vm_auth_key = "secret-key"\n')
    with pytest.raises(ChoiceError, match="is not a valid") as raised:
        read_choices({"VARS": str(file)})
    assert "secret-key" not in str(raised.value)


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_plan_has_the_examples_defaults_and_the_tag_of_the_run(example: str) -> None:
    made = make_plan(Choices(example=example), "run", None)
    assert made.minimum < made.maximum
    assert set(made.secrets) == {"panorama", "licensing", "bootstrap"}
    assert made.panorama_hostnames
    assert made.variables["tags"] == {"Example": example, RUN_TAG: "run"}


def test_the_users_values_win_and_their_tags_are_kept() -> None:
    made = plan(
        name="edge",
        region="eu-west-1",
        tags={"Owner": "me"},
        firewall={"instance_type": "m5.2xlarge"},
        panorama={"hostnames": ["p.example.com"]},
    )
    assert (made.name, made.region, made.instance_type) == ("edge", "eu-west-1", "m5.2xlarge")
    assert made.variables["tags"]["Owner"] == "me"
    assert made.panorama_hostnames == ("p.example.com",)
    assert made.secrets["panorama"] == "vmseries-autoscale/panorama"


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"capacity": {"min": 2, "max": 2}}, "capacity.max must exceed capacity.min"),
        ({"colour": "red"}, "has no variable colour"),
    ],
)
def test_variables_that_do_not_fit_are_a_sentence(variables: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ChoiceError, match=sentence):
        plan(**variables)


def test_the_cost_follows_the_sizes() -> None:
    small = plan(capacity={"min": 1, "max": 2})
    large = plan(capacity={"min": 5, "max": 6}, firewall={"instance_type": "m5.4xlarge"})
    hourly = [sum(item.per_hour for item in cost.items(made)) for made in (small, large)]
    assert hourly[0] == pytest.approx(2 * (0.192 + 0.0083) + 3 * (0.045 + 0.005 + 0.0125 + 0.01))
    assert hourly[1] - hourly[0] == pytest.approx(6 * 0.768 - 2 * 0.192 + 4 * 0.0083)
    assert cost.dollars(cost.items(small), 2) == pytest.approx(2 * hourly[0] + cost.OTHER_DOLLARS)
    assert f"{hourly[0]:.2f} for each further hour" in cost.summary(small)


def test_two_arm_firewalls_have_addresses_that_cost() -> None:
    assert cost.elastic_addresses(plan()) == 3
    assert cost.elastic_addresses(plan("two-arm")) == 3 + 4
    (item,) = [i for i in cost.items(plan("two-arm")) if i.what == "public addresses of firewalls"]
    assert item.number == 4


def test_the_notes_say_what_the_price_does_not() -> None:
    made = plan(region="eu-west-1", firewall={"instance_type": "x9.huge"})
    text = " ".join(cost.notes(made))
    assert "approximate" in text
    assert cost.PRICED_ON in text
    assert "eu-west-1 has other prices" in text
    assert "x9.huge is not in the table" in text
    assert "Licenses of the firewalls are your own" in text


def test_another_account_or_region_is_refused() -> None:
    made, choices = plan(region="eu-west-1"), Choices(account="111122223333")
    first, second = prerequisites.place_problems(choices, made, "444455556666", "us-east-1")
    assert "ACCOUNT is 111122223333, but the credentials belong to 444455556666" in first
    assert "region is eu-west-1, but AWS_REGION is us-east-1" in second
    assert prerequisites.place_problems(choices, made, "111122223333", "eu-west-1") == []


@pytest.mark.parametrize(
    ("kind", "content", "fault"),
    [
        ("panorama", {"api_key": "k", "username": "u"}, ""),
        ("panorama", {"username": "u", "password": "p"}, ""),
        ("panorama", {"username": "u"}, "neither api_key, nor username and password"),
        ("licensing", {"api_key": "k"}, ""),
        ("licensing", {"licensing_api_key": "k"}, "has no api_key"),
        ("bootstrap", {"vm-auth-key": "k"}, ""),
        ("bootstrap", {"vm-auth-key": ""}, "has no vm-auth-key"),
        ("bootstrap", ["x"], "is not a JSON object"),
    ],
)
def test_the_content_of_a_secret_is_checked(kind: str, content: Any, fault: str) -> None:
    assert fault in prerequisites.secret_faults(kind, json.dumps(content))
    assert bool(fault) == bool(prerequisites.secret_faults(kind, json.dumps(content)))
    assert prerequisites.secret_faults(kind, "{") == "is not JSON"


class Ec2:
    """Answers a dry run with an error code."""

    def __init__(self, code: str) -> None:
        self.code = code

    def run_instances(self, **parameters: Any) -> None:
        assert parameters["DryRun"] is True
        raise ClientError({"Error": {"Code": self.code, "Message": "x"}}, "RunInstances")


def test_a_missing_subscription_is_a_sentence() -> None:
    problems, unchecked = prerequisites.subscription(Ec2("OptInRequired"), "ami-1", plan())
    assert "has not subscribed to VM-Series (byol)" in problems[0]
    assert prerequisites.subscription(Ec2("DryRunOperation"), "ami-1", plan()) == ([], [])
    _, unchecked = prerequisites.subscription(Ec2("VPCIdNotSpecified"), "ami-1", plan())
    assert unchecked == ["the subscription in AWS Marketplace (VPCIdNotSpecified)"]


def test_a_quota_that_is_too_small_is_a_sentence() -> None:
    assert prerequisites.quota_problem("addresses", 2, 3, 5, "us-east-1") == []
    (sentence,) = prerequisites.quota_problem("addresses", 3, 3, 5, "us-east-1")
    assert "needs 3 addresses, but of 5 in us-east-1, 3 are in use" in sentence


class Account:
    """An account of AWS, for the question before a run."""

    is_lab = False

    def account_id(self) -> str:
        return "111122223333"


class Terminal:
    """Standard input."""

    def __init__(self, *, interactive: bool) -> None:
        self.interactive = interactive

    def isatty(self) -> bool:
        return self.interactive


@pytest.mark.parametrize(
    ("choices", "interactive", "typed", "allowed"),
    [
        (Choices(on_aws=True), False, "", False),
        (Choices(on_aws=True, yes=True), False, "", False),
        (Choices(on_aws=True, yes=True), True, "", False),
        (Choices(on_aws=True, account="111122223333"), False, "", False),
        (Choices(on_aws=True, account="111122223333", yes=True), False, "", True),
        (Choices(on_aws=True), True, "111122223333", True),
        (Choices(on_aws=True), True, "yes", False),
    ],
)
def test_a_run_on_aws_needs_the_account_id_from_the_user(
    monkeypatch: pytest.MonkeyPatch,
    choices: Choices,
    interactive: bool,
    typed: str,
    allowed: bool,
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(interactive=interactive))
    console = Console(quiet=True)
    monkeypatch.setattr(console, "input", lambda _question: typed)
    account: Any = Account()
    assert confirmed(account, choices, console) is allowed


def test_a_run_on_aws_without_region_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    assert main({"AWS": "1"}) == 2
    assert "No Region is set" in capsys.readouterr().out


def test_the_second_interrupt_does_not_stop_the_cleanup() -> None:
    said: list[str] = []
    interrupts = Interrupts(said.append)
    with pytest.raises(KeyboardInterrupt):
        interrupts(2, None)
    interrupts(2, None)
    assert "The cleanup is running" in said[0]


def test_each_account_has_its_own_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    class Lab:
        def __init__(self) -> None:
            self.time = 100.0

        def now(self) -> float:
            return self.time

        def advance(self, seconds: float) -> None:
            self.time += seconds

    lab: Any = Lab()
    clock = LabClock(lab)
    clock.wait(60)
    assert clock.now() == 160.0
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    RealClock().wait(30)
    assert slept == [30]


def test_terraform_gets_the_users_aws_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    account = AwsAccount()
    environment = account.environment()
    assert environment["AWS_REGION"] == account.region == "eu-west-1"
    assert environment["AWS_CONFIG_FILE"]
    assert account.address_of("panorama.example.com", 443) == ("panorama.example.com", 443)
    assert account.played() == {}
