"""The third screen of online booking: who it is for; a POST books (D2, A2 to A14)."""

from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from clinic.audit.operations import SYSTEM
from clinic.calendars.absences import add_absence
from clinic.directory import limits
from clinic.directory.slot_picker import code_of
from clinic.lib import clock
from clinic.models import Appointment, AuditEntry, Calendar, Patient, Practitioner, Service
from clinic.people.operations import NAME_LENGTH
from messaging.delivery import send_due
from messaging.links import link_key
from messaging.models import Delivery, Message, SentText
from notifications.enums import Channel
from tests.factories.booking import (
    START,
    book_online,
    booked,
    booking_form,
    booking_url,
    choose,
    holds,
    open_for_booking,
)  # fmt: skip
from tests.factories.house import (
    DAYS,
    HOURS,
    MINUTES,
    NOW,
    House,
    book,
    by_link,
    link_of,
    logged_in,
    make_patient,
)
from tests.factories.page import Answer, Page

NO_EMAIL = "This is not an e-mail address. It looks like name@example.org."
NO_PHONE = "This is not a phone number. Write it with its country code, like +48 22 555 01 23."
NOT_THERE = "We cannot write to this number. Please enter another one, or an e-mail address."
NAME_ALONE = "Please write your name alone, without an address."
NO_NAME = "This name holds characters that cannot be written."
TAKEN = "This time was just taken. Please choose another one. What you typed is still here."


@pytest.fixture
def url(rynek: House) -> str:
    open_for_booking(rynek)
    return booking_url(rynek, START)


def at(minutes: float) -> Any:
    return clock.held_at(NOW + minutes * MINUTES)


# --- The page -------------------------------------------------------------------------------------


def test_page_says_until_when_the_time_is_kept(rynek: House, url: str, client: Client) -> None:
    choose(client, rynek)

    page = Page(client.get(url))

    assert page.heading == "Thursday 20 May 2027, 10:00"
    assert "Kept for you until 09:10." in page.text
    assert "Consultation, 30 minutes" in page.text
    with at(10):
        assert "This time is free. It is yours once you have pressed Book." in Page(client.get(url)).text


def test_page_of_a_time_that_is_gone_shows_others(rynek: House, url: str, client: Client) -> None:
    choose(Client(), rynek)

    response = client.get(url)

    assert response.status_code == 409
    assert Page(response).alerts == ["This time was just taken. Please choose another one."]
    assert client.get(booking_url(rynek, START + 15 * MINUTES)).status_code == 409
    assert client.get(url.replace("20270520", "20271320")).status_code == 404


# --- Booking --------------------------------------------------------------------------------------


def test_press_books_at_once(rynek: House, url: str, client: Client) -> None:
    choose(client, rynek)

    response = client.post(
        f"{url}?language=de", booking_form(name="  Łukasz   Źrebięcy ", phone="601 234 567")
    )

    (made,) = booked(rynek)
    assert response["Location"] == f"/p/{rynek.calendar.practitioner.slug}/book/done/?language=de"
    assert (made.starts_at, made.minutes, made.service, made.booked_at) == (START, 30, rynek.service, NOW)
    patient = made.patient
    assert (patient.name, patient.email, patient.phone, patient.language) == (
        "Łukasz Źrebięcy", "adam@patients.example", "+48601234567", "de",
    )  # fmt: skip
    assert holds() == []
    details = Delivery.objects.filter(message__appointment=made, message__kind="details")
    assert {(row.channel, row.state) for row in details} == {("email", "planned"), ("sms", "planned")}
    assert Message.objects.get(appointment=made, kind="details").reason == "details_by_patient"
    actions = list(
        AuditEntry.objects.filter(object_id=made.pk, object_type="appointment").values_list(
            "action", "actor_kind"
        )
    )
    assert actions == [("appointment.booked", "patient"), ("appointment.booked_online", "patient")]


def test_booking_needs_no_hold(rynek: House, url: str, client: Client) -> None:
    assert book_online(client, rynek).status_code == 302
    assert len(booked(rynek)) == 1


