"""Check what the administrator may do in Panorama, by trying it with nothing to change.

Each function is a check of the active peer. The module needs these rights only when a firewall
launches or terminates, which is too late to find out that one is missing.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from vmseries_autoscale.errors import (
    DeviceAccessError,
    DeviceRefusedError,
    FirewallNotConnectedError,
    VmAuthKeysError,
)
from vmseries_autoscale.licensing.by_plugin import PLUGIN_ADMINISTRATOR
from vmseries_autoscale.preflight.findings import Finding, Findings, checked, problem, unchecked
from vmseries_autoscale.preflight.panorama_access import COMMIT, missing_right

if TYPE_CHECKING:
    from vmseries_autoscale.panorama.preflight_client import Administrator, PreflightPanorama

ROLE_FILE = "docs/panorama-admin-role.xml"
DESCRIPTION = "terraform-aws-vmseries-autoscale: pre-flight"

RIGHTS = {
    "config": "read and change the whole configuration, which is every device group, template and "
    "administrator",
    "op": "run operational commands on Panorama and on every connected firewall, restarts and "
    "license changes included",
    "commit": "commit, and push to every firewall",
}
"""What each right of the XML API that the module needs allows ("Panorama > Admin Roles", Panorama
web interface help)."""


def check_change_rights(peer: PreflightPanorama) -> Findings:
    """Check the rights to push, commit and revert while the administrator has no open changes.

    Panorama then answers that there is nothing to commit or to revert. An uncommitted removal is a
    change, which the pre-flight must neither commit nor revert. Between the question and the
    request, a function may remove a firewall. Its removal is then committed, which it wants, or
    reverted, and its next visit removes it again.
    """
    yield from _check_push(peer)
    in_progress = any(not job.finished for job in peer.commits())
    if in_progress or peer.candidate_members() != peer.running_members():
        yield unchecked(
            "The right to commit: a removal of firewalls is waiting for its commit in Panorama. "
            "Invoke the function again after the commit."
        )
        return
    if peer.has_open_changes(peer.username):
        yield unchecked(
            f"The rights to commit and to revert: {peer.username} has uncommitted changes in "
            "Panorama, which a try would commit. The module commits them at its next removal: use "
            "the account for nothing else, commit or revert them, and invoke the function again."
        )
        return
    try:
        peer.commit(DESCRIPTION)
    except DeviceAccessError:
        yield missing_right(peer.hostname, peer.username, COMMIT)
    else:
        yield checked(f"{peer.username} may commit.")
    try:
        peer.revert()
    except DeviceAccessError as error:
        yield _missing(peer, "revert its own uncommitted changes", error)
    else:
        yield checked(f"{peer.username} may revert its own changes.")


def _check_push(peer: PreflightPanorama) -> Findings:
    try:
        refusal = peer.push_nothing()
    except DeviceAccessError:
        yield missing_right(peer.hostname, peer.username, COMMIT)
        return
    if refusal is None:
        yield unchecked(
            "The right to push: Panorama did not refuse a push of a device group that does not "
            "exist. The job of this push reaches no firewall."
        )
    else:
        yield checked(f"{peer.username} may request pushes.")


def check_firewall_commands(peer: PreflightPanorama) -> Findings:
    """Check the right to run commands on firewalls through Panorama (``target=``)."""
    serial = peer.connected_member()
    if serial is None:
        yield unchecked(
            "The right to run commands on firewalls through Panorama: no firewall of the device "
            "group is connected. Invoke the function again when the first firewall is in service."
        )
        return
    try:
        peer.system_info(serial)
    except FirewallNotConnectedError as error:
        yield unchecked(f"The right to run commands on firewalls through Panorama: {error}.")
    except (DeviceAccessError, DeviceRefusedError) as error:
        yield _missing(peer, f"run show system info on the firewall {serial} (target=)", error)
    else:
        yield checked(f"{peer.username} may run commands on firewalls through Panorama.")


def check_batch_licenses(peer: PreflightPanorama) -> Findings:
    """Check the right to read, and thus to deactivate, licenses through Panorama."""
    try:
        peer.read_batch_licenses()
    except DeviceAccessError as error:
        yield _missing(peer, "run request batch license info", error)
    except DeviceRefusedError as error:
        yield unchecked(f"Licenses through Panorama (request batch license info): {error}.")
    else:
        yield checked(f"{peer.username} may read licenses through Panorama.")


def check_vm_auth_keys(now: datetime, peer: PreflightPanorama) -> Findings:
    """Check the right to see the VM auth keys, and that a new firewall can register with one."""
    try:
        expiry = peer.vm_auth_key_expiry()
    except DeviceAccessError as error:
        yield _missing(peer, "run request bootstrap vm-auth-key show", error)
        return
    except (DeviceRefusedError, VmAuthKeysError) as error:
        yield unchecked(f"VM auth keys (request bootstrap vm-auth-key show): {error}.")
        return
    if expiry is None:
        yield unchecked(
            f"VM auth keys: {peer.hostname} has none. Unless the license plugin licenses it, a "
            "new firewall needs one: run request bootstrap vm-auth-key generate on Panorama."
        )
    elif expiry < now:
        yield problem(
            f"{peer.hostname}: the last VM auth key has expired, so that no new firewall can join: "
            "run request bootstrap vm-auth-key generate on Panorama, and store the key in the "
            "bootstrap configuration."
        )
    else:
        yield checked(f"{peer.hostname}: the last VM auth key expires on {expiry:%Y-%m-%d}.")


def check_plugin_rights(license_manager: str, peer: PreflightPanorama) -> Findings:
    """Check the rights to read the license plugin's list, and to commit the plugin's changes."""
    if not peer.has_license_manager(license_manager):
        yield unchecked(
            f"The rights for the license plugin: there is no license manager {license_manager}."
        )
        return
    try:
        peer.plugin_licensed(license_manager)
    except DeviceAccessError as error:
        yield _missing(peer, "run show plugins sw_fw_license devices", error)
    except DeviceRefusedError as error:
        yield problem(
            f"{peer.hostname}: the license plugin does not list the devices of the license manager "
            f"{license_manager}: {error}. Check the plugin's version and the license manager."
        )
    else:
        yield checked(f"{peer.username} may read the list of license manager {license_manager}.")
    if peer.has_open_changes(PLUGIN_ADMINISTRATOR):
        yield unchecked(
            "The right to commit the license plugin's changes: the plugin has uncommitted changes, "
            "which a try would commit. Invoke the function again when they are committed."
        )
        return
    try:
        peer.commit(DESCRIPTION, PLUGIN_ADMINISTRATOR)
    except (DeviceAccessError, DeviceRefusedError) as error:
        yield _missing(
            peer,
            f"commit the changes of {PLUGIN_ADMINISTRATOR} (Commit For Other Admins under Web UI, "
            "Commit)",
            error,
        )
    else:
        yield checked(f"{peer.username} may commit the license plugin's changes.")


def _missing(peer: PreflightPanorama, action: str, error: Exception) -> Finding:
    return problem(
        f"{peer.hostname}: the administrator {peer.username} may not {action}: {error}. Give it a "
        f"role of {ROLE_FILE}."
    )


def report_power(plugin: bool, peer: PreflightPanorama) -> Findings:
    """Say in plain words what the key of the administrator could do.

    Args:
        plugin: Whether the licensing mode is ``plugin``, which commits for another administrator.
        peer: The active peer.
    """
    yield from describe_power(peer.username, peer.administrator(), plugin=plugin)


def describe_power(username: str, found: Administrator | None, *, plugin: bool) -> Findings:
    """Say in plain words what the key of an administrator could do. Pure."""
    if found is None:
        yield unchecked(
            f"What the key of {username} could do: Panorama's configuration has no such "
            "administrator. Its role may come from RADIUS, SAML or LDAP."
        )
        return
    if found.profile is None:
        role = found.dynamic_role or "no role"
        yield checked(
            f"Whoever has the key of {username} can do what the built-in role {role} can. The "
            f"module needs less: give {username} a role of {ROLE_FILE}."
        )
        return
    if found.role_type != "panorama":
        yield problem(
            f"The role {found.profile} of {username} is of type {found.role_type or 'unknown'}: a "
            "role of type Device Group and Template has no XML API. Use a role of type Panorama, "
            f"as in {ROLE_FILE}."
        )
        return
    powers = "; ".join(text for right, text in RIGHTS.items() if right in found.rights)
    yield checked(
        f"Whoever has the key of {username} can: {powers or 'nothing'}. A right of the XML API "
        "covers all of Panorama; no role limits it to a device group."
    )
    excess = sorted(found.rights - RIGHTS.keys())
    if found.commits_for_others and not plugin:
        excess.append("commit-for-other-admins")
    if excess:
        yield checked(
            f"The role {found.profile} of {username} also allows {', '.join(excess)}, which the "
            f"module does not use: disable it, as in {ROLE_FILE}."
        )
