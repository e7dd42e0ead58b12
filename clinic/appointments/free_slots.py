"""Which starts a calendar can really offer."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta

from clinic.appointments.queries import list_taken
from clinic.calendars import rules
from clinic.calendars.models import Calendar
from clinic.calendars.queries import open_spans
from clinic.lib.local_time import day_span

# Long services are offered every half hour, short ones back to back.
WIDEST_STEP = timedelta(minutes=30)


def free_starts(
    spans: Iterable[rules.Span], taken: Iterable[rules.Span], *, minutes: int, not_before: datetime
) -> Iterator[datetime]:
    """Yield the starts for something `minutes` long in open spans, on the grid that all are offered."""
    length = timedelta(minutes=minutes)
    return rules.starts(spans, taken, length=length, step=min(length, WIDEST_STEP), not_before=not_before)


def list_free_slots(
    *,
    calendar: Calendar,
    minutes: int,
    first: date,
    days: int = 1,
    at: datetime,
    not_before: datetime | None = None,
    but_hold: str = "",
    but_appointment: int | None = None,
) -> list[datetime]:
    """Return the free starts for something `minutes` long, from the local date `first`, as UTC instants.

    Correct over clock changes (D4): hours are local, lengths elapsed. Nothing before `at` is offered.

    Args:
        not_before: the first instant that is offered, where it is later than `at`.
        but_hold, but_appointment: what counts as free, as the one who asks gives it up.
    """
    start = day_span(first, calendar.zone)[0]
    end = day_span(first + timedelta(days=days - 1), calendar.zone)[1]
    return list(
        free_starts(
            open_spans(calendar=calendar, first=first, days=days),
            list_taken(
                calendar_id=calendar.pk,
                start=start,
                end=end,
                at=at,
                but_hold=but_hold,
                but_appointment=but_appointment,
            ),
            minutes=minutes,
            not_before=max(at, not_before or at),
        )
    )
