"""The record of one firewall, and its format in DynamoDB. Pure functions.

Whoever may write to the table can write anything, so that an item is checked like a message: each
value has a form and a limit. An attribute that this version does not know is ignored, because a
later version may have written it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, TypeAlias

from vmseries_autoscale.errors import RecordFormatError, quote, shortened
from vmseries_autoscale.pan_os.values import MAXIMUM_TEXT_LENGTH, job_number, printable
from vmseries_autoscale.pan_os.values import serial_number as valid_serial

KEY: Final = "instance_id"
"""The partition key of the table."""

EXPIRES: Final = "expires"
"""The attribute with the time after which DynamoDB deletes the item, in seconds since 1970."""

RETENTION = timedelta(days=90)
"""How long the record of a firewall is kept for which nothing is left to do."""

MAXIMUM_PUSHES = 10
"""Number of pushes that a record keeps."""

MAXIMUM_SET = 32
"""Maximum number of MAC addresses and of signals. An instance has at most 15 interfaces
("Maximum IP addresses per network interface", Amazon EC2 User Guide)."""

UNREADABLE: Final = -1
"""The version of a record whose item cannot be read. It is never written."""

MAXIMUM_STRANGERS = 200
"""Maximum number of other firewalls that a record keeps: 3 KB of an item."""

_MAXIMUM_VERSION = 2**31 - 1
_MAXIMUM_TIMESTAMP = 253_402_300_799
"""The end of the year 9999, the last that Python knows."""

_INSTANCE_ID = re.compile(r"i-[0-9a-f]{1,32}")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_SERIAL = re.compile(r"[A-Za-z0-9]{1,32}")
_SIGNAL = re.compile(r"[a-z][a-z0-9-]{0,31}")
_NUMBER = re.compile(r"-?[0-9]{1,15}")

Item: TypeAlias = Mapping[str, Mapping[str, object]]
"""An item as DynamoDB's API shows it: type and value by the name of the attribute."""


class LicenseState(StrEnum):
    """How far the return of a firewall's license is."""

    UNKNOWN = "unknown"
    """Nothing is known yet. The firewall may have a license."""

    HELD = "held"
    """A license list or the firewall itself showed a license."""

    REQUESTED = "requested"
    """Its deactivation was requested."""

    CONFIRMED = "confirmed"
    """The answer or the job confirmed the deactivation. No license list has shown it yet."""

    RETURNED = "returned"
    """The evidence is complete."""

    NOT_RETURNED = "not-returned"
    """No visit tries any longer. It was reported, and stays until a license list ticks it off."""

    @property
    def settled(self) -> bool:
        """Whether nothing is left to request: the license is returned, or was reported."""
        return self in (LicenseState.RETURNED, LicenseState.NOT_RETURNED)


@dataclass(frozen=True, slots=True)
class FirewallRecord:
    """What is known of the firewall of one instance.

    All times are timezone-aware.

    Attributes:
        instance_id: Id of the instance.
        version: Number of times it was written; 0 if it is not stored, ``UNREADABLE`` if what is
            stored cannot be read. A write requires that the version is still the stored one.
        launched: Time at which EC2 launched the instance.
        management_ip: Private address of the management interface.
        macs: MAC addresses of the instance's interfaces, in lower case with colons.
        serial: Serial number of the firewall.
        evidence: Values of the signals by which the firewall was identified.
        strangers: Serial numbers of firewalls that are not this instance's: connected ones have
            said that they run on another machine, and others had its address before it; kept until
            the firewall of this instance is identified.
        looked: First time at which a visit had the firewalls listed, without identifying this one.
        sought: Last time at which a visit looked for the firewall in all groups of Panorama.
        ambiguous: Why a visit found the firewall ambiguous. It is not changed afterwards.
        license: How far the return of the license is.
        license_job: Id of Panorama's job of the last request to deactivate it.
        license_requested: Time of the last request to deactivate it.
        absent_since: First time of an uninterrupted absence from the license list.
        empty_since: First of the latest answers that have no license list, one after the other.
        pushes: Ids of the jobs of pushes to the firewall, newest last.
        launches_stopped: Time at which a run of the reconcile function stopped the launches of the
            group, or found them stopped, after this firewall's launch was abandoned.
        removal_job: Id of the job of the commit that removes the firewall from Panorama.
        left_registered: Time at which it was reported that Strata Cloud Manager still lists the
            firewall; ``None`` if it does not.
        ended: Time at which the terminate hook was completed, or the reconcile function found that
            the instance no longer exists.
        expires: Time after which DynamoDB deletes the record; ``None`` to keep it.
    """

    instance_id: str
    version: int = 0
    launched: datetime | None = None
    management_ip: str | None = None
    macs: frozenset[str] = frozenset()
    serial: str | None = None
    evidence: frozenset[str] = frozenset()
    strangers: frozenset[str] = frozenset()
    looked: datetime | None = None
    sought: datetime | None = None
    ambiguous: str | None = None
    license: LicenseState = LicenseState.UNKNOWN
    license_job: str | None = None
    license_requested: datetime | None = None
    absent_since: datetime | None = None
    empty_since: datetime | None = None
    pushes: tuple[str, ...] = ()
    launches_stopped: datetime | None = None
    removal_job: str | None = None
    left_registered: datetime | None = None
    ended: datetime | None = None
    expires: datetime | None = None

    @property
    def stored(self) -> bool:
        """Whether the table has an item for the instance."""
        return self.version != 0

    @property
    def readable(self) -> bool:
        """Whether the record shows what is stored, so that it may be written."""
        return self.version != UNREADABLE

    @classmethod
    def unreadable(cls, instance_id: str, error: RecordFormatError) -> FirewallRecord:
        """Return the record of an item that cannot be read: its firewall is ambiguous."""
        return cls(instance_id, version=UNREADABLE, ambiguous=str(error))


