"""The timeline on the appointment says what is planned, held, waiting or over, and why (P15)."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import RequestFactory

from clinic.appointments import operations
from clinic.appointments.enums import CancelledBy
from clinic.audit.operations import PATIENT
from clinic.models import Appointment
from messaging.backends.base import PassingError, PermanentError
from reminders.panels import timeline
from tests.factories.clinic import HOURS, MINUTES, MONDAY, STAFF, book_visit, make_calendar, make_patient
from tests.factories.outbox import START, provider, row_of, sweep
from tests.fakes.lines import Provider

__all__ = ["provider"]
pytestmark = pytest.mark.django_db


def entries(visit: Appointment) -> list[dict[str, Any]]:
    return list(timeline(RequestFactory().get("/"), visit)["entries"])


def told(visit: Appointment) -> list[tuple[str, str, str, str]]:
    """Return (channel, mark, rule, why) of every entry."""
    return [(str(one["channel"]), one["mark"], one["rule"], one["why"]) for one in entries(visit)]


UNREAD = "only if the e-mail is not read within 4 hours"
LATEST = "at the latest 5 hours before the start, if the e-mail has not left by then"
EARLY = "48 hours before the start: booked more than 72 hours ahead"
FOR_PUSH = "SMS, as the patient does not use the app"
AFTER = ("2 hours after the end of the appointment", "20 hours after the end of the appointment")
DEAD = "the e-mail address on the patient card does not work"


def test_an_sms_waits_for_its_e_mail_and_then_for_the_reader(provider: Provider) -> None:
    visit = book_visit(starts_at=START)
    assert told(visit) == [
        ("E-mail", "planned", "booked by the clinic", ""),
        ("SMS", "planned", "booked by the clinic", LATEST),
        ("E-mail", "planned", EARLY, ""),
        ("SMS", "planned", EARLY, FOR_PUSH),
        *[(way, "planned", rule, why) for rule in AFTER for way, why in (("E-mail", ""), ("SMS", FOR_PUSH))],
    ]
    assert [one["is_waiting"] for one in entries(visit)] == [False, True, *[False] * 6]

    sweep(MONDAY)

    assert told(visit)[:2] == [
        ("E-mail", "done", "booked by the clinic", ""),
        ("SMS", "planned", "booked by the clinic", UNREAD),
    ]
    assert [one["is_waiting"] for one in entries(visit)] == [False] * 8
    assert [one["at"] for one in entries(visit)[:2]] == [MONDAY, MONDAY + 4 * HOURS]


def test_an_address_that_does_not_work_is_called_that() -> None:
    calendar = make_calendar()
    dead = make_patient(calendar.clinic, email_bounced_at=MONDAY)
    lost = make_patient(calendar.clinic, "Bob Nowak", email_bounced_at=MONDAY, phone="")
    visit = book_visit(calendar=calendar, patient=dead, starts_at=MONDAY + 30 * HOURS)
    other = book_visit(calendar=calendar, patient=lost, starts_at=MONDAY + 31 * HOURS)

    assert told(visit) == [
        ("E-mail", "skipped", "booked by the clinic", DEAD),
        ("SMS", "planned", "booked by the clinic", DEAD),
        ("", "skipped", "no reminder: booked 30 hours ahead, less than 36", ""),
        *[(way, mark, rule, why) for rule in AFTER for way, mark, why in (
            ("E-mail", "skipped", DEAD), ("SMS", "planned", FOR_PUSH),
        )],
    ]  # fmt: skip
    assert told(other)[0] == (
        "", "skipped", "the e-mail address does not work; no phone number on the patient card", "",
    )  # fmt: skip


def test_what_held_a_message_stays_visible(provider: Provider) -> None:
    evening, morning = MONDAY.replace(hour=22), MONDAY.replace(hour=6) + timedelta(days=1)
    visit = book_visit(starts_at=START, at=evening)
    mail = row_of(visit, "details", "email")
    provider.script(mail.pk, PassingError("smtp-451", retry_after=60))
    operations.cancel(appointment_id=visit.pk, by=CancelledBy.CLINIC, actor=STAFF, at=evening)
    cancelled = row_of(visit, "cancelled", "email", version=1)
    provider.script(cancelled.pk, PassingError("smtp-451", retry_after=60))

    sweep(evening)
    held = {one["delivery"].channel: one["delivery"].is_held for one in entries(visit)[-2:]}
    assert held == {"email": True, "sms": True}
    assert told(visit)[-2:] == [
        ("E-mail", "planned", "cancelled by the clinic", "not accepted yet, trying again (smtp-451)"),
        ("SMS", "planned", "cancelled by the clinic", FOR_PUSH),
    ]

    sweep(evening + MINUTES)
    sweep(morning)
    # The e-mail's second try is no hold of the night's.
    held = {one["delivery"].channel: one["delivery"].is_held for one in entries(visit)[-2:]}
    assert held == {"email": False, "sms": True}
    assert [one["at"] for one in entries(visit)[-2:]] == [evening + MINUTES, morning]


def test_a_lost_receipt_and_the_sms_in_its_place(provider: Provider) -> None:
    visit = book_visit(starts_at=START)
    operations.cancel(appointment_id=visit.pk, by=CancelledBy.PATIENT, actor=PATIENT, at=MONDAY)
    provider.script(row_of(visit, "cancelled", "email", version=1).pk, PermanentError("smtp-550"))

    sweep(MONDAY)

    assert told(visit)[-2:] == [
        ("E-mail", "failed", "cancelled by the patient", "refused by the recipient's side (smtp-550)"),
        ("SMS", "done", "cancelled by the patient", "SMS at once: the e-mail cannot arrive"),
    ]