def test_a_second_press_of_the_same_form_finds_what_the_first_made(
    rynek: House, url: str, client: Client
) -> None:
    form = booking_form()
    first, second = client.post(url, form), client.post(url, form)

    assert first["Location"] == second["Location"]
    assert len(booked(rynek)) == 1
    assert Page(client.get(first["Location"])).heading == "Thursday 20 May 2027, 10:00"


def test_another_form_with_the_same_words_is_no_second_press(rynek: House, url: str, client: Client) -> None:
    """A12: whoever knows a patient's name and address does not learn what they booked."""
    book_online(client, rynek)

    response = book_online(Client(), rynek)

    assert response.status_code == 409
    assert "booked" not in response.cookies


def test_extra_fields_are_ignored(rynek: House, markt: House, url: str, client: Client) -> None:
    """A3."""
    extra = {"minutes": "240", "calendar": markt.calendar.pk, "service": markt.service.pk, "status": "done",
             "clinic": markt.clinic.pk, "price": "0", "patient": rynek.patient.pk, "origin": "staff"}  # fmt: skip
    client.post(url, {**booking_form(), **extra})

    (made,) = booked(rynek)
    assert (made.minutes, made.calendar, made.status, made.origin) == (
        30,
        rynek.calendar,
        "booked",
        "patient",
    )
    assert made.patient != rynek.patient
    assert booked(markt) == []


@pytest.mark.parametrize(
    ("typed", "field", "error"),
    [
        pytest.param({"name": ""}, "name", "Please enter your name.", id="nameless"),
        pytest.param({"email": ""}, "email", "Please enter an e-mail address or a phone number.", id="neither"),
        pytest.param({"email": "adam@"}, "email", NO_EMAIL, id="email"),
        pytest.param({"phone": "12"}, "phone", NO_PHONE, id="phone"),
        pytest.param({"phone": "+48 701 234 567"}, "phone", NOT_THERE, id="premium-rate"),
        pytest.param({"phone": "+881 612 345 678"}, "phone", NOT_THERE, id="satellite"),
        pytest.param({"name": "https://evil.example win"}, "name", NAME_ALONE, id="link"),
        pytest.param({"name": "evil.example win"}, "name", NAME_ALONE, id="bare-link"),
        pytest.param({"name": "Ann\r\nBcc: x@evil.example"}, "name", NAME_ALONE, id="header"),
        pytest.param({"name": "a\u202eb"}, "name", NO_NAME, id="turned-round"),
    ],
)  # fmt: skip
def test_bad_input_books_nothing_and_keeps_what_was_typed(
    typed: dict[str, str], field: str, error: str, rynek: House, url: str, client: Client
) -> None:
    form = booking_form(**typed)

    response = client.post(url, form)

    page = Page(response)
    assert response.status_code == 422
    assert page.error(field) == error
    kept = {name: " ".join(text.split()) for name, text in form.items()}
    assert {name: " ".join(page.fields[name].split()) for name in form} == kept
    assert booked(rynek) == []
    assert Patient.objects.count() == 1


def test_consent_is_needed(rynek: House, url: str, client: Client) -> None:
    form = booking_form()
    del form["consent"]

    response = client.post(url, form)

    assert response.status_code == 422
    assert (
        Page(response).error("consent") == "Without your consent we cannot book this here. You can call us."
    )
    assert booked(rynek) == []


def test_a_name_may_be_long_but_not_too_long(rynek: House, url: str, client: Client) -> None:
    assert book_online(client, rynek, name="x" * (NAME_LENGTH + 1)).status_code == 422
    assert book_online(client, rynek, name="J.R.R. " + "x" * (NAME_LENGTH - 7)).status_code == 302


def test_countries_that_may_be_written_to_are_the_installations(
    rynek: House, url: str, client: Client, settings: Any
) -> None:
    settings.SMS_COUNTRIES = ["PL", "GB"]

    assert book_online(client, rynek, phone="+1 201 555 0123").status_code == 422
    assert book_online(client, rynek, phone="+44 7400 123456").status_code == 302


