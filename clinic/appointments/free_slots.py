"""Which starts a calendar can really offer."""

from datetime import date, datetime, timedelta

from clinic.appointments.queries import list_taken
from clinic.calendars import rules
from clinic.calendars.models import Calendar
from clinic.calendars.queries import open_spans
from clinic.lib.local_time import day_span

# Long services are offered every half hour, short ones back to back.
WIDEST_STEP = timedelta(minutes=30)


def list_free_slots(
    *, calendar: Calendar, minutes: int, first: date, days: int = 1, at: datetime
) -> list[datetime]:
    """Return the free starts for something `minutes` long, from the local date `first`, as UTC instants.

    Correct over clock changes (D4): hours are local, lengths elapsed. Nothing before `at` is offered.
    """
    start = day_span(first, calendar.zone)[0]
    end = day_span(first + timedelta(days=days - 1), calendar.zone)[1]
    length = timedelta(minutes=minutes)
    return list(
        rules.starts(
            open_spans(calendar=calendar, first=first, days=days),
            list_taken(calendar_id=calendar.pk, start=start, end=end, at=at),
            length=length,
            step=min(length, WIDEST_STEP),
            not_before=at,
        )
    )
