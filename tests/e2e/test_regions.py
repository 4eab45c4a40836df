"""The examples in other Regions and partitions, and a deployment in a Region that the lab lacks."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from vmseries_lab.client import Lab
from vmseries_scenarios.deployment import MINUTE, Deployment, completed_hooks
from vmseries_scenarios.preflight import validate
from vmseries_scenarios.terraform import TerraformError


@pytest.mark.apply(seconds=110)
@pytest.mark.parametrize(
    ("example", "region", "partition"),
    [
        ("examples/two-arm", "eu-west-1", "aws"),
        ("examples/one-arm", "us-gov-west-1", "aws-us-gov"),
        ("examples/one-arm", "cn-northwest-1", "aws-cn"),
    ],
)
def test_an_example_works_in_any_region_and_partition(
    tmp_path: Path, example: str, region: str, partition: str
) -> None:
    with Lab(region) as lab:
        deployment = Deployment.copy(lab, example, tmp_path / "copy")
        deployment.apply()
        deployment.configure_panorama()
        assert deployment.workspace.plan() == ()
        deployment.wait_until_in_service(3, minutes=120)

        arns = set(re.findall(r"arn:[\w-]+:\w+:[\w-]*:", json.dumps(deployment.outputs)))
        assert arns
        assert {arn.split(":")[1] for arn in arns} == {partition}
        assert {arn.split(":")[3] for arn in arns} <= {region, ""}
        zones = {
            member["Placement"]["AvailabilityZone"] for member in deployment.instances().values()
        }
        assert zones == {f"{region}{letter}" for letter in "abc"}
        assert [report.problems for report in validate(deployment)] == [()] * 3

        since = len(lab.timeline())
        deployment.group.scale(4)
        deployment.wait_until_in_service(4)
        leaving = deployment.group.terminate_one()
        deployment.wait_until_terminated(leaving, minutes=120)
        (completed,) = completed_hooks(deployment.happened("hook-completed", leaving), "terminate")
        assert completed.detail["result"] == "CONTINUE"
        returned = [e for e in lab.timeline(since) if e.kind == "license-returned"]
        assert len(returned) == 1

        # The schedule of the reconcile function works, and it finds nothing to remove.
        time = lab.now()
        lab.advance(70 * MINUTE)
        reports = deployment.reconcile_reports(time)
        assert reports
        assert lab.errors() == []


@pytest.mark.apply(seconds=20)
def test_an_example_for_another_region_is_refused_with_the_first_call(tmp_path: Path) -> None:
    """It used to hang for minutes, while the provider repeated calls that failed."""
    with Lab("us-east-1") as lab:
        deployment = Deployment.copy(lab, "examples/one-arm", tmp_path / "copy", region="eu-west-1")
        since = len(lab.calls())
        with pytest.raises(TerraformError, match="AWS_REGION=eu-west-1") as raised:
            deployment.workspace.plan()
        message = " ".join(str(raised.value).split())
        assert "simulates the Region us-east-1" in message
        refused = [call for call in lab.calls(since) if call["error"] == "WrongRegion"]
        assert len(lab.calls(since)) == len(refused) <= 2
