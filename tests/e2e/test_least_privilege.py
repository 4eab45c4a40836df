"""The negative control of `make prove-permissions`: without a statement a function is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vmseries_lab.client import Lab
from vmseries_scenarios import deployment
from vmseries_scenarios.least_privilege.proof import prove
from vmseries_scenarios.least_privilege.scenarios import Stage, record

pytestmark = pytest.mark.apply(seconds=80)

REMOVED = "AttachInterfaces"
FIRST = "ec2:AttachNetworkInterface"


def test_launch_does_not_get_through_without_a_statement(tmp_path: Path) -> None:
    with Lab() as lab:
        root = deployment.copy(lab, "tests/fixtures/permissions", tmp_path / "copy", features=[])
        stage = Stage(lab, root)
        stage.apply()
        stage.until_in_service(2)
        assert prove([record(stage).deployment]).refused == []

        role = stage.outputs["functions"]["launch"]["role_name"]
        iam = lab.aws.client("iam")
        policy = iam.get_role_policy(RoleName=role, PolicyName=role)["PolicyDocument"]
        statements = [s for s in policy["Statement"] if s["Sid"] != REMOVED]
        (removed,) = (s for s in policy["Statement"] if s["Sid"] == REMOVED)
        iam.put_role_policy(
            RoleName=role,
            PolicyName=role,
            PolicyDocument=json.dumps({**policy, "Statement": statements}),
        )
        before = len(lab.calls())
        stage.set_desired(3)
        stage.until_happened("hook-completed", 15, hook="launch", result="ABANDON")

        # What is not attached is not modified: the statement's other action is not come to.
        refused = [c for c in lab.calls(before) if c["error"] == "UnauthorizedOperation"]
        assert {(c["role"], f"ec2:{c['action']}") for c in refused} == {(role, FIRST)}
        assert FIRST in removed["Action"]
        assert list(stage.states().values()).count("InService") == 2
        proof = prove([record(stage).deployment])
        assert len(proof.refused) >= len(refused)
        assert not proof.holds
        assert lab.errors() == []
