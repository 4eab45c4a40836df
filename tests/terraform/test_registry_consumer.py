"""A user's root module uses this module twice, as the registry serves it.

The registry serves an export of a tag, and Terraform unpacks it into a folder that the module must
not write to. Therefore this test exports the module with git, makes it read-only, and compares it
with the export afterwards.
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
from vmseries_scenarios.deployment import Deployment, Group, completed_hooks
from vmseries_scenarios.terraform import Change, Workspace

pytestmark = pytest.mark.apply(seconds=170)

REPOSITORY = Path(__file__).resolve().parents[2]
CONSUMER = Path(__file__).parent / "consumer"
NAMES = ("blue", "green")
IN_SERVICE_MINUTES = 60


def git(*arguments: str, **environment: str) -> bytes:
    """Run git in the repository."""
    command = ["git", "-C", str(REPOSITORY), *arguments]
    return subprocess.run(
        command, check=True, capture_output=True, env={**os.environ, **environment}
    ).stdout


def export_module(target: Path, scratch: Path) -> None:
    """Export the tracked files as they are now with `git archive`, and make them read-only."""
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
    """Return the digest of every file in a folder, since root may write to read-only files."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@dataclass
class Consumer:
    """The user's root module in a lab.

    Attributes:
        lab: The lab.
        root: Both deployments.
        module: Folder of the exported module.
        exported: Digests of the exported files.
    """

    lab: Lab
    root: Deployment
    module: Path
    exported: dict[str, str]

    def is_in_service(self) -> bool:
        """Return whether each group has exactly one member, which is in service."""
        return all(Group(self.lab.aws, name).is_in_service(1) for name in NAMES)


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
        module = folder / "module"
        yield Consumer(lab, Deployment(lab, workspace), module, contents(module))
        assert lab.errors() == []


@pytest.fixture(scope="module")
def applied(consumer: Consumer) -> tuple[Change, ...]:
    """The second plan, after the first apply."""
    consumer.root.apply()
    return consumer.root.workspace.plan()


@pytest.fixture(scope="module")
def in_service(consumer: Consumer, applied: tuple[Change, ...]) -> list[Entry]:
    """The timeline until both groups have a firewall in service."""
    consumer.root.wait_until(
        consumer.is_in_service, "a firewall in service in each group", minutes=IN_SERVICE_MINUTES
    )
    return consumer.lab.timeline()


@pytest.fixture(scope="module")
def destroyed(consumer: Consumer, in_service: list[Entry]) -> list[Entry]:
    """The timeline while both groups, with their firewalls, are destroyed."""
    consumer.root.destroy()
    return consumer.lab.timeline(len(in_service))


def completions(entries: list[Entry], hook: str) -> Counter[tuple[str, str]]:
    """Return how often a hook was completed, by group and result."""
    return Counter(
        (entry.detail["group"], entry.detail["result"]) for entry in completed_hooks(entries, hook)
    )


def test_the_second_plan_is_empty(applied: tuple[Change, ...]) -> None:
    assert [str(change) for change in applied] == []


def test_both_groups_exist(consumer: Consumer, applied: tuple[Change, ...]) -> None:
    assert sorted(consumer.root.outputs["groups"]) == sorted(NAMES)


def test_each_deployment_completes_the_launch_of_its_own_firewall(in_service: list[Entry]) -> None:
    assert completions(in_service, "launch") == Counter((name, "CONTINUE") for name in NAMES)


@pytest.mark.documents(id="failure-modes/G5")
def test_each_deployment_handles_only_its_own_hooks(
    consumer: Consumer, in_service: list[Entry], destroyed: list[Entry]
) -> None:
    """No function was invoked for an instance of the other group."""
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


def test_destroy_completes_both_terminations_before_a_hook_expires(destroyed: list[Entry]) -> None:
    assert completions(destroyed, "terminate") == Counter((name, "CONTINUE") for name in NAMES)
    assert [entry for entry in destroyed if entry.kind == "hook-expired"] == []


def test_nothing_remains_after_the_destroy(consumer: Consumer, destroyed: list[Entry]) -> None:
    assert consumer.root.workspace.state() == []
    assert consumer.lab.leftovers() == Leftovers(0, 0, 0, 0)


def test_nothing_was_written_to_the_module(consumer: Consumer, destroyed: list[Entry]) -> None:
    assert contents(consumer.module) == consumer.exported
    assert "main.tf" in consumer.exported
