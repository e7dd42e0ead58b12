"""The SMS behind an unread e-mail: four hours, reading, losing (P11, E2.1 to E2.7)."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from clinic.appointments import operations
from clinic.appointments.enums import CancelledBy, Origin
from clinic.audit.operations import PATIENT
from clinic.models import Appointment
from clinic.people.operations import record_email_bounced
from messaging.backends.base import PassingError, PermanentError
from messaging.models import Delivery
from messaging.operations import record_provider_state
from notifications.operations import set_calendar_communication
from reminders.operations import record_read
from tests.factories.clinic import HOURS, MINUTES, MONDAY, STAFF, book_visit, make_calendar, make_patient
from tests.factories.outbox import provider, row_of, sweep
from tests.fakes.lines import Provider

__all__ = ["provider"]
pytestmark = pytest.mark.django_db

START = MONDAY + timedelta(days=10, hours=2)
TICK = timedelta(microseconds=1)


@pytest.fixture
def visit(provider: Provider) -> Appointment:
    """A visit made by staff, its e-mail accepted a minute later."""
    visit = book_visit(starts_at=START)
    sweep(MONDAY + MINUTES)
    return visit


def text(visit: Appointment, kind: str = "details", version: int = 0) -> Delivery:
    return row_of(visit, kind, "sms", version=version)


def test_the_four_hours_run_from_acceptance(visit: Appointment, provider: Provider) -> None:
    due = MONDAY + MINUTES + 4 * HOURS
    assert (text(visit).state, text(visit).planned_at, text(visit).due_at) == ("planned", due, due)

    sweep(due - TICK)
    assert text(visit).state == "planned"

    sweep(due)
    assert (text(visit).state, text(visit).sent_at, text(visit).reason) == ("sent", due, "if_unread")
    assert provider.taken[text(visit).pk] == 1


def test_reading_drops_it(visit: Appointment) -> None:
    at = MONDAY + 2 * HOURS

    assert record_read(visit, at=at) == 1
    assert record_read(visit, at=at + MINUTES) == 0

    row, mail = text(visit), row_of(visit, "details", "email")
    assert (row.state, row.reason, row.facts, row.due_at) == ("skipped", "read", {"at": at.isoformat()}, None)
    assert (mail.state, mail.read_at) == ("read", at)
    assert sweep(MONDAY + 5 * HOURS, "sms")["sms"].total == 0


def test_reading_at_the_very_moment_before_the_claim_wins(visit: Appointment) -> None:
    due = MONDAY + MINUTES + 4 * HOURS

    record_read(visit, at=due)
    sweep(due)

    assert text(visit).reason == "read"


def test_reading_at_the_very_moment_after_the_sending_counts_too(
    visit: Appointment, provider: Provider
) -> None:
    due = MONDAY + MINUTES + 4 * HOURS
    sweep(due)

    assert record_read(visit, at=due) == 2
    assert (text(visit).state, provider.taken[text(visit).pk]) == ("read", 1)


def test_reading_drops_only_what_waited_for_it(visit: Appointment) -> None:
    record_read(visit, at=MONDAY + HOURS)

    assert [row_of(visit, "reminder", channel).state for channel in ("email", "sms")] == [
        "planned",
        "planned",
    ]


def test_reading_before_anything_was_accepted_is_no_reading() -> None:
    visit = book_visit(starts_at=START)

    assert record_read(visit, at=MONDAY) == 0

    assert text(visit).state == "planned"


def test_somebody_else_s_reading_changes_nothing(visit: Appointment) -> None:
    other = book_visit(
        calendar=visit.calendar, patient=make_patient(visit.clinic, "Bob Nowak"), starts_at=START + HOURS
    )

    record_read(other, at=MONDAY + 2 * HOURS)

    assert (text(visit).state, row_of(visit, "details", "email").state) == ("planned", "sent")


def test_a_try_repeated_starts_the_clock_when_it_is_taken(provider: Provider) -> None:
    visit = book_visit(starts_at=START)
    provider.script(row_of(visit, "details", "email").pk, PassingError("smtp-451", retry_after=3600))
    sweep(MONDAY)
    assert (text(visit).planned_at, text(visit).reason) == (START - 5 * HOURS, "if_not_left")

    sweep(MONDAY + HOURS)

    assert text(visit).due_at == MONDAY + 5 * HOURS


# --- The mail server is down ---------------------------------------------------------------------


@pytest.fixture
def down(provider: Provider) -> Callable[[Appointment], None]:
    """Let a visit's details be refused for now, over and over."""

    def refuse(visit: Appointment) -> None:
        later = PassingError("smtp-connect", retry_after=3600)
        provider.script(row_of(visit, "details", "email").pk, *[later] * 500)

    return refuse


