"""Apply and destroy are interrupted and repeated: a few points of `make prove-interrupts`."""

from __future__ import annotations

from pathlib import Path

import pytest

from vmseries_scenarios.interrupts.points import Point
from vmseries_scenarios.interrupts.stories import HELD, trial

pytestmark = pytest.mark.apply(seconds=150)


def test_an_interrupted_apply_and_an_interrupted_destroy_complete_when_repeated(
    tmp_path: Path,
) -> None:
    completed: list[str] = []
    with trial(tmp_path, completed.append) as running:
        running.configure(load_balancer=False)
        running.interrupt("apply", Point("lambda", "CreateFunction"))
        running.apply_again()
        running.deployment.wait_until_in_service(1)
        alarms = running.alarms()
        assert f"{running.deployment.name}-terminate-held" in alarms

        # A firewall still drains: whatever happens to it now must alarm.
        running.interrupt("destroy", HELD)
        assert running.deployment.group.states()
        assert running.alarms() >= {name for name in alarms if "utilization" not in name}

        running.destroy_again()
        assert running.alarms() == set()
    assert len(completed) == 2
