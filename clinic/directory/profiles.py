"""What a profile says of one address: when it is open, what is offered there, which times are free."""

from dataclasses import dataclass
from datetime import datetime, time
from urllib.parse import quote_plus

from django.utils.dates import WEEKDAYS

from clinic.appointments.online import Offer
from clinic.calendars.models import Calendar, Service
from clinic.calendars.rules import written_hours
from clinic.directory.queries import DAYS_AHEAD
from clinic.directory.slot_picker import Day, first_days

# As schema.org writes opening hours.
_DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")


@dataclass(frozen=True, slots=True)
class Place:
    """A calendar as the public reads it.

    Args:
        week: the days' names with their hours, written; empty where it is closed. None is open: no rows.
        machine_hours: the same as schema.org writes it.
        free_for: the service whose free times are shown: the shortest that is booked online.
    """

    calendar: Calendar
    map_query: str
    week: list[tuple[str, str]]
    machine_hours: list[str]
    services: list[Service]
    free_for: Service | None
    free_days: list[Day]


def describe_place(calendar: Calendar, *, at: datetime) -> Place:
    """Return what a profile says of a calendar whose services and hours were fetched with it."""
    hours: dict[int, list[tuple[time, time]]] = {}
    for row in calendar.opening_hours.all():
        hours.setdefault(row.weekday, []).append((row.opens, row.closes))
    services = list(calendar.services.all())
    online = [one for one in services if one.is_online] if calendar.books_online else []
    shortest = min(online, key=lambda one: (one.minutes, one.name), default=None)
    return Place(
        calendar=calendar,
        map_query=quote_plus(calendar.place),
        week=[(str(name), written_hours(hours.get(day, []))) for day, name in WEEKDAYS.items()]
        if hours
        else [],
        machine_hours=[
            f"{_DAYS[day]} {opens:%H:%M}-{closes:%H:%M}"
            for day, spans in sorted(hours.items())
            for opens, closes in sorted(spans)
        ],
        services=services,
        free_for=shortest,
        free_days=first_days(Offer(calendar, shortest.minutes, at), days=DAYS_AHEAD) if shortest else [],
    )