# --- The time is gone -----------------------------------------------------------------------------


def test_time_taken_meanwhile_loses_nothing_that_was_typed(rynek: House, url: str, client: Client) -> None:
    book(make_patient(rynek.clinic, "Jan Inny"), rynek.calendar, START)
    form = booking_form(phone="601 234 567")

    response = client.post(url, form)

    page = Page(response)
    assert response.status_code == 409
    assert page.alerts == [TAKEN]
    assert {name: page.fields[name] for name in form} == form
    assert "09:30" in page.buttons()
    assert "Book" not in page.buttons()
    assert booked(rynek) == []
    # Further weeks, and then another time, with all that was typed.
    later = Page(client.post(url, {**page.fields, "from": "2027-05-24"}))
    assert {name: later.fields[name] for name in form} == form
    chosen = client.post(url, {**later.fields, "start": code_of(START + 5 * DAYS)})
    again = Page(chosen)
    assert again.heading == "Tuesday 25 May 2027, 10:00"
    assert "Kept for you until 09:10." in again.text
    assert {name: again.fields[name] for name in form} == form
    (target,) = [str(dict(node.attributes)["action"]) for node in again.all("form")]
    assert client.post(target, again.fields).status_code == 302
    assert [made.starts_at for made in booked(rynek)] == [START + 5 * DAYS]


@pytest.mark.parametrize("code", [code_of(START), code_of(START + 15 * MINUTES), "x", ""])
def test_another_time_that_is_not_free_either(code: str, rynek: House, url: str, client: Client) -> None:
    book(make_patient(rynek.clinic, "Jan Inny"), rynek.calendar, START)
    form = booking_form()

    response = client.post(url, {**form, "start": code})

    assert response.status_code == (409 if code == code_of(START) else 422)
    assert Page(response).fields["name"] == "Adam Nowy"
    assert holds() == []


def test_absence_entered_meanwhile_closes_the_time(rynek: House, url: str, client: Client) -> None:
    choose(client, rynek)
    add_absence(
        practitioner=rynek.calendar.practitioner,
        starts_at=START - DAYS,
        ends_at=START + DAYS,
        actor=SYSTEM,
        at=NOW,
    )

    response = book_online(client, rynek)

    assert response.status_code == 422
    assert Page(response).alerts == [
        "This time cannot be chosen. Please choose one of these. What you typed is still here."
    ]
    assert booked(rynek) == []


def test_somebody_elses_hold_keeps_the_time_and_ones_own_does_not(
    rynek: House, url: str, client: Client
) -> None:
    choose(Client(), rynek)
    assert book_online(client, rynek).status_code == 409

    with at(10):
        assert client.post(url, booking_form()).status_code == 302


def test_service_that_is_offered_no_more_cannot_be_booked(rynek: House, url: str, client: Client) -> None:
    Service.objects.filter(pk=rynek.service.pk).update(is_online=False)
    Service.objects.create(calendar=rynek.calendar, name="Other", minutes=20)

    assert book_online(client, rynek).status_code == 409
    assert booked(rynek) == []


@pytest.mark.parametrize("way", [{}, {"start": code_of(START + HOURS)}, {"from": "2027-05-20"}])
def test_what_was_typed_goes_along_to_another_service(
    way: dict[str, str], rynek: House, url: str, client: Client
) -> None:
    other = Service.objects.create(calendar=rynek.calendar, name="Other", minutes=20)
    Service.objects.filter(pk=rynek.service.pk).update(is_online=False)
    typed = booking_form(name="Adam <Nowy>", phone="512 000 111")

    gone = client.post(url, {**typed, **way})

    page = Page(gone)
    assert gone.status_code == 409
    assert page.alerts == [
        "This service cannot be booked here any more. Nothing was booked; what you typed is still here. Please"
        " choose another one."
    ]
    assert all(words in page.text for words in ("Adam <Nowy>", "adam@patients.example", "512 000 111"))
    (form,) = page.all("form", lambda it: "/book/" in it.get("action", ""))
    address = dict(form.attributes)["action"]
    assert address == booking_url(rynek, START, other)
    times = client.post(str(address), {**page.fields, "from": "2027-05-20"})
    again = Page(times)
    kept = {name: again.fields[name] for name in ("name", "email", "phone", "consent", "stamp")}
    assert kept == {name: typed[name] for name in kept}
    assert "10:00" in again.buttons()
    chosen = Page(client.post(str(address), {**again.fields, "start": code_of(START)}))
    assert client.post(str(address), chosen.fields).status_code == 302
    (made,) = booked(rynek)
    assert (made.service, made.patient.name, made.starts_at) == (other, "Adam <Nowy>", START)


