"""Data sources whose object is gone must not stop a plan or a destroy.

Most data sources of the provider fail if their object does not exist. Terraform reads data sources
before a destroy, too, so each of them is a reason why a deployment cannot be removed.
"""

from __future__ import annotations

import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDERS = ("", "modules/*/", "examples/*/", "examples/modules/*/")

ALWAYS_EXIST = {
    "aws_caller_identity",
    "aws_ec2_instance_type",
    "aws_partition",
    "aws_region",
}
MAY_BE_EMPTY = {
    "aws_ami_ids",
    "aws_autoscaling_groups",
    "aws_availability_zones",
    "aws_ec2_instance_type_offerings",
    "aws_network_interfaces",
    "aws_secretsmanager_secrets",
    "aws_security_groups",
}
EXIST_AS_LONG_AS_THE_DEPLOYMENT = {
    "aws_lb": "It is the module's own. When it is gone, its ARN is unknown and it is not read.",
    "aws_subnet": "AWS does not delete a subnet with network interfaces of firewalls.",
    "aws_lb_target_group": "docs/operations.md names the way out: the provider has no list.",
}


def data_sources() -> dict[str, set[str]]:
    """Return the types of the data sources, with the files that use them."""
    found: dict[str, set[str]] = {}
    for folder in FOLDERS:
        for path in REPOSITORY.glob(f"{folder}*.tf"):
            for kind in re.findall(
                r'^data "(\w+)"', path.read_text(encoding="utf-8"), re.MULTILINE
            ):
                found.setdefault(kind, set()).add(str(path.relative_to(REPOSITORY)))
    return found


def test_no_data_source_fails_when_its_object_is_gone() -> None:
    known = ALWAYS_EXIST | MAY_BE_EMPTY | set(EXIST_AS_LONG_AS_THE_DEPLOYMENT)
    others = {kind: files for kind, files in data_sources().items() if kind not in known}
    assert others == {}


def test_every_known_data_source_is_used() -> None:
    assert set(data_sources()) == ALWAYS_EXIST | MAY_BE_EMPTY | set(EXIST_AS_LONG_AS_THE_DEPLOYMENT)
