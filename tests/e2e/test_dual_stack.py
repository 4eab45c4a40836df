"""Resources around the module: IPv6 subnets, a dual-stack load balancer, a transit gateway."""

from __future__ import annotations

from pathlib import Path

import pytest

from vmseries_lab.client import Lab
from vmseries_scenarios.deployment import Deployment


@pytest.mark.apply(seconds=60)
def test_ipv6_subnets_and_transit_gateway_routes_are_applied_once(tmp_path: Path) -> None:
    """The subnets could not be applied, and each plan replaced the routes."""
    with Lab() as lab:
        deployment = Deployment.copy(lab, "tests/fixtures/dual-stack", tmp_path / "copy")
        deployment.apply()
        assert deployment.workspace.plan() == ()
        routes = lab.aws.client("ec2").search_transit_gateway_routes(
            TransitGatewayRouteTableId=deployment.outputs["transit_gateway_route_table_id"],
            Filters=[{"Name": "state", "Values": ["active", "blackhole"]}],
        )["Routes"]
        found = {
            (route["Type"], route["State"])
            for route in routes
            if ":" not in route["DestinationCidrBlock"]
        }
        assert found == {("static", "active"), ("static", "blackhole"), ("propagated", "active")}
        deployment.destroy()
        assert lab.errors() == []
