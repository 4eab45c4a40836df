"""The architecture that modules/firewall-group reads from the name of an instance type.

The types and their architectures are those of DescribeInstanceTypes, as moto recorded them.
"""

from __future__ import annotations

import re
from pathlib import Path

from moto.ec2.models.instance_types import INSTANCE_TYPES

IMAGE = Path(__file__).resolve().parents[2] / "modules" / "firewall-group" / "image.tf"


def test_names_of_all_instance_types_tell_their_architecture() -> None:
    (pattern,) = re.findall(
        r'can\(regex\("(.+)", var\.firewall\.instance_type\)\) \? "arm64"',
        IMAGE.read_text(encoding="utf-8"),
    )
    graviton = re.compile(pattern.replace("\\\\", "\\"))
    mistaken = [
        name
        for name, facts in INSTANCE_TYPES.items()
        if (graviton.match(name) is not None)
        != ("arm64" in facts["ProcessorInfo"]["SupportedArchitectures"])
    ]
    assert len(INSTANCE_TYPES) > 1000
    assert mistaken == []
