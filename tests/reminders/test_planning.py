"""What is planned when: rows to the letter (P1, P2, P4, P5, P10, P11, P14; E1, E2)."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from clinic.appointments import operations
from clinic.appointments.enums import CancelledBy, Origin
from clinic.audit.operations import PATIENT
from clinic.models import Appointment, Calendar, Patient
from clinic.people.operations import change_patient, record_email_bounced
from messaging.models import Delivery, Message
from messaging.operations import Plan, Way, put
from notifications.enums import Channel
from notifications.operations import (
    set_appointment_switches,
    set_calendar_communication,
)
from reminders.operations import record_read
from reminders.planning import cause_of
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
from tests.factories.outbox import Row, provider, row_of, rows, sweep
from tests.fakes.lines import Provider

__all__ = ["provider"]
pytestmark = pytest.mark.django_db

START = MONDAY + timedelta(days=10, hours=2)  # Thursday 12 March 2026, 11:00 in Warsaw
REMINDED = START - 48 * HOURS
# Until then an SMS waits for its e-mail to be accepted: 06:00 by the wall, which the night holds.
LATEST, HELD = START - 5 * HOURS, START - 4 * HOURS
NOBODY: dict[str, Any] = {"email": "", "phone": ""}


@pytest.fixture
def calendar() -> Calendar:
    return make_calendar()


@pytest.fixture
def visit(calendar: Calendar) -> Appointment:
    return book_visit(calendar=calendar, starts_at=START)


def row(
    kind: str, channel: str, state: str, planned: datetime | None, reason: str = "", due: Any = "same"
) -> Row:
    """Return a row as `rows` does; it is due as planned unless said otherwise."""
    if due == "same":
        due = planned if state in {"planned", "sent"} else None
    return (kind, channel, state, planned, due, reason)


def left_out(kind: str, reason: str) -> Row:
    return (kind, None, "left out", None, None, reason)


WAITING = row("details", "sms", "planned", LATEST, "if_not_left", due=HELD)
REMINDER_ROWS = [
    row("reminder", "email", "planned", REMINDED),
    row("reminder", "sms", "planned", REMINDED, "instead_of_push"),
]


def switch(
    calendar: Calendar, at: datetime, quiet: tuple[time, time] | None = (time(22), time(7)), **kinds: bool
) -> None:
    set_calendar_communication(
        calendar=calendar, switches=kinds, self_service=True, plain_sms=True,
        quiet_from=quiet[0] if quiet else None, quiet_until=quiet[1] if quiet else None, actor=STAFF, at=at,
    )  # fmt: skip


def set_card(patient: Patient, at: datetime, **more: str) -> None:
    card: dict[str, Any] = {
        "name": patient.name,
        "email": patient.email,
        "phone_number": patient.phone,
        "language": patient.language,
    }
    change_patient(patient=patient, version=None, **{**card, **more}, actor=STAFF, at=at)


# --- Booking -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("card", "origin", "expected"),
    [
        pytest.param(
            {},
            Origin.STAFF,
            [
                row("details", "email", "planned", MONDAY),
                WAITING,
                *REMINDER_ROWS,
            ],
            id="staff-both",
        ),
        pytest.param(
            {"phone": ""},
            Origin.STAFF,
            [
                row("details", "email", "planned", MONDAY),
                row("details", "sms", "skipped", None, "no_phone"),
                row("reminder", "email", "planned", REMINDED),
                row("reminder", "sms", "skipped", None, "no_phone"),
            ],
            id="staff-email-only",
        ),
        pytest.param(
            {"email": ""},
            Origin.STAFF,
            [
                row("details", "email", "skipped", None, "no_email"),
                row("details", "sms", "planned", MONDAY, "no_email"),
                row("reminder", "email", "skipped", None, "no_email"),
                REMINDER_ROWS[1],
            ],
            id="staff-phone-only",
        ),
        pytest.param(
            {"email_bounced_at": MONDAY},
            Origin.STAFF,
            [
                row("details", "email", "skipped", None, "email_bounced"),
                row("details", "sms", "planned", MONDAY, "email_bounced"),
                row("reminder", "email", "skipped", None, "email_bounced"),
                REMINDER_ROWS[1],
            ],
            id="staff-bounced",
        ),
        pytest.param(
            {"email_bounced_at": MONDAY, "phone": ""},
            Origin.STAFF,
            [left_out("details", "bounced_no_phone"), left_out("reminder", "bounced_no_phone")],
            id="staff-bounced-no-phone",
        ),
        pytest.param(
            NOBODY,
            Origin.STAFF,
            [left_out("details", "no_contact"), left_out("reminder", "no_contact")],
            id="staff-nobody",
        ),
        pytest.param(
            {},
            Origin.PATIENT,
            [
                row("details", "email", "planned", MONDAY),
                row("details", "sms", "planned", MONDAY, "instead_of_push"),
                *REMINDER_ROWS,
            ],
            id="patient-both",
        ),
        pytest.param(
            {"phone": ""},
            Origin.PATIENT,
            [
                row("details", "email", "planned", MONDAY),
                row("details", "sms", "skipped", None, "no_phone"),
                row("reminder", "email", "planned", REMINDED),
                row("reminder", "sms", "skipped", None, "no_phone"),
            ],
            id="patient-email-only",
        ),
    ],
)
def test_booking_plans(calendar: Calendar, card: dict[str, Any], origin: Origin, expected: list[Row]) -> None:
    visit = book_visit(
        calendar=calendar, patient=make_patient(calendar.clinic, **card), starts_at=START, origin=origin
    )

    assert rows(visit) == expected


def test_the_message_itself(visit: Appointment) -> None:
    message = Message.objects.get(kind="reminder")

    assert (message.cause, message.recipient, message.version, message.reason, message.facts) == (
        f"appointment:{visit.pk}", f"patient:{visit.patient_id}", 0, "48h_before", {"hours": 242, "days": 10},
    )  # fmt: skip
    assert (message.planned_at, message.valid_until, message.clinic_id) == (REMINDED, START, visit.clinic_id)
    assert Message.objects.get(kind="details").reason == "details_by_staff"


def test_a_short_lead_leaves_a_reason(calendar: Calendar) -> None:
    visit = book_visit(calendar=calendar, starts_at=MONDAY + 30 * HOURS)

    assert rows(visit)[2:] == [left_out("reminder", "lead_too_short")]
    assert Message.objects.get(kind="reminder").facts == {"hours": 30, "days": 1}


def test_soon_brings_the_sms_at_once(calendar: Calendar) -> None:
    visit = book_visit(calendar=calendar, starts_at=MONDAY + 5 * HOURS - timedelta(seconds=1))

    assert rows(visit)[1] == row("details", "sms", "planned", MONDAY, "starts_soon")


def test_an_import_is_told_to_nobody(calendar: Calendar) -> None:
    visit = book_visit(calendar=calendar, starts_at=START, told=False)

    assert rows(visit) == [left_out("details", "imported"), left_out("reminder", "imported")]

    switch(calendar, MONDAY + HOURS, reminder=False)
    switch(calendar, MONDAY + 2 * HOURS, reminder=True)
    set_card(visit.patient, MONDAY + 3 * HOURS, phone_number="+48 512 345 679")
    assert rows(visit) == [left_out("details", "imported"), left_out("reminder", "imported")]


def test_the_night_holds_the_sms_of_the_reminder(calendar: Calendar) -> None:
    # Booked 40 h ahead of Wednesday 00:30 by the wall: the reminder falls on Tuesday 00:30.
    start = datetime(2026, 3, 3, 23, 30, tzinfo=UTC)
    planned = start - 24 * HOURS
    visit = book_visit(calendar=calendar, starts_at=start, at=start - 40 * HOURS)

    assert rows(visit)[2:] == [
        row("reminder", "email", "planned", planned),
        row(
            "reminder", "sms", "planned", planned, "instead_of_push", due=datetime(2026, 3, 3, 6, tzinfo=UTC)
        ),
    ]


# --- Switches ----------------------------------------------------------------------------------


def test_what_is_off_at_booking_is_left_out(calendar: Calendar) -> None:
    switch(calendar, MONDAY, details=False)

    visit = book_visit(calendar=calendar, starts_at=START)

    assert rows(visit) == [left_out("details", "off_for_calendar"), *REMINDER_ROWS]


def test_the_booking_form_s_switches_are_this_appointment_s_alone(calendar: Calendar) -> None:
    switches = {"details": True, "reminder": False, "moved": True, "cancelled": True}
    visit = book_visit(calendar=calendar, starts_at=START, extra={"notifications": switches})
    other = book_visit(
        calendar=calendar, patient=make_patient(calendar.clinic, "Bob Nowak"), starts_at=START + HOURS
    )

    assert rows(visit)[2:] == [left_out("reminder", "off_for_appointment")]
    assert [found[2] for found in rows(other)] == ["planned"] * 4


def test_an_online_booking_is_always_confirmed(calendar: Calendar) -> None:
    switch(calendar, MONDAY, details=False, reminder=False)

    visit = book_visit(calendar=calendar, starts_at=START, origin=Origin.PATIENT)

    assert rows(visit) == [
        row("details", "email", "planned", MONDAY),
        row("details", "sms", "planned", MONDAY, "instead_of_push"),
        left_out("reminder", "off_for_calendar"),
    ]


def test_off_skips_and_on_plans_again_what_is_ahead(calendar: Calendar, visit: Appointment) -> None:
    switch(calendar, MONDAY + HOURS, reminder=False)
    assert rows(visit)[2:] == [
        left_out("reminder", "off_for_calendar"),
        row("reminder", "email", "skipped", REMINDED, "off_for_calendar"),
        row("reminder", "sms", "skipped", REMINDED, "off_for_calendar"),
    ]

    switch(calendar, MONDAY + 2 * HOURS, reminder=True)
    assert rows(visit)[2:] == REMINDER_ROWS
    assert Message.objects.count() == 4


def test_on_again_after_its_time_sends_nothing(calendar: Calendar, visit: Appointment) -> None:
    switch(calendar, MONDAY + HOURS, reminder=False)

    switch(calendar, REMINDED, reminder=True)

    assert [found[2] for found in rows(visit)[2:]] == ["left out", "skipped", "skipped"]
    # The details alone still leave; their SMS waits.
    assert sum(tally.total for tally in sweep(REMINDED + HOURS).values()) == 1


def test_off_after_it_was_sent_does_not_unsay_it(
    calendar: Calendar, visit: Appointment, provider: Provider
) -> None:
    sweep(REMINDED)

    switch(calendar, REMINDED + HOURS, reminder=False)

    message = Message.objects.get(kind="reminder")
    assert (message.is_left_out, message.reason, message.planned_at) == (False, "48h_before", REMINDED)
    assert [found[2] for found in rows(visit)[2:]] == ["sent", "sent"]


def test_an_appointment_s_own_switch_beats_the_calendar(calendar: Calendar, visit: Appointment) -> None:
    set_appointment_switches(appointment=visit, switches={"reminder": False}, actor=STAFF, at=MONDAY + HOURS)
    assert rows(visit)[2] == left_out("reminder", "off_for_appointment")

    switch(calendar, MONDAY + 2 * HOURS, reminder=False)
    switch(calendar, MONDAY + 3 * HOURS, reminder=True)
    assert rows(visit)[2] == left_out("reminder", "off_for_appointment")

    set_appointment_switches(
        appointment=visit, switches={"reminder": True}, actor=STAFF, at=MONDAY + 4 * HOURS
    )
    assert rows(visit)[2:] == REMINDER_ROWS
    switch(calendar, MONDAY + 5 * HOURS, reminder=False)
    assert rows(visit)[2:] == REMINDER_ROWS


def test_muting_details_mutes_its_fallback(visit: Appointment, provider: Provider) -> None:
    sweep(MONDAY)
    waiting = row("details", "sms", "planned", MONDAY + 4 * HOURS, "if_unread")
    assert rows(visit)[1] == waiting

    set_appointment_switches(appointment=visit, switches={"details": False}, actor=STAFF, at=MONDAY + HOURS)
    assert rows(visit)[1] == row("details", "sms", "skipped", MONDAY + 4 * HOURS, "off_for_appointment")

    set_appointment_switches(
        appointment=visit, switches={"details": True}, actor=STAFF, at=MONDAY + 2 * HOURS
    )
    assert rows(visit)[1] == waiting


def test_unmuting_after_the_four_hours_sends_nothing(visit: Appointment, provider: Provider) -> None:
    sweep(MONDAY)
    set_appointment_switches(appointment=visit, switches={"details": False}, actor=STAFF, at=MONDAY + HOURS)

    set_appointment_switches(
        appointment=visit, switches={"details": True}, actor=STAFF, at=MONDAY + 4 * HOURS
    )

    assert rows(visit)[1][2:] == ("skipped", MONDAY + 4 * HOURS, None, "off_for_appointment")


# --- Quiet hours changed -----------------------------------------------------------------------


def test_changed_quiet_hours_move_what_is_held(calendar: Calendar, provider: Provider) -> None:
    at = datetime(2026, 3, 2, 18, tzinfo=UTC)  # 19:00 by the wall; the SMS would follow at 23:00
    visit = book_visit(calendar=calendar, starts_at=START, at=at)
    sweep(at)
    planned = at + 4 * HOURS

    def due() -> Any:
        return row_of(visit, "details", "sms").due_at

    assert due() == datetime(2026, 3, 3, 6, tzinfo=UTC)
    switch(calendar, at + HOURS, quiet=(time(20), time(9)))
    assert due() == datetime(2026, 3, 3, 8, tzinfo=UTC)
    switch(calendar, at + HOURS, quiet=None)
    assert due() == planned
    assert row_of(visit, "details", "sms").planned_at == planned


def test_held_into_the_night_and_the_night_is_abolished(calendar: Calendar, provider: Provider) -> None:
    start = datetime(2026, 3, 3, 23, 30, tzinfo=UTC)
    visit = book_visit(calendar=calendar, starts_at=start, at=start - 40 * HOURS)
    planned = start - 24 * HOURS
    sweep(planned)
    assert row_of(visit, "reminder", "sms").state == "planned"

    switch(calendar, planned + HOURS, quiet=None)

    assert row_of(visit, "reminder", "sms").due_at == planned
    assert sweep(planned + HOURS, "sms")["sms"].sent == 1


# --- The card changes --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        pytest.param(HOURS, ("planned", MONDAY + 4 * HOURS, MONDAY + 4 * HOURS, "if_unread"), id="within"),
        pytest.param(4 * HOURS, ("skipped", None, None, "no_phone"), id="at-four-hours"),
        pytest.param(5 * HOURS, ("skipped", None, None, "no_phone"), id="after"),
    ],
)
def test_a_phone_number_added_after_sending(
    calendar: Calendar, provider: Provider, after: timedelta, expected: Row
) -> None:
    patient = make_patient(calendar.clinic, phone="")
    visit = book_visit(calendar=calendar, patient=patient, starts_at=START)
    sweep(MONDAY)

    set_card(patient, MONDAY + after, phone_number="+48 512 345 678")

    assert rows(visit)[1][2:] == expected
    # The reminder is still ahead: it gets its SMS in any case.
    assert rows(visit)[3] == REMINDER_ROWS[1]


def test_a_phone_number_added_after_reading_brings_no_sms(calendar: Calendar, provider: Provider) -> None:
    patient = make_patient(calendar.clinic, phone="")
    visit = book_visit(calendar=calendar, patient=patient, starts_at=START)
    sweep(MONDAY)
    assert record_read(visit, at=MONDAY + HOURS) == 1

    set_card(patient, MONDAY + 2 * HOURS, phone_number="+48 512 345 678")

    assert rows(visit)[1] == row("details", "sms", "skipped", None, "no_phone")


def test_a_card_that_loses_its_last_address(calendar: Calendar, visit: Appointment) -> None:
    set_card(visit.patient, MONDAY + HOURS, email="", phone_number="")

    assert rows(visit)[2:] == [
        left_out("reminder", "no_contact"),
        row("reminder", "email", "skipped", REMINDED, "no_contact"),
        row("reminder", "sms", "skipped", REMINDED, "no_contact"),
    ]
    set_card(visit.patient, MONDAY + 2 * HOURS, phone_number="+48 512 345 678")
    assert rows(visit)[2:] == [
        row("reminder", "email", "skipped", None, "no_email"),
        REMINDER_ROWS[1],
    ]


def test_mail_that_lost_its_address_before_it_left_brings_the_sms(
    visit: Appointment, provider: Provider
) -> None:
    set_card(visit.patient, MONDAY + MINUTES, email="")

    sweep(MONDAY + 2 * MINUTES)

    assert rows(visit)[:2] == [
        row("details", "email", "skipped", MONDAY, "no_email"),
        row("details", "sms", "sent", MONDAY + 2 * MINUTES, "email_lost"),
    ]


def test_a_bounce_marked_from_elsewhere_brings_the_unsent_mail_s_sms(
    visit: Appointment, provider: Provider
) -> None:
    record_email_bounced(patient=visit.patient, actor=STAFF, at=MONDAY + MINUTES)

    sweep(MONDAY + 2 * MINUTES)

    assert rows(visit)[0] == row("details", "email", "skipped", MONDAY, "email_bounced")
    assert rows(visit)[1] == row("details", "sms", "sent", MONDAY + 2 * MINUTES, "email_lost")
    assert rows(visit)[2:] == [row("reminder", "email", "skipped", None, "email_bounced"), REMINDER_ROWS[1]]


def test_other_patients_keep_their_rows(calendar: Calendar, visit: Appointment) -> None:
    other = book_visit(
        calendar=calendar, patient=make_patient(calendar.clinic, "Bob Nowak"), starts_at=START + HOURS
    )
    elsewhere = book_visit(calendar=make_calendar(make_clinic("dluga")), starts_at=START)
    before = [rows(other), rows(elsewhere)]

    set_card(visit.patient, MONDAY + HOURS, phone_number="")
    switch(elsewhere.calendar, MONDAY + HOURS, quiet=(time(23), time(7)))

    assert rows(visit)[3] == row("reminder", "sms", "skipped", None, "no_phone")
    assert [rows(other), rows(elsewhere)] == before


# --- Moving and cancelling ---------------------------------------------------------------------


def test_a_move_by_staff(visit: Appointment) -> None:
    later, at = START + timedelta(days=1), MONDAY + HOURS

    operations.move(appointment_id=visit.pk, starts_at=later, actor=STAFF, at=at)

    assert rows(visit, version=0) == [
        row("details", "email", "skipped", MONDAY, "moved_meanwhile"),
        row("details", "sms", "skipped", LATEST, "moved_meanwhile"),
        row("reminder", "email", "skipped", REMINDED, "moved_meanwhile"),
        row("reminder", "sms", "skipped", REMINDED, "moved_meanwhile"),
    ]
    reminded = later - 48 * HOURS
    assert rows(visit, version=1) == [
        row("moved", "email", "planned", at),
        row("moved", "sms", "planned", later - 5 * HOURS, "if_not_left", due=later - 4 * HOURS),
        row("reminder", "email", "planned", reminded),
        row("reminder", "sms", "planned", reminded, "instead_of_push"),
    ]


def test_a_move_by_the_patient_is_told_by_mail_alone(visit: Appointment) -> None:
    operations.move(appointment_id=visit.pk, starts_at=MONDAY + 30 * HOURS, actor=PATIENT, at=MONDAY + HOURS)

    assert rows(visit, version=1) == [
        row("moved", "email", "planned", MONDAY + HOURS),
        left_out("reminder", "lead_too_short"),
    ]


def test_a_second_move_supersedes_the_first(visit: Appointment, provider: Provider) -> None:
    operations.move(appointment_id=visit.pk, starts_at=START + HOURS, actor=STAFF, at=MONDAY + HOURS)
    sweep(MONDAY + HOURS)
    assert row_of(visit, "moved", "sms", version=1).due_at == MONDAY + 5 * HOURS

    operations.move(appointment_id=visit.pk, starts_at=START, actor=STAFF, at=MONDAY + 2 * HOURS)
    sweep(MONDAY + 2 * HOURS)

    old, new = row_of(visit, "moved", "sms", version=1), row_of(visit, "moved", "sms", version=2)
    assert (old.state, old.reason) == ("skipped", "moved_meanwhile")
    assert (new.state, new.due_at) == ("planned", MONDAY + 6 * HOURS)


@pytest.mark.parametrize(
    ("by", "card", "expected"),
    [
        (CancelledBy.CLINIC, {}, [("email", "planned", ""), ("sms", "planned", "instead_of_push")]),
        (CancelledBy.PATIENT, {}, [("email", "planned", "")]),
        (CancelledBy.PATIENT, {"email": ""}, [("sms", "planned", "no_email")]),
        (CancelledBy.CLINIC, {"phone": ""}, [("email", "planned", ""), ("sms", "skipped", "no_phone")]),
    ],
)
def test_a_cancellation(
    calendar: Calendar, by: CancelledBy, card: dict[str, Any], expected: list[Row]
) -> None:
    visit = book_visit(calendar=calendar, patient=make_patient(calendar.clinic, **card), starts_at=START)

    operations.cancel(appointment_id=visit.pk, by=by, actor=STAFF, at=MONDAY + HOURS)

    assert [(found[1], found[2], found[5]) for found in rows(visit, version=1)] == expected
    assert {found[2] for found in rows(visit, version=0)} == {"skipped"}


def test_a_cancellation_after_the_start_is_told_to_nobody(visit: Appointment) -> None:
    operations.cancel(appointment_id=visit.pk, by=CancelledBy.CLINIC, actor=STAFF, at=START)

    assert rows(visit, version=1) == [left_out("cancelled", "too_late")]


def test_a_cancellation_switched_off(calendar: Calendar, visit: Appointment) -> None:
    switch(calendar, MONDAY, cancelled=False)

    operations.cancel(appointment_id=visit.pk, by=CancelledBy.CLINIC, actor=STAFF, at=MONDAY + HOURS)

    assert rows(visit, version=1) == [left_out("cancelled", "off_for_calendar")]


# --- One row for each key ----------------------------------------------------------------------


def test_replanning_multiplies_nothing(calendar: Calendar, visit: Appointment) -> None:
    before = rows(visit)
    for hour in range(1, 7):
        switch(
            calendar, MONDAY + hour * HOURS, quiet=(time(21), time(6)) if hour % 2 else (time(22), time(7))
        )
        set_card(visit.patient, MONDAY + hour * HOURS, language=["pl", "en"][hour % 2])

    assert rows(visit) == before
    assert (Message.objects.count(), Delivery.objects.count()) == (4, 8)


def test_the_keys_are_the_database_s(visit: Appointment) -> None:
    message = Message.objects.get(kind="details")

    with pytest.raises(IntegrityError), transaction.atomic():
        Delivery.objects.create(message=message, clinic=visit.clinic, channel="email")
    message.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        message.save(force_insert=True)


def test_put_twice_is_put_once(visit: Appointment) -> None:
    plan = Plan(
        clinic_id=visit.clinic_id, kind="details", cause="appointment:0", version=3, recipient="patient:0",
        reason="details_by_staff", planned_at=MONDAY, ways=(Way(Channel.EMAIL, MONDAY, MONDAY),),
    )  # fmt: skip

    assert put(plan, at=MONDAY).pk == put(plan, at=MONDAY).pk
    assert Delivery.objects.filter(message__cause="appointment:0").count() == 1


def test_put_lets_go_of_what_a_worker_tries_again(visit: Appointment) -> None:
    mail = row_of(visit, "details", "email")
    Delivery.objects.filter(pk=mail.pk).update(state="claimed", claim="x", tries=1, reason="trying_again")
    plan = Plan(
        clinic_id=visit.clinic_id, kind="details", cause=cause_of(visit.pk), version=0,
        recipient=f"patient:{visit.patient_id}", reason="details_by_staff", planned_at=MONDAY,
        ways=(Way(Channel.EMAIL, MONDAY + HOURS, MONDAY + HOURS),),
    )  # fmt: skip

    put(plan, at=MONDAY)

    found = row_of(visit, "details", "email")
    assert (found.state, found.claim, found.planned_at, found.reason) == (
        "planned",
        "",
        MONDAY,
        "trying_again",
    )
    assert row_of(visit, "details", "sms").state == "skipped"  # the plan names it no more
