"""How attacks are judged: what was touched, what reported it, and the verdict."""

import io
import zipfile

import pytest
from rich.console import Console

from vmseries_scenarios.attacks import guards
from vmseries_scenarios.attacks.main import FAMILIES
from vmseries_scenarios.attacks.result import Result, table, verdict
from vmseries_scenarios.attacks.watch import differences, error_of, unexpected
from vmseries_scenarios.changed_archive import Change, changed_archive

HELD = Result("held", "none", (), ("alarm",))
SILENT = Result("silent", "none", (), ())
TOUCHED = Result("touched", "none", ("license active → none",), ("alarm",))


@pytest.mark.parametrize(("result", "held"), [(HELD, True), (SILENT, False), (TOUCHED, False)])
def test_an_attack_is_held_if_it_touched_nothing_and_was_reported(result, held):
    assert result.held is held


def test_the_last_line_counts_those_that_are_held():
    assert verdict([HELD, TOUCHED, SILENT]) == "attacks: 1 of 3 held"


def test_the_table_names_what_was_touched_and_who_reported_it():
    console = Console(record=True, width=200)
    console.print(table([HELD, SILENT, TOUCHED]))
    text = console.export_text()
    assert "NOT HELD" in text
    assert "license active → none" in text
    rows = [line for line in text.splitlines() if "silent" in line]
    assert [row.count("nothing") for row in rows] == [2], "touched nothing, reported by nothing"


def test_a_fact_that_changed_is_a_difference():
    before = {"i-1": {"license": "active", "targets": "2"}, "i-2": {"license": "active"}}
    after = {"i-1": {"license": "none", "targets": "2"}, "i-2": {"license": "active"}}
    assert differences(before, after) == {"i-1": "i-1: license active → none"}


def test_a_firewall_that_is_gone_is_a_difference():
    assert differences({"i-1": {"license": "active"}}, {}) == {"i-1": "i-1: license active → none"}


def test_new_and_ignored_firewalls_are_no_difference():
    before, after = {"i-1": {"license": "active"}}, {"i-2": {"license": "active"}}
    assert differences(before, after, ignored={"i-1"}) == {}


def test_a_dead_letter_names_its_error():
    assert error_of({"MessageAttributes": {"error": {"StringValue": "OddError"}}}) == "OddError"
    assert error_of({}) == "without an error"


@pytest.mark.parametrize(
    ("function", "error", "expected"),
    [
        ("reconcile", "DeviceUnavailableError", True),
        ("reconcile", "DeviceRefusedError", True),
        ("reconcile", "MemoryError", False),
        ("reconcile", "Sandbox.Timedout", False),
        ("launch", "DeviceUnavailableError", False),
        ("terminate", "DeviceRefusedError", False),
    ],
)
def test_only_the_reconcile_function_may_end_with_the_error_of_a_device(function, error, expected):
    lines = [] if expected else [f"{function} crashed: {error}"]
    assert unexpected([(function, error)]) == lines


def test_the_negative_control_still_removes_a_guard():
    module = guards.BELIEVES_EVERY_MESSAGE.module
    with zipfile.ZipFile(io.BytesIO(changed_archive(guards.BELIEVES_EVERY_MESSAGE))) as archive:
        content = archive.read(module).decode()
    compile(content, module, "exec")
    assert guards.BELIEVES_EVERY_MESSAGE.before not in content
    assert guards.FAMILY in FAMILIES


def test_a_change_that_does_not_fit_the_archive_is_an_error():
    with pytest.raises(ValueError, match="must have this text once"):
        changed_archive(Change(guards.BELIEVES_EVERY_MESSAGE.module, "no such text", ""))
