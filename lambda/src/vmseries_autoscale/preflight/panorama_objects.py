"""Check the objects that the module needs in Panorama, on the active peer."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from vmseries_autoscale.preflight import host_names, metric_publishing
from vmseries_autoscale.preflight.findings import Findings, checked, problem, unchecked
from vmseries_autoscale.settings import PanoramaSettings

if TYPE_CHECKING:
    from vmseries_autoscale.panorama.preflight_client import PreflightPanorama

MULTI_CONFIG_VERSION = (10, 1)
"""The first PAN-OS version whose API guide describes multi-config requests as always enabled."""


def report_pan_os_version(peer: PreflightPanorama) -> Findings:
    """Report how firewalls are removed in Panorama's PAN-OS version."""
    version = peer.version()
    numbers = tuple(int(number) for number in re.findall(r"\b[0-9]{1,3}\b", version)[:2])
    multi_config = numbers >= MULTI_CONFIG_VERSION
    method = "in one transaction (multi-config)" if multi_config else "one by one"
    yield checked(f"PAN-OS {version}: the firewalls of a batch are removed {method}.")


def check_objects(settings: PanoramaSettings, peer: PreflightPanorama) -> Findings:
    """Check that the device group, template stack and log collector group exist."""
    expected: list[tuple[str, str, str, Callable[[], set[str]]]] = [
        ("device group", "device_group", settings.device_group, peer.device_groups),
        ("template stack", "template_stack", settings.template_stack, peer.template_stacks),
    ]
    if settings.log_collector_group is not None:
        name, names = settings.log_collector_group, peer.log_collector_groups
        expected.append(("log collector group", "log_collector_group", name, names))
    for kind, attribute, name, names in expected:
        if name in names():
            yield checked(f"{peer.hostname} has the {kind} {name}.")
        else:
            yield problem(
                f"{peer.hostname} has no {kind} {name}: create and commit it, or correct "
                f"panorama.{attribute}."
            )


def check_license_manager(name: str, peer: PreflightPanorama) -> Findings:
    """Check that the plugin sw_fw_license has the license manager, for our groups.

    The list of another one does not show our firewalls, whether they have licenses or not.
    """
    if peer.serves_our_groups(name):
        yield checked(f"{peer.hostname} has the license manager {name}.")
    elif peer.has_license_manager(name):
        yield problem(
            f"{peer.hostname}: the license manager {name} is not that of panorama.device_group and "
            "panorama.template_stack; correct licensing.license_manager or these names."
        )
    else:
        yield problem(
            f"{peer.hostname} has no license manager {name}: install the plugin sw_fw_license, "
            "create the license manager (Panorama > SW Firewall License) and commit, or correct "
            "licensing.license_manager."
        )


def check_publishing(
    settings: PanoramaSettings, namespace: str, peer: PreflightPanorama
) -> Findings:
    """Check the settings of the template stack for publishing metrics."""
    if settings.template_stack not in peer.template_stacks():
        yield unchecked("Publishing to CloudWatch: the template stack does not exist.")
        return
    effective = metric_publishing.effective_settings(peer.metric_publishing())
    yield from metric_publishing.check_publishing(settings.template_stack, namespace, effective)


def check_host_names(settings: PanoramaSettings, peer: PreflightPanorama) -> Findings:
    """Check that no template takes the host name away that AWS gives a firewall."""
    yield from host_names.check_host_names(settings.template_stack, peer.host_name_settings())
