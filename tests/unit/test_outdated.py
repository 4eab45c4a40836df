"""Which running firewalls differ from what would be launched now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from vmseries_autoscale.aws import user_tags
from vmseries_autoscale.aws.instances import Instance
from vmseries_autoscale.reconcile.outdated import PACKAGE, SECRET, Current, differences

LAUNCHED = datetime(2026, 11, 22, 12, tzinfo=UTC)
BEFORE, AFTER = LAUNCHED - timedelta(seconds=1), LAUNCHED + timedelta(seconds=1)
NEW, OLD = "0123456789ab", "ba9876543210"
OTHER = "launched with other settings"
OLD_SECRET = "launched before the bootstrap secret was changed"
OLD_PACKAGE = "launched before the bootstrap package was changed"


def firewall(generation: str | None, launched: datetime | None = LAUNCHED) -> Instance:
    tags = {} if generation is None else {"vmseries-autoscale:generation": generation}
    return Instance("i-1", "us-east-1a", "running", tags, (), launched=launched)


@pytest.mark.parametrize(
    ("generation", "bootstrap", "expected"),
    [
        (NEW, {}, []),
        (OLD, {}, [OTHER]),
        (None, {}, []),
        (NEW, {SECRET: BEFORE, PACKAGE: BEFORE}, []),
        (NEW, {SECRET: LAUNCHED}, []),
        (NEW, {SECRET: AFTER}, [OLD_SECRET]),
        (NEW, {PACKAGE: AFTER}, [OLD_PACKAGE]),
        (None, {SECRET: AFTER}, [OLD_SECRET]),
        (OLD, {SECRET: AFTER}, [OTHER, OLD_SECRET]),
    ],
)
def test_a_firewall_differs_by_its_generation_or_its_bootstrap_configuration(
    generation: str | None, bootstrap: dict[str, datetime], expected: list[str]
) -> None:
    assert differences(firewall(generation), Current(NEW, bootstrap)) == expected


def test_an_unknown_launch_time_is_no_difference() -> None:
    assert differences(firewall(NEW, launched=None), Current(NEW, {SECRET: AFTER})) == []


# Tags.


def test_only_keys_of_the_user_are_written() -> None:
    settings = {
        "team": "network",
        "Name": "fw",
        "vmseries-autoscale:deployment": "other",
        "aws:autoscaling:groupName": "other",
    }
    assert user_tags.wanted(settings) == {"team": "network"}


def test_resources_differ_by_the_wanted_tags_only() -> None:
    ours = {"vmseries-autoscale:deployment": "fw"}
    described = {
        "same": {**ours, "team": "network", "written-by": "somebody"},
        "other-value": {**ours, "team": "old"},
        "missing": ours,
        "of-another-deployment": {"vmseries-autoscale:deployment": "other"},
        "nobody's": {},
    }
    assert user_tags.differing(described, "fw", {"team": "network"}) == ["other-value", "missing"]
