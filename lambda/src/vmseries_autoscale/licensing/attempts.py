"""What every way of returning licenses works on, and what it results in."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Set
from dataclasses import dataclass

from vmseries_autoscale.errors import (
    AutoscaleError,
    DeviceAccessError,
    DeviceRefusedError,
    DeviceTimeoutError,
    FirewallNotConnectedError,
)
from vmseries_autoscale.firewall_records import FirewallRecord, LicenseState
from vmseries_autoscale.licensing.evidence import Decision, Seen
from vmseries_autoscale.pan_os.license_commands import LicenseCommands
from vmseries_autoscale.panorama import Panorama

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Leaving:
    """A leaving firewall whose license is returned.

    Attributes:
        record: Its record.
        serial: Its serial number.
        connected: Whether it is connected to Panorama.
        last_look: Why no later visit looks again; empty if one does.
    """

    record: FirewallRecord
    serial: str
    connected: bool
    last_look: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one visit did about one license.

    Attributes:
        decision: What is known now. Its record has to be saved.
        error: Why a request failed; ``None`` if none did.
    """

    decision: Decision
    error: AutoscaleError | None = None

    @property
    def record(self) -> FirewallRecord:
        """The record after the visit."""
        return self.decision.record


def is_licensed(
    firewall: LicenseCommands, record: FirewallRecord, *, confirmed: bool = False
) -> bool:
    """Return whether a firewall says that it has a capacity license.

    The names of capacity licenses that are recorded are few. A list that has none of them counts
    only together with ``vm-license`` of ``show system info``, which is ``none`` without a license;
    or together with a confirmed deactivation.

    Args:
        firewall: License commands of the firewall.
        record: Record of the firewall.
        confirmed: Whether this visit saw its deactivation confirmed.

    Raises:
        PanOsError: If a request fails.
        DeviceBusyError: If Panorama is busy.
    """
    if firewall.licenses():
        return True
    if confirmed or record.license is LicenseState.CONFIRMED:
        return False
    return firewall.system_info().capacity_licensed


def own_lists(
    panorama: Panorama, asked: Iterable[Leaving], confirmed: Set[str] = frozenset()
) -> dict[str, Seen | None]:
    """Return what connected firewalls say themselves of their licenses, by serial number.

    A firewall without an answer keeps no other one waiting. After one that is too slow, no further
    one is asked in this visit, because each costs the time limit of a request.

    Args:
        panorama: Connection to Panorama.
        asked: Firewalls to ask.
        confirmed: Serial numbers of those whose deactivation this visit saw confirmed.

    Returns:
        ``NOT_SEEN`` for a firewall that was not asked, or did not answer; ``None`` for one that is
        no longer connected. Nothing if the administrator may not send commands to firewalls.
    """
    lists: dict[str, Seen | None] = {}
    slow = False
    for item in asked:
        lists[item.serial] = Seen.NOT_SEEN
        if slow:
            continue
        try:
            licensed = is_licensed(
                panorama.firewall(item.serial), item.record, confirmed=item.serial in confirmed
            )
            lists[item.serial] = Seen.LISTED if licensed else Seen.ABSENT
        except FirewallNotConnectedError:
            lists[item.serial] = None
        except DeviceAccessError as error:
            logger.warning(
                "Panorama's administrator may not ask firewalls for their licenses",
                extra={"step": "license", "reason": str(error)},
            )
            return {}
        except (DeviceRefusedError, DeviceTimeoutError) as error:
            slow = isinstance(error, DeviceTimeoutError)
            logger.warning(
                "A firewall does not list its licenses",
                extra={"step": "license", "serial": item.serial, "reason": str(error)},
            )
    return lists
