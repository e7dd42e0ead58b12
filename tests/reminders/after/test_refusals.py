"""How an invitation says that it may be refused, and what becomes of it then (P16, K32, A32; RFC 8058)."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from clinic.appointments.enums import Origin
from clinic.audit.operations import PATIENT
from clinic.lib import clock
from clinic.models import Appointment, Calendar, Service
from messaging.models import Delivery
from notifications.enums import ToldBy
from notifications.invitations import opt_in, opt_out, set_consent_needed
from notifications.operations import set_appointment_switches
from reminders.after.planning import cause_of
from tests.factories.clinic import STAFF
from tests.factories.directory import listed
from tests.factories.house import DAYS, HOURS, MINUTES, NOW, House, book
from tests.factories.outbox import sweep
from tests.fakes.smtp_sink import SmtpSink

START = NOW + 10 * DAYS + 2 * HOURS  # Thursday 13 May, 11:00 in Warsaw
END = START + 30 * MINUTES
ASKED, INVITED = END + 2 * HOURS, END + 20 * HOURS
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def standing(visit: Appointment, kind: str = "review") -> list[tuple[str, str, str]]:
    """Return (channel, state, reason) of what follows a visit; one that a rule left out has no channel."""
    rows = Delivery.objects.filter(message__cause=cause_of(visit.pk), message__kind=kind)
    return list(rows.order_by("channel").values_list("channel", "state", "reason"))


def refuse(visit: Appointment, kind: str = "review", at: datetime = NOW) -> None:
    opt_out(patient=visit.patient, kind=kind, told_by=ToldBy.LINK, actor=PATIENT, at=at)


def agree(visit: Appointment, kind: str = "review", at: datetime = NOW) -> None:
    opt_in(patient=visit.patient, kind=kind, told_by=ToldBy.STAFF, actor=STAFF, at=at)


PLANNED = [("email", "planned", ""), ("sms", "planned", "instead_of_push")]
REFUSED = [("email", "skipped", "opted_out"), ("sms", "skipped", "opted_out")]


@pytest.fixture
def open_calendar(rynek: House) -> Calendar:
    """The house's practitioner is in the directory, and its patients book online."""
    listed(rynek.calendar)
    Calendar.objects.filter(pk=rynek.calendar.pk).update(books_online=True)
    Service.objects.filter(calendar=rynek.calendar).update(is_online=True)
    return rynek.calendar


@pytest.fixture
def sink(settings: Any) -> Iterator[SmtpSink]:
    with SmtpSink() as sink:
        settings.MAIL_TRANSPORT, settings.EMAIL_URL = "smtp", sink.url
        settings.PUBLIC_URL = "https://anteroom.example"
        yield sink


@pytest.mark.parametrize(("kind", "at"), [("review", ASKED), ("next_appointment", INVITED)])
def test_mail_that_went_through_smtp_is_refused_by_one_press(
    rynek: House, open_calendar: Calendar, sink: SmtpSink, kind: str, at: datetime
) -> None:
    refuse(rynek.appointment, "next_appointment" if kind == "review" else "review")

    sweep(at, "email")

    mail = next(one.parsed() for one in sink.messages if "List-Unsubscribe" in one.parsed())
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    address = str(mail["List-Unsubscribe"])
    assert address.startswith("<https://anteroom.example/u/")
    assert address.endswith(f"/{kind}/>")
    token = address.split("/u/")[1].split("/")[0]
    choices = f"https://anteroom.example/u/{token}/"
    for part in ("plain", "html"):
        body = mail.get_body((part,))
        assert body is not None
        assert choices in body.get_content()
        assert address.strip("<>") not in body.get_content()  # a scanner that follows links finds a page

    # As a mail program does it: no cookie, no page of ours before it.
    press = Client(enforce_csrf_checks=True)
    with clock.held_at(at):
        answer = press.post(urlsplit(address.strip("<>")).path, ONE_CLICK)
    assert (answer.status_code, answer.cookies.output()) == (200, "")
    later = book(rynek.patient, rynek.calendar, START + 7 * DAYS, at=at)
    assert standing(later, kind) == []
    assert later.patient.invitation_choices.get(kind=kind).told_by == "one_click"


def test_news_of_an_appointment_cannot_be_refused(rynek: House, sink: SmtpSink) -> None:
    sweep(NOW, "email")

    heads = [one.parsed() for one in sink.messages]
    assert heads
    assert not any("List-Unsubscribe" in head for head in heads)


def test_sms_carries_the_link_that_refuses(rynek: House, open_calendar: Calendar) -> None:
    sweep(INVITED)

    texts = Delivery.objects.filter(
        message__cause=cause_of(rynek.appointment.pk), channel="sms", state="sent"
    )
    found = {one.message.kind: one.sent_text.text for one in texts.select_related("message", "sent_text")}
    assert found.keys() == {"review", "next_appointment"}
    for text in found.values():
        assert text.count("/u/") == 1
        assert rynek.calendar.practitioner.name not in text


def test_refused_while_ahead_and_wanted_again_it_is_planned_as_before(rynek: House) -> None:
    visit = rynek.appointment
    assert standing(visit) == PLANNED

    refuse(visit)
    assert standing(visit) == REFUSED
    assert standing(visit, "next_appointment") == PLANNED
    agree(visit, at=ASKED - MINUTES)
    assert standing(visit) == PLANNED


def test_wanted_again_when_its_moment_has_passed_it_stays_left_out(rynek: House) -> None:
    visit = rynek.appointment
    refuse(visit)
    agree(visit, at=ASKED)

    assert standing(visit) == REFUSED


def test_booked_online_always_brings_it_but_not_to_whoever_refused(rynek: House) -> None:
    """No switch mutes it (P7), the patient's own word does (P16)."""
    first = book(rynek.patient, rynek.calendar, START + DAYS, origin=Origin.PATIENT, actor=PATIENT)
    set_appointment_switches(appointment=first, switches={"review": False}, actor=STAFF, at=NOW)
    assert standing(first) == PLANNED

    refuse(first)
    second = book(rynek.patient, rynek.calendar, START + 2 * DAYS, origin=Origin.PATIENT, actor=PATIENT)

    assert standing(first) == REFUSED
    assert standing(second) == []


def test_consent_is_asked_for_and_no_longer(rynek: House) -> None:
    visit = rynek.appointment
    set_consent_needed(clinic=rynek.clinic, is_needed=True, actor=STAFF, at=NOW)
    assert [state for _channel, state, _reason in standing(visit)] == ["skipped", "skipped"]
    assert {reason for _channel, _state, reason in standing(visit)} == {"no_consent"}

    set_consent_needed(clinic=rynek.clinic, is_needed=False, actor=STAFF, at=NOW)
    assert standing(visit) == PLANNED


def test_another_clinics_rule_and_word_change_nothing_here(rynek: House, markt: House) -> None:
    set_consent_needed(clinic=markt.clinic, is_needed=True, actor=STAFF, at=NOW)
    refuse(markt.appointment)

    assert standing(rynek.appointment) == PLANNED
