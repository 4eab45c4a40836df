"""Check the objects and rights that the module needs in Panorama, on the active peer."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from vmseries_autoscale.errors import DeviceAccessError
from vmseries_autoscale.preflight import metric_publishing
from vmseries_autoscale.preflight.findings import Findings, checked, problem, unchecked
from vmseries_autoscale.preflight.panorama_access import COMMIT, missing_right
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


def check_commit_right(peer: PreflightPanorama) -> Findings:
    """Check the right to commit with a commit while the administrator has no changes.

    Panorama then responds that there is nothing to commit, and queues nothing. An uncommitted
    removal is a change, which the pre-flight must not commit.
    """
    in_progress = any(not job.finished for job in peer.commits())
    if in_progress or peer.candidate_members() != peer.running_members():
        yield unchecked(
            "The right to commit: a removal of firewalls is waiting for its commit in Panorama. "
            "Invoke the function again after the commit."
        )
        return
    try:
        peer.commit("terraform-aws-vmseries-autoscale: pre-flight")
    except DeviceAccessError:
        yield missing_right(peer.hostname, peer.username, COMMIT)
        return
    yield checked(f"{peer.username} may commit.")


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
    """Check that the plugin sw_fw_license has the license manager."""
    if peer.has_license_manager(name):
        yield checked(f"{peer.hostname} has the license manager {name}.")
        yield unchecked(
            "The right to commit the license plugin's changes, which belong to another "
            f"administrator: there are no such changes to test it with. {peer.username} needs "
            "Commit For Other Admins in its role (Panorama > Admin Roles, Web UI, Commit)."
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
