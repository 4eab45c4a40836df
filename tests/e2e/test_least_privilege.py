"""Negative control of the least-privilege proof: without a statement, calls are refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vmseries_lab.client import Lab
from vmseries_scenarios.deployment import Deployment
from vmseries_scenarios.least_privilege.proof import prove
from vmseries_scenarios.least_privilege.scenarios import ROOT, record

pytestmark = pytest.mark.apply(seconds=80)

REMOVED = "AttachInterfaces"
FIRST = "ec2:AttachNetworkInterface"


def test_a_launch_without_a_statement_is_abandoned_and_the_proof_fails(tmp_path: Path) -> None:
    with Lab() as lab:
        deployment = Deployment.copy(lab, ROOT, tmp_path / "copy", features=[])
        deployment.apply()
        deployment.wait_until_in_service(2)
        assert prove([record(deployment).evidence]).refused == []

        role = deployment.outputs["functions"]["launch"]["role_name"]
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
        deployment.group.scale(3)
        deployment.wait_until_happened(
            "hook-completed", minutes=15, hook="launch", result="ABANDON"
        )

        # The function does not call the statement's other action, because it modifies only
        # attached interfaces.
        refused = [c for c in lab.calls(before) if c["error"] == "UnauthorizedOperation"]
        assert {(c["role"], f"ec2:{c['action']}") for c in refused} == {(role, FIRST)}
        assert FIRST in removed["Action"]
        assert deployment.group.count_states()["InService"] == 2
        proof = prove([record(deployment).evidence])
        assert len(proof.refused) >= len(refused)
        assert not proof.holds
        assert lab.errors() == []
