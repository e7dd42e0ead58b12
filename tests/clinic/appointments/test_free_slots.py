"""Which starts are really offered (D4, E1.6)."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from clinic.appointments import occupancy
from clinic.appointments.free_slots import list_free_slots
from clinic.calendars.absences import add_absence
from clinic.calendars.day_hours import set_day_exception
from clinic.models import Calendar
from tests.factories.clinic import MINUTES, MONDAY, STAFF, book_visit, make_calendar, open_daily

pytestmark = pytest.mark.django_db

TUESDAY = date(2026, 3, 3)


@pytest.fixture
def calendar() -> Calendar:
    calendar = make_calendar()
    open_daily(calendar, (time(9), time(11)), (time(12), time(13)))
    return calendar


def offered(
    calendar: Calendar, day: date = TUESDAY, minutes: int = 30, at: datetime = MONDAY, days: int = 1
) -> list[str]:
    """Return the offered starts as local wall times with their offsets."""
    slots = list_free_slots(calendar=calendar, minutes=minutes, first=day, days=days, at=at)
    return [slot.astimezone(calendar.zone).strftime("%H:%M") for slot in slots]


def on(hour: int, minute: int = 0) -> datetime:
    """Return an instant on that Tuesday by Warsaw's wall (UTC+1)."""
    return datetime(2026, 3, 3, hour - 1, minute, tzinfo=UTC)


def test_an_empty_day_with_a_break(calendar: Calendar) -> None:
    assert offered(calendar) == ["09:00", "09:30", "10:00", "10:30", "12:00", "12:30"]


def test_a_service_longer_than_the_grid_does_not_reach_into_the_break(calendar: Calendar) -> None:
    assert offered(calendar, minutes=60) == ["09:00", "09:30", "10:00", "12:00"]
    assert offered(calendar, minutes=90) == ["09:00", "09:30"]
    assert offered(calendar, minutes=121) == []


def test_a_short_service_is_offered_back_to_back(calendar: Calendar) -> None:
    assert offered(calendar, minutes=20) == [
        "09:00", "09:20", "09:40", "10:00", "10:20", "10:40", "12:00", "12:20", "12:40",
    ]  # fmt: skip


def test_taking_a_slot_shifts_no_other(calendar: Calendar) -> None:
    book_visit(calendar=calendar, starts_at=on(9, 10), minutes=30)

    assert offered(calendar) == ["10:00", "10:30", "12:00", "12:30"]


def test_a_hold_takes_its_slot_until_it_expires(calendar: Calendar) -> None:
    occupancy.hold(
        calendar_id=calendar.pk,
        key="typing",
        start=on(9),
        end=on(9, 30),
        expires_at=MONDAY + 5 * MINUTES,
        at=MONDAY,
    )

    assert offered(calendar, at=MONDAY + 4 * MINUTES)[0] == "09:30"
    assert offered(calendar, at=MONDAY + 5 * MINUTES)[0] == "09:00"


def test_nothing_before_now(calendar: Calendar) -> None:
    assert offered(calendar, at=on(10)) == ["10:00", "10:30", "12:00", "12:30"]
    assert offered(calendar, at=on(10) + timedelta(microseconds=1)) == ["10:30", "12:00", "12:30"]


def test_an_exception_replaces_the_day_s_hours(calendar: Calendar) -> None:
    set_day_exception(calendar=calendar, day=TUESDAY, hours=[(time(15), time(16))], actor=STAFF, at=MONDAY)

    assert offered(calendar) == ["15:00", "15:30"]
    assert offered(calendar, day=date(2026, 3, 4))[0] == "09:00"


def test_an_exception_without_hours_closes_the_day(calendar: Calendar) -> None:
    set_day_exception(calendar=calendar, day=TUESDAY, hours=[], actor=STAFF, at=MONDAY)

    assert offered(calendar) == []


def test_an_absence_is_cut_out(calendar: Calendar) -> None:
    add_absence(
        practitioner=calendar.practitioner, starts_at=on(9, 30), ends_at=on(12, 30), actor=STAFF, at=MONDAY
    )

    assert offered(calendar) == ["09:00", "12:30"]


def test_an_absence_without_end_leaves_nothing_after_it(calendar: Calendar) -> None:
    add_absence(practitioner=calendar.practitioner, starts_at=on(10), ends_at=None, actor=STAFF, at=MONDAY)

    assert offered(calendar, days=10) == ["09:00", "09:30"]


def test_another_practitioner_s_absence_changes_nothing(calendar: Calendar) -> None:
    other = make_calendar(calendar.clinic, "Dr Wiśniewska")
    add_absence(practitioner=other.practitioner, starts_at=on(0 + 1), ends_at=None, actor=STAFF, at=MONDAY)

    assert offered(calendar) == ["09:00", "09:30", "10:00", "10:30", "12:00", "12:30"]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        pytest.param(
            date(2026, 3, 29), ["00:30", "01:00", "01:30", "03:00", "03:30", "04:00"], id="23-hours"
        ),
        pytest.param(
            date(2026, 10, 25),
            ["00:30", "01:00", "01:30", "02:00", "02:30", "02:00", "02:30", "03:00", "03:30", "04:00"],
            id="25-hours",
        ),
    ],
)
def test_a_day_of_another_length_has_other_slots(day: date, expected: list[str]) -> None:
    calendar = make_calendar()
    open_daily(calendar, (time(0, 30), time(4, 30)))

    assert offered(calendar, day=day) == expected


def test_a_slot_over_the_clock_change_keeps_its_elapsed_length() -> None:
    calendar = make_calendar()
    open_daily(calendar, (time(1), time(4)))

    slots = list_free_slots(calendar=calendar, minutes=120, first=date(2026, 3, 29), at=MONDAY)

    # 01:00 to 04:00 by the wall are two hours: one visit fits, and it ends at 04:00.
    assert slots == [datetime(2026, 3, 29, 0, tzinfo=UTC)]


def test_an_opening_that_the_clocks_skip_moves_on_with_them() -> None:
    calendar = make_calendar()
    open_daily(calendar, (time(2, 30), time(4)))

    slots = list_free_slots(calendar=calendar, minutes=30, first=date(2026, 3, 29), at=MONDAY)

    assert slots == [datetime(2026, 3, 29, 1, 30, tzinfo=UTC)]


def test_days_follow_one_another_over_the_clock_change(calendar: Calendar) -> None:
    slots = list_free_slots(calendar=calendar, minutes=60, first=date(2026, 3, 28), days=2, at=MONDAY)

    assert slots == [
        datetime(2026, 3, 28, hour, minute, tzinfo=UTC) for hour, minute in [(8, 0), (8, 30), (9, 0), (11, 0)]
    ] + [
        datetime(2026, 3, 29, hour, minute, tzinfo=UTC) for hour, minute in [(7, 0), (7, 30), (8, 0), (10, 0)]
    ]
