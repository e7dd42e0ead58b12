"""The next free times of one calendar or several, from a day on: "forty minutes with Dr ..." (D3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from clinic.appointments.free_slots import list_free_slots
from clinic.calendars.models import Calendar, Service

# A calendar is asked for so many days at a time, and no further ahead than that.
DAYS_AT_ONCE, MOST_DAYS = 14, 182
MOST_TIMES = 10


@dataclass(frozen=True, slots=True)
class FreeTime:
    """A start at which something fits; `service`: what it can be booked as, where that is known."""

    starts_at: datetime
    calendar: Calendar
    service: Service | None


def list_next_free(
    *,
    wanted: Sequence[tuple[Calendar, int, Service | None]],
    first: date,
    at: datetime,
    most: int = MOST_TIMES,
) -> list[FreeTime]:
    """Return the first free times over several calendars, in order.

    Args:
        wanted: each calendar with the length in minutes that is needed there.
        first: the local date from which on they are looked for.
        at: now; nothing before it is offered.
    """
    found: list[FreeTime] = []
    for days in range(0, MOST_DAYS, DAYS_AT_ONCE):
        day = first + timedelta(days=days)
        for calendar, minutes, service in wanted:
            starts = list_free_slots(calendar=calendar, minutes=minutes, first=day, days=DAYS_AT_ONCE, at=at)
            found += [FreeTime(start, calendar, service) for start in starts[:most]]
        if len(found) >= most:
            break
    return sorted(found, key=lambda one: (one.starts_at, one.calendar.name))[:most]
