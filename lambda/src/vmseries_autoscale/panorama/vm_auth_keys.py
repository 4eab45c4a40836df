"""Read from Panorama's list of VM auth keys when they expire. The keys themselves are not read.

``request bootstrap vm-auth-key show`` ("Generate the VM Auth Key on Panorama", VM-Series Deployment
Guide) answers with ``result/bootstrap-vm-auth-keys/entry``, each with ``vm-auth-key`` and
``expiry-time`` (get_vm_auth_keys of pan-os-python, GetVmAuthKeys of pango). The time is that of
Panorama's own time zone, which the answer does not name.
"""

from __future__ import annotations

from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from vmseries_autoscale.errors import PANORAMA, VmAuthKeysError

_TIME = "%Y/%m/%d %H:%M:%S"
"""pango reads this format. The sample in the Deployment Guide is 2015/12/29 12:03:52."""

_LONGEST_TIME = 40


def last_expiry(answer: ET.Element) -> datetime | None:
    """Return when the last VM auth key expires, as if Panorama's clock showed UTC. Pure.

    Args:
        answer: Answer to ``read_commands.vm_auth_keys``.

    Returns:
        ``None`` if Panorama has no keys.

    Raises:
        VmAuthKeysError: If the answer has another format. The message quotes nothing of it.
    """
    result = answer.find("result")
    if result is None:
        raise VmAuthKeysError(PANORAMA, "Panorama's answer about VM auth keys has no result")
    keys = result.find("bootstrap-vm-auth-keys")
    if keys is None:
        if len(result) or (result.text or "").strip():
            raise VmAuthKeysError(
                PANORAMA, "Panorama's answer about VM auth keys has no list of them"
            )
        return None
    return max((_time(key.findtext("expiry-time", "")) for key in keys.iterfind("*")), default=None)


def _time(text: str) -> datetime:
    try:
        return datetime.strptime(text[:_LONGEST_TIME].strip(), _TIME).replace(tzinfo=UTC)
    except ValueError:
        # Without the text, which may be a key in an answer of another format.
        raise VmAuthKeysError(
            PANORAMA, "a VM auth key in Panorama has no readable expiry-time"
        ) from None
