"""A refused call fails the test that makes it, and the end of a run shows how many were checked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
CONFTEST = """
import sys
import types

import pytest
from refusals import (
    pytest_runtest_teardown,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_testnodedown,
)

from vmseries_lab.core.validation import Validation


class FakeLab:
    def __init__(self):
        self.calls, self.refused = 0, []

    def call(self, action, refused=False):
        self.calls += 1
        if refused:
            violation = {"source": "a page"}
            service, name = action.split(":")
            self.refused.append({
                "service": service, "action": name, "code": "InvalidParameterValue",
                "message": "no", "violations": [violation],
            })

    def validation(self):
        count = int(self.calls > 0)
        unchecked = [{"call": "iam:CreateRole", "member": "", "reason": "", "count": count}]
        return Validation(self.calls, {}, list(self.refused), unchecked)


LAB = FakeLab()
sys.modules["vmseries_lab.client.lab"] = types.SimpleNamespace(STARTED=[LAB])


@pytest.fixture
def lab():
    return LAB


@pytest.fixture(scope="module")
def leaver():
    yield
    LAB.call("ec2:Late", refused=True)


def pytest_configure(config):
    config.addinivalue_line("markers", "refused(call)")
"""
FIRST = """
import pytest

def test_accepted(lab):
    lab.call("ec2:Fine")

def test_undeclared(lab):
    lab.call("ec2:Bad", refused=True)

@pytest.mark.refused("ec2:Bad")
def test_declared(lab):
    lab.call("ec2:Bad", refused=True)

@pytest.mark.refused("ec2:Other")
def test_another_than_declared(lab):
    lab.call("ec2:Bad", refused=True)
"""
SECOND = """
def test_at_the_end_of_a_module(leaver):
    pass
"""


def test_undeclared_refusals_fail_and_all_workers_are_counted(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_first.py").write_text(FIRST)
    (tmp_path / "test_second.py").write_text(SECOND)
    (tmp_path / "pytest.ini").write_text(
        f"[pytest]\npythonpath = {TESTS} {TESTS.parent / 'lab' / 'src'}\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", "-rE"]
    run = subprocess.run(
        [*command, "-p", "no:cacheprovider", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert "5 passed, 3 errors" in run.stdout, run.stdout
    assert "5 calls checked, 3 violations (1 that tests declare), 2 values unchecked" in run.stdout
    failed = {
        line.split("::")[1].split()[0]
        for line in run.stdout.splitlines()
        if "ERROR" in line and "::" in line
    }
    assert failed == {
        "test_undeclared",
        "test_another_than_declared",
        "test_at_the_end_of_a_module",
    }
