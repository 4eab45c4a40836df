"""The module has no literal of one partition: plans for each partition name no other one.

The plans are those of `terraform test` with a mocked provider, whose values are of the partition.
Everything optional is on, in two deployments, because some inputs exclude each other.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import tf_setup
from vmseries_scenarios.terraform import clean_environment

# The first test waits for six plans, which take half a minute on two idle cores.
pytestmark = pytest.mark.timeout(600)

REPOSITORY = Path(__file__).resolve().parents[2]
READ_BY_TERRAFORM = (
    "*.tf",
    "modules/*/*.tf",
    "lambda/dist/functions.zip",
    "lambda/layer/layer.json",
)

# Names of AWS services that are the same in every partition.
SAME_EVERYWHERE = {
    # "lambda.amazonaws.com", also in the role of a function in China:
    # https://docs.amazonaws.cn/en_us/lambda/latest/dg/lambda-intro-execution-role.html
    "lambda.amazonaws.com",
    # https://docs.amazonaws.cn/en_us/eventbridge/latest/userguide/eb-use-resource-based.html
    "events.amazonaws.com",
}


@dataclass(frozen=True)
class Partition:
    """A partition, with one of its Regions.

    Attributes:
        name: Name in ARNs.
        region: The Region.
        suffix: DNS suffix of its endpoints.
    """

    name: str
    region: str
    suffix: str


# Not aws-eusc: version 5.100.0 of the provider refuses ARNs of its Region, eusc-de-east-1.
PARTITIONS = (
    Partition("aws", "eu-west-1", "amazonaws.com"),
    Partition("aws-us-gov", "us-gov-west-1", "amazonaws.com"),
    Partition("aws-cn", "cn-northwest-1", "amazonaws.com.cn"),
)

TEST = Path(__file__).parent / "partitions" / "everything.tftest.hcl.in"


def of_partition(text: str, partition: Partition) -> str:
    """Return a text for us-east-1 with the ARNs, names and Regions of a partition."""
    replaced = text.replace("arn:aws:", f"arn:{partition.name}:")
    replaced = replaced.replace('partition = "aws"', f'partition = "{partition.name}"')
    replaced = replaced.replace("amazonaws.com", partition.suffix)
    return replaced.replace("us-east-1", partition.region)


def strings(value: Any) -> Iterator[str]:
    """Yield every string in a document."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str):
        yield value


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, list[str]]]:
    """All strings in the planned resources and outputs, by partition and run."""
    folder = tmp_path_factory.mktemp("partitions")
    for pattern in READ_BY_TERRAFORM:
        for path in REPOSITORY.glob(pattern):
            target = folder / path.relative_to(REPOSITORY)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    mocks = (REPOSITORY / "tests" / "mocks" / "aws.tfmock.hcl").read_text()
    (folder / "tests").mkdir()
    for partition in PARTITIONS:
        # What only an apply knows on AWS is mocked in the plan, so that all text is there.
        (folder / "tests" / f"{partition.name}.tftest.hcl").write_text(
            'mock_provider "aws" {\n'
            f'  source          = "./mocks/{partition.name}"\n'
            "  override_during = plan\n"
            f"}}\n{of_partition(TEST.read_text(), partition)}"
        )
        mocked = folder / "mocks" / partition.name
        mocked.mkdir(parents=True)
        (mocked / "aws.tfmock.hcl").write_text(of_partition(mocks, partition))

    tools = tf_setup.terraform_environment()
    environment = clean_environment(os.environ, tools.environment)

    def run(*command: str) -> str:
        return subprocess.run(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=False
        ).stdout

    run(str(tools.binary), "init", "-backend=false", "-input=false", "-no-color")
    tool = str(REPOSITORY / "tools" / "tf_provider.py")
    output = run(sys.executable, tool, str(tools.binary), "test", "-json", "-verbose")
    found: dict[str, dict[str, list[str]]] = {partition.name: {} for partition in PARTITIONS}
    problems = []
    for line in output.splitlines():
        event = json.loads(line)
        if event["type"] == "test_plan":
            name = Path(event["@testfile"]).name.removesuffix(".tftest.hcl")
            plan = event["test_plan"]
            changes = [*plan["resource_changes"], *plan["output_changes"].values()]
            found[name][event["@testrun"]] = [
                text for change in changes for text in strings(change)
            ]
        elif event["@level"] == "error":
            problems.append(f"{event['@testfile']}: {event['diagnostic']}")
    assert problems == []
    return found


@pytest.mark.parametrize("partition", PARTITIONS, ids=lambda partition: partition.name)
@pytest.mark.parametrize("run", ["panorama", "firewall_api"])
def test_a_plan_names_no_other_partition(
    plans: dict[str, dict[str, list[str]]], partition: Partition, run: str
) -> None:
    texts = plans[partition.name][run]
    arns = {arn for text in texts for arn in re.findall(r"arn:(aws[a-z-]*):", text)}
    assert arns == {partition.name}

    hosts = {host for text in texts for host in re.findall(r"[\w.-]*amazonaws\.[a-z.]*[a-z]", text)}
    # KMS documents values of kms:ViaService with the domain amazonaws.com. Where endpoints have
    # another one, both are allowed: modules/firewall-group/iam.tf.
    by_kms = {f"s3.{partition.region}.amazonaws.com"} if run == "panorama" else set()
    foreign = {host for host in hosts if not f".{host}".endswith(f".{partition.suffix}")}
    assert foreign <= SAME_EVERYWHERE | by_kms
    # Nothing is allowed that does not occur, and what is searched for is found.
    assert hosts >= SAME_EVERYWHERE | by_kms | {f"ec2.{partition.suffix}"}


@pytest.mark.parametrize("partition", PARTITIONS, ids=lambda partition: partition.name)
def test_a_plan_names_no_other_region(
    plans: dict[str, dict[str, list[str]]], partition: Partition
) -> None:
    for texts in plans[partition.name].values():
        regions = re.findall(r"arn:[\w-]+:\w+:([\w-]+):", "\n".join(texts))
        assert set(regions) == {partition.region}
