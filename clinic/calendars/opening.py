"""When calendars are open, several at once: the weekday's hours, an exceptional day's, and the absences (D3, D4)."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

from django.db.models import DateField, Q, QuerySet, Value

from clinic.calendars.models import Absence, Calendar, DayException, OpeningHours
from clinic.calendars.rules import Span, without
from clinic.lib.local_time import day_span, edge
from clinic.lib.prepared import Prepared

Hours = tuple[time, time]


@dataclass(frozen=True, slots=True)
class OpenDay:
    """When a calendar is open on one local date, absences not yet taken off; `is_exception`: other hours than usual."""

    spans: tuple[Span, ...]
    hours: tuple[Hours, ...] = ()
    is_exception: bool = False


def _hours(*, calendars: Sequence[int], first: date, last: date) -> Any:
    # One question for both: the day that is None is a weekday's.
    weekly = OpeningHours.objects.filter(calendar__in=calendars).values_list(
        "calendar_id", "weekday", Value(None, DateField()), "opens", "closes"
    )
    own = DayException.objects.filter(calendar__in=calendars, day__range=(first, last)).values_list(
        "calendar_id", Value(-1), "day", "hours__opens", "hours__closes"
    )
    return weekly.union(own, all=True)


def _absences(*, people: Sequence[int], start: datetime, end: datetime) -> Any:
    found = absences_touching(people, start=start, end=end)
    return found.values_list("practitioner_id", "starts_at", "ends_at")


_list_hours, _list_absences = Prepared(_hours), Prepared(_absences)


class Away(NamedTuple):
    """When a practitioner is absent; no end: until further notice."""

    starts_at: datetime
    ends_at: datetime | None


@dataclass(slots=True)
class Opening:
    """What shapes the free time of some calendars; two queries, however many there are.

    Args:
        first, days: the local dates that are asked for.
    """

    calendars: Collection[Calendar]
    first: date
    days: int
    weekly: dict[tuple[int, int], list[Hours]] = field(init=False, default_factory=dict)
    exceptions: dict[tuple[int, date], list[Hours]] = field(init=False, default_factory=dict)
    absences: dict[int, list[Away]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        ids = [one.pk for one in self.calendars]
        if not ids:
            return
        last = self.first + timedelta(days=self.days - 1)
        for pk, weekday, day, opens, closes in _list_hours(calendars=ids, first=self.first, last=last):
            if day is None:
                self.weekly.setdefault((pk, weekday), []).append((opens, closes))
                continue
            known = self.exceptions.setdefault((pk, day), [])
            if opens is not None:
                known.append((opens, closes))
        zones = {one.time_zone: one.zone for one in self.calendars}.values()
        start = min(day_span(self.first, zone)[0] for zone in zones)
        end = max(day_span(last, zone)[1] for zone in zones)
        people = sorted({one.practitioner_id for one in self.calendars})
        for person, starts_at, ends_at in _list_absences(people=people, start=start, end=end):
            self.absences.setdefault(person, []).append(Away(starts_at, ends_at))

    def on(self, calendar: Calendar, day: date) -> OpenDay:
        """Return a calendar's hours on a local date: the weekday's, or the date's own (D4)."""
        own = self.exceptions.get((calendar.pk, day))
        hours = sorted(own if own is not None else self.weekly.get((calendar.pk, day.weekday()), []))
        zone = calendar.zone
        spans = [(edge(day, opens, zone), edge(day, closes, zone)) for opens, closes in hours]
        return OpenDay(
            tuple(span for span in spans if span[0] < span[1]), tuple(hours), is_exception=own is not None
        )

    def absences_on(self, calendar: Calendar, span: Span) -> list[Away]:
        """Return the practitioner's absences that touch a span."""
        return [
            one
            for one in self.absences.get(calendar.practitioner_id, [])
            if one.starts_at < span[1] and (one.ends_at is None or one.ends_at > span[0])
        ]

    def spans(self, calendar: Calendar, first: date, days: int) -> list[Span]:
        """Return when a calendar is open on `days` local dates from `first`, absences taken off, as UTC spans."""
        dates = (first + timedelta(days=offset) for offset in range(days))
        hours = [span for day in dates for span in self.on(calendar, day).spans]
        start = day_span(first, calendar.zone)[0]
        end = day_span(first + timedelta(days=days - 1), calendar.zone)[1]
        away = self.absences_on(calendar, (start, end))
        return without(hours, [(one.starts_at, one.ends_at or end) for one in away])


def absences_touching(people: Iterable[int], *, start: datetime, end: datetime) -> QuerySet[Absence]:
    """Return practitioners' absences that touch a span; one without an end touches all that follows."""
    return Absence.objects.filter(
        Q(ends_at__isnull=True) | Q(ends_at__gt=start), practitioner__in=people, starts_at__lt=end
    ).order_by("starts_at")