def test_calendar_that_is_online_no_more_shows_what_was_typed(rynek: House, url: str, client: Client) -> None:
    """Also where nothing of the practitioner's is to be seen any more, to who was offered a time there."""
    choose(client, rynek)
    Calendar.objects.filter(pk=rynek.calendar.pk).update(books_online=False)
    Practitioner.objects.filter(pk=rynek.calendar.practitioner_id).update(is_listed=False)

    gone = client.post(url, booking_form())

    page = Page(gone)
    assert gone.status_code == 409
    assert page.alerts == [
        "This service cannot be booked here any more. Nothing was booked; what you typed stands below."
    ]
    assert "Nothing can be booked online here at the moment. Please call us." in page.text
    assert all(words in page.text for words in ("Adam Nowy", "adam@patients.example"))
    assert Client().post(url, booking_form()).status_code == 404
    assert booked(rynek) == []


@pytest.mark.parametrize(
    "start",
    [NOW - DAYS, NOW + HOURS, START + 15 * MINUTES, START + 12 * HOURS, NOW + 91 * DAYS, NOW + 3650 * DAYS],
)
def test_a_forged_time_is_refused(start: datetime, rynek: House, url: str, client: Client) -> None:
    """A2."""
    assert book_online(client, rynek, start).status_code == 422
    assert booked(rynek) == []


@pytest.mark.parametrize("code", ["99991231t2359z", "00010101t0000z"])
def test_what_is_no_time_anywhere_is_not_there(code: str, rynek: House, url: str, client: Client) -> None:
    address = f"{booking_url(rynek)}{code}/"

    assert client.get(address).status_code == 404
    assert client.post(address, booking_form()).status_code == 404


# --- Whose card (A12) -----------------------------------------------------------------------------


def same_as_card(rynek: House, **more: str) -> dict[str, Any]:
    return {"name": rynek.patient.name, "email": rynek.patient.email, "phone": "", **more}


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param({}, id="e-mail"),
        pytest.param({"email": "", "phone": "512 345 678"}, id="phone"),
        pytest.param({"phone": "512 345 678"}, id="both"),
        pytest.param({"email": "ZOFIA@patients.EXAMPLE"}, id="any-case"),
        pytest.param({"name": "zofia pawlowska-gasior"}, id="without-diacritics"),
    ],
)
def test_the_same_name_and_address_is_the_same_card(
    typed: dict[str, str], rynek: House, url: str, client: Client
) -> None:
    before = Patient.objects.values().get()

    response = book_online(client, rynek, **same_as_card(rynek, **typed))

    (made,) = booked(rynek)
    assert response.status_code == 302
    assert made.patient == rynek.patient
    assert Patient.objects.values().get() == before


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param({"name": "Zofia Inna"}, id="another-name"),
        pytest.param({"email": "other@patients.example"}, id="another-address"),
        pytest.param({"phone": "601 234 567"}, id="another-number-beside"),
    ],
)
def test_anything_else_is_another_card(typed: dict[str, str], rynek: House, url: str, client: Client) -> None:
    before = Patient.objects.values().get(pk=rynek.patient.pk)

    book_online(client, rynek, **same_as_card(rynek, **typed))

    (made,) = booked(rynek)
    assert made.patient != rynek.patient
    assert Patient.objects.values().get(pk=rynek.patient.pk) == before


