"""Somebody else's root module uses this one twice, as the registry serves it.

What a registry hands out is an export of a tag, unpacked into a folder that nobody may write to. So
the module is exported here with git, made read-only, and compared with itself afterwards.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tf_setup import terraform_environment
from vmseries_lab.client import Lab, Leftovers
from vmseries_lab.core.timeline import Entry
from vmseries_scenarios.terraform import Change, Workspace

pytestmark = pytest.mark.apply(seconds=170)

REPOSITORY = Path(__file__).resolve().parents[2]
CONSUMER = Path(__file__).parent / "consumer"
NAMES = ("blue", "green")
MINUTE = 60.0
DESTROY_PACE = 60.0


def git(*arguments: str, **environment: str) -> bytes:
    """Run git in the repository."""
    command = ["git", "-C", str(REPOSITORY), *arguments]
    return subprocess.run(
        command, check=True, capture_output=True, env={**os.environ, **environment}
    ).stdout


def export_module(target: Path, scratch: Path) -> None:
    """Unpack what `git archive` makes of the tracked files as they are now, and forbid writing."""
    index = scratch / "index"
    shutil.copy(
        git("rev-parse", "--path-format=absolute", "--git-path", "index").decode().strip(), index
    )
    git("add", "--update", GIT_INDEX_FILE=str(index))
    tree = git("write-tree", GIT_INDEX_FILE=str(index)).decode().strip()
    with tarfile.open(fileobj=io.BytesIO(git("archive", tree))) as archive:
        archive.extractall(target, filter="data")
    for path in [target, *target.rglob("*")]:
        path.chmod(path.stat().st_mode & ~0o222)


def contents(folder: Path) -> dict[str, str]:
    """Every file of a folder with its digest; root may write in spite of the permissions."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@dataclass
class Consumer:
    """The consumer's root module, applied to a lab of its own."""

    lab: Lab
    workspace: Workspace
    module: Path
    exported: dict[str, str]

    def states(self) -> dict[str, list[str]]:
        """The lifecycle states of each group's instances."""
        autoscaling = self.lab.aws.client("autoscaling")
        groups = autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
        return {
            group["AutoScalingGroupName"]: [i["LifecycleState"] for i in group["Instances"]]
            for group in groups
        }


@pytest.fixture(scope="module")
def consumer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consumer]:
    folder = tmp_path_factory.mktemp("consumer")
    export_module(folder / "module", folder)
    shutil.copytree(CONSUMER, folder / "root", ignore=shutil.ignore_patterns(".terraform*"))
    tools = terraform_environment()
    with Lab() as lab:
        environment = {**tools.environment, **lab.aws.environment()}
        workspace = Workspace(folder / "root", binary=tools.binary, environment=environment)
        workspace.init()
        workspace.keep_provider()
        yield Consumer(lab, workspace, folder / "module", contents(folder / "module"))
        assert lab.errors() == []


@pytest.fixture(scope="module")
def applied(consumer: Consumer) -> tuple[Change, ...]:
    """The second plan, after the first apply."""
    consumer.workspace.apply()
    return consumer.workspace.plan()


@pytest.fixture(scope="module")
def in_service(consumer: Consumer, applied: tuple[Change, ...]) -> list[Entry]:
    """What happened until both groups had their firewall in service."""
    for _ in range(60):
        if consumer.states() == {name: ["InService"] for name in NAMES}:
            return consumer.lab.timeline()
        consumer.lab.advance(MINUTE)
    pytest.fail(f"after an hour of lab time: {consumer.states()}")


@pytest.fixture(scope="module")
def destroyed(consumer: Consumer, in_service: list[Entry]) -> list[Entry]:
    """What happened while both live groups were destroyed."""
    consumer.lab.pace(DESTROY_PACE)
    consumer.workspace.destroy()
    return consumer.lab.timeline(len(in_service))


def completions(entries: list[Entry], hook: str) -> Counter[tuple[str, str]]:
    """How often a hook was completed, by group and result."""
    return Counter(
        (entry.detail["group"], entry.detail["result"])
        for entry in entries
        if entry.kind == "hook-completed" and entry.detail["hook"] == hook
    )


def test_second_plan_is_empty(applied: tuple[Change, ...]) -> None:
    assert [str(change) for change in applied] == []


def test_both_groups_are_there(consumer: Consumer, applied: tuple[Change, ...]) -> None:
    assert sorted(consumer.workspace.output()["groups"]) == sorted(NAMES)


def test_each_deployment_lets_its_own_firewall_in(in_service: list[Entry]) -> None:
    assert completions(in_service, "launch") == Counter((name, "CONTINUE") for name in NAMES)


@pytest.mark.documents(id="failure-modes/G5")
def test_each_deployment_answers_its_own_hooks(
    consumer: Consumer, in_service: list[Entry], destroyed: list[Entry]
) -> None:
    """No function was ever called for an instance of the other group."""
    group_of = {
        entry.subject: entry.detail["group"]
        for entry in consumer.lab.timeline()
        if entry.kind == "instance-launching"
    }
    crossed = [
        (invocation["function"], record["instance"])
        for invocation in consumer.lab.invocations()
        for record in invocation["event"].get("records", [])
        if not invocation["function"].startswith(f"{group_of[record['instance']]}-")
    ]
    assert group_of
    assert crossed == []


def test_destroy_lets_both_firewalls_go_in_order(destroyed: list[Entry]) -> None:
    assert completions(destroyed, "terminate") == Counter((name, "CONTINUE") for name in NAMES)
    assert [entry for entry in destroyed if entry.kind == "hook-expired"] == []


def test_nothing_is_left(consumer: Consumer, destroyed: list[Entry]) -> None:
    assert consumer.workspace.state() == []
    assert consumer.lab.leftovers() == Leftovers(0, 0, 0, 0)


def test_module_folder_was_not_written_to(consumer: Consumer, destroyed: list[Entry]) -> None:
    assert contents(consumer.module) == consumer.exported
    assert "main.tf" in consumer.exported