def to_item(record: FirewallRecord) -> dict[str, dict[str, object]]:
    """Return the item of a record. It contains no attribute without a value.

    The reason of an ambiguity is shortened, and only the newest pushes are kept.

    Raises:
        RecordFormatError: If ``from_item`` would not accept the item.
    """
    values: dict[str, dict[str, object] | None] = {
        KEY: {"S": record.instance_id},
        "version": {"N": str(record.version)},
        "launched": _time(record.launched),
        "management_ip": _text(record.management_ip),
        "macs": _set(record.macs),
        "serial": _text(record.serial),
        "evidence": _set(record.evidence),
        "strangers": _set(record.strangers),
        "looked": _time(record.looked),
        "sought": _time(record.sought),
        "ambiguous": _text(shortened(printable(record.ambiguous), MAXIMUM_TEXT_LENGTH - 1) or None),
        "license": {"S": record.license.value},
        "license_job": _text(record.license_job),
        "license_requested": _time(record.license_requested),
        "absent_since": _time(record.absent_since),
        "empty_since": _time(record.empty_since),
        "pushes": {"L": [{"S": job_id} for job_id in record.pushes[-MAXIMUM_PUSHES:]]}
        if record.pushes
        else None,
        "launches_stopped": _time(record.launches_stopped),
        "removal_job": _text(record.removal_job),
        "left_registered": _time(record.left_registered),
        "ended": _time(record.ended),
        EXPIRES: None if record.expires is None else {"N": str(int(record.expires.timestamp()))},
    }
    item = {name: value for name, value in values.items() if value is not None}
    from_item(item)
    return item


def _text(value: str | None) -> dict[str, object] | None:
    return None if value is None else {"S": value}


def _time(value: datetime | None) -> dict[str, object] | None:
    return None if value is None else {"S": value.isoformat()}


def _set(values: Iterable[str]) -> dict[str, object] | None:
    # DynamoDB accepts no empty set.
    ordered = sorted(values)
    return {"SS": ordered} if ordered else None


def from_item(item: Item) -> FirewallRecord:
    """Read a record from its item.

    Raises:
        RecordFormatError: If a value does not have the form or exceeds the limit of its attribute.
            The message names the instance and the attribute.
    """
    reader = _Reader(item)
    expires = reader.number(EXPIRES, 0, _MAXIMUM_TIMESTAMP) if EXPIRES in item else None
    return FirewallRecord(
        reader.instance_id,
        version=reader.number("version", 1, _MAXIMUM_VERSION),
        launched=reader.time("launched"),
        management_ip=reader.address("management_ip"),
        macs=reader.set("macs", _MAC),
        serial=reader.serial("serial"),
        evidence=reader.set("evidence", _SIGNAL),
        strangers=reader.set("strangers", _SERIAL, MAXIMUM_STRANGERS),
        looked=reader.time("looked"),
        sought=reader.time("sought"),
        ambiguous=reader.reason("ambiguous"),
        license=reader.license("license"),
        license_job=reader.job("license_job"),
        license_requested=reader.time("license_requested"),
        absent_since=reader.time("absent_since"),
        empty_since=reader.time("empty_since"),
        pushes=reader.jobs("pushes"),
        launches_stopped=reader.time("launches_stopped"),
        removal_job=reader.job("removal_job"),
        left_registered=reader.time("left_registered"),
        ended=reader.time("ended"),
        expires=None if expires is None else datetime.fromtimestamp(expires, UTC),
    )


