"""A run cleans up repeatedly, and lists what is left, whatever state it is in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from acceptance.choices import RUN_TAG, Choices
from acceptance.run import DESTROY_ATTEMPTS, Run, RunError
from acceptance.sweep import remains
from acceptance.unit.support import plan, snapshot
from botocore.exceptions import ClientError

from vmseries_scenarios.terraform import TerraformError

REFUSAL = ClientError({"Error": {"Code": "UnauthorizedOperation", "Message": "x"}}, "Describe")


class Clock:
    """Time that passes only in waits."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def wait(self, seconds: float) -> None:
        self.time += seconds


class Client:
    """Answers each operation from a table; an unknown one has no results."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def can_paginate(self, operation: str) -> bool:
        return operation != "describe_addresses"

    def get_paginator(self, operation: str) -> Any:
        client = self

        class Pages:
            def paginate(self, **parameters: Any) -> list[Any]:
                return [client.answer(operation, parameters)]

        return Pages()

    def answer(self, operation: str, parameters: dict[str, Any]) -> Any:
        self.calls.append((operation, parameters))
        found = self.answers.get(operation, {})
        if isinstance(found, Exception):
            raise found
        return found

    def __getattr__(self, operation: str) -> Any:
        return lambda **parameters: self.answer(operation, parameters)


class Account:
    """An account with a table of answers."""

    is_lab = True
    region = "us-east-1"

    def __init__(self, **answers: Any) -> None:
        self.clock = Clock()
        self.made = Client(answers)

    def client(self, _service: str) -> Client:
        return self.made

    @contextmanager
    def terraform_works(self) -> Iterator[None]:
        yield


def new_run(folder: Path, account: Account) -> Run:
    made: Any = account
    run = Run(made, Choices(), plan(), "run", folder, lambda _line: None)
    run.root.mkdir(parents=True)
    return run


def write_state(run: Run, *resources: str) -> None:
    run.state_file.write_text(json.dumps({"resources": list(resources)}))


def test_destroy_is_repeated_until_nothing_is_in_the_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(tmp_path, Account())
    write_state(run, "vpc")
    attempts = []

    def destroy(self: Run) -> None:
        attempts.append(self.account.clock.now())
        if len(attempts) < DESTROY_ATTEMPTS:
            raise TerraformError("DependencyViolation")
        write_state(self)

    monkeypatch.setattr(Run, "destroy", destroy)
    assert run.clean_up().found == {}
    assert attempts == [0.0, 60.0, 120.0]
    assert [phase.problem for phase in run.phases] == ["DependencyViolation"] * 2 + [""]
    assert not run.has_state()


def test_a_destroy_that_never_succeeds_ends_and_keeps_the_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def destroy(_self: Run) -> None:
        raise TerraformError("denied")

    monkeypatch.setattr(Run, "destroy", destroy)
    run = new_run(tmp_path, Account())
    write_state(run, "vpc")
    run.clean_up()
    assert len(run.phases) == DESTROY_ATTEMPTS
    assert run.has_state()


@pytest.mark.parametrize(
    ("content", "left"), [("{}", False), ('{"resources": []}', False), ("{", True)]
)
def test_a_state_that_cannot_be_read_counts_as_one_with_resources(
    tmp_path: Path, content: str, left: bool
) -> None:
    run = new_run(tmp_path, Account())
    assert not run.has_state()
    run.state_file.write_text(content)
    assert run.has_state() is left


def test_a_phase_that_takes_too_long_ends_with_the_states_of_the_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(tmp_path, Account())
    monkeypatch.setattr(
        Run,
        "look",
        lambda self, _phase: snapshot(self.account.clock.now() - 60, {"i-1": "Pending:Wait"}),
    )
    with pytest.raises(RunError, match=r"not after 10 minutes: one is in service; .*Pending:Wait"):
        run.watch("launch", lambda _look: False, "one is in service", 10)


def test_a_failed_phase_is_noted_with_the_first_line_of_its_error(tmp_path: Path) -> None:
    run = new_run(tmp_path, Account())

    def fail(error: BaseException) -> None:
        run.account.clock.wait(120)
        raise error

    with pytest.raises(RunError), run.phase("launch"):
        fail(RunError("not after 10 minutes\nlong text"))
    with pytest.raises(KeyboardInterrupt), run.phase("scale out"):
        fail(KeyboardInterrupt())
    assert [(p.name, p.minutes, p.problem) for p in run.phases] == [
        ("launch", 2.0, "not after 10 minutes"),
        ("scale out", 2.0, "interrupted"),
    ]


ALIVE = {"InstanceId": "i-1", "State": {"Name": "running"}}
GONE = {"InstanceId": "i-2", "State": {"Name": "terminated"}}


def test_what_is_left_is_listed_by_kind() -> None:
    account: Any = Account(
        describe_instances={"Reservations": [{"Instances": [ALIVE, GONE]}]},
        describe_nat_gateways={
            "NatGateways": [
                {"NatGatewayId": "nat-1", "State": "available"},
                {"NatGatewayId": "nat-2", "State": "deleted"},
            ]
        },
        describe_addresses={"Addresses": [{"AllocationId": "eipalloc-1"}]},
        describe_log_groups={
            "logGroups": [
                {"logGroupName": "/aws/lambda/acceptance-launch"},
                {"logGroupName": "/aws/lambda/other-launch"},
            ]
        },
        list_queues={"QueueUrls": ["https://sqs/1/acceptance-launch"]},
        list_roles={"Roles": [{"RoleName": "acceptance-firewall"}, {"RoleName": "acceptance2"}]},
    )
    left = remains(account, "run", "acceptance")
    assert left.found == {
        "instances": ["i-1"],
        "NAT gateways": ["nat-1"],
        "Elastic IP addresses": ["eipalloc-1"],
        "log groups": ["/aws/lambda/acceptance-launch"],
        "queues": ["acceptance-launch"],
        "roles": ["acceptance-firewall"],
    }
    assert left.unsure == []
    assert left.counts()["instances"] == 1
    asked = [p["Filters"][0] for o, p in account.made.calls if o == "describe_addresses"]
    assert {(one["Name"], *one["Values"]) for one in asked} == {
        (f"tag:{RUN_TAG}", "run"),
        ("tag:vmseries-autoscale:deployment", "acceptance"),
    }


def test_what_cannot_be_listed_is_not_counted_as_gone() -> None:
    account: Any = Account(describe_vpcs=REFUSAL, list_functions=REFUSAL)
    left = remains(account, "run", "acceptance")
    assert left.unsure == ["VPCs", "functions"]
