"""Routes of transit gateways, static and propagated.

https://docs.aws.amazon.com/vpc/latest/tgw/how-transit-gateways-work.html
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

from moto.ec2.models import EC2Backend

from vmseries_lab.aws.ec2 import errors
from vmseries_lab.aws.moto_patching import wrap

_GONE = ("deleted", "deleting", "failed")
_FILTERS = (
    "type",
    "state",
    "attachment.transit-gateway-attachment-id",
    "attachment.resource-id",
    "attachment.resource-type",
    "route-search.exact-match",
    "route-search.subnet-of-match",
    "route-search.supernet-of-match",
    "route-search.longest-prefix-match",
)
"""https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SearchTransitGatewayRoutes.html"""


def patch() -> None:
    """Let transit gateway routes have attachments, states, and come from propagations."""
    wrap(EC2Backend, "create_transit_gateway_route", _create)
    wrap(EC2Backend, "search_transit_gateway_routes", _search)
    wrap(EC2Backend, "create_transit_gateway_vpc_attachment", _attach)
    wrap(EC2Backend, "delete_transit_gateway_vpc_attachment", _detach)


def _attach(original: Any, store: Any, *args: Any, **kwargs: Any) -> Any:
    """CreateTransitGatewayVpcAttachment: associate it with the default route table, if any.

    Moto associates the route table with the attachment, but not the attachment with the table, so
    that the association could not be removed.
    https://docs.aws.amazon.com/vpc/latest/tgw/tgw-vpc-attachments.html
    """
    attachments = store.transit_gateway_attachments
    for gone in [each for each, found in attachments.items() if found.state in _GONE]:
        del attachments[gone]
    attachment = original(store, *args, **kwargs)
    table = attachment.transit_gateway_route_table
    if table is not None:
        store.associate_transit_gateway_route_table(attachment.id, table.id)
    return attachment


def _detach(original: Any, store: Any, *args: Any, **kwargs: Any) -> Any:
    """DeleteTransitGatewayVpcAttachment: the attachment is shown as deleted; moto forgets it.

    https://docs.aws.amazon.com/vpc/latest/tgw/tgw-vpc-attachments.html
    """
    attachment = original(store, *args, **kwargs)
    store.transit_gateway_attachments[attachment.id] = attachment
    return attachment


def _create(
    original: Any,
    store: Any,
    transit_gateway_route_table_id: str,
    destination_cidr_block: str,
    transit_gateway_attachment_id: str | None = None,
    blackhole: bool = False,
) -> Any:
    """CreateTransitGatewayRoute: to an attachment, or a blackhole.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTransitGatewayRoute.html
    """
    attachment = store.transit_gateway_attachments.get(transit_gateway_attachment_id)
    if not blackhole and attachment is None:
        raise errors.no_such_attachment(str(transit_gateway_attachment_id))
    route = original(
        store,
        transit_gateway_route_table_id,
        destination_cidr_block,
        transit_gateway_attachment_id,
        blackhole,
    )
    # Moto stores one attachment, which its response drops, where EC2 has a list.
    route["transitGatewayAttachments"] = [] if blackhole else [_summary(attachment)]
    return route


def _summary(attachment: Any) -> dict[str, str]:
    return {
        "resourceId": attachment.resource_id,
        "resourceType": attachment.resource_type,
        "transitGatewayAttachmentId": attachment.id,
    }


def _search(
    _original: Any,
    store: Any,
    transit_gateway_route_table_id: str,
    filters: Any,
    max_results: int | None = None,
) -> list[dict[str, Any]]:
    """SearchTransitGatewayRoutes: a static route is preferred to a propagated one.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SearchTransitGatewayRoutes.html
    """
    if unknown := set(filters or {}) - set(_FILTERS):
        raise NotImplementedError(f"filter {', '.join(sorted(unknown))} of transit gateway routes")
    table = store.transit_gateways_route_tables.get(transit_gateway_route_table_id)
    if table is None:
        return []
    routes = {**_propagated(store, table), **table.routes}
    for route in routes.values():
        attached = route.get("transitGatewayAttachments") or []
        if any(not _exists(store, a["transitGatewayAttachmentId"]) for a in attached):
            route["state"] = "blackhole"
    found = [route for route in routes.values() if _matches(route, filters or {})]
    if longest := (filters or {}).get("route-search.longest-prefix-match"):
        found = _longest(found, longest[0])
    return found[: int(max_results)] if max_results else found


def _exists(store: Any, attachment_id: str) -> bool:
    attachment = store.transit_gateway_attachments.get(attachment_id)
    return attachment is not None and attachment.state not in _GONE


def _propagated(store: Any, table: Any) -> dict[str, dict[str, Any]]:
    """Return the routes to the CIDR blocks of the VPCs that propagate to a route table.

    https://docs.aws.amazon.com/vpc/latest/tgw/how-transit-gateways-work.html#tgw-route-propagation-overview
    """
    routes = {}
    for propagation in table.route_table_propagation:
        attachment_id = propagation.transitGatewayAttachmentId
        if not _exists(store, attachment_id):
            continue
        attachment = store.transit_gateway_attachments[attachment_id]
        vpc = store.vpcs.get(attachment.resource_id)
        for block in _blocks(vpc) if vpc else ():
            routes[block] = {
                "destinationCidrBlock": block,
                "prefixListId": None,
                "state": "active",
                "type": "propagated",
                "transitGatewayAttachments": [_summary(attachment)],
            }
    return routes


def _blocks(vpc: Any) -> list[str]:
    associations = [*vpc.get_cidr_block_association_set()]
    associations += vpc.get_cidr_block_association_set(ipv6=True)
    return [
        association["cidr_block"]
        for association in associations
        if association["cidr_block_state"]["state"] == "associated"
    ]


def _matches(route: dict[str, Any], filters: dict[str, list[str]]) -> bool:
    attached = route.get("transitGatewayAttachments") or []
    block = ip_network(route["destinationCidrBlock"])

    def is_in(key: str) -> Callable[[list[str]], bool]:
        return lambda values: any(a[key] in values for a in attached)

    tests: dict[str, Callable[[list[str]], bool]] = {
        "type": lambda values: route["type"] in values,
        "state": lambda values: route["state"] in values,
        "attachment.transit-gateway-attachment-id": is_in("transitGatewayAttachmentId"),
        "attachment.resource-id": is_in("resourceId"),
        "attachment.resource-type": is_in("resourceType"),
        "route-search.exact-match": lambda values: str(block) in values,
        "route-search.subnet-of-match": lambda values: any(_within(block, v) for v in values),
        "route-search.supernet-of-match": lambda values: any(_covers(block, v) for v in values),
        "route-search.longest-prefix-match": lambda values: any(_covers(block, v) for v in values),
    }
    return all(tests[name](values) for name, values in filters.items())


def _within(block: Any, other: str) -> bool:
    outer = ip_network(other)
    return bool(block.version == outer.version and block.subnet_of(outer))


def _covers(block: Any, other: str) -> bool:
    inner = ip_network(other)
    return bool(block.version == inner.version and block.supernet_of(inner))


def _longest(routes: list[dict[str, Any]], address: str) -> list[dict[str, Any]]:
    covering = [r for r in routes if _covers(ip_network(r["destinationCidrBlock"]), address)]
    return sorted(
        covering, key=lambda r: ip_network(r["destinationCidrBlock"]).prefixlen, reverse=True
    )[:1]
