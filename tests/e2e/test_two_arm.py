"""examples/two-arm, applied unchanged: target tracking takes it from three to six and back."""

from __future__ import annotations

from e2e.story import ExampleStory

from vmseries_scenarios.network_interfaces import Nic


class TestTwoArm(ExampleStory):
    example = "examples/two-arm"
    nics = (
        Nic(0, source_dest_check=False, delete_on_termination=True, public=False),
        Nic(1, source_dest_check=True, delete_on_termination=True, public=False),
        Nic(2, source_dest_check=False, delete_on_termination=True, public=True),
    )
    wave = (1.2, 3.4)
