"""Who has a time, and the database's own wall behind it (D2, K25)."""

from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from clinic.appointments import occupancy
from clinic.appointments.models import Appointment, Occupancy
from clinic.appointments.occupancy import Taken
from clinic.models import Calendar
from tests.factories.clinic import MINUTES, MONDAY, book_visit, make_calendar, make_clinic

pytestmark = pytest.mark.django_db

NINE = MONDAY + timedelta(days=1)
HALF = 30 * MINUTES


@pytest.fixture
def calendar() -> Calendar:
    return make_calendar()


def spans(calendar: Calendar) -> list[tuple[datetime, datetime]]:
    rows = Occupancy.objects.filter(calendar=calendar).order_by("starts_at")
    return list(rows.values_list("starts_at", "ends_at"))


def keep(calendar: Calendar, key: str, start: datetime, end: datetime, *, minutes: int = 5) -> None:
    occupancy.hold(
        calendar_id=calendar.pk,
        key=key,
        start=start,
        end=end,
        expires_at=MONDAY + minutes * MINUTES,
        at=MONDAY,
    )


@pytest.mark.parametrize(
    ("start", "end"),
    [
        pytest.param(0, 30, id="same"),
        pytest.param(-10, 5, id="over-the-start"),
        pytest.param(25, 55, id="over-the-end"),
        pytest.param(10, 20, id="inside"),
        pytest.param(-30, 90, id="around"),
        pytest.param(29, 31, id="by-a-minute"),
    ],
)
def test_an_overlap_is_refused(calendar: Calendar, start: int, end: int) -> None:
    book_visit(calendar=calendar, starts_at=NINE)

    with pytest.raises(Taken):
        keep(calendar, "typing", NINE + start * MINUTES, NINE + end * MINUTES)

    assert spans(calendar) == [(NINE, NINE + HALF)]


def test_what_only_touches_is_free(calendar: Calendar) -> None:
    book_visit(calendar=calendar, starts_at=NINE)

    keep(calendar, "before", NINE - HALF, NINE)
    keep(calendar, "after", NINE + HALF, NINE + 2 * HALF)

    assert spans(calendar) == [(NINE - HALF, NINE), (NINE, NINE + HALF), (NINE + HALF, NINE + 2 * HALF)]


def test_other_calendars_have_their_own_time(calendar: Calendar) -> None:
    neighbour = make_calendar(calendar.clinic, "Dr Wiśniewska")
    book_visit(calendar=calendar, starts_at=NINE)

    book_visit(calendar=neighbour, starts_at=NINE)

    assert spans(neighbour) == [(NINE, NINE + HALF)]


def test_a_hold_keeps_others_out_until_it_expires(calendar: Calendar) -> None:
    keep(calendar, "typing", NINE, NINE + HALF)

    with pytest.raises(Taken):
        book_visit(calendar=calendar, starts_at=NINE, at=MONDAY + 5 * MINUTES - timedelta(microseconds=1))
    assert Appointment.objects.count() == 0

    book_visit(calendar=calendar, starts_at=NINE, at=MONDAY + 5 * MINUTES)
    assert list(Occupancy.objects.values_list("hold", "starts_at")) == [(None, NINE)]


def test_the_same_key_moves_its_hold(calendar: Calendar) -> None:
    keep(calendar, "typing", NINE, NINE + HALF)

    keep(calendar, "typing", NINE + 10 * MINUTES, NINE + 40 * MINUTES)

    assert spans(calendar) == [(NINE + 10 * MINUTES, NINE + 40 * MINUTES)]


def test_a_hold_that_finds_its_new_time_taken_keeps_the_old_one(calendar: Calendar) -> None:
    book_visit(calendar=calendar, starts_at=NINE)
    keep(calendar, "typing", NINE + HALF, NINE + 2 * HALF)

    with pytest.raises(Taken):
        keep(calendar, "typing", NINE, NINE + HALF)

    assert spans(calendar) == [(NINE, NINE + HALF), (NINE + HALF, NINE + 2 * HALF)]


def test_a_released_hold_is_free_at_once(calendar: Calendar) -> None:
    keep(calendar, "typing", NINE, NINE + HALF)

    occupancy.release_hold(key="typing")

    book_visit(calendar=calendar, starts_at=NINE)


def test_expired_holds_go_when_they_are_in_the_way_and_when_somebody_holds(calendar: Calendar) -> None:
    for number, key in enumerate("abc"):
        keep(calendar, key, NINE + number * HALF, NINE + (number + 1) * HALF)
    later = MONDAY + 5 * MINUTES
    visit = book_visit(calendar=calendar, starts_at=NINE + timedelta(days=1))

    occupancy.change(
        calendar_id=calendar.pk, appointment_id=visit.pk, start=NINE, end=NINE + 40 * MINUTES, at=later
    )
    assert spans(calendar) == [(NINE, NINE + 40 * MINUTES), (NINE + 2 * HALF, NINE + 3 * HALF)]

    end = NINE + timedelta(days=2)
    occupancy.hold(
        calendar_id=calendar.pk, key="d", start=end - HALF, end=end, expires_at=later + HALF, at=later
    )
    assert spans(calendar) == [(NINE, NINE + 40 * MINUTES), (end - HALF, end)]


