"""Launch step: notice a firewall that has registered in other groups of Panorama than ours.

The lists of our groups do not show it, so that its launch would wait until its deadline. All
firewalls of Panorama are listed for it a few times only, because that answer grows with the
firewalls of others.
"""

from __future__ import annotations

from datetime import timedelta

from vmseries_autoscale.errors import WrongGroupError
from vmseries_autoscale.firewall_identity import Misplaced, Unidentified
from vmseries_autoscale.firewall_identity.result import Result
from vmseries_autoscale.launch.instance import LaunchingInstance
from vmseries_autoscale.lifecycle.panorama_session import PanoramaSession
from vmseries_autoscale.lifecycle.visit import Visit
from vmseries_autoscale.outcome import Retry
from vmseries_autoscale.panorama import Part
from vmseries_autoscale.settings import LaunchSettings, PanoramaSettings

SOUGHT_AFTER = timedelta(minutes=10)
"""Age at which a firewall that our groups do not show is first looked for in all groups. Most
firewalls have registered by then."""

_SETTINGS = {Part.DEVICE_GROUP: "dgname", Part.TEMPLATE_STACK: "tplname"}
"""The parameters of the bootstrap configuration that choose a firewall's groups."""


def seek_everywhere(
    launching: LaunchingInstance,
    result: Result,
    session: PanoramaSession,
    visit: Visit[LaunchSettings],
) -> bool:
    """List the firewalls of all groups, if this one has had the time to register and is in none.

    It is looked for at the age of ten minutes, and again each time that its age has doubled, until
    the launch ends.

    Args:
        launching: Instance that waits at the launch hook.
        result: Result of its identification among the firewalls of our groups.
        session: Connection to Panorama, with the firewalls that it has listed.
        visit: Context of the visit.

    Returns:
        Whether the list was read, so that the firewall has to be identified again.

    Raises:
        PanOsError: If Panorama refuses the request.
        RecordError: If the time cannot be recorded.
    """
    if not isinstance(result, Unidentified):
        return False
    if result.unlisted_serial is not None:
        # A visit has identified it, and our groups no longer show it.
        session.list_everywhere()
        return True
    began = visit.now - timedelta(seconds=launching.age)
    sought = launching.record.sought
    earlier = timedelta(0) if sought is None else sought - began
    if visit.now - began < max(SOUGHT_AFTER, 2 * earlier):
        return False
    # Recorded first: a list that Panorama cannot answer in time is not asked for at every visit.
    launching.save(sought=visit.now)
    session.list_everywhere()
    return True


def wrong_group(
    misplaced: Misplaced, session: PanoramaSession, settings: PanoramaSettings
) -> WrongGroupError | Retry:
    """Return the error that names the groups of a firewall, and ours.

    Returns:
        *Retry* if Panorama names no other group of the firewall, because it may have just
        registered, or if it is not connected.

    Raises:
        PanOsError: If Panorama refuses the request.
    """
    device = session.devices[misplaced.serial]
    if not device.connected:
        return Retry(misplaced.reason)
    groups = {
        Part.DEVICE_GROUP: (device.policy_status, device.device_group, settings.device_group),
        Part.TEMPLATE_STACK: (
            device.template_status,
            device.template_stack,
            settings.template_stack,
        ),
    }
    missing = [part for part, (status, _, _) in groups.items() if status is None]
    unknown = [part for part in missing if groups[part][1] is None]
    places = session.panorama.groups_of([device.serial], unknown) if unknown else {}
    found = {place.part: place.group for place in places.get(device.serial, ())}
    names = {part: groups[part][1] or found.get(part) for part in missing}
    if len(missing) == len(groups) and not any(names.values()):
        return Retry(f"{device.serial} is connected to Panorama, but in no group yet")
    wrong = " and ".join(
        f"{part} {names[part] or '(none)'} instead of {groups[part][2]}" for part in missing
    )
    parameters = " and ".join(_SETTINGS[part] for part in missing)
    return WrongGroupError(
        f"{device.serial} is registered in {wrong}; see {parameters} in its bootstrap "
        "configuration, or move it in Panorama"
    )
