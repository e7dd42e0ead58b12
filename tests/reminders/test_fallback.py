"""The SMS behind an unread e-mail: four hours, reading, losing (P11, E2.1 to E2.7)."""

from datetime import timedelta

import pytest

from clinic.appointments import operations
from clinic.appointments.enums import CancelledBy, Origin
from clinic.models import Appointment
from messaging.backends.base import PassingError, PermanentError
from messaging.models import Delivery
from messaging.operations import record_provider_state
from reminders.operations import record_read
from tests.factories.clinic import HOURS, MINUTES, MONDAY, STAFF, book_visit, make_patient
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
    assert text(visit).due_at is None

    sweep(MONDAY + HOURS)

    assert text(visit).due_at == MONDAY + 5 * HOURS


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
