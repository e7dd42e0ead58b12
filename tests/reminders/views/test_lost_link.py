"""The link sent again: one answer for everybody, and mail to the address on file alone (D6, A12, A44, A45)."""

from typing import Any

import pytest
from django.test import Client

from clinic.appointments.enums import CancelledBy
from clinic.appointments.operations import cancel
from clinic.audit.operations import SYSTEM
from clinic.lib import clock
from clinic.models import Patient
from messaging.delivery import send_due
from messaging.links import token_of
from messaging.models import Delivery, Message, SentText
from notifications.enums import Channel
from notifications.registry import list_kinds
from reminders.views import lost_link as views
from tests.factories.house import DAYS, HOURS, NOW, House, book, logged_in, make_patient
from tests.factories.page import Answer, Page

URL = "/my-appointment/rynek/"
NEITHER = "This is neither an e-mail address nor a phone number with all its digits."
SAID = (
    "Thank you. If a coming appointment belongs to this address or number, a message with its link is on its way"
    " there."
)


def ask(address: str, client: Client | None = None, query: str = "") -> Answer:
    return (client or Client()).post(URL + query, {"address": address})


def sent() -> list[SentText]:
    for channel in Channel:
        send_due(channel=channel, at=NOW, now=lambda: NOW)
    return list(SentText.objects.filter(delivery__message__kind="lost_link").order_by("pk"))


def test_link_goes_to_the_address_on_file(rynek: House) -> None:
    response = ask(" ZOFIA@patients.example ")

    (letter,) = sent()
    assert response["Location"] == f"{URL}?sent=1"
    assert Page(Client().get(response["Location"])).text.count(SAID) == 1
    assert letter.delivery.channel == "email"
    assert letter.delivery.attempts.get().address == "zofia@patients.example"
    assert letter.subject == "Gabinety Rynek: the link to your appointment"
    assert f"/a/{token_of(rynek.link)}/" in letter.text
    assert "Thursday 13 May 2027 at 11:00" in letter.text
    assert "Consultation" not in letter.text


def test_phone_gets_an_sms_of_one_part_with_the_next_appointment(rynek: House) -> None:
    book(rynek.patient, rynek.calendar, NOW + 20 * DAYS + 2 * HOURS)

    ask("512 345 678")

    (text,) = sent()
    assert text.delivery.channel == "sms"
    assert "13 May 2027, 11:00" in text.text
    assert "23 May" not in text.text


def test_all_coming_appointments_stand_in_one_letter(rynek: House) -> None:
    book(rynek.patient, rynek.calendar, NOW + 20 * DAYS + 2 * HOURS)

    ask(rynek.patient.email)

    (letter,) = sent()
    assert letter.text.count("/a/") == 2


def test_each_card_of_an_address_gets_its_own_letter(rynek: House) -> None:
    child = make_patient(rynek.clinic, "Jaś Pawłowski", email="zofia@patients.example")
    book(child, rynek.calendar, NOW + 9 * DAYS + 3 * HOURS)

    ask(rynek.patient.email)

    assert [(one.delivery.message.patient, one.text.count("/a/")) for one in sent()] == [
        (rynek.patient, 1), (child, 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "address",
    ["nobody@patients.example", "601 234 567", "without@patients.example", "ottilie@patients.example"],
)
def test_answer_is_the_same_for_everybody(address: str, rynek: House, markt: House) -> None:
    make_patient(rynek.clinic, "Without Appointment", email="without@patients.example")
    known, unknown = ask(rynek.patient.email), ask(address)

    assert (known.status_code, known["Location"], known.content) == (
        unknown.status_code, unknown["Location"], unknown.content,
    )  # fmt: skip
    assert len(sent()) == 1


def test_appointment_cancelled_before_it_is_sent_is_not_sent(rynek: House) -> None:
    ask(rynek.patient.email)
    cancel(appointment_id=rynek.appointment.pk, by=CancelledBy.CLINIC, actor=SYSTEM, at=NOW)

    assert sent() == []
    row = Delivery.objects.get(message__kind="lost_link")
    assert (row.state, row.reason) == ("skipped", "nothing_coming")


def test_address_changed_before_it_is_sent_is_the_one_of_the_card(rynek: House) -> None:
    ask(rynek.patient.email)
    Patient.objects.filter(pk=rynek.patient.pk).update(email="new@patients.example")

    (letter,) = sent()
    assert letter.delivery.attempts.get().address == "new@patients.example"


@pytest.mark.parametrize("address", ["zofia@patients.example", "nobody@patients.example"])
def test_five_an_hour_for_one_address(address: str, rynek: House) -> None:
    codes = [ask(address, Client(REMOTE_ADDR=f"192.0.{number}.1")).status_code for number in range(7)]

    assert codes == [302] * 5 + [429] * 2
    refused = ask(address)
    assert refused["Retry-After"] == "3600"
    assert Page(refused).fields["address"] == address
    assert Message.objects.filter(kind="lost_link").count() == (5 if address.startswith("zofia") else 0)


def test_one_connection_asks_only_so_often(rynek: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "FROM_HERE", (2, 9, 3600))

    assert [ask(f"a{number}@patients.example").status_code for number in range(3)] == [302, 302, 429]
    assert ask("b@patients.example", logged_in(rynek.assistant)).status_code == 302


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("", "Please enter an e-mail address or a phone number."),
        ("zofia@", NEITHER),
        ("12", NEITHER),
        ("a@b.example\r\nBcc: x@evil.example", NEITHER),
    ],
)  # fmt: skip
def test_bad_input_is_said_beside_the_field(address: str, error: str, rynek: House) -> None:
    response = ask(address)

    assert response.status_code == 422
    assert Page(response).error("address") == error
    assert not Message.objects.filter(kind="lost_link").exists()


def test_letter_is_in_the_cards_language_and_the_page_in_its_own(rynek: House) -> None:
    Patient.objects.filter(pk=rynek.patient.pk).update(language="de")

    response = ask(rynek.patient.email, query="?language=ro")

    assert response["Location"] == f"{URL}?sent=1&language=ro"
    assert response["Content-Language"] == "ro"
    assert "Donnerstag, 13. Mai 2027 um 11:00 Uhr" in sent()[0].text


def test_no_calendar_switches_it(rynek: House) -> None:
    assert "lost_link" not in {kind.name for kind in list_kinds()}


def test_unknown_clinic_is_not_found(db: Any) -> None:
    with clock.held_at(NOW):
        assert Client().get("/my-appointment/nowhere/").status_code == 404
