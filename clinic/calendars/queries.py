"""When a calendar is open: the weekday's hours, an exceptional day's, less the absences (D4)."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta

from django.db.models import Q, QuerySet

from clinic.calendars.models import (
    Absence,
    Calendar,
    DayException,
    OpeningHours,
    Service,
)
from clinic.calendars.rules import Span, without
from clinic.lib.local_time import day_span, edge

Hours = tuple[time, time]


def list_absences(*, calendar: Calendar, start: datetime, end: datetime) -> QuerySet[Absence]:
    """Return the practitioner's absences that touch a span; one without an end touches all that follows."""
    return Absence.objects.filter(
        Q(ends_at__isnull=True) | Q(ends_at__gt=start),
        practitioner_id=calendar.practitioner_id,
        starts_at__lt=end,
    ).order_by("starts_at")


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
    """Return when each of several calendars is open, by its id: as `open_spans`, in three queries for all.

    Args:
        firsts: the calendars, each with the local date to begin with.
    """
    weekly: dict[tuple[int, int], list[Hours]] = {}
    for row in OpeningHours.objects.filter(calendar__in=firsts):
        weekly.setdefault((row.calendar_id, row.weekday), []).append((row.opens, row.closes))
    exceptions = _exceptions_of(firsts, days=days)
    away = _absences_of(firsts, days=days)
    found = {}
    for calendar, first in firsts.items():
        spans: list[Span] = []
        for day in (first + timedelta(days=offset) for offset in range(days)):
            usual = weekly.get((calendar.pk, day.weekday()), [])
            for opens, closes in exceptions.get((calendar.pk, day), usual):
                span = edge(day, opens, calendar.zone), edge(day, closes, calendar.zone)
                if span[0] < span[1]:
                    spans.append(span)
        found[calendar.pk] = without(spans, away.get(calendar.practitioner_id, []))
    return found


def _exceptions_of(firsts: Mapping[Calendar, date], *, days: int) -> dict[tuple[int, date], list[Hours]]:
    """Return the hours of exceptional days; a closed day has none."""
    if not firsts:
        return {}
    until = max(firsts.values()) + timedelta(days=days)
    rows = DayException.objects.filter(calendar__in=firsts, day__gte=min(firsts.values()), day__lt=until)
    found: dict[tuple[int, date], list[Hours]] = {}
    # One joined query: a closed day comes as a row without hours.
    for calendar, day, opens, closes in rows.values_list("calendar", "day", "hours__opens", "hours__closes"):
        hours = found.setdefault((calendar, day), [])
        if opens is not None:
            hours.append((opens, closes))
    return found


def _absences_of(firsts: Mapping[Calendar, date], *, days: int) -> dict[int, list[Span]]:
    """Return when the calendars' practitioners are away, by their ids."""
    edges = [day_span(first, calendar.zone)[0] for calendar, first in firsts.items()]
    ends = [
        day_span(first + timedelta(days=days - 1), calendar.zone)[1] for calendar, first in firsts.items()
    ]
    if not edges:
        return {}
    start, end = min(edges), max(ends)
    found: dict[int, list[Span]] = {}
    for row in Absence.objects.filter(
        Q(ends_at__isnull=True) | Q(ends_at__gt=start),
        practitioner__in={calendar.practitioner_id for calendar in firsts},
        starts_at__lt=end,
    ):
        found.setdefault(row.practitioner_id, []).append((row.starts_at, row.ends_at or end))
    return found
