"""Schedule expressions of EventBridge rules, and when they are due.

Source: EventBridge User Guide, "Schedule expressions for rules" (rate and cron, in UTC).
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_UNIT_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}
_MONTHS = {name.upper(): str(i) for i, name in enumerate(calendar.month_abbr) if name}
_WEEK = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_DAYS = {name: str(i) for i, name in enumerate(_WEEK, start=1)}
_SEARCH_LIMIT = timedelta(days=366 * 8)
"""A cron expression without a match in this time never matches: 29 February recurs within it."""


class ScheduleError(ValueError):
    """EventBridge would reject the expression."""


@dataclass(frozen=True)
class Cron:
    """The six fields of a cron expression: minute, hour, day of month, month, day of week, year."""

    minute: str
    hour: str
    day: str
    month: str
    weekday: str
    year: str

    def matches(self, at: datetime) -> bool:
        """Whether the expression matches the minute of ``at``."""
        return (
            _in_field(self.minute, at.minute, 0, 59)
            and _in_field(self.hour, at.hour, 0, 23)
            and self.matches_day(at)
        )

    def matches_day(self, at: datetime) -> bool:
        """Whether the expression matches the day of ``at``."""
        return (
            _in_field(self.month, at.month, 1, 12)
            and _in_field(self.year, at.year, 1970, 2199)
            and self._day_of_month(at)
            and self._day_of_week(at)
        )

    def _day_of_month(self, at: datetime) -> bool:
        last = calendar.monthrange(at.year, at.month)[1]
        if self.day == "?":
            return True
        if self.day == "L":
            return at.day == last
        if self.day.endswith("W"):
            # The weekday nearest to that day in the same month.
            wanted = datetime(at.year, at.month, int(self.day[:-1]), tzinfo=UTC)
            shift = {5: -1 if wanted.day > 1 else 2, 6: 1 if wanted.day < last else -2}
            return at.day == wanted.day + shift.get(wanted.weekday(), 0)
        return _in_field(self.day, at.day, 1, 31)

    def _day_of_week(self, at: datetime) -> bool:
        today = at.isoweekday() % 7 + 1
        if self.weekday == "?":
            return True
        if "#" in self.weekday:
            day, nth = self.weekday.split("#")
            return today == int(day) and (at.day - 1) // 7 + 1 == int(nth)
        if self.weekday.endswith("L"):
            last = calendar.monthrange(at.year, at.month)[1]
            return today == int(self.weekday[:-1] or 7) and at.day + 7 > last
        return _in_field(self.weekday, today, 1, 7)


def _in_field(field: str, value: int, low: int, high: int) -> bool:
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, final = span.partition("-")
        start = low if first == "*" else int(first)
        open_ended = first == "*" or bool(step)
        end = int(final) if final else (high if open_ended else start)
        if start <= value <= end and (value - start) % int(step or 1) == 0:
            return True
    return False


def _cron(body: str) -> Cron:
    fields = body.upper().split()
    if len(fields) != 6:
        raise ScheduleError(f"cron({body}) must have six fields")
    for names, index in ((_MONTHS, 3), (_DAYS, 4)):
        for name, number in names.items():
            fields[index] = fields[index].replace(name, number)
    if (fields[2] == "?") == (fields[4] == "?"):
        raise ScheduleError(f"cron({body}) must have ? in one of day-of-month and day-of-week")
    return Cron(*fields)


def next_due(expression: str, after: float, created: float) -> float:
    """Return the first time after ``after`` at which ``expression`` is due.

    Args:
        expression: ``rate(5 minutes)`` or ``cron(0 10 * * ? *)``.
        after: seconds since the epoch.
        created: when the rule was created or enabled, seconds since the epoch; start of a rate.

    Returns:
        Seconds since the epoch; infinity if the expression never matches again.

    Raises:
        ScheduleError: if EventBridge would reject the expression.
    """
    kind, _, rest = expression.partition("(")
    body = rest.removesuffix(")")
    if kind == "rate":
        number, _, unit = body.partition(" ")
        seconds = int(number) * _UNIT_SECONDS[unit.removesuffix("s")]
        return created + seconds * (int((after - created) // seconds) + 1)
    if kind != "cron":
        raise ScheduleError(f"{expression} is neither rate(...) nor cron(...)")
    cron = _cron(body)
    at = datetime.fromtimestamp(after, UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    limit = at + _SEARCH_LIMIT
    while at < limit:
        if not cron.matches_day(at):
            at = at.replace(hour=0, minute=0) + timedelta(days=1)
        elif cron.matches(at):
            return at.timestamp()
        else:
            at += timedelta(minutes=1)
    return float("inf")