def test_no_mail_server_until_five_hours_before_the_start(
    provider: Provider, down: Callable[[Appointment], None]
) -> None:
    visit = book_visit(starts_at=MONDAY + 8 * HOURS)
    down(visit)
    latest = MONDAY + 3 * HOURS
    for hour in range(3):
        sweep(MONDAY + hour * HOURS)
    sweep(latest - TICK, "sms")
    assert (text(visit).state, text(visit).planned_at, text(visit).due_at) == ("planned", latest, latest)

    sweep(latest, "sms")

    assert (text(visit).state, text(visit).sent_at, text(visit).reason) == ("sent", latest, "if_not_left")
    assert provider.taken[text(visit).pk] == 1


def test_no_mail_server_at_night(provider: Provider, down: Callable[[Appointment], None]) -> None:
    # Five hours before 10:00 by the wall it is 05:00: the SMS waits for 07:00.
    start, morning = MONDAY + timedelta(days=1, hours=1), MONDAY + timedelta(hours=22)
    visit = book_visit(starts_at=start)
    down(visit)

    assert (text(visit).planned_at, text(visit).due_at) == (start - 5 * HOURS, morning)
    sweep(morning - TICK, "sms")
    assert text(visit).state == "planned"
    sweep(morning, "sms")
    assert (text(visit).state, text(visit).sent_at) == ("sent", morning)


def test_no_mail_server_in_a_night_that_ends_too_late(
    provider: Provider, down: Callable[[Appointment], None]
) -> None:
    # 07:00 is later than two hours before 08:30: the SMS goes at 03:30.
    start = MONDAY + timedelta(hours=23, minutes=30)
    visit = book_visit(starts_at=start)
    down(visit)

    sweep(start - 5 * HOURS, "sms")

    assert (text(visit).state, text(visit).sent_at) == ("sent", start - 5 * HOURS)


def test_accepted_just_in_time_gets_its_four_hours(
    provider: Provider, down: Callable[[Appointment], None]
) -> None:
    visit = book_visit(starts_at=MONDAY + 8 * HOURS)
    provider.script(row_of(visit, "details", "email").pk, PassingError("smtp-451", retry_after=3 * 3600 - 1))
    sweep(MONDAY)
    at = MONDAY + 3 * HOURS - timedelta(seconds=1)

    sweep(at)

    assert (text(visit).state, text(visit).due_at, text(visit).reason) == (
        "planned",
        at + 4 * HOURS,
        "if_unread",
    )


def test_changed_quiet_hours_move_what_waits_for_the_mail_server(
    provider: Provider, down: Callable[[Appointment], None]
) -> None:
    start = MONDAY + timedelta(days=1, hours=1)
    visit = book_visit(starts_at=start)

    set_calendar_communication(
        calendar=visit.calendar, switches={}, self_service=True, plain_sms=True,
        quiet_from=None, quiet_until=None, actor=STAFF, at=MONDAY + MINUTES,
    )  # fmt: skip

    assert (text(visit).due_at, text(visit).reason) == (start - 5 * HOURS, "if_not_left")


def test_taken_too_late_to_wait_sends_at_once(provider: Provider) -> None:
    visit = book_visit(starts_at=MONDAY + 6 * HOURS)
    provider.script(row_of(visit, "details", "email").pk, PassingError("smtp-451", retry_after=3601))
    sweep(MONDAY)
    at = MONDAY + timedelta(seconds=3601)

    sweep(at)

    assert (text(visit).state, text(visit).planned_at, text(visit).reason) == ("sent", at, "starts_soon")


