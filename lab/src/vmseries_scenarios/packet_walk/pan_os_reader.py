"""Reads what a template stack and a device group configure, from Panorama's configuration.

The configuration is that of the XML API (``type=config&action=show&xpath=/config``) or an exported
file. Only what decides about packets is read. What :mod:`~vmseries_scenarios.packet_walk.pan_os`
does not support, such as another kind of NAT, is an error and never ignored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import Protocol
from xml.etree.ElementTree import Element, ParseError

from defusedxml.ElementTree import fromstring

from vmseries_scenarios.packet_walk.pan_os import (
    ANY,
    SERVICES,
    Configuration,
    InterfaceConfig,
    ManagementProfile,
    SecurityRule,
    SourceNat,
    StaticRoute,
)

_LOCALHOST = "devices/entry[@name='localhost.localdomain']"
_CONFIG = f"config/{_LOCALHOST}"
_CONDITIONS = ("source-user", "category", "source-hip", "destination-hip")
"""What a security rule can match by, and a walk does not have."""
_VSYS = f"{_CONFIG}/vsys/entry[@name='vsys1']"


class UnreadableConfigurationError(ValueError):
    """The configuration has something that walks do not support, or lacks something."""


class XmlApi(Protocol):
    """Sends requests to the XML API of a Panorama."""

    def request(self, **parameters: str) -> Element:
        """Return the root element of the response."""


def running_configuration(panorama: XmlApi) -> Element:
    """Return the running configuration of a Panorama."""
    response = panorama.request(type="config", action="show", xpath="/config")
    config = response.find("result/config")
    if config is None:
        raise UnreadableConfigurationError("Panorama shows no running configuration")
    return config


def exported_configuration(text: bytes) -> Element:
    """Return the configuration in an exported file.

    Raises:
        UnreadableConfigurationError: the file is not a configuration.
    """
    try:
        config: Element = fromstring(text)
    except ParseError as error:
        raise UnreadableConfigurationError(f"the file is not XML: {error}") from error
    if config.tag != "config":
        raise UnreadableConfigurationError(f"the file contains {config.tag}, not config")
    return config


def read(config: Element, *, template_stack: str, device_group: str) -> Configuration:
    """Return the configuration of the firewalls of a template stack and device group.

    Args:
        config: the element ``config`` of a Panorama.
        template_stack: name of the template stack.
        device_group: name of the device group.

    Raises:
        UnreadableConfigurationError: the configuration is incomplete, or walks do not support it.
    """
    host = config.find(_LOCALHOST)
    if host is None:
        raise UnreadableConfigurationError("the configuration has no localhost.localdomain")
    stack = _entry(host, "template-stack", template_stack)
    group = _entry(host, "device-group", device_group)
    parent = f"readonly/{_LOCALHOST}/device-group/entry[@name='{device_group}']/parent-dg"
    if config.findtext(parent):
        raise UnreadableConfigurationError(f"{device_group} has a parent device group")
    templates = [
        _entry(host, "template", name) for name in _members(stack, "templates", default=())
    ]
    device = _Device([stack, *templates])
    policy = _Policy(group, config.find("shared"))
    return Configuration(
        interfaces={entry.name: entry for entry in device.interfaces()},
        routes=device.routes(),
        security=tuple(policy.security()),
        nat=tuple(policy.nat()),
    )


class _Device:
    """The part of a template stack: of several templates, the first one has precedence."""

    def __init__(self, parts: list[Element]) -> None:
        self._parts = parts

    def _entries(self, path: str) -> dict[str, Element]:
        """Return the entries below a path by name; entries of a later part do not replace."""
        found: dict[str, Element] = {}
        for part in self._parts:
            for entry in part.findall(f"{path}/entry"):
                found.setdefault(entry.get("name", ""), entry)
        return found

    def interfaces(self) -> Iterator[InterfaceConfig]:
        zones = self._owners(f"{_VSYS}/zone", "network/layer3")
        routers = self._owners(f"{_CONFIG}/network/virtual-router", "interface")
        profiles = self._entries(f"{_CONFIG}/network/profiles/interface-management-profile")
        imported = {
            member.text
            for part in self._parts
            for member in part.findall(f"{_VSYS}/import/network/interface/member")
        }
        for name, entry in self._entries(f"{_CONFIG}/network/interface/ethernet").items():
            if name not in imported:
                raise UnreadableConfigurationError(f"{name} is not imported into vsys1")
            profile = entry.findtext("layer3/interface-management-profile")
            if profile is not None and profile not in profiles:
                raise UnreadableConfigurationError(f"{name}: there is no profile {profile}")
            client = entry.find("layer3/dhcp-client")
            if client is None:
                raise UnreadableConfigurationError(f"{name} is not a DHCP client")
            yield InterfaceConfig(
                name=name,
                zone=zones.get(name),
                router=routers.get(name),
                profile=_profile(profiles[profile]) if profile else None,
                dhcp=client.findtext("enable") != "no",
                default_route=client.findtext("create-default-route") != "no",
                metric=int(client.findtext("default-route-metric") or 10),
            )

    def routes(self) -> dict[str, tuple[StaticRoute, ...]]:
        routers = self._entries(f"{_CONFIG}/network/virtual-router")
        return {
            name: tuple(
                _route(route, routers)
                for route in router.findall("routing-table/ip/static-route/entry")
            )
            for name, router in routers.items()
        }

    def _owners(self, path: str, members: str) -> dict[str, str]:
        """Return the entry that has each interface as a member."""
        owners: dict[str, str] = {}
        for owner, entry in self._entries(path).items():
            for name in _members(entry, members, default=()):
                if name in owners:
                    raise UnreadableConfigurationError(
                        f"{name} belongs to {owners[name]} and to {owner}"
                    )
                owners[name] = owner
        return owners


class _Policy:
    """The rules of a device group."""

    def __init__(self, group: Element, shared: Element | None) -> None:
        self._places = [place for place in (group, shared) if place is not None]
        if next(self._rules("pbf"), None) is not None:
            raise UnreadableConfigurationError("walks do not support policy-based forwarding")

    def security(self) -> Iterator[SecurityRule]:
        for rule in self._rules("security"):
            yield SecurityRule(
                name=rule.get("name", ""),
                sources=self._networks(rule, "source"),
                destinations=self._networks(rule, "destination"),
                from_zones=frozenset(_members(rule, "from")),
                to_zones=frozenset(_members(rule, "to")),
                applications=frozenset(_members(rule, "application")),
                services=self._services(rule),
                allow=rule.findtext("action") == "allow",
                logged=rule.findtext("log-end") != "no",
                negate_source=rule.findtext("negate-source") == "yes",
                negate_destination=rule.findtext("negate-destination") == "yes",
            )

    def nat(self) -> Iterator[SourceNat]:
        for rule in self._rules("nat"):
            interface = rule.findtext(
                "source-translation/dynamic-ip-and-port/interface-address/interface"
            )
            if interface is None or rule.findtext("service") not in (None, ANY):
                raise UnreadableConfigurationError(
                    f"NAT rule {rule.get('name')} is of a kind that walks do not support"
                )
            yield SourceNat(
                name=rule.get("name", ""),
                sources=self._networks(rule, "source"),
                destinations=self._networks(rule, "destination"),
                from_zones=frozenset(_members(rule, "from")),
                to_zones=frozenset(_members(rule, "to")),
                interface=interface,
            )

    def _rules(self, kind: str) -> Iterator[Element]:
        """Yield rules in their order: shared ones come first before and last after the others."""
        for base, places in (
            ("pre-rulebase", reversed(self._places)),
            ("post-rulebase", iter(self._places)),
        ):
            for place in places:
                for rule in place.findall(f"{base}/{kind}/rules/entry"):
                    if rule.findtext("disabled") != "yes":
                        yield _understood(rule)

    def _networks(self, rule: Element, end: str) -> tuple[IPv4Network, ...] | None:
        names = _members(rule, end)
        if ANY in names:
            return None
        return tuple(network for name in names for network in self._resolved(name, ()))

    def _resolved(self, name: str, within: tuple[str, ...]) -> Iterator[IPv4Network]:
        """Yield the networks of an address object, an address group or a literal network."""
        if name in within:
            raise UnreadableConfigurationError(f"address group {name} contains itself")
        address = self._object("address", name)
        if address is not None:
            text = address.findtext("ip-netmask")
            if text is None:
                raise UnreadableConfigurationError(f"address {name} is not a network")
            yield IPv4Network(text, strict=False)
            return
        group = self._object("address-group", name)
        if group is not None:
            for member in _members(group, "static"):
                yield from self._resolved(member, (*within, name))
            return
        try:
            yield IPv4Network(name, strict=False)
        except ValueError as error:
            raise UnreadableConfigurationError(f"there is no address {name}") from error

    def _services(self, rule: Element) -> frozenset[tuple[str, int]] | None:
        names = _members(rule, "service")
        if ANY in names:
            return None
        if names == ("application-default",):
            return frozenset()
        return frozenset(self._service(name) for name in names)

    def _service(self, name: str) -> tuple[str, int]:
        if name in SERVICES:
            return SERVICES[name]
        service = self._object("service", name)
        if service is not None:
            for protocol in ("tcp", "udp"):
                port = service.findtext(f"protocol/{protocol}/port")
                if port is not None and port.isdigit():
                    return protocol, int(port)
        raise UnreadableConfigurationError(f"service {name} is not one port")

    def _object(self, kind: str, name: str) -> Element | None:
        entries = (place.find(f"{kind}/entry[@name='{name}']") for place in self._places)
        return next((entry for entry in entries if entry is not None), None)


def _understood(rule: Element) -> Element:
    """Return a rule that walks understand in full.

    Raises:
        UnreadableConfigurationError: it matches by something that a walk does not have.
    """
    for condition in _CONDITIONS:
        if set(_members(rule, condition, default=(ANY,))) != {ANY}:
            raise UnreadableConfigurationError(f"rule {rule.get('name')} matches by {condition}")
    if rule.findtext("schedule"):
        raise UnreadableConfigurationError(f"rule {rule.get('name')} has a schedule")
    return rule


def _entry(host: Element, kind: str, name: str) -> Element:
    entry = host.find(f"{kind}/entry[@name='{name}']")
    if entry is None:
        raise UnreadableConfigurationError(f"there is no {kind} {name}")
    return entry


def _members(
    element: Element, path: str, *, default: Iterable[str] | None = None
) -> tuple[str, ...]:
    """Return the members at a path.

    Raises:
        UnreadableConfigurationError: there are none, and there is no default.
    """
    found = tuple(member.text or "" for member in element.findall(f"{path}/member"))
    if found or default is not None:
        return found or tuple(default or ())
    raise UnreadableConfigurationError(f"{element.get('name')} has no {path}")


def _profile(entry: Element) -> ManagementProfile:
    return ManagementProfile(
        services=frozenset(child.tag for child in entry if child.text == "yes"),
        permitted=tuple(
            IPv4Network(permitted.get("name", ""), strict=False)
            for permitted in entry.findall("permitted-ip/entry")
        ),
    )


def _route(entry: Element, routers: Iterable[str]) -> StaticRoute:
    name, next_router = entry.get("name", ""), entry.findtext("nexthop/next-vr")
    destination, next_hop = entry.findtext("destination"), entry.findtext("nexthop/ip-address")
    if destination is None:
        raise UnreadableConfigurationError(f"route {name} has no destination")
    if entry.findtext("path-monitor/enable") == "yes":
        raise UnreadableConfigurationError(f"route {name}: walks do not support path monitoring")
    if next_router is not None and next_router not in routers:
        raise UnreadableConfigurationError(
            f"route {name}: there is no virtual router {next_router}"
        )
    return StaticRoute(
        name=name,
        destination=IPv4Network(destination),
        next_router=next_router,
        next_hop=IPv4Address(next_hop) if next_hop else None,
        interface=entry.findtext("interface"),
        metric=int(entry.findtext("metric") or 10),
    )
