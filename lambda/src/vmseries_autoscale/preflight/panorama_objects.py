"""What must stand in Panorama, asked of the peer that takes changes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from vmseries_autoscale.errors import PanoramaAccessError
from vmseries_autoscale.preflight import metric_publishing
from vmseries_autoscale.preflight.findings import Findings, checked, problem, unchecked
from vmseries_autoscale.preflight.panorama_access import COMMIT, lacks
from vmseries_autoscale.settings import PanoramaSettings

if TYPE_CHECKING:
    from vmseries_autoscale.panorama.preflight_client import Inspection

MULTI_CONFIG = (10, 1)
"""The first release whose API guide has multi-config without having to enable it first."""


def release(peer: Inspection) -> Findings:
    """What the release of PAN-OS means for how firewalls are removed."""
    version = peer.version()
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    way = "in one transaction (multi-config)" if numbers >= MULTI_CONFIG else "one by one"
    yield checked(f"PAN-OS {version}: removes the firewalls of a batch {way}.")


def commit(peer: Inspection) -> Findings:
    """The right to commit, by a commit of our own administrator's changes when there are none.

    Panorama then answers that there is nothing to commit, and queues nothing. While a removal is on
    its way there is something, which is not for the pre-flight to commit.
    """
    under_way = any(not job.finished for job in peer.commits())
    if under_way or peer.candidate() != peer.running():
        yield unchecked(
            "The right to commit: a change of the firewalls waits for its commit in Panorama. "
            "Invoke the function again when it is over."
        )
        return
    try:
        peer.commit("terraform-aws-vmseries-autoscale: pre-flight")
    except PanoramaAccessError:
        yield lacks(peer.hostname, peer.username, COMMIT)
        return
    yield checked(f"{peer.username} may commit.")


def objects(settings: PanoramaSettings, peer: Inspection) -> Findings:
    """Device group, template stack and log collector group."""
    expected: list[tuple[str, str, str, Callable[[], set[str]]]] = [
        ("device group", "device_group", settings.device_group, peer.device_groups),
        ("template stack", "template_stack", settings.template_stack, peer.template_stacks),
    ]
    if settings.log_collector_group is not None:
        name, look = settings.log_collector_group, peer.log_collector_groups
        expected.append(("log collector group", "log_collector_group", name, look))
    for kind, attribute, name, look in expected:
        if name in look():
            yield checked(f"{peer.hostname} has the {kind} {name}.")
        else:
            yield problem(
                f"{peer.hostname} has no {kind} {name}: create and commit it, or correct "
                f"panorama.{attribute}."
            )


def license_manager(name: str, peer: Inspection) -> Findings:
    """The license manager of the plugin sw_fw_license."""
    if peer.has_license_manager(name):
        yield checked(f"{peer.hostname} has the license manager {name}.")
        yield unchecked(
            "The right to commit the plugin's changes, which are another administrator's: there "
            f"are none to try it with. {peer.username} needs Commit For Other Admins in its role "
            "(Panorama > Admin Roles, Web UI, Commit)."
        )
    else:
        yield problem(
            f"{peer.hostname} has no license manager {name}: install the plugin sw_fw_license, "
            "create the license manager (Panorama > SW Firewall License) and commit, or correct "
            "licensing.license_manager."
        )


def publishes(settings: PanoramaSettings, namespace: str, peer: Inspection) -> Findings:
    """What the template stack says about publishing metrics."""
    if settings.template_stack not in peer.template_stacks():
        yield unchecked("Publishing to CloudWatch: there is no such template stack.")
        return
    found = metric_publishing.effective(peer.publishing())
    yield from metric_publishing.judge(settings.template_stack, namespace, found)