def test_exactly_five_hours_ahead_waits(provider: Provider) -> None:
    visit = book_visit(starts_at=MONDAY + 5 * HOURS)

    sweep(MONDAY)
    assert (text(visit).state, text(visit).due_at) == ("planned", MONDAY + 4 * HOURS)

    sweep(MONDAY + 4 * HOURS)
    assert text(visit).state == "sent"


@pytest.mark.parametrize("origin", [Origin.PATIENT])
def test_what_patients_did_themselves_has_no_fallback(provider: Provider, origin: Origin) -> None:
    visit = book_visit(starts_at=START, origin=origin)

    sweep(MONDAY)

    assert (text(visit).state, text(visit).sent_at, text(visit).reason) == ("sent", MONDAY, "instead_of_push")


def test_a_refused_mail_brings_the_sms_at_once_and_once(provider: Provider) -> None:
    visit = book_visit(starts_at=START)
    provider.script(row_of(visit, "details", "email").pk, PermanentError("smtp-550"))

    sweep(MONDAY)
    sweep(MONDAY + 5 * HOURS)

    assert (text(visit).state, text(visit).sent_at, text(visit).reason) == ("sent", MONDAY, "email_lost")
    assert provider.taken[text(visit).pk] == 1


def test_a_bounce_at_night_waits_for_the_morning(provider: Provider) -> None:
    evening = MONDAY.replace(hour=22)  # 23:00 by the wall
    visit = book_visit(starts_at=START, at=evening)
    provider.script(row_of(visit, "details", "email").pk, PermanentError("smtp-550"))

    sweep(evening)

    morning = MONDAY.replace(hour=6) + timedelta(days=1)
    assert (text(visit).state, text(visit).planned_at, text(visit).due_at) == ("planned", evening, morning)


# --- What patients did themselves ----------------------------------------------------------------


def receipt(kind: str, *, at: datetime = MONDAY, **card: str) -> Appointment:
    """Return a visit that its patient moved or cancelled at an instant."""
    calendar = make_calendar()
    visit = book_visit(
        calendar=calendar, patient=make_patient(calendar.clinic, **card), starts_at=START, at=at
    )
    if kind == "moved":
        operations.move(appointment_id=visit.pk, starts_at=START + HOURS, actor=PATIENT, at=at)
    else:
        operations.cancel(appointment_id=visit.pk, by=CancelledBy.PATIENT, actor=PATIENT, at=at)
    visit.refresh_from_db()
    return visit


@pytest.mark.parametrize("kind", ["moved", "cancelled"])
def test_a_receipt_that_bounces_comes_by_sms(provider: Provider, kind: str) -> None:
    visit, at = receipt(kind), MONDAY + HOURS
    sweep(MONDAY)
    mail = row_of(visit, kind, "email", version=1)
    assert (mail.state, Delivery.objects.filter(message=mail.message).count()) == ("sent", 1)

    for _report in range(2):
        record_provider_state(delivery_id=mail.pk, reported="bounced", no_such_address=True, at=at)

    sms = text(visit, kind, 1)
    assert (sms.state, sms.planned_at, sms.due_at, sms.reason) == ("planned", at, at, "email_lost")
    sweep(at)
    assert (text(visit, kind, 1).state, text(visit, kind, 1).sent_at) == ("sent", at)


@pytest.mark.parametrize("kind", ["moved", "cancelled"])
def test_a_receipt_refused_at_night_waits_for_the_morning(provider: Provider, kind: str) -> None:
    evening = MONDAY.replace(hour=22)  # 23:00 by the wall
    visit = receipt(kind, at=evening)
    provider.script(row_of(visit, kind, "email", version=1).pk, PermanentError("smtp-550"))

    sweep(evening)

    sms, morning = text(visit, kind, 1), MONDAY.replace(hour=6) + timedelta(days=1)
    assert (sms.state, sms.planned_at, sms.due_at) == ("planned", evening, morning)


