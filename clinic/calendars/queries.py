"""When a calendar is open: the weekday's hours, an exceptional day's, less the absences (D4)."""

from datetime import date, datetime, timedelta

from django.db.models import Q, QuerySet

from clinic.calendars.models import (
    Absence,
    Calendar,
    DayException,
    ExceptionHours,
    OpeningHours,
    Service,
)
from clinic.calendars.rules import Span, without
from clinic.lib.local_time import day_span, edge


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
    last = first + timedelta(days=days - 1)
    zone = calendar.zone
    weekly: dict[int, list[OpeningHours]] = {}
    for row in OpeningHours.objects.filter(calendar=calendar):
        weekly.setdefault(row.weekday, []).append(row)
    exceptions = {
        exception.day: list(exception.hours.all())
        for exception in DayException.objects.filter(
            calendar=calendar, day__range=(first, last)
        ).prefetch_related("hours")
    }
    spans: list[Span] = []
    for offset in range(days):
        day = first + timedelta(days=offset)
        valid: list[ExceptionHours] | list[OpeningHours] = exceptions.get(day) or []
        if day not in exceptions:
            valid = weekly.get(day.weekday(), [])
        for hours in valid:
            span = edge(day, hours.opens, zone), edge(day, hours.closes, zone)
            if span[0] < span[1]:
                spans.append(span)
    start, end = day_span(first, zone)[0], day_span(last, zone)[1]
    away = [
        (absence.starts_at, absence.ends_at or end)
        for absence in list_absences(calendar=calendar, start=start, end=end)
    ]
    return without(spans, away)
