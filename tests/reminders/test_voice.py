"""What really leaves: over real SMTP and Twilio's API, and what is kept of it (P4 to P6, P14; A8, A9, A30, X4)."""

from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest

from clinic.appointments import operations
from clinic.appointments.enums import CancelledBy
from clinic.audit.operations import PATIENT
from clinic.models import Appointment
from messaging import settling
from messaging.links import token_of
from messaging.models import Attempt, PersonalLink, SentText
from notifications.operations import set_calendar_communication
from reminders.planning import link_for
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
from tests.factories.outbox import row_of, sweep
from tests.fakes.smtp_sink import SmtpSink
from tests.fakes.twilio_fake import SID, TOKEN, TwilioFake

pytestmark = pytest.mark.django_db

START = MONDAY + timedelta(days=10, hours=2)
REMINDED = START - 48 * HOURS


@pytest.fixture
def sink(settings: Any) -> Any:
    with SmtpSink() as sink:
        settings.MAIL_TRANSPORT, settings.EMAIL_URL = "smtp", sink.url
        settings.PUBLIC_URL = "https://anteroom.example"
        settings.SEND_CONNECTIONS = 2
        yield sink


@pytest.fixture
def twilio(settings: Any) -> Any:
    with TwilioFake() as twilio:
        settings.SMS_TRANSPORT, settings.TWILIO_API_BASE = "twilio", twilio.base
        settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, settings.TWILIO_FROM = (
            SID,
            TOKEN,
            "+48732000000",
        )
        yield twilio


@pytest.fixture
def visit() -> Appointment:
    return book_visit(starts_at=START)


def link_of(visit: Appointment) -> str:
    return f"https://anteroom.example/a/{token_of(link_for(visit, at=MONDAY))}/"


def body(mail: EmailMessage, kind: str = "plain") -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_details_by_mail(visit: Appointment, sink: SmtpSink) -> None:
    sweep(MONDAY, "email")

    (message,) = sink.messages
    mail, row = message.parsed(), row_of(visit, "details", "email")
    assert message.recipients == ("alice@patients.example",)
    assert message.outbox_id == str(row.pk)
    assert (mail["From"], mail["Reply-To"]) == (
        "Clinic Lipowa <no-reply@anteroom.example>",
        "desk@lipowa.example",
    )
    assert message.sender.startswith(f"bounces+{row.pk}.")
    assert link_of(visit) in body(mail)
    assert f'href="{link_of(visit)}"' in body(mail, "html")
    calendars = [
        part for part in mail.walk() if part.get_content_type() in {"text/calendar", "application/ics"}
    ]
    assert [part.get_content_type() for part in calendars] == ["text/calendar", "application/ics"]
    assert calendars[0]["Content-Type"].params["method"] == "REQUEST"


def test_the_subject_says_nothing_of_health(visit: Appointment, sink: SmtpSink) -> None:
    visit.service.name = "Colonoscopy"
    visit.service.save()

    sweep(MONDAY, "email")

    raw_head = sink.messages[0].raw.partition(b"\r\n\r\n")[0].decode()
    assert "Colonoscopy" not in raw_head
    assert "Nowak" not in sink.messages[0].parsed()["Subject"]
    assert "Alice" not in sink.messages[0].parsed()["Subject"]


def test_an_sms_holds_clinic_time_and_link_only(
    visit: Appointment, sink: SmtpSink, twilio: TwilioFake
) -> None:
    sweep(REMINDED)

    (text,) = twilio.messages
    assert (text.to, text.sender) == ("+48512345678", "+48732000000")
    assert text.status_callback == (
        f"https://anteroom.example/hooks/twilio/status/{row_of(visit, 'reminder', 'sms').pk}/"
    )
    assert text.body.startswith("Clinic Lipowa: reminder of your appointment on ")
    assert text.body.endswith(f", 11:00. {link_of(visit)}")
    for secret in ("Alice", "Kowalska", "Nowak", "Visit"):
        assert secret not in text.body


def test_stored_copies_keep_no_working_link(visit: Appointment, sink: SmtpSink, twilio: TwilioFake) -> None:
    sweep(REMINDED)

    token = token_of(PersonalLink.objects.get(purpose="appointment"))
    kept = list(SentText.objects.all())
    assert len(kept) == len(sink.messages) + len(twilio.messages) == 3
    for text in kept:
        assert token not in text.text + text.html + text.subject
        assert "https://anteroom.example/a/…" in text.text
        assert text.has_live_links is False


def test_the_embedded_mailbox_keeps_them_working(visit: Appointment, settings: Any) -> None:
    settings.MAIL_TRANSPORT, settings.PUBLIC_URL = "mailbox", "https://anteroom.example"

    sweep(MONDAY, "email")

    kept = SentText.objects.get()
    assert (link_of(visit) in kept.text, kept.has_live_links) == (True, True)


