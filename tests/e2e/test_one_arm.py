"""examples/one-arm, applied unchanged: step scaling takes it from three to six and back."""

from __future__ import annotations

from dataclasses import replace

from e2e.story import ExampleStory

from vmseries_lab.network.model import Route, TargetKind
from vmseries_scenarios.network_interfaces import AttachedInterface
from vmseries_scenarios.packet_walk.site import Site


def is_local(route: Route) -> bool:
    return route.target.kind is TargetKind.LOCAL


class TestOneArm(ExampleStory):
    example = "examples/one-arm"
    interfaces = (
        AttachedInterface(0, source_dest_check=False, delete_on_termination=True, public=False),
        AttachedInterface(1, source_dest_check=True, delete_on_termination=True, public=False),
    )
    wave = (1.0, 3.4)
    published = True

    @staticmethod
    def without_return_route(site: Site) -> Site:
        """Return the site without the routes of the internet gateway to the endpoints."""
        tables = {
            key: replace(table, routes=tuple(r for r in table.routes if is_local(r)))
            if site.name(key).endswith("-edge")
            else table
            for key, table in site.network.tables.items()
        }
        assert tables != site.network.tables
        return replace(site, network=replace(site.network, tables=tables))
