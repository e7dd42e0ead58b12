"""When a calendar is open: the weekday's hours, an exceptional day's, less the absences (D4)."""

from collections.abc import Mapping
from datetime import date, datetime

from django.db.models import QuerySet

from clinic.calendars.models import Absence, Calendar, Service
from clinic.calendars.opening import Opening, absences_touching
from clinic.calendars.rules import Span


def list_absences(*, calendar: Calendar, start: datetime, end: datetime) -> QuerySet[Absence]:
    """Return the practitioner's absences that touch a span; one without an end touches all that follows."""
    return absences_touching({calendar.practitioner_id}, start=start, end=end)


def list_services(calendar: Calendar | None) -> QuerySet[Service]:
    """Return what can be booked in a calendar, by name; nothing for none."""
    return Service.objects.filter(calendar=calendar, is_offered=True).order_by("name")


def list_former_services(calendar: Calendar) -> list[Service]:
    """Return what is offered no more and not under the same name again, by name, each as it was last."""
    offered = list_services(calendar).values("name")
    rows = Service.objects.filter(calendar=calendar, is_offered=False).exclude(name__in=offered)
    return sorted({row.name: row for row in rows.order_by("pk")}.values(), key=lambda row: row.name)


def open_spans(*, calendar: Calendar, first: date, days: int) -> list[Span]:
    """Return when a calendar is open on `days` local dates from `first`, as UTC spans."""
    return open_spans_of({calendar: first}, days=days)[calendar.pk]


def open_spans_of(firsts: Mapping[Calendar, date], *, days: int) -> dict[int, list[Span]]:
    """Return when each of several calendars is open, by its id: as `open_spans`, in two queries for all.

    Args:
        firsts: the calendars, each with the local date to begin with.
    """
    if not firsts:
        return {}
    begin, last = min(firsts.values()), max(firsts.values())
    opening = Opening(firsts.keys(), begin, (last - begin).days + days)
    return {calendar.pk: opening.spans(calendar, first, days) for calendar, first in firsts.items()}
