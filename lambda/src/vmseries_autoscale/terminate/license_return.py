"""The license stage of a termination: whom a license is asked of, and when that is given up."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Set
from functools import partial

from vmseries_autoscale import firewall, identity, secret_store, telemetry
from vmseries_autoscale.aws import tags
from vmseries_autoscale.errors import FirewallUnavailableError
from vmseries_autoscale.identity import Evidence, Identity
from vmseries_autoscale.licensing import firewall as licensing
from vmseries_autoscale.licensing.firewall import LicensedFirewall
from vmseries_autoscale.lifecycle.batch import Again, Done, Failed, Outcome, attempt
from vmseries_autoscale.lifecycle.events import LifecycleEvent
from vmseries_autoscale.panorama import Device, Panorama
from vmseries_autoscale.settings import FirewallApiSettings, LicensingMode, TerminateSettings
from vmseries_autoscale.telemetry import Metric
from vmseries_autoscale.terminate.stages import Departure, Stage, each

logger = logging.getLogger(__name__)


def directly(
    leaving: list[Departure], settings: TerminateSettings, in_time: Callable[[], bool]
) -> dict[LifecycleEvent, Outcome]:
    """Outcomes for those whose license is asked of themselves, since there is no Panorama."""
    api, key_arn = settings.firewall_api, settings.licensing.api_key_secret_arn
    if settings.panorama is not None or api is None or key_arn is None:
        return {}
    due = [departure for departure in leaving if not departure.license_returned]
    step = partial(_directly, api, key_arn, settings.management_device_index)
    outcomes = each(due, step, in_time)
    return {event: outcome for event, outcome in outcomes.items() if not isinstance(outcome, Done)}


def _directly(
    api: FirewallApiSettings, key_arn: str, management_device_index: int, departure: Departure
) -> Outcome:
    address = departure.private_ip(management_device_index)
    if departure.given_up(Stage.LICENSE) or not departure.running or address is None:
        # Told when the hook is completed. Without a management interface none has got a license.
        return Done()
    asked = firewall.connect(api, address)
    try:
        departure.serial = departure.tags.get(tags.SERIAL) or asked.serial()
    except FirewallUnavailableError:
        if tags.ABANDONED not in departure.tags:
            raise
        # Its launch has waited for it long enough.
        _report_lost(departure)
        return Done()
    if departure.serial is not None and tags.SERIAL not in departure.tags:
        found = Identity(departure.serial, Evidence.FIREWALL)
        departure.add_tags(identity.tags_for(found))
    return _have_given_back(departure, asked, key_arn)


def through_panorama(
    known: list[Departure],
    connection: Panorama,
    devices: Mapping[str, Device],
    settings: TerminateSettings,
    in_time: Callable[[], bool],
) -> dict[LifecycleEvent, Outcome]:
    """Outcomes for those whose license is to be got back through Panorama."""
    due = [departure for departure in known if not departure.license_returned]
    # Of these two, that of the mode is set.
    if (key_arn := settings.licensing.api_key_secret_arn) is not None:
        return each(due, partial(_ask_through_panorama, connection, devices, key_arn), in_time)
    if (manager := settings.licensing.license_manager) is not None:
        # One that is given up is left to the reconcile function, which asks as this one does.
        asking = [departure for departure in due if not departure.given_up(Stage.LICENSE)]
        return _by_plugin(asking, connection, devices, manager, settings.name, in_time)
    return {}


def _ask_through_panorama(
    connection: Panorama, devices: Mapping[str, Device], key_arn: str, departure: Departure
) -> Outcome:
    """Have the firewall give its license back, which Panorama forwards the request to."""
    device = devices.get(departure.serial or "")
    connected = device is not None and device.connected
    if departure.given_up(Stage.LICENSE) or not (connected or departure.running):
        # Told when the hook is completed, once; if its serial number is known then.
        if departure.forgotten_soon:
            _report_lost(departure)
        return Done()
    if device is None or not connected:
        return Again("the firewall, which has to give its license back, is not connected")
    return _have_given_back(
        departure, licensing.ThroughPanorama(connection, device.serial), key_arn
    )


def _have_given_back(departure: Departure, asked: LicensedFirewall, key_arn: str) -> Outcome:
    with telemetry.about(serial=departure.serial or ""):
        api_key = secret_store.licensing_api_key(key_arn)
        if not licensing.give_back(asked, departure.firewall, api_key):
            return Again("the firewall is giving its license back")
    return _note_returned(departure)


def _note_returned(departure: Departure) -> Outcome:
    with telemetry.about(serial=departure.serial or ""):
        departure.add_tags({tags.LICENSE: tags.LICENSE_RETURNED})
        telemetry.count(Metric.LICENSE_RETURNED)
    return Done()


def _by_plugin(
    due: list[Departure],
    connection: Panorama,
    devices: Mapping[str, Device],
    manager: str,
    deployment: str,
    in_time: Callable[[], bool],
) -> dict[LifecycleEvent, Outcome]:
    """Ask the license plugin for all at once, and note those that it lists no more.

    It gives back also the license of a firewall that has gone already. One is noted only after the
    commit has been asked for, which no later visit does for its sake.
    """
    if not due:
        return {}
    no_time = Again("no time left in this run", soon=True)
    listed = attempt(partial(connection.plugin_licensed, manager)) if in_time() else no_time
    if isinstance(listed, Again | Failed):
        return {departure.event: listed for departure in due}
    outcomes = each(due, partial(_read_back, connection, devices, manager, listed), in_time)
    serials = listed & {departure.serial for departure in due}
    ask = partial(licensing.ask_plugin, connection, manager, serials, deployment)
    asked = attempt(ask) if in_time() else no_time
    if isinstance(asked, Again | Failed):
        return {departure.event: asked for departure in due}
    if asked is not None:
        outcomes |= {one.event: Failed(asked) for one in due if one.serial in serials}
    back = [departure for departure in due if isinstance(outcomes[departure.event], Done)]
    return outcomes | each(back, _note_returned, in_time)


def _read_back(
    connection: Panorama,
    devices: Mapping[str, Device],
    manager: str,
    listed: Set[str],
    departure: Departure,
) -> Outcome:
    """Whether its license is back; done if it is."""
    serial, device = departure.serial or "", devices.get(departure.serial or "")
    was_listed = tags.LICENSE in departure.tags
    if serial in listed:
        if not was_listed:
            departure.add_tags({tags.LICENSE: tags.LICENSE_LISTED})
        return Again(
            f"license manager {manager} lists {serial} as licensed; Panorama's system log says "
            "what the plugin makes of the request"
        )
    if device is not None and device.connected and not was_listed:
        with telemetry.about(serial=serial):
            licensing.check_own_list(connection, manager, serial)
    return Done()


def is_left_to_plugin(departure: Departure, settings: TerminateSettings) -> bool:
    """Whether the license plugin still has its license to give back: Panorama has to know it."""
    by_plugin = settings.licensing.mode is LicensingMode.PLUGIN
    return by_plugin and not departure.license_returned


def report_loss(departure: Departure, settings: TerminateSettings) -> None:
    """Tell of a license that its firewall takes along."""
    serial = departure.tags.get(tags.SERIAL, "")
    if departure.license_returned:
        return
    mode = settings.licensing.mode
    # One that never had a management interface is not asked, and had no license.
    unseen = settings.panorama is None and (
        departure.given_up(Stage.LICENSE) or not departure.running
    )
    if mode is LicensingMode.FIREWALL and (serial or unseen):
        _report_lost(departure)
    if mode is LicensingMode.PLUGIN and serial:
        logger.error(licensing.LEFT_TO_PLUGIN, extra={"step": "license", "serial": serial})


def _report_lost(departure: Departure) -> None:
    licensing.report_lost(departure.tags.get(tags.SERIAL, departure.serial or ""))
