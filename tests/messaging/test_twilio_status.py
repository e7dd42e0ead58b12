"""Twilio's reports at our door: signed, in any order, any number of times (A79 to A82)."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from twilio.request_validator import RequestValidator

from clinic.lib import clock
from messaging.models import Delivery
from tests.factories.clinic import MONDAY, book_visit, make_calendar, make_clinic, make_patient
from tests.factories.outbox import provider, row_of, sweep
from tests.fakes.lines import Provider

__all__ = ["provider"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def text(settings: Any, provider: Provider) -> Delivery:
    """An SMS that was sent."""
    settings.TWILIO_AUTH_TOKEN = "secret"
    settings.PUBLIC_URL = "https://anteroom.example"
    calendar = make_calendar()
    visit = book_visit(
        calendar=calendar,
        patient=make_patient(calendar.clinic, email=""),
        starts_at=MONDAY + timedelta(days=10),
    )
    sweep(MONDAY)
    return row_of(visit, "details", "sms")


def report(pk: int, status: str, *, token: str = "secret", signed: bool = True, host: str = "") -> int:
    path = f"/hooks/twilio/status/{pk}/"
    fields = {"MessageSid": "SM1", "MessageStatus": status, "To": "+48512345678"}
    signature = RequestValidator(token).compute_signature(f"https://anteroom.example{path}", fields)
    headers = {"X-Forwarded-Host": host} if host else {}
    if signed:
        headers["X-Twilio-Signature"] = signature
    with clock.held_at(MONDAY + timedelta(minutes=1)):
        status_code: int = Client(enforce_csrf_checks=True).post(path, fields, headers=headers).status_code
    return status_code


def state(row: Delivery) -> str:
    row.refresh_from_db()
    return row.state


def test_a_signed_report_is_taken(text: Delivery) -> None:
    assert report(text.pk, "delivered") == 204

    assert (state(text), text.delivered_at) == ("delivered", MONDAY + timedelta(minutes=1))


@pytest.mark.parametrize("how", [{"signed": False}, {"token": "old-secret"}, {"token": ""}])
def test_an_unsigned_report_changes_nothing(text: Delivery, how: dict[str, Any]) -> None:
    assert report(text.pk, "delivered", **how) == 403

    assert state(text) == "sent"


def test_without_a_secret_nobody_is_believed(text: Delivery, settings: Any) -> None:
    settings.TWILIO_AUTH_TOKEN = ""

    assert report(text.pk, "delivered", token="") == 403
    assert state(text) == "sent"


def test_a_forged_host_does_not_help(text: Delivery, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    path = f"/hooks/twilio/status/{text.pk}/"
    forged = RequestValidator("guess").compute_signature(f"https://evil.example{path}", {})

    answer = Client().post(
        path,
        {},
        headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Twilio-Signature": forged},
    )

    assert (answer.status_code, state(text)) == (403, "sent")
    assert report(text.pk, "delivered", host="evil.example") == 204


def test_replayed_a_hundred_times_and_out_of_order(text: Delivery) -> None:
    answers = {report(text.pk, "delivered") for _ in range(100)} | {
        report(text.pk, "sent"),
        report(text.pk, "queued"),
    }

    assert (answers, state(text)) == ({204}, "delivered")


def test_unknown_and_foreign_ids_change_nothing_else(text: Delivery, provider: Provider) -> None:
    elsewhere = book_visit(
        calendar=make_calendar(make_clinic("dluga")), starts_at=MONDAY + timedelta(days=10)
    )
    planned = row_of(elsewhere, "details", "sms")

    assert report(10**12, "failed") == 204
    assert report(planned.pk, "failed") == 204

    assert (state(text), state(planned)) == ("sent", "planned")


def test_only_post(text: Delivery) -> None:
    assert Client().get(f"/hooks/twilio/status/{text.pk}/").status_code == 405
    assert state(text) == "sent"
