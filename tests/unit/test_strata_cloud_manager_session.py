"""What identification sees of Strata Cloud Manager, and how it says what it saw."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from component.fakes.strata_cloud_manager import FOLDER, FakeStrata

from vmseries_autoscale import firewall_identity, strata_cloud_manager
from vmseries_autoscale.firewall_identity import decision
from vmseries_autoscale.lifecycle.strata_cloud_manager_session import (
    StrataCloudManagerSession,
    in_its_words,
    open_session,
)
from vmseries_autoscale.pan_os.system_info import SystemInfo
from vmseries_autoscale.settings import StrataCloudManagerSettings
from vmseries_autoscale.strata_cloud_manager import ManagedFirewall

SERIAL, OTHER = "007951000123456", "007951000123457"
SETTINGS = StrataCloudManagerSettings("arn", FOLDER, "api.example.com", "id.example.com", 30)


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> StrataCloudManagerSession:
    fake = FakeStrata()
    fake.add(
        ManagedFirewall(
            SERIAL,
            hostname="ip-10-0-1-7",
            folder=FOLDER,
            connected=True,
            ip_address="10.0.1.7",
            mac="0a:1b:2c:3d:4e:5f",
        )
    )
    fake.add(ManagedFirewall(OTHER, folder="branches"))
    monkeypatch.setattr(strata_cloud_manager, "connect", fake.connect)
    return open_session(SETTINGS)


def test_only_a_firewall_in_the_folder_is_in_our_groups(
    session: StrataCloudManagerSession,
) -> None:
    ours = {key: firewall_identity.in_our_groups(item) for key, item in session.devices.items()}
    assert ours == {SERIAL: True, OTHER: False}
    assert session.devices[OTHER].device_group == "branches"


def test_the_list_answers_what_a_firewall_says_about_itself(
    session: StrataCloudManagerSession,
) -> None:
    assert session.ask(SERIAL) == SystemInfo(
        SERIAL, hostname="ip-10-0-1-7", management_ip="10.0.1.7", mac="0a:1b:2c:3d:4e:5f"
    )
    assert session.ask("007951000999999") is None


def reasons() -> list[str]:
    """The texts of the identification that name Panorama or its groups."""
    tree = ast.parse(Path(decision.__file__).read_text(encoding="utf-8"))
    docstrings = {
        ast.get_docstring(node, clean=False)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.FunctionDef)
    }
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value not in docstrings
    ]
    words = ("Panorama", "device group", "template stack")
    return [text for text in texts if any(word in text for word in words)]


def test_no_reason_names_panorama_or_its_groups() -> None:
    assert len(reasons()) >= 8
    for reason in map(in_its_words, reasons()):
        assert "Panorama" not in reason
        assert "device group" not in reason
        assert "template stack" not in reason
