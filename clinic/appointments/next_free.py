"""The next free times of one calendar or several, from a day on: "forty minutes with Dr ..." (D3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice

from clinic.appointments.free_slots import free_starts
from clinic.appointments.queries import list_taken_of
from clinic.calendars.models import Calendar, Service
from clinic.calendars.queries import open_spans_of

# All are asked for so many days at a time, and no further ahead than that.
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
    """Return the first free times over several calendars, in order; as many queries for many as for one.

    Args:
        wanted: each calendar with the length in minutes that is needed there.
        first: the local date from which on they are looked for.
        at: now; nothing before it is offered.
    """
    found: list[FreeTime] = []
    for days in range(0, MOST_DAYS, DAYS_AT_ONCE):
        day = first + timedelta(days=days)
        spans = open_spans_of({calendar: day for calendar, _minutes, _service in wanted}, days=DAYS_AT_ONCE)
        edges = [edge for some in spans.values() for span in some for edge in span]
        if not edges:
            continue
        taken = list_taken_of(spans.keys(), start=min(edges), end=max(edges), at=at)
        for calendar, minutes, service in wanted:
            busy = taken.get(calendar.pk, [])
            starts = free_starts(spans[calendar.pk], busy, minutes=minutes, not_before=at)
            found += [FreeTime(start, calendar, service) for start in islice(starts, most)]
        if len(found) >= most:
            break
    return sorted(found, key=lambda one: (one.starts_at, one.calendar.name))[:most]
