"""What Twilio reports: signed, in any order, any number of times (A79 to A82)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from twilio.request_validator import RequestValidator

from messaging.models import Delivery
from tests.factories.house import NOW, House
from tests.factories.page import Answer

TOKEN = "twelve-o-clock"
Report = Callable[..., Answer]


@pytest.fixture
def sms(rynek: House, settings: Any) -> Delivery:
    settings.TWILIO_AUTH_TOKEN = TOKEN
    settings.PUBLIC_URL = "https://anteroom.example"
    row = Delivery.objects.get(message__appointment=rynek.appointment, message__kind="details", channel="sms")
    Delivery.objects.filter(pk=row.pk).update(state="sent", sent_at=NOW, tries=1, due_at=None)
    return row


@pytest.fixture
def report(sms: Delivery) -> Report:
    """Send a report signed with `token`, as if for the address on `origin`."""

    def send(
        status: str, *, pk: int = 0, token: str = TOKEN, origin: str = "https://anteroom.example", **more: Any
    ) -> Answer:
        path = f"/hooks/twilio/status/{pk or sms.pk}/"
        params = {"MessageSid": "SM1", "MessageStatus": status}
        signature = RequestValidator(token).compute_signature(origin + path, params)
        return Client(enforce_csrf_checks=True).post(
            path, params, headers={"X-Twilio-Signature": signature}, **more
        )

    return send


def state(sms: Delivery) -> str:
    sms.refresh_from_db()
    return sms.state


def test_signed_report_moves_the_state_forward(report: Report, sms: Delivery) -> None:
    assert report("delivered").status_code == 204
    assert state(sms) == "delivered"


def test_reports_out_of_order_end_in_one_state(report: Report, sms: Delivery) -> None:
    for word in ("delivered", "sent", "queued", "delivered", "sent") * 5:
        assert report(word).status_code == 204

    assert state(sms) == "delivered"


@pytest.mark.parametrize("signed", [{"token": "old"}, {"origin": "https://evil.example"}])
def test_bad_signature_is_refused(signed: dict[str, str], report: Report, sms: Delivery) -> None:
    assert report("delivered", **signed).status_code == 403
    assert state(sms) == "sent"


def test_missing_signature_is_refused(sms: Delivery) -> None:
    response = Client().post(f"/hooks/twilio/status/{sms.pk}/", {"MessageStatus": "delivered"})

    assert (response.status_code, state(sms)) == (403, "sent")


def test_missing_secret_refuses_everything(report: Report, sms: Delivery, settings: Any) -> None:
    settings.TWILIO_AUTH_TOKEN = ""

    assert report("delivered", token="").status_code == 403
    assert state(sms) == "sent"


def test_signature_holds_whatever_host_the_proxy_names(report: Report, sms: Delivery) -> None:
    assert report("delivered", HTTP_X_FORWARDED_HOST="evil.example").status_code == 204
    assert state(sms) == "delivered"


def test_unknown_delivery_changes_nothing(report: Report, sms: Delivery) -> None:
    for pk in (987_654_321, 10**30):
        assert report("delivered", pk=pk).status_code == 204
    assert state(sms) == "sent"


@pytest.mark.parametrize("word", ["", "\0", "read by somebody", "x" * 5000])
def test_words_we_do_not_know_change_nothing(word: str, report: Report, sms: Delivery) -> None:
    assert report(word).status_code == 204
    assert state(sms) == "sent"