def test_the_other_clinics_card_is_never_used(rynek: House, markt: House, url: str, client: Client) -> None:
    book_online(client, rynek, name=markt.patient.name, email=markt.patient.email)

    (made,) = booked(rynek)
    assert (made.patient.clinic, made.patient.pk == markt.patient.pk) == (rynek.clinic, False)


def test_a_card_that_went_into_another_is_not_used(rynek: House, url: str, client: Client) -> None:
    other = make_patient(rynek.clinic, "Zofia Pawłowska-Gąsior", email="new@patients.example")
    Patient.objects.filter(pk=rynek.patient.pk).update(merged_into=other, merged_at=NOW)

    book_online(client, rynek, **same_as_card(rynek))

    (made,) = booked(rynek)
    assert made.patient not in (rynek.patient, other)


def test_answer_does_not_tell_whether_there_is_a_card(rynek: House, url: str) -> None:
    def answers(**typed: Any) -> list[tuple[int, str]]:
        browser = Client()
        start = START if typed["name"].startswith("Zofia") else START + HOURS
        chosen = choose(browser, rynek, start)
        response = book_online(browser, rynek, start, **typed)
        done = browser.get(response["Location"]).content.decode()
        return [(chosen.status_code, ""), (response.status_code, response["Location"]),
                (200, done.replace("10:00", "TIME").replace("11:00", "TIME"))]  # fmt: skip

    assert answers(**same_as_card(rynek)) == answers(
        name="Adam Nowy", email="adam@patients.example", phone=""
    )


# --- Machines (A14) -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param({"website": "https://x.example"}, id="hidden-field"),
        pytest.param({"stamp": ""}, id="no-stamp"),
        pytest.param({"stamp": "forged"}, id="forged-stamp"),
    ],
)
def test_machine_is_asked_to_press_again(
    typed: dict[str, str], rynek: House, url: str, client: Client
) -> None:
    response = client.post(url, booking_form(**typed))

    page = Page(response)
    assert response.status_code == 422
    assert page.alerts == ["Please press once more. So we know that no machine is booking."]
    assert booked(rynek) == []
    # A person who presses again, a moment later, is let through with what they typed.
    with at(0.05):
        assert client.post(url, {**page.fields, "website": ""}).status_code == 302


def test_no_person_is_this_fast(rynek: House, url: str, client: Client) -> None:
    shown = Page(client.get(url)).fields
    form = {**booking_form(), "stamp": shown["stamp"]}

    with at(1.9 / 60):
        assert client.post(url, form).status_code == 422
    with at(2 / 60):
        assert client.post(url, form).status_code == 302


# --- Too many (A4 to A7) --------------------------------------------------------------------------


def many(rynek: House, count: int, **more: Any) -> list[Answer]:
    """Book times one after the other, each in a browser of its own and for another contact unless told otherwise."""
    answers = []
    for number in range(count):
        typed = {"name": f"Adam {number}", "email": f"adam{number}@patients.example", **more}
        start = START + number // 8 * DAYS + (number % 8) * 30 * MINUTES
        answers.append(book_online(Client(), rynek, start, **typed))
    return answers


def test_one_contact_books_only_so_often(rynek: House, url: str) -> None:
    by_phone = [one.status_code for one in many(rynek, 5, phone="601 234 567", email="")]

    assert by_phone == [302, 302, 302, 429, 429]


def test_refusal_says_when_to_come_again_and_keeps_what_was_typed(
    rynek: House, url: str, client: Client
) -> None:
    many(rynek, 3, email="adam@patients.example")

    response = book_online(client, rynek, START + 2 * HOURS + 30 * MINUTES)
    response = client.post(booking_url(rynek, START + 3 * HOURS), booking_form())

    assert response.status_code == 429
    assert response["Retry-After"] == "300"
    assert Page(response).fields["name"] == "Adam Nowy"
    assert Page(response).alerts == [
        "Too many bookings in a short time. Please try again in a few minutes, or call us."
    ]


