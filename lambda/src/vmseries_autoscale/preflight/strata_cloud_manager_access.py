"""Check the access to Strata Cloud Manager: the service account's rights, and the folder."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from vmseries_autoscale import strata_cloud_manager
from vmseries_autoscale.errors import AutoscaleError, TransientError
from vmseries_autoscale.preflight.findings import Findings, checked, problem, unchecked
from vmseries_autoscale.settings import StrataCloudManagerSettings


def check(settings: StrataCloudManagerSettings) -> Findings:
    """Check the access to Strata Cloud Manager, with the requests that the functions make.

    Args:
        settings: Settings of Strata Cloud Manager.
    """
    strata_cloud_manager.forget_tokens()
    try:
        manager = strata_cloud_manager.connect(settings)
    except AutoscaleError as error:
        yield problem(f"{error}.")
        return
    requests: dict[str, Callable[[], str]] = {
        "its devices": partial(_number_of_firewalls, manager, settings.folder),
        "its running configurations": lambda: f"{len(manager.running_versions())} entries",
        "its configuration jobs": lambda: f"the newest {len(manager.jobs())}",
    }
    for subject, request in requests.items():
        try:
            found = request()
        except TransientError as error:
            yield unchecked(f"Strata Cloud Manager: {subject}: {error}. Invoke it again.")
        except AutoscaleError as error:
            yield problem(f"Strata Cloud Manager: {subject} cannot be read: {error}.")
        else:
            yield checked(f"Strata Cloud Manager shows {subject}: {found}.")
    yield from _check_folder(manager, settings)


def _number_of_firewalls(manager: strata_cloud_manager.StrataCloudManager, folder: str) -> str:
    """Return how many firewalls the tenant and the folder have."""
    listed = manager.firewalls()
    own = [firewall for firewall in listed if firewall.folder == folder]
    connected = sum(firewall.connected for firewall in own)
    return f"{len(listed)}, of which {len(own)} in folder {folder}, {connected} connected"


def _check_folder(
    manager: strata_cloud_manager.StrataCloudManager, settings: StrataCloudManagerSettings
) -> Findings:
    try:
        exists = manager.has_folder(settings.folder)
    except AutoscaleError as error:
        yield unchecked(f"Strata Cloud Manager: folder {settings.folder}: {error}.")
        return
    if exists:
        yield checked(f"Strata Cloud Manager has the folder {settings.folder}.")
    else:
        yield problem(
            f"Strata Cloud Manager has no folder {settings.folder}, or does not show it to the "
            "service account: create it, or correct strata_cloud_manager.folder and dgname in the "
            "bootstrap configuration."
        )
