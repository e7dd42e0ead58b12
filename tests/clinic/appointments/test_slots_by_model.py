"""The slots that patients are offered, against a model that counts every minute (D2, D4)."""

from datetime import timedelta

import pytest

from clinic.appointments import occupancy
from clinic.appointments.models import Occupancy
from clinic.appointments.online import Offer, Standing
from clinic.calendars.models import Absence, DayException, ExceptionHours, OpeningHours
from clinic.models import Calendar
from tests.clinic.appointments.slot_model import Paper, free_starts, make_paper
from tests.factories.clinic import MONDAY, make_calendar

pytestmark = pytest.mark.django_db

ALL, FEW = 1000, 100


def written_down(paper: Paper, calendar: Calendar) -> Offer:
    """Put what stands on paper into the database, in place of what was there."""
    for rows in (OpeningHours, DayException, Absence, Occupancy):
        rows._default_manager.all().delete()
    calendar.time_zone = paper.zone.key
    calendar.online_notice_hours, calendar.online_horizon_days = paper.notice, paper.horizon
    calendar.save()
    OpeningHours.objects.bulk_create(
        OpeningHours(calendar=calendar, weekday=weekday, opens=opens, closes=closes)
        for weekday, spans in paper.week.items()
        for opens, closes in spans
    )
    for day, spans in paper.exceptions.items():
        made = DayException.objects.create(calendar=calendar, day=day)
        ExceptionHours.objects.bulk_create(
            ExceptionHours(exception=made, opens=opens, closes=closes) for opens, closes in spans
        )
    Absence.objects.bulk_create(
        Absence(clinic=calendar.clinic, practitioner=calendar.practitioner, starts_at=begins, ends_at=ends)
        for begins, ends in paper.absences
    )
    long_ago = MONDAY - timedelta(days=999)
    for number, (begins, ends) in enumerate(paper.taken):
        occupancy.hold(  # kept for ever: to the slots it is the same as an appointment
            calendar_id=calendar.pk, key=f"taken-{number}", start=begins, end=ends,
            expires_at=begins + timedelta(days=9999), at=long_ago,
        )  # fmt: skip
    for number, ((begins, ends), until) in enumerate(paper.holds):
        occupancy.hold(
            calendar_id=calendar.pk,
            key=f"hold-{number}",
            start=begins,
            end=ends,
            expires_at=until,
            at=long_ago,
        )
    return Offer(calendar, paper.minutes, paper.at)


def differences(seeds: range) -> tuple[list[str], int, int]:
    """Return where product and model differ, how many starts there were, and on how many papers any."""
    calendar = make_calendar()
    found, starts, with_any = [], 0, 0
    for seed in seeds:
        paper = make_paper(seed)
        offer = written_down(paper, calendar)
        ours, theirs = offer.slots(paper.first, paper.days), free_starts(paper)
        starts, with_any = starts + len(theirs), with_any + bool(theirs)
        if ours != theirs:
            odd = sorted(set(ours) ^ set(theirs))[:3]
            found.append(f"{seed}: {len(ours)} and {len(theirs)}, first {[one.isoformat() for one in odd]}")
        if theirs:
            assert offer.standing(theirs[-1]) is Standing.FREE
            assert offer.earliest(paper.first) == theirs[0]
    return found, starts, with_any


def test_a_hundred_random_calendars() -> None:
    found, starts, with_any = differences(range(FEW))

    assert found == []
    # They are no empty ones.
    assert starts > 2000
    assert with_any > FEW // 3


@pytest.mark.faults
def test_a_thousand_random_calendars() -> None:
    found, starts, with_any = differences(range(ALL))

    print(f"{ALL} calendars, {with_any} with free times, {starts} starts, {len(found)} differences")
    assert found == []
    assert with_any > ALL // 3