def test_one_connection_books_only_so_often(rynek: House, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BOOKINGS", (2, 3, 3600))

    assert [one.status_code for one in many(rynek, 3)] == [302, 302, 429]
    # A member of the clinic is not turned away, whatever their connection (A7).
    assert book_online(logged_in(rynek.assistant), rynek, START + 3 * HOURS).status_code == 302
    start = START + 4 * HOURS
    form = booking_form(name="Ewa Nowa", email="ewa@patients.example")
    assert (
        Client(REMOTE_ADDR="127.0.0.9").post(booking_url(rynek, start), form).status_code == 429
    )  # its network
    assert Client(REMOTE_ADDR="192.0.2.1").post(booking_url(rynek, start), form).status_code == 302


def sms_of(rynek: House) -> list[tuple[str, str]]:
    """Return state and reason of every SMS planned for online bookings."""
    rows = Delivery.objects.filter(
        channel="sms", message__kind="details", message__appointment__in=booked(rynek)
    )
    return list(rows.order_by("message__appointment__starts_at").values_list("state", "reason"))


@pytest.mark.parametrize(
    ("limit", "value"),
    [
        ("SMS_FROM_CONNECTION", (2, 9, 60)),
        ("SMS_FROM_CONNECTION", (9, 2, 60)),
        ("SMS_OF_CLINIC", (2, 60)),
        ("SMS_OF_ALL", (2, 60)),
    ],
)
def test_sms_stop_at_the_caps_and_mail_goes_on(
    limit: str, value: tuple[int, ...], rynek: House, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, limit, value)
    for number in range(4):
        form = booking_form(email=f"adam{number}@patients.example", phone=f"+4860123456{number}")
        client = Client()
        assert (
            client.post(
                booking_url(rynek, START + number * HOURS if number < 2 else START + (number + 1) * HOURS),
                form,
            ).status_code
            == 302
        )

    assert sms_of(rynek) == [
        ("planned", "instead_of_push"), ("planned", "instead_of_push"),
        ("skipped", "sms_capped"), ("skipped", "sms_capped"),
    ]  # fmt: skip
    mails = Delivery.objects.filter(
        channel="email", message__kind="details", message__appointment__in=booked(rynek)
    )
    assert {row.state for row in mails} == {"planned"}
    # Nobody is booked whom nothing would reach.
    response = Client().post(
        booking_url(rynek, START + 6 * HOURS - 30 * MINUTES), booking_form(email="", phone="+48601234569")
    )
    assert response.status_code == 422
    assert Page(response).error("email") == "We can send no more SMS today. Please enter an e-mail address."


def test_booking_and_cancelling_sends_one_number_three_sms_at_most(rynek: House, url: str) -> None:
    """A6: cancelled by the link, booked anew, and so on."""
    codes = []
    for number in range(6):
        form = booking_form(email="", phone="601 234 567", name=f"Adam {number}")
        codes.append(Client().post(url, form).status_code)
        for made in Appointment.objects.filter(origin="patient", status="booked"):
            link = link_of(made)
            by_link(link).post(f"/appointment/{link_key(link)}/cancel/", {"sequence": made.sequence})
    send_due(channel=Channel.SMS, at=NOW, now=lambda: NOW)

    assert codes.count(302) <= 3
    assert codes[-1] in {422, 429}
    sent = SentText.objects.filter(delivery__channel="sms", delivery__message__patient__phone="+48601234567")
    assert sent.count() <= 3


# --- What is kept of a hostile name (A8 to A10) ---------------------------------------------------


def test_name_that_tries_to_be_a_template_is_printed_as_it_is(rynek: House, url: str, client: Client) -> None:
    name = "{{ settings.SECRET_KEY }} {0.__class__} %(x)s {% load %}".replace("settings.SECRET_KEY", "s")

    assert book_online(client, rynek, name=name).status_code == 302

    send_due(channel=Channel.EMAIL, at=NOW, now=lambda: NOW)
    (made,) = booked(rynek)
    text = SentText.objects.get(delivery__message__appointment=made, delivery__message__kind="details").text
    assert f"Dear {name}," in text