def instance_id_of(item: Item) -> str | None:
    """Return the instance id of an item; ``None`` if it has no valid one."""
    try:
        return _Reader(item).instance_id
    except RecordFormatError:
        return None


class _Reader:
    """Reads the attributes of one item. Each method raises a RecordFormatError."""

    def __init__(self, item: Item) -> None:
        self._item = item
        self.instance_id = "?"
        instance_id = self._string(KEY)
        if instance_id is None or not _INSTANCE_ID.fullmatch(instance_id):
            raise self._error(KEY, "is not the id of an instance", instance_id)
        self.instance_id = instance_id

    def _error(self, name: str, problem: str, value: object) -> RecordFormatError:
        return RecordFormatError(
            f"the record of {self.instance_id} cannot be read: {name} {problem}: {quote(value)}"
        )

    def _value(self, name: str, kind: str) -> object:
        attribute = self._item.get(name)
        if attribute is None:
            return None
        if not isinstance(attribute, Mapping) or kind not in attribute:
            raise self._error(name, f"is not of type {kind}", attribute)
        return attribute[kind]

    def _string(self, name: str) -> str | None:
        value = self._value(name, "S")
        if value is not None and not isinstance(value, str):
            raise self._error(name, "is not text", value)
        return value

    def number(self, name: str, minimum: int, maximum: int) -> int:
        text = self._value(name, "N")
        if not isinstance(text, str) or not _NUMBER.fullmatch(text):
            raise self._error(name, "is not a whole number", text)
        if not minimum <= int(text) <= maximum:
            raise self._error(name, f"is not between {minimum} and {maximum}", text)
        return int(text)

    def time(self, name: str) -> datetime | None:
        text = self._string(name)
        if text is None:
            return None
        try:
            time = datetime.fromisoformat(text)
            # A time whose UTC equivalent is not a date cannot be compared with the others.
            return time.astimezone(UTC) if time.tzinfo is not None else self._no_time(name, text)
        except (ValueError, OverflowError):
            return self._no_time(name, text)

    def _no_time(self, name: str, text: str) -> datetime:
        raise self._error(name, "is not a time with a time zone", text) from None

    def address(self, name: str) -> str | None:
        text = self._string(name)
        try:
            return None if text is None else str(ipaddress.ip_address(text))
        except ValueError:
            raise self._error(name, "is not an IP address", text) from None

    def serial(self, name: str) -> str | None:
        text = self._string(name)
        if text is not None and valid_serial(text) != text:
            raise self._error(name, "is not a serial number", text)
        return text

    def reason(self, name: str) -> str | None:
        text = self._string(name)
        if text is not None and printable(text) != text:
            raise self._error(name, "is too long or cannot be printed", text)
        return text

    def license(self, name: str) -> LicenseState:
        text = self._string(name)
        try:
            return LicenseState.UNKNOWN if text is None else LicenseState(text)
        except ValueError:
            raise self._error(name, "is no state of a license", text) from None

    def job(self, name: str) -> str | None:
        text = self._string(name)
        if text is not None and job_number(text) is None:
            raise self._error(name, "is not the id of a job", text)
        return text

    def jobs(self, name: str) -> tuple[str, ...]:
        values = self._value(name, "L")
        if values is None:
            return ()
        if not isinstance(values, list) or len(values) > MAXIMUM_PUSHES:
            raise self._error(name, f"is not a list of at most {MAXIMUM_PUSHES}", values)
        jobs = [value.get("S") if isinstance(value, Mapping) else None for value in values]
        for job in jobs:
            if not isinstance(job, str) or job_number(job) is None:
                raise self._error(name, "has a value that is not the id of a job", job)
        return tuple(str(job) for job in jobs)

    def set(self, name: str, form: re.Pattern[str], maximum: int = MAXIMUM_SET) -> frozenset[str]:
        values = self._value(name, "SS")
        if values is None:
            return frozenset()
        if not isinstance(values, list) or len(values) > maximum:
            raise self._error(name, f"is not a set of at most {maximum}", values)
        for value in values:
            if not isinstance(value, str) or not form.fullmatch(value):
                raise self._error(name, "has a value of another form", value)
        return frozenset(values)
