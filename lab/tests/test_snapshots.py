"""Workers that are forked from a process that has loaded the function."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from vmseries_lab.aws.lambda_.package_contents import Packages
from vmseries_lab.aws.lambda_.runtime_api import Invocation, Worker
from vmseries_lab.aws.lambda_.snapshot_process import SnapshotProcess

if not hasattr(os, "pidfd_open"):
    pytest.skip("a copy is followed by a descriptor, as Linux has it", allow_module_level=True)

HANDLER = """
import os, time
LOADED = time.monotonic_ns()

def handler(event, context):
    print("as", os.environ["WHO"])
    if event.get("hang"):
        time.sleep(60)
    return [os.environ["WHO"], LOADED, os.getpid()]
"""
ENVIRONMENT = {
    "_HANDLER": "app.handler",
    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
    "AWS_REGION": "us-east-1",
    "AWS_LAMBDA_FUNCTION_NAME": "f",
    "AWS_LAMBDA_FUNCTION_VERSION": "1",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
    "AWS_LAMBDA_LOG_GROUP_NAME": "g",
    "AWS_LAMBDA_LOG_STREAM_NAME": "s",
}


@pytest.fixture
def search(tmp_path: Path) -> tuple[Path, Path, Path]:
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "app.py").write_text(HANDLER)
    return tmp_path / "task", tmp_path / "layers", Packages(tmp_path / "packages").runtime()


@pytest.fixture
def snapshot(search: tuple[Path, Path, Path], tmp_path: Path) -> Iterator[SnapshotProcess]:
    snapshot = SnapshotProcess(tmp_path, search, ENVIRONMENT)
    yield snapshot
    snapshot.stop()


def worker(snapshot: SnapshotProcess, search: tuple[Path, Path, Path], who: str) -> Worker:
    def facts() -> dict[str, object]:
        return {"time": time.time(), "hosts": {}, "timed_out": []}

    environment = {**ENVIRONMENT, "WHO": who}
    return Worker(environment, *search, facts, who, "s", snapshot=snapshot)


def invocation(limit: float = 10, **event: object) -> Invocation:
    return Invocation("id", json.dumps(event), "arn", "Root=1-0-0", limit)


def test_copies_share_the_loaded_code_and_nothing_else(
    snapshot: SnapshotProcess, search: tuple[Path, Path, Path]
) -> None:
    workers = [worker(snapshot, search, who) for who in ("one", "other")]
    replies = [one.invoke(invocation()) for one in workers]
    (first, second) = [json.loads(reply.payload) for reply in replies]
    assert (first[0], second[0]) == ("one", "other")
    assert first[1] == second[1]
    assert first[2] != second[2]
    assert [line for _, line in replies[1].output] == ["as other"]
    for one in workers:
        one.kill()


def test_a_copy_that_is_killed_is_gone_for_good(
    snapshot: SnapshotProcess, search: tuple[Path, Path, Path]
) -> None:
    one = worker(snapshot, search, "one")
    reply = one.invoke(invocation(limit=0.5, hang=True))
    assert (reply.error, reply.alive) == ("Sandbox.Timedout", False)
    assert not one.alive
    one.kill()
