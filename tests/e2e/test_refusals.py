"""What AWS refuses stops an apply: a planted violation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tf_setup import terraform_environment
from vmseries_lab.client import Lab
from vmseries_scenarios.terraform import TerraformError, Workspace

pytestmark = pytest.mark.apply(seconds=20)

CONFIGURATION = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "description" {
  type = string
}

resource "aws_vpc" "this" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_security_group" "this" {
  name        = "management"
  description = "Management"
  vpc_id      = aws_vpc.this.id
}

resource "aws_vpc_security_group_egress_rule" "this" {
  security_group_id = aws_security_group.this.id
  description       = var.description
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"
}
"""
ACTION = "ec2:AuthorizeSecurityGroupEgress"


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab() as lab:
        yield lab
        assert lab.errors() == []


@pytest.fixture
def workspace(lab: Lab, tmp_path: Path) -> Workspace:
    (tmp_path / "main.tf").write_text(CONFIGURATION)
    tools = terraform_environment()
    environment = {**tools.environment, **lab.aws.environment()}
    workspace = Workspace(tmp_path, binary=tools.binary, environment=environment)
    workspace.init()
    return workspace


@pytest.mark.refused(ACTION)
def test_an_apostrophe_in_a_description_stops_the_apply(lab: Lab, workspace: Workspace) -> None:
    """A planted violation: the mistake that the module once had."""
    workspace.variables["description"] = "Panorama's API"
    with pytest.raises(TerraformError, match="InvalidParameterValue: Invalid rule description"):
        workspace.apply()
    report = lab.validation()
    assert [f"{one['service']}:{one['action']}" for one in report.refused] == [ACTION]
    assert report.refused[0]["violations"][0]["value"] == "Panorama's API"
    workspace.variables["description"] = "Panorama API"
    workspace.apply()
    assert len(lab.validation().refused) == 1
    assert workspace.plan() == ()