def test_message_ids_stay_over_tries_and_differ_between_deliveries(
    visit: Appointment, sink: SmtpSink
) -> None:
    row = row_of(visit, "details", "email")
    sink.habits.drop_before_250 = 100
    sweep(MONDAY, "email")
    row.refresh_from_db()
    assert row.state == "unknown"
    settling.settle(at=MONDAY + 10 * MINUTES)
    sink.habits.drop_before_250 = 0
    sweep(MONDAY + 10 * MINUTES, "email")
    sweep(REMINDED, "email")

    first, second, reminder = [message.parsed()["Message-ID"] for message in sink.messages]
    assert first == second != reminder
    assert sink.store.duplicates == {str(row.pk): 2}
    assert list(Attempt.objects.filter(delivery=row).order_by("number").values_list("outcome", flat=True)) == [
        "unknown", "accepted",
    ]  # fmt: skip


def test_an_sms_taken_before_a_500_is_found_and_not_sent_again(
    visit: Appointment, sink: SmtpSink, twilio: TwilioFake
) -> None:
    operations.cancel(appointment_id=visit.pk, by=CancelledBy.CLINIC, actor=STAFF, at=MONDAY)
    row = row_of(visit, "cancelled", "sms", version=1)
    twilio.habits["+48512345678"] = "500-after"
    now = datetime.now(UTC)  # the fake dates its messages by the real clock, as Twilio does
    sweep(MONDAY, "sms")
    row.refresh_from_db()
    assert row.state == "unknown"
    Attempt.objects.update(started_at=now)

    settling.settle(at=MONDAY + 10 * MINUTES)
    sweep(MONDAY + 10 * MINUTES, "sms")

    row.refresh_from_db()
    assert (row.state, len(twilio.messages)) == ("sent", 1)


def test_an_sms_not_taken_is_sent_once_more(visit: Appointment, sink: SmtpSink, twilio: TwilioFake) -> None:
    operations.cancel(appointment_id=visit.pk, by=CancelledBy.CLINIC, actor=STAFF, at=MONDAY)
    row = row_of(visit, "cancelled", "sms", version=1)
    twilio.habits["+48512345678"] = "drop-before"
    sweep(MONDAY, "sms")
    row.refresh_from_db()
    assert row.state == "unknown"
    twilio.habits.clear()

    settling.settle(at=MONDAY + 10 * MINUTES)
    sweep(MONDAY + 10 * MINUTES, "sms")

    row.refresh_from_db()
    assert (row.state, row.tries, len(twilio.messages)) == ("sent", 2, 1)


def test_a_confirmed_patient_is_reminded_without_the_button(visit: Appointment, sink: SmtpSink) -> None:
    operations.confirm(appointment_id=visit.pk, actor=PATIENT, at=MONDAY)
    other = book_visit(
        calendar=visit.calendar, patient=make_patient(visit.clinic, "Bob Nowak"), starts_at=START + HOURS
    )
    sweep(REMINDED + HOURS, "email")

    mails = {
        message.recipients[0]: body(message.parsed())
        for message in sink.messages
        if "reminder" in str(message.parsed()["Subject"]).lower()
    }
    assert other.confirmed_at is None
    assert "confirm" not in mails["alice@patients.example"]
    assert "confirm" in mails["bob@patients.example"]


def test_without_self_service_the_phone_stands_there(visit: Appointment, sink: SmtpSink) -> None:
    set_calendar_communication(
        calendar=visit.calendar, switches={}, self_service=False, plain_sms=True, quiet_from=None,
        quiet_until=None, actor=STAFF, at=MONDAY,
    )  # fmt: skip

    sweep(MONDAY, "email")

    text = body(sink.messages[0].parsed())
    assert "confirm" not in text
    assert "cancel" not in text
    assert "+48 22 555 01 23" in text


def test_the_card_of_the_sending_counts(visit: Appointment, sink: SmtpSink) -> None:
    visit.patient.email, visit.patient.language = "new@patients.example", "de"
    visit.patient.save()

    sweep(MONDAY, "email")

    (message,) = sink.messages
    assert message.recipients == ("new@patients.example",)
    assert Attempt.objects.get().address == "new@patients.example"


@pytest.mark.parametrize(
    "name", ["<img src=x onerror=alert(1)>", "{{ settings.SECRET_KEY }}", "%(x)s {0.__class__}"]
)
def test_a_name_is_only_ever_text(sink: SmtpSink, name: str) -> None:
    calendar = make_calendar()
    book_visit(
        calendar=calendar,
        patient=make_patient(calendar.clinic, name, email="a@patients.example"),
        starts_at=START,
    )

    sweep(MONDAY, "email")

    mail = sink.messages[0].parsed()
    assert name in body(mail)
    assert "<img src=x" not in body(mail, "html")


def test_clinics_do_not_mix(sink: SmtpSink) -> None:
    here, there = make_calendar(make_clinic("lipowa")), make_calendar(make_clinic("dluga"))
    book_visit(calendar=here, starts_at=START)
    book_visit(calendar=there, patient=make_patient(there.clinic, "Bob Nowak"), starts_at=START)

    sweep(MONDAY, "email")

    by_recipient = {message.recipients[0]: message.raw.decode() for message in sink.messages}
    assert "Lipowa" in by_recipient["alice@patients.example"]
    assert "Dluga" not in by_recipient["alice@patients.example"]
    assert "desk@lipowa" not in by_recipient["bob@patients.example"]
