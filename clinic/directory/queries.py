"""Reads for the public pages: what is said of practitioners, and when they have time."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Avg, Count, Min, Q, QuerySet

from clinic.appointments.free_slots import free_starts
from clinic.appointments.online import Offer
from clinic.appointments.queries import list_taken_of
from clinic.calendars import rules
from clinic.calendars.models import Absence, Calendar, Service
from clinic.calendars.queries import open_spans_of
from clinic.directory.enums import ReviewState
from clinic.directory.models import Review
from clinic.people.models import Clinic, Practitioner

# How far ahead the pages look for free time: who wants to see more, books.
DAYS_AHEAD = 14


@dataclass(frozen=True, slots=True)
class Rating:
    """What patients gave on average, of 1 to 5 stars, and how many they were."""

    average: float
    count: int


def ratings_of(practitioners: Collection[int]) -> dict[int, Rating]:
    """Return the ratings of those who have any, by the practitioners' ids; hidden reviews do not count."""
    rows = Review.objects.standing().filter(practitioner__in=practitioners)
    return {
        row["practitioner"]: Rating(row["average"], row["count"])
        for row in rows.values("practitioner").annotate(average=Avg("stars"), count=Count("pk"))
    }


def list_reviews(practitioner: Practitioner) -> QuerySet[Review]:
    """Return what the public reads of a practitioner, the newest first."""
    return Review.objects.standing().filter(practitioner=practitioner).order_by("-written_at", "-pk")


def list_clinic_reviews(clinic: Clinic) -> QuerySet[Review]:
    """Return all of a clinic's reviews, hidden ones too, the newest first."""
    rows = Review.objects.filter(clinic=clinic).select_related("practitioner", "answered_by")
    return rows.order_by("-written_at", "-pk")


def list_looked_at() -> QuerySet[Review]:
    """Return what operators decide on: what is reported, then what they have hidden."""
    rows = Review.objects.exclude(state=ReviewState.PUBLISHED).select_related("clinic", "practitioner")
    return rows.order_by("-state", "written_at", "pk")


def list_listed(clinic: Clinic) -> QuerySet[Practitioner]:
    """Return a clinic's practitioners who have a public profile, by name."""
    return Practitioner.objects.filter(clinic=clinic, is_listed=True).order_by("name")


def list_offered() -> QuerySet[Service]:
    """Return what is offered at present, by name."""
    return Service.objects.filter(is_offered=True).order_by("name")


def list_places(practitioners: Iterable[Practitioner]) -> list[Calendar]:
    """Return one calendar for each address at which these practitioners, fetched with their calendars, work."""
    calendars = {one.place: one for doctor in practitioners for one in doctor.calendars.all() if one.place}
    return [calendars[place] for place in sorted(calendars)]


def find_absence(practitioner: Practitioner, at: datetime) -> Absence | None:
    """Return the absence that lasts, else the next to come within two weeks (C9)."""
    rows = Absence.objects.filter(
        Q(ends_at__isnull=True) | Q(ends_at__gt=at),
        practitioner=practitioner,
        starts_at__lt=at + timedelta(days=DAYS_AHEAD),
    )
    return rows.order_by("starts_at").first()


def shortest_online(calendars: Iterable[Calendar]) -> dict[int, int]:
    """Return the minutes of the shortest service that is booked online, by the calendars' ids."""
    rows = Service.objects.filter(calendar__in=calendars, is_offered=True, is_online=True)
    return dict(rows.values_list("calendar").annotate(Min("minutes")))


def first_free_times(calendars: Collection[Calendar], at: datetime) -> dict[int, datetime]:
    """Return the next free time within two weeks of those that book online, by the calendars' ids.

    Four queries for all of them, whatever they are.
    """
    open_online = [calendar for calendar in calendars if calendar.books_online]
    minutes = shortest_online(open_online)
    firsts = {one: at.astimezone(one.zone).date() for one in open_online if one.pk in minutes}
    if not firsts:
        return {}
    spans = open_spans_of(firsts, days=DAYS_AHEAD)
    taken = list_taken_of(
        {calendar.pk for calendar in firsts}, start=at, end=at + timedelta(days=DAYS_AHEAD + 1), at=at
    )
    found = {}
    for calendar in firsts:
        offer = Offer(calendar, minutes[calendar.pk], at)
        busy = taken.get(calendar.pk, [])
        first = _first(spans[calendar.pk], busy, minutes=offer.minutes, not_before=offer.not_before)
        if first is not None and first.astimezone(calendar.zone).date() <= offer.last_day:
            found[calendar.pk] = first
    return found


def _first(
    spans: list[rules.Span], taken: list[rules.Span], *, minutes: int, not_before: datetime
) -> datetime | None:
    # Opening by opening, each with what is taken in it: the first one mostly holds the answer.
    for start, end in spans:
        if end <= not_before:
            continue
        inside = [one for one in taken if one[0] < end and one[1] > start]
        for at in free_starts([(start, end)], inside, minutes=minutes, not_before=not_before):
            return at
    return None