@pytest.mark.parametrize("act", ["take", "take with a hold", "hold", "change"])
def test_who_comes_too_late_writes_and_locks_nothing(calendar: Calendar, act: str) -> None:
    """Of a crowd all but one do: locks of theirs would be what the others wait for (R22)."""
    book_visit(calendar=calendar, starts_at=NINE)
    mine = book_visit(calendar=calendar, starts_at=NINE + timedelta(days=1))
    keep(calendar, "typing", NINE + timedelta(days=2), NINE + timedelta(days=2) + HALF)
    given: dict[str, dict[str, object]] = {
        "take": {"appointment_id": mine.pk},
        "take with a hold": {"appointment_id": mine.pk, "hold_key": "typing"},
        "hold": {"key": "typing", "expires_at": MONDAY + HALF},
        "change": {"appointment_id": mine.pk},
    }
    before = spans(calendar)

    with CaptureQueriesContext(connection) as asked, pytest.raises(Taken):
        getattr(occupancy, act.split()[0])(
            calendar_id=calendar.pk,
            start=NINE + 10 * MINUTES,
            end=NINE + 20 * MINUTES,
            at=MONDAY,
            **given[act],
        )

    said = [one["sql"] for one in asked if "SAVEPOINT" not in one["sql"]]
    assert len(said) == 1
    assert said[0].startswith("SELECT")
    assert "FOR UPDATE" not in said[0]
    assert spans(calendar) == before


@pytest.mark.parametrize("act", ["take", "hold", "change"])
def test_who_is_overtaken_after_the_look_gets_nothing(
    calendar: Calendar, act: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look is for the many; the statement that takes is what decides (D2)."""
    mine = book_visit(calendar=calendar, starts_at=NINE + timedelta(days=1))
    given: dict[str, dict[str, object]] = {
        "take": {"appointment_id": mine.pk},
        "hold": {"key": "typing", "expires_at": MONDAY + HALF},
        "change": {"appointment_id": mine.pk},
    }
    book_visit(calendar=calendar, starts_at=NINE)
    # As if it had been booked a moment after the look.
    monkeypatch.setattr(occupancy, "_clear", lambda *_span, **_own: None)
    before = spans(calendar)

    with pytest.raises(Taken):
        getattr(occupancy, act)(calendar_id=calendar.pk, start=NINE, end=NINE + HALF, at=MONDAY, **given[act])

    assert spans(calendar) == before


def test_ones_own_hold_becomes_ones_appointment(calendar: Calendar) -> None:
    visit = book_visit(calendar=calendar, starts_at=NINE + timedelta(days=1))
    occupancy.release(appointment_id=visit.pk)
    keep(calendar, "typing", NINE, NINE + HALF)

    occupancy.take(
        calendar_id=calendar.pk,
        appointment_id=visit.pk,
        start=NINE,
        end=NINE + HALF,
        at=MONDAY,
        hold_key="typing",
    )

    assert list(Occupancy.objects.values_list("appointment", "hold")) == [(visit.pk, None)]


def test_the_wall_stands() -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT conname FROM pg_constraint WHERE contype = 'x'")
        else:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' ORDER BY name")
        names = [name for (name,) in cursor.fetchall()]

    expected = (
        ["occupancy_no_overlap"]
        if connection.vendor == "postgresql"
        else ["occupancy_no_overlap_insert", "occupancy_no_overlap_update"]
    )
    assert [name for name in names if name.startswith("occupancy")] == expected


def test_the_wall_refuses_a_raw_insert(calendar: Calendar) -> None:
    keep(calendar, "typing", NINE, NINE + HALF)

    with pytest.raises(IntegrityError), transaction.atomic():
        Occupancy.objects.create(
            calendar=calendar, hold="raw", starts_at=NINE + 29 * MINUTES, ends_at=NINE + 59 * MINUTES,
            expires_at=MONDAY + HALF,
        )  # fmt: skip

    Occupancy.objects.create(
        calendar=calendar,
        hold="raw",
        starts_at=NINE + HALF,
        ends_at=NINE + 2 * HALF,
        expires_at=MONDAY + HALF,
    )
    assert spans(calendar) == [(NINE, NINE + HALF), (NINE + HALF, NINE + 2 * HALF)]


def test_the_wall_refuses_a_raw_update(calendar: Calendar) -> None:
    keep(calendar, "early", NINE, NINE + HALF)
    keep(calendar, "late", NINE + HALF, NINE + 2 * HALF)

    with pytest.raises(IntegrityError), transaction.atomic():
        Occupancy.objects.filter(hold="late").update(starts_at=NINE + 20 * MINUTES)

    Occupancy.objects.filter(hold="late").update(ends_at=NINE + 3 * HALF)
    assert spans(calendar) == [(NINE, NINE + HALF), (NINE + HALF, NINE + 3 * HALF)]


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"ends_at": NINE}, id="empty-span"),
        pytest.param({"expires_at": None}, id="hold-without-end"),
        pytest.param({"hold": None}, id="nobody-s"),
    ],
)
def test_the_table_refuses_nonsense(calendar: Calendar, more: dict[str, object]) -> None:
    row = {
        "calendar": calendar, "hold": "raw", "starts_at": NINE, "ends_at": NINE + HALF, "expires_at": NINE
    }  # fmt: skip

    with pytest.raises(IntegrityError), transaction.atomic():
        Occupancy.objects.create(**{**row, **more})

    assert spans(calendar) == []


def test_a_clinic_s_slug_tells_houses_apart() -> None:
    lipowa, dluga = make_calendar(make_clinic("lipowa")), make_calendar(make_clinic("dluga"))
    keep(lipowa, "typing", NINE, NINE + HALF)

    keep(dluga, "typing too", NINE, NINE + HALF)

    assert spans(lipowa) == spans(dluga) == [(NINE, NINE + HALF)]