def test_a_receipt_whose_address_is_found_dead_before_it_leaves(provider: Provider) -> None:
    visit = receipt("cancelled")
    record_email_bounced(patient=visit.patient, actor=STAFF, at=MONDAY + MINUTES)

    sweep(MONDAY + 2 * MINUTES)

    assert row_of(visit, "cancelled", "email", version=1).reason == "email_bounced"
    assert (text(visit, "cancelled", 1).state, text(visit, "cancelled", 1).reason) == ("sent", "email_lost")


def test_a_receipt_to_an_address_known_dead_goes_by_sms_alone(provider: Provider) -> None:
    calendar = make_calendar()
    patient = make_patient(calendar.clinic, email_bounced_at=MONDAY)
    visit = book_visit(calendar=calendar, patient=patient, starts_at=START)

    operations.cancel(appointment_id=visit.pk, by=CancelledBy.PATIENT, actor=PATIENT, at=MONDAY + HOURS)

    (row,) = Delivery.objects.filter(message__kind="cancelled")
    assert (row.channel, row.state, row.reason) == ("sms", "planned", "email_bounced")


def test_a_lost_receipt_without_a_phone_says_so(provider: Provider) -> None:
    visit = receipt("cancelled", phone="")
    provider.script(row_of(visit, "cancelled", "email", version=1).pk, PermanentError("smtp-550"))

    sweep(MONDAY)

    sms = text(visit, "cancelled", 1)
    assert (sms.state, sms.reason, sms.due_at, sms.ended_at) == ("skipped", "no_phone", None, MONDAY)


def test_a_lost_receipt_of_what_the_patient_saw_on_the_page(provider: Provider) -> None:
    visit = book_visit(starts_at=START)
    sweep(MONDAY)
    operations.move(appointment_id=visit.pk, starts_at=START + HOURS, actor=PATIENT, at=MONDAY + HOURS)
    sweep(MONDAY + HOURS)
    visit.refresh_from_db()
    assert record_read(visit, at=MONDAY + 2 * HOURS) == 2
    mail = row_of(visit, "moved", "email", version=1)
    Delivery.objects.filter(pk=mail.pk).update(state="sent")  # a second copy came back

    record_provider_state(delivery_id=mail.pk, reported="bounced", at=MONDAY + 3 * HOURS)

    assert not Delivery.objects.filter(message=mail.message, channel="sms").exists()


@pytest.mark.parametrize("origin", [Origin.PATIENT])
def test_a_lost_mail_whose_sms_went_beside_it_brings_no_second_one(
    provider: Provider, origin: Origin
) -> None:
    visit = book_visit(starts_at=START, origin=origin)
    provider.script(row_of(visit, "details", "email").pk, PermanentError("smtp-550"))

    sweep(MONDAY)

    assert (text(visit).state, text(visit).reason) == ("sent", "instead_of_push")


def test_cancelled_within_the_four_hours(visit: Appointment, provider: Provider) -> None:
    operations.cancel(appointment_id=visit.pk, by=CancelledBy.CLINIC, actor=STAFF, at=MONDAY + HOURS)

    sweep(MONDAY + 5 * HOURS)

    assert (text(visit).state, text(visit).reason) == ("skipped", "cancelled_meanwhile")
    assert text(visit, "cancelled", 1).state == "sent"


def test_a_mail_accepted_after_the_cancellation_starts_no_clock(provider: Provider) -> None:
    visit = book_visit(starts_at=START)
    mail = row_of(visit, "details", "email")
    Delivery.objects.filter(pk=mail.pk).update(state="sending", tries=1)
    operations.cancel(appointment_id=visit.pk, by=CancelledBy.CLINIC, actor=STAFF, at=MONDAY + MINUTES)

    record_provider_state(delivery_id=mail.pk, reported="sent", at=MONDAY + 2 * MINUTES)

    assert (text(visit).state, text(visit).reason) == ("skipped", "cancelled_meanwhile")
