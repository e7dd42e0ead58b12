"""Local wall time to instants and back, honest about hours that do not exist or exist twice (G1, E1.6)."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones


class NonExistentTime(ValueError):
    """The clocks jump over this wall time (spring change)."""


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """Return the names of all time zones known."""
    return frozenset(available_timezones())


def to_instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return the UTC instant of a naive wall time in a zone; at a repeated hour the first of the two.

    Raises:
        NonExistentTime: the wall time is skipped by a spring change (E1.6).
    """
    aware = wall.replace(tzinfo=zone, fold=0)
    instant = aware.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) != wall:
        raise NonExistentTime(wall.isoformat())
    return instant


def is_repeated(wall: datetime, zone: ZoneInfo) -> bool:
    """Return whether this wall time happens twice in the zone (autumn change)."""
    first = wall.replace(tzinfo=zone, fold=0).utcoffset()
    second = wall.replace(tzinfo=zone, fold=1).utcoffset()
    return first is not None and second is not None and first > second


def edge(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Return the instant of an opening or closing time; one that the clocks skip moves on with them."""
    return datetime.combine(day, at, tzinfo=zone).astimezone(UTC)


def day_span(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the half-open span of a local date as two UTC instants (23, 24 or 25 hours long)."""
    return edge(day, time(), zone), edge(day + timedelta(days=1), time(), zone)
