"""Have a firewall return its license itself, at its management address or through Panorama."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from vmseries_autoscale import firewall, secret_store, telemetry
from vmseries_autoscale.aws import tags
from vmseries_autoscale.errors import DeviceUnavailableError
from vmseries_autoscale.firewall import Firewall
from vmseries_autoscale.firewall_identity import Identity, Signal
from vmseries_autoscale.firewall_records import LicenseState
from vmseries_autoscale.licensing import by_firewall
from vmseries_autoscale.licensing.evidence import Observations
from vmseries_autoscale.lifecycle import instance_in_transition
from vmseries_autoscale.lifecycle.visit import Visit
from vmseries_autoscale.outcome import Done, Outcome
from vmseries_autoscale.pan_os.license_commands import LicenseCommands
from vmseries_autoscale.settings import TerminateSettings
from vmseries_autoscale.terminate.instance import TerminatingInstance
from vmseries_autoscale.terminate.license_end import (
    conclude,
    give_up,
    remember_address,
    without_license,
)


def ask_firewall(terminating: TerminatingInstance, visit: Visit[TerminateSettings]) -> Outcome:
    """Have a firewall return its license through its own API, at its management address."""
    api, settings = visit.settings.firewall_api, visit.settings
    address = terminating.private_ip(settings.management_device_index)
    if not terminating.had_management_interface(settings):
        return without_license(terminating)
    remember_address(terminating, settings)
    if api is None or address is None or not terminating.running:
        return give_up(terminating, "the firewall is gone, and only it could return its license")
    device = firewall.connect(api, address)
    try:
        _learn_serial(terminating, device, visit)
    except DeviceUnavailableError:
        if tags.ABANDONED not in terminating.tags or settings.panorama is not None:
            raise
        # The launch already waited for this firewall until its deadline.
        return give_up(terminating, "its launch was abandoned, and it does not answer")
    # A finished auto-commit is no sign that it takes no license any more: nothing documents that.
    settled = (
        terminating.record.serial is not None
        or terminating.record.license is not LicenseState.UNKNOWN
        or not terminating.may_still_join(visit)
    )
    return deactivate(terminating, device, Observations(visit.now, settled=settled), visit)


def _learn_serial(
    terminating: TerminatingInstance, device: Firewall, visit: Visit[TerminateSettings]
) -> None:
    """Record the serial number that a firewall reports at the instance's own address.

    Only for reports: the license is deactivated at this address.
    """
    if terminating.record.serial is not None:
        return
    serial = device.serial()
    if serial is not None:
        identity = Identity(serial, frozenset({Signal.FIREWALL}))
        address = terminating.private_ip(visit.settings.management_device_index)
        instance_in_transition.save_identity(terminating, identity, address, visit.ec2)


def deactivate(
    terminating: TerminatingInstance,
    device: LicenseCommands,
    seen: Observations,
    visit: Visit[TerminateSettings],
) -> Outcome:
    """Deactivate a license through a firewall, as far as currently possible.

    Args:
        terminating: Instance of the firewall.
        device: License commands of the firewall.
        seen: What this visit observed otherwise.
        visit: Context of the visit.
    """
    key_arn = visit.settings.licensing.api_key_secret_arn
    if key_arn is None:
        return Done()
    api_key: Callable[[], str] = partial(secret_store.licensing_api_key, key_arn)
    with telemetry.log_context(serial=terminating.known_serial or terminating.record.serial or ""):
        decision = by_firewall.return_license(
            device, terminating.firewall_name, api_key, terminating.record, seen
        )
        return conclude(terminating, decision)
