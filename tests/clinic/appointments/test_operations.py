"""Every change of an appointment: what is allowed, what is written down, who is told (P5, P6, P8, D2)."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.dispatch import Signal

from clinic.appointments import operations, signals
from clinic.appointments.enums import TRANSITIONS, CancelledBy, Origin, Status
from clinic.appointments.models import Appointment, Occupancy
from clinic.appointments.operations import NotAllowed, StaleAppointment, Taken, Was
from clinic.audit.models import AuditEntry
from clinic.audit.operations import PATIENT, SYSTEM
from clinic.models import Calendar
from messaging.models import Delivery, Message
from tests.factories.clinic import (
    HOURS,
    MINUTES,
    MONDAY,
    STAFF,
    book_visit,
    make_calendar,
    make_clinic,
    make_patient,
)

pytestmark = pytest.mark.django_db

START = MONDAY + timedelta(days=10, hours=2)
LATER = START + timedelta(days=1)
MOMENT = MONDAY + HOURS


@pytest.fixture
def calendar() -> Calendar:
    return make_calendar()


@pytest.fixture
def visit(calendar: Calendar) -> Appointment:
    return book_visit(calendar=calendar, starts_at=START)


@contextmanager
def listening(*wanted: Signal) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """Collect what the signals say, by their names in the module."""
    names = {id(value): name for name, value in vars(signals).items() if isinstance(value, Signal)}
    heard: list[tuple[str, dict[str, Any]]] = []

    def hear(signal: Signal, sender: object, **said: Any) -> None:
        assert transaction.get_connection().in_atomic_block
        heard.append((names[id(signal)], said))

    for signal in wanted:
        signal.connect(hear)
    try:
        yield heard
    finally:
        for signal in wanted:
            signal.disconnect(hear)


def last_entry(action: str) -> tuple[str, int | None, dict[str, Any], dict[str, Any]]:
    entry = AuditEntry.objects.filter(action=action).latest("id")
    value = getattr(entry, "value", None)
    return entry.actor_kind, entry.clinic_id, value.old if value else {}, value.new if value else {}


def span(appointment: Appointment) -> tuple[Any, ...]:
    return Occupancy.objects.values_list("calendar_id", "starts_at", "ends_at").get(appointment=appointment)


def force(appointment: Appointment, status: Status) -> None:
    Appointment.objects.filter(pk=appointment.pk).update(status=status)


# --- Booking -----------------------------------------------------------------------------------


def test_booking_takes_the_time_and_tells(calendar: Calendar) -> None:
    with listening(signals.appointment_booked) as heard:
        visit = book_visit(calendar=calendar, starts_at=START, extra={"notifications": {}})

    visit.refresh_from_db()
    assert (visit.starts_at, visit.ends_at, visit.booked_at, visit.set_at) == (
        START, START + 30 * MINUTES, MONDAY, MONDAY,
    )  # fmt: skip
    assert (visit.status, visit.origin, visit.sequence, visit.version) == ("booked", "staff", 0, 1)
    assert span(visit) == (calendar.pk, START, START + 30 * MINUTES)
    assert [(name, said["told"], said["extra"], said["at"]) for name, said in heard] == [
        ("appointment_booked", True, {"notifications": {}}, MONDAY)
    ]
    assert last_entry("appointment.booked") == (
        "system",
        calendar.clinic_id,
        {},
        {"starts_at": START.isoformat(), "minutes": 30, "calendar": calendar.pk},
    )


def test_booking_with_its_own_length(calendar: Calendar) -> None:
    visit = book_visit(calendar=calendar, starts_at=START, minutes=45)

    assert (visit.minutes, span(visit)[2]) == (45, START + 45 * MINUTES)


def test_booking_a_taken_time_leaves_nothing(calendar: Calendar, visit: Appointment) -> None:
    messages = Message.objects.count()

    with pytest.raises(Taken):
        book_visit(calendar=calendar, patient=make_patient(calendar.clinic, "Bob"), starts_at=START)

    assert Appointment.objects.count() == 1
    assert Message.objects.count() == messages
    assert AuditEntry.objects.filter(action="appointment.booked").count() == 1


def test_booking_in_the_past_is_refused_and_now_is_not(calendar: Calendar) -> None:
    with pytest.raises(NotAllowed):
        book_visit(calendar=calendar, starts_at=MONDAY - timedelta(microseconds=1))

    assert book_visit(calendar=calendar, starts_at=MONDAY).starts_at == MONDAY


def test_booking_keeps_the_house_together(calendar: Calendar) -> None:
    elsewhere = make_calendar(make_clinic("dluga"))
    neighbour = make_calendar(calendar.clinic, "Dr Wiśniewska")
    stranger = make_patient(elsewhere.clinic, "Bob")
    own = make_patient(calendar.clinic)

    with pytest.raises(NotAllowed):
        book_visit(calendar=calendar, patient=stranger, starts_at=START)
    with pytest.raises(NotAllowed):
        operations.book(
            calendar=calendar, patient=own, service=neighbour.services.get(), starts_at=START,
            origin=Origin.STAFF, actor=SYSTEM, at=MONDAY,
        )  # fmt: skip

    assert Appointment.objects.count() == Occupancy.objects.count() == 0


def test_a_booking_rolled_back_leaves_no_message(calendar: Calendar) -> None:
    patient = make_patient(calendar.clinic)

    with transaction.atomic():
        book_visit(calendar=calendar, patient=patient, starts_at=START)
        assert (Message.objects.count(), Delivery.objects.count()) == (4, 8)
        transaction.set_rollback(True)

    assert (Message.objects.count(), Delivery.objects.count(), Occupancy.objects.count()) == (0, 0, 0)


def test_a_receiver_that_raises_undoes_the_booking(calendar: Calendar) -> None:
    patient = make_patient(calendar.clinic)

    def break_it(**_said: Any) -> None:
        raise RuntimeError

    signals.appointment_booked.connect(break_it)
    try:
        with pytest.raises(RuntimeError):
            book_visit(calendar=calendar, patient=patient, starts_at=START)
    finally:
        signals.appointment_booked.disconnect(break_it)

    assert (Appointment.objects.count(), Message.objects.count(), AuditEntry.objects.count()) == (0, 0, 0)


# --- Moving ------------------------------------------------------------------------------------


def test_moving_counts_as_a_booking_at_its_moment(calendar: Calendar, visit: Appointment) -> None:
    operations.confirm(appointment_id=visit.pk, actor=PATIENT, at=MONDAY)

    with listening(signals.appointment_moved) as heard:
        operations.move(appointment_id=visit.pk, starts_at=LATER, actor=STAFF, at=MOMENT)

    visit.refresh_from_db()
    assert (visit.starts_at, visit.set_at, visit.booked_at, visit.confirmed_at) == (
        LATER,
        MOMENT,
        MONDAY,
        None,
    )
    assert (visit.sequence, visit.version) == (1, 3)
    assert span(visit) == (calendar.pk, LATER, LATER + 30 * MINUTES)
    assert [said["was"] for _name, said in heard] == [Was(START, START + 30 * MINUTES, calendar.pk)]
    assert last_entry("appointment.moved") == (
        "system",
        calendar.clinic_id,
        {"starts_at": START.isoformat(), "minutes": 30, "calendar": calendar.pk},
        {"starts_at": LATER.isoformat(), "minutes": 30, "calendar": calendar.pk},
    )


def test_moving_to_a_taken_time_keeps_the_old_one(calendar: Calendar, visit: Appointment) -> None:
    book_visit(calendar=calendar, patient=make_patient(calendar.clinic, "Bob"), starts_at=LATER)

    with listening(signals.appointment_moved) as heard, pytest.raises(Taken):
        operations.move(appointment_id=visit.pk, starts_at=LATER + 29 * MINUTES, actor=STAFF, at=MOMENT)

    visit.refresh_from_db()
    assert (visit.starts_at, visit.sequence, visit.version) == (START, 0, 1)
    assert span(visit) == (calendar.pk, START, START + 30 * MINUTES)
    assert heard == []


def test_moving_over_its_own_old_time(visit: Appointment) -> None:
    operations.move(appointment_id=visit.pk, starts_at=START + 10 * MINUTES, actor=STAFF, at=MOMENT)

    assert span(visit)[1:] == (START + 10 * MINUTES, START + 40 * MINUTES)


def test_moving_to_another_calendar(calendar: Calendar, visit: Appointment) -> None:
    neighbour = make_calendar(calendar.clinic, "Dr Wiśniewska")

    operations.move(
        appointment_id=visit.pk, starts_at=START, calendar=neighbour, minutes=20, actor=STAFF, at=MOMENT
    )

    visit.refresh_from_db()
    assert (visit.calendar_id, visit.minutes) == (neighbour.pk, 20)
    assert span(visit) == (neighbour.pk, START, START + 20 * MINUTES)


def test_moving_to_another_clinic_is_refused(visit: Appointment) -> None:
    elsewhere = make_calendar(make_clinic("dluga"))

    with pytest.raises(NotAllowed):
        operations.move(appointment_id=visit.pk, starts_at=LATER, calendar=elsewhere, actor=STAFF, at=MOMENT)

    assert span(visit)[1] == START


def test_moving_nowhere_changes_nothing(visit: Appointment) -> None:
    with listening(signals.appointment_moved) as heard:
        operations.move(appointment_id=visit.pk, starts_at=START, actor=STAFF, at=MOMENT)

    visit.refresh_from_db()
    assert (visit.version, visit.sequence, visit.set_at, heard) == (1, 0, MONDAY, [])


def test_moving_into_the_past_is_refused(visit: Appointment) -> None:
    with pytest.raises(NotAllowed):
        operations.move(appointment_id=visit.pk, starts_at=MOMENT - MINUTES, actor=STAFF, at=MOMENT)


@pytest.mark.parametrize("status", [Status.DONE, Status.NO_SHOW, Status.CANCELLED])
def test_only_what_is_booked_can_be_moved_or_confirmed(visit: Appointment, status: Status) -> None:
    force(visit, status)

    with pytest.raises(NotAllowed):
        operations.move(appointment_id=visit.pk, starts_at=LATER, actor=STAFF, at=MOMENT)
    with pytest.raises(NotAllowed):
        operations.confirm(appointment_id=visit.pk, actor=PATIENT, at=MOMENT)


# --- Versions ----------------------------------------------------------------------------------


def test_a_stale_version_changes_nothing(visit: Appointment) -> None:
    operations.confirm(appointment_id=visit.pk, actor=PATIENT, at=MONDAY)
    stale: dict[str, Any] = {"appointment_id": visit.pk, "version": 1, "actor": STAFF, "at": MOMENT}

    with pytest.raises(StaleAppointment):
        operations.move(starts_at=LATER, **stale)
    with pytest.raises(StaleAppointment):
        operations.cancel(by=CancelledBy.CLINIC, **stale)
    with pytest.raises(StaleAppointment):
        operations.mark(status=Status.DONE, **stale)

    visit.refresh_from_db()
    assert (visit.starts_at, visit.status, visit.version) == (START, "booked", 2)
    operations.move(**{**stale, "version": 2}, starts_at=LATER)


def test_a_patient_s_page_knows_the_sequence_only(visit: Appointment) -> None:
    operations.mark(appointment_id=visit.pk, status=Status.DONE, actor=STAFF, at=MOMENT)
    operations.mark(appointment_id=visit.pk, status=Status.BOOKED, actor=STAFF, at=MOMENT)

    # The version has risen, the time has not changed: what the patient saw still holds.
    assert operations.confirm(appointment_id=visit.pk, sequence=0, actor=PATIENT, at=MOMENT) is True

    operations.move(appointment_id=visit.pk, starts_at=LATER, actor=STAFF, at=MOMENT)
    with pytest.raises(StaleAppointment):
        operations.confirm(appointment_id=visit.pk, sequence=0, actor=PATIENT, at=MOMENT)
    with pytest.raises(StaleAppointment):
        operations.cancel(
            appointment_id=visit.pk, by=CancelledBy.PATIENT, sequence=0, actor=PATIENT, at=MOMENT
        )


# --- Cancelling --------------------------------------------------------------------------------


def test_cancelling_frees_the_time(calendar: Calendar, visit: Appointment) -> None:
    with listening(signals.appointment_cancelled) as heard:
        operations.cancel(appointment_id=visit.pk, by=CancelledBy.PATIENT, actor=STAFF, at=MOMENT)

    visit.refresh_from_db()
    assert (visit.status, visit.cancelled_at, visit.cancelled_by, visit.sequence, visit.version) == (
        "cancelled", MOMENT, "patient", 1, 2,
    )  # fmt: skip
    assert [(name, said["by"]) for name, said in heard] == [("appointment_cancelled", "patient")]
    assert last_entry("appointment.cancelled") == ("system", calendar.clinic_id, {}, {"by": "patient"})
    book_visit(calendar=calendar, patient=make_patient(calendar.clinic, "Bob"), starts_at=START)


def test_cancelling_twice_is_refused_and_told_once(visit: Appointment) -> None:
    operations.cancel(appointment_id=visit.pk, by=CancelledBy.CLINIC, actor=STAFF, at=MOMENT)

    with listening(signals.appointment_cancelled) as heard, pytest.raises(NotAllowed):
        operations.cancel(appointment_id=visit.pk, by=CancelledBy.PATIENT, actor=PATIENT, at=MOMENT)

    visit.refresh_from_db()
    assert (visit.cancelled_by, visit.sequence, heard) == ("clinic", 1, [])
    assert AuditEntry.objects.filter(action="appointment.cancelled").count() == 1


@pytest.mark.parametrize(
    ("hours", "before_start", "allowed"),
    [
        pytest.param(0, timedelta(microseconds=1), True, id="just-before-the-start"),
        pytest.param(0, timedelta(0), False, id="at-the-start"),
        pytest.param(0, -MINUTES, False, id="after-the-start"),
        pytest.param(24, 24 * HOURS, True, id="exactly-a-day-ahead"),
        pytest.param(24, 24 * HOURS - timedelta(microseconds=1), False, id="less-than-a-day"),
    ],
)
def test_until_when_patients_change(
    calendar: Calendar, visit: Appointment, hours: int, before_start: timedelta, allowed: bool
) -> None:
    Calendar.objects.filter(pk=calendar.pk).update(change_until_hours=hours)
    at = START - before_start
    acts: list[Any] = [
        lambda: operations.move(appointment_id=visit.pk, starts_at=LATER, actor=PATIENT, at=at),
        lambda: operations.cancel(appointment_id=visit.pk, by=CancelledBy.PATIENT, actor=PATIENT, at=at),
    ]

    for act in acts:
        with transaction.atomic():
            if allowed:
                act()
            else:
                with pytest.raises(NotAllowed):
                    act()
            transaction.set_rollback(True)

    # Staff are not held by the patients' hour.
    operations.cancel(appointment_id=visit.pk, by=CancelledBy.CLINIC, actor=STAFF, at=at)


# --- Confirming --------------------------------------------------------------------------------


def test_confirming_twice_says_so_and_writes_once(visit: Appointment) -> None:
    with listening(signals.appointment_confirmed) as heard:
        assert operations.confirm(appointment_id=visit.pk, actor=PATIENT, at=MOMENT) is True
        assert operations.confirm(appointment_id=visit.pk, actor=PATIENT, at=MOMENT + MINUTES) is False

    visit.refresh_from_db()
    assert (visit.confirmed_at, visit.version, len(heard)) == (MOMENT, 2, 1)
    assert last_entry("appointment.confirmed") == ("patient", visit.clinic_id, {}, {})


def test_confirming_from_the_start_on_is_refused(visit: Appointment) -> None:
    with pytest.raises(NotAllowed):
        operations.confirm(appointment_id=visit.pk, actor=PATIENT, at=START)

    assert operations.confirm(appointment_id=visit.pk, actor=PATIENT, at=START - MINUTES) is True


# --- Marking -----------------------------------------------------------------------------------


@pytest.mark.parametrize("old", Status)
@pytest.mark.parametrize("new", Status)
def test_marks_follow_the_table(visit: Appointment, old: Status, new: Status) -> None:
    force(visit, old)
    allowed = new is not Status.CANCELLED and new in TRANSITIONS[old]

    with listening(signals.appointment_marked) as heard:
        if allowed:
            operations.mark(appointment_id=visit.pk, status=new, actor=STAFF, at=START)
        else:
            with pytest.raises(NotAllowed):
                operations.mark(appointment_id=visit.pk, status=new, actor=STAFF, at=START)

    visit.refresh_from_db()
    assert visit.status == (new if allowed else old)
    assert len(heard) == int(allowed)
    if allowed:
        assert last_entry("appointment.marked")[2:] == ({"status": old}, {"status": new})


def test_the_table_itself() -> None:
    assert {(str(old), str(new)) for old, news in TRANSITIONS.items() for new in news} == {
        ("booked", "done"), ("booked", "no_show"), ("booked", "cancelled"),
        ("done", "no_show"), ("done", "booked"),
        ("no_show", "done"), ("no_show", "booked"),
    }  # fmt: skip


def test_nobody_is_absent_before_the_start(visit: Appointment) -> None:
    with pytest.raises(NotAllowed):
        operations.mark(
            appointment_id=visit.pk, status=Status.NO_SHOW, actor=STAFF, at=START - timedelta(microseconds=1)
        )

    operations.mark(appointment_id=visit.pk, status=Status.NO_SHOW, actor=STAFF, at=START)


@pytest.mark.parametrize("status", [Status.DONE, Status.NO_SHOW, Status.CANCELLED])
def test_cancelling_follows_the_table(visit: Appointment, status: Status) -> None:
    force(visit, status)

    with pytest.raises(NotAllowed):
        operations.cancel(appointment_id=visit.pk, by=CancelledBy.CLINIC, actor=STAFF, at=MOMENT)


def test_every_status_says_what_may_follow() -> None:
    assert set(TRANSITIONS) == set(Status)


def test_change_that_slipped_in_after_the_look_is_noticed(
    visit: Appointment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row is locked; should it change all the same, nothing is overwritten."""
    seen = operations._locked(visit.pk, None)
    operations.confirm(appointment_id=visit.pk, actor=SYSTEM, at=MONDAY)
    monkeypatch.setattr(operations, "_locked", lambda *_looked_at: seen)

    with pytest.raises(StaleAppointment):
        operations.cancel(appointment_id=visit.pk, by=CancelledBy.CLINIC, actor=SYSTEM, at=MONDAY)

    visit.refresh_from_db()
    assert (visit.status, visit.confirmed_at) == (Status.BOOKED, MONDAY)
