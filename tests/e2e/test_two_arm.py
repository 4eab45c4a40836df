"""examples/two-arm, applied unchanged: target tracking takes it from three to six and back."""

from __future__ import annotations

from dataclasses import replace

from e2e.story import ExampleStory

from vmseries_scenarios.network_interfaces import AttachedInterface
from vmseries_scenarios.packet_walk.site import Site


class TestTwoArm(ExampleStory):
    example = "examples/two-arm"
    interfaces = (
        AttachedInterface(0, source_dest_check=False, delete_on_termination=True, public=False),
        AttachedInterface(1, source_dest_check=True, delete_on_termination=True, public=False),
        AttachedInterface(2, source_dest_check=False, delete_on_termination=True, public=True),
    )
    wave = (1.2, 3.4)
    published = False

    @staticmethod
    def without_return_route(site: Site) -> Site:
        """Return the site without the routes of the untrust virtual router to the other one."""
        routes = {**site.configuration.routes, "vr-untrust": ()}
        assert routes != site.configuration.routes
        return replace(site, configuration=replace(site.configuration, routes=routes))
