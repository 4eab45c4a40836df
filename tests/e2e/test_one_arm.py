"""examples/one-arm, applied unchanged: step scaling takes it from three to six and back."""

from __future__ import annotations

from e2e.story import ExampleStory

from vmseries_scenarios.network_interfaces import AttachedInterface


class TestOneArm(ExampleStory):
    example = "examples/one-arm"
    interfaces = (
        AttachedInterface(0, source_dest_check=False, delete_on_termination=True, public=False),
        AttachedInterface(1, source_dest_check=True, delete_on_termination=True, public=False),
    )
    wave = (1.0, 3.4)
