"""docs/changes.md has a row for every input, and each row is tried."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

import pytest

import tf_docs
from vmseries_scenarios.changes.inputs import REMOVED, At, changed
from vmseries_scenarios.changes.lanes import LANES
from vmseries_scenarios.changes.main import by_lane, selected
from vmseries_scenarios.changes.page import PAGE, render
from vmseries_scenarios.changes.plans import Plan, parse, summarize
from vmseries_scenarios.changes.rows import Row
from vmseries_scenarios.changes.topics import ROWS, TOPICS
from vmseries_scenarios.deployment import REPOSITORY


def attributes() -> Iterator[str]:
    """Yield every input of the module, and every attribute of those that are objects."""
    for item in tf_docs.read_module(REPOSITORY).inputs:
        paths = [attribute.path for attribute in tf_docs.attributes(item.type)]
        parent = f"{item.name}[*]" if item.type.startswith("map(") else item.name
        yield from (f"{parent}.{path}" for path in paths)
        if not paths:
            yield item.name


ATTRIBUTES = sorted(attributes())


def matches(attribute: str, name: str) -> bool:
    """Whether a row's name of inputs, with a ``*`` at its end, stands for an attribute."""
    pattern = name.replace("[*]", "[[][*][]]")
    return fnmatchcase(attribute, pattern)


def test_the_module_has_the_attributes_that_this_test_reads() -> None:
    known = {"name", "tags", "network.vpc_id", "interfaces[*].target_groups[*].port", "readiness"}
    assert known < set(ATTRIBUTES)
    assert len(ATTRIBUTES) > 150


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_every_input_has_a_row(attribute: str) -> None:
    found = [row.id for row in ROWS if any(matches(attribute, name) for name in row.inputs)]
    assert found, f"docs/changes.md says nothing about {attribute}"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_every_name_in_a_row_is_an_input(row: Row) -> None:
    inputs = {re.split(r"[.[]", attribute)[0] for attribute in ATTRIBUTES}
    for name in row.inputs:
        assert name in inputs or any(matches(one, name) for one in ATTRIBUTES), name


def test_the_page_is_current() -> None:
    text = (REPOSITORY / PAGE).read_text(encoding="utf-8")
    assert text == render(TOPICS), "run make fmt"


def test_each_row_is_tried_once_on_its_deployment() -> None:
    tried = by_lane(ROWS)
    for row in ROWS:
        lanes = [name for name, rows in tried.items() if row in rows]
        again = ["refresh"] if row.refreshes and row.lane == "panorama" else []
        assert lanes == [row.lane, *again]
    assert {row.lane for row in ROWS} | {"refresh"} == set(LANES)


def test_rows_have_names_of_their_own() -> None:
    names = [row.id for row in ROWS]
    assert sorted(set(names)) == sorted(names)


def test_rows_are_selected_by_name_and_by_topic() -> None:
    assert [row.id for row in selected("zone-left")] == ["zone-left"]
    assert {row.id for row in selected("bootstrap")} >= {row.id for row in TOPICS["Bootstrap"]}
    assert selected("") == list(ROWS)
    assert selected("no-such-row") == []


def test_a_dozen_rows_are_tried_in_every_test_run() -> None:
    assert 10 <= sum(row.matters for row in ROWS) <= 14


def test_a_plan_is_read_as_it_is_written() -> None:
    plan = summarize(
        [
            ("module.firewalls.module.firewall_group.aws_launch_template.this", "update"),
            ('module.firewalls.module.lifecycle.module.function["a"].aws_iam_role.this', "replace"),
            ("module.firewalls.module.load_balancer[0].aws_lb.this", "delete"),
            ("module.firewalls.module.scaling.aws_autoscaling_policy.x", "create"),
            ("module.firewalls.module.firewall_group.terraform_data.image[0]", "replace"),
        ]
    )
    text = "changes launch template; adds scaling policies; deletes load balancer; replaces roles"
    assert str(plan) == text
    assert parse(text) == plan
    assert parse("no changes") == Plan()
    assert plan.reverse == parse(
        "changes launch template; adds load balancer; deletes scaling policies; replaces roles"
    )
    with pytest.raises(ValueError, match="no words for"):
        summarize([("module.firewalls.aws_new_thing.this", "update")])
    with pytest.raises(ValueError, match="not the text"):
        parse("changes coffee")


def test_inputs_are_changed_added_and_removed() -> None:
    site = {"zones": ["a", "b"], "groups": {"own": "sg-1"}}
    first = {"name": "live", "tags": {"a": "b"}, "scaling": None}
    to = {
        "tags": REMOVED,
        "scaling.step.minutes": 3,
        "groups": [At("groups.own"), At("zones.1")],
        "zone": lambda site: site["zones"][0],
    }
    assert changed(first, to, site) == {
        "name": "live",
        "scaling": {"step": {"minutes": 3}},
        "groups": ["sg-1", "b"],
        "zone": "a",
    }
    assert first == {"name": "live", "tags": {"a": "b"}, "scaling": None}
