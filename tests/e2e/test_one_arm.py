"""examples/one-arm: the step-scaling pair takes it from three to six and back."""

from __future__ import annotations

from e2e.story import ExampleStory

from vmseries_scenarios.network_interfaces import Nic


class TestOneArm(ExampleStory):
    example = "examples/one-arm"
    nics = (
        Nic(0, source_dest_check=False, delete_on_termination=True, public=False),
        Nic(1, source_dest_check=True, delete_on_termination=True, public=False),
    )
    wave = (1.0, 3.4)
