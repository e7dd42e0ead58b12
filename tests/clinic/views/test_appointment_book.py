"""Booking: one form, with script and without."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client

from clinic.models import Appointment, AuditEntry, Patient
from messaging.models import Delivery, Message
from notifications.forms import booking_switches
from notifications.models import AppointmentSwitch
from notifications.queries import switches_of_calendar
from tests.factories.house import DAYS, HTMX, MINUTES, NOW, House, book, make_calendar, make_patient
from tests.factories.page import Answer, Page, queries_of

NEW = {"patient": "new", "new-name": "Łukasz Żółć", "new-email": "lukasz@patients.example",
       "new-phone": "+48 601 234 567", "new-language": "pl"}  # fmt: skip


@pytest.fixture
def form(rynek: House) -> dict[str, Any]:
    """A good form: next Thursday at ten, for the patient that is known."""
    return {
        "calendar": rynek.calendar.pk,
        "service": rynek.service.pk,
        "day": "2027-05-06",
        "time": "10:00",
        "patient": rynek.patient.pk,
        "book": "1",
    }


def send(client: Client, house: House, data: dict[str, Any], **more: Any) -> Answer:
    return client.post(house.url("appointments/book/"), data, **more)


def newest(house: House) -> Appointment:
    """Return the appointment that was booked last, other than the house's own."""
    return Appointment.objects.exclude(pk=house.appointment.pk).latest("pk")


def count() -> int:
    return Appointment.objects.count()


# --- Showing --------------------------------------------------------------------------------------


def test_page_offers_the_first_calendar_and_todays_free_times(rynek: House, desk: Client) -> None:
    page = Page(desk.get(rynek.url("appointments/book/")))

    assert page.heading == "Book appointment"
    assert page.fields["calendar"] == str(rynek.calendar.pk)
    assert page.fields["service"] == str(rynek.service.pk)
    assert page.fields["day"] == "2027-05-03"
    assert [text for text in page.buttons() if ":" in text][:3] == ["09:00", "09:30", "10:00"]


def test_address_hints_at_patient_and_day(rynek: House, desk: Client) -> None:
    response = desk.get(rynek.url(f"appointments/book/?patient={rynek.patient.pk}&day=2027-05-06"))

    page = Page(response)
    assert (page.fields["patient"], page.fields["day"]) == (str(rynek.patient.pk), "2027-05-06")
    assert "Zofia Pawłowska-Gąsior" in page.text


@pytest.mark.parametrize(
    "query",
    [
        "day=yesterday", "day=0001-01-01", "day=9999-12-31", "calendar=x", "calendar=-1", "patient=",
        "calendar=99999999999999999999", "service=%00", "text=%00", "day=%00",
    ],
)  # fmt: skip
def test_hints_that_make_no_sense_are_passed_over(query: str, rynek: House, desk: Client) -> None:
    assert desk.get(rynek.url(f"appointments/book/?{query}")).status_code == 200


def test_htmx_gets_the_form_alone(rynek: House, desk: Client, form: dict[str, Any]) -> None:
    del form["book"]

    response = send(desk, rynek, {**form, "refresh": "1"}, headers=HTMX)

    assert response.status_code == 200
    assert response.content.strip().startswith(b"<form")
    assert Page(response).fields["time"] == "10:00"


def test_refresh_without_script_keeps_everything_and_books_nothing(
    rynek: House, desk: Client, form: dict[str, Any]
) -> None:
    del form["book"]
    before = count()

    response = send(desk, rynek, {**form, **NEW, "new-name": "", "refresh": "1"})

    page = Page(response)
    assert response.status_code == 200
    wanted = {"patient": "new", "new-email": "lukasz@patients.example", "time": "10:00"}
    assert {name: page.fields[name] for name in wanted} == wanted
    assert page.error("new-name") == ""
    assert count() == before


def test_new_patients_fields_stay_while_another_choice_is_made(
    rynek: House, desk: Client, form: dict[str, Any]
) -> None:
    response = send(desk, rynek, {**form, **NEW, "patient": "", "find": "1", "text": "zofia"})

    fields = Page(response).fields
    assert fields["new-name"] == "Łukasz Żółć"
    assert fields["new-phone"] == "+48 601 234 567"


def test_slot_button_puts_its_time_into_the_form(rynek: House, desk: Client, form: dict[str, Any]) -> None:
    del form["book"]
    before = count()

    page = Page(send(desk, rynek, {**form, "slot": "13:30"}))

    assert page.fields["time"] == "13:30"
    assert count() == before


def test_another_calendar_brings_its_own_services(rynek: House, desk: Client, form: dict[str, Any]) -> None:
    other = make_calendar(rynek.clinic, "dr Alicja Lis")
    del form["book"]

    page = Page(send(desk, rynek, {**form, "calendar": other.pk, "refresh": "1"}))

    assert page.fields["calendar"] == str(other.pk)
    assert page.fields["service"] == str(other.services.get().pk)


@pytest.mark.parametrize(
    "text", ["pawlowska", "GASIOR", "zofia@patients.example", "512 345 678", "+48512345678"]
)
def test_patient_is_found_by_any_part(text: str, rynek: House, desk: Client, form: dict[str, Any]) -> None:
    data = {**form, "patient": "", "find": "1", "text": text}
    del data["book"]

    page = Page(send(desk, rynek, data, headers=HTMX))

    assert "Zofia Pawłowska-Gąsior" in page.text


# --- Booking --------------------------------------------------------------------------------------


def test_booking_for_a_known_patient_leads_to_the_appointment(
    rynek: House, desk: Client, form: dict[str, Any]
) -> None:
    response = send(desk, rynek, form)

    made = newest(rynek)
    assert (response.status_code, response["Location"]) == (302, rynek.url(f"appointments/{made.pk}/"))
    assert made.starts_at == datetime(2027, 5, 6, 8, 0, tzinfo=UTC)
    assert (made.patient, made.minutes, made.origin) == (rynek.patient, 30, "staff")
    entry = AuditEntry.objects.get(action="appointment.booked", object_id=made.pk)
    assert entry.actor_user == rynek.assistant
    assert "Booked." in Page(desk.get(response["Location"])).text


def test_new_patient_is_made_with_the_booking(rynek: House, desk: Client, form: dict[str, Any]) -> None:
    send(desk, rynek, {**form, **NEW})

    patient = newest(rynek).patient
    assert (patient.name, patient.email, patient.phone, patient.language, patient.clinic) == (
        "Łukasz Żółć", "lukasz@patients.example", "+48601234567", "pl", rynek.clinic,
    )  # fmt: skip


def test_new_patient_is_not_made_when_the_time_is_taken(
    rynek: House, desk: Client, form: dict[str, Any]
) -> None:
    book(rynek.patient, rynek.calendar, datetime(2027, 5, 6, 8, 0, tzinfo=UTC))

    response = send(desk, rynek, {**form, **NEW})

    assert response.status_code == 409
    assert not Patient.objects.filter(name="Łukasz Żółć").exists()


def test_taken_time_keeps_what_was_typed_and_shows_free_times(
    rynek: House, desk: Client, form: dict[str, Any]
) -> None:
    book(rynek.patient, rynek.calendar, datetime(2027, 5, 6, 8, 0, tzinfo=UTC))
    before = count()

    response = send(desk, rynek, {**form, **NEW, "text": "luk"})

    page = Page(response)
    assert response.status_code == 409
    assert page.error("time") == "This time was just taken. Please choose another."
    wanted = {"time": "10:00", "day": "2027-05-06", "text": "luk", **NEW}
    assert {name: page.fields[name] for name in wanted} == wanted
    slots = [text for text in page.buttons() if ":" in text]
    assert "10:00" not in slots
    assert "10:30" in slots
    assert count() == before


@pytest.mark.parametrize("patient", ["known", "new"])
def test_second_press_books_nothing_more_and_shows_the_same_page(
    patient: str, rynek: House, desk: Client, form: dict[str, Any]
) -> None:
    data = {**form, **NEW} if patient == "new" else form
    first = send(desk, rynek, data)
    rows, patients, messages = count(), Patient.objects.count(), Message.objects.count()

    second = send(desk, rynek, data)

    assert (second.status_code, second["Location"]) == (302, first["Location"])
    assert (count(), Patient.objects.count(), Message.objects.count()) == (rows, patients, messages)
    assert AuditEntry.objects.filter(action="appointment.booked").count() == rows


@pytest.mark.parametrize(
    ("changed", "field", "sentence"),
    [
        pytest.param({"time": ""}, "time", "This field is required.", id="no-time"),
        pytest.param({"time": "25:00"}, "time", "This is not a time of day. Write it like 10:20.", id="time"),
        pytest.param({"day": "31.05.2027"}, "day", "This is not a date. Write it like 2027-05-31.", id="day"),
        pytest.param({"day": ""}, "day", "This field is required.", id="no-day"),
        pytest.param(
            {"day": "9999-12-31", "time": "23:50"}, "day", "This is not a date. Write it like 2027-05-31.",
            id="end-of-time",
        ),
        pytest.param(
            {"day": "0001-01-01", "time": "00:00"}, "day", "This is not a date. Write it like 2027-05-31.",
            id="start-of-time",
        ),
        pytest.param(
            {"day": "2027-03-28", "time": "2:30"}, "time",
            "There is no such time on that day: the clocks go forward. Please choose another.", id="spring",
        ),
        pytest.param(
            {"day": "2027-05-03", "time": "8:59"}, "time",
            "This time has passed. Please choose a later one.", id="past",
        ),
        pytest.param(
            {"patient": ""}, "text", "Please choose a patient, or enter a new one.", id="nobody"
        ),
        pytest.param(
            {"patient": "0"}, "text", "Please choose a patient, or enter a new one.", id="unknown-patient"
        ),
        pytest.param({**NEW, "new-name": " "}, "new-name", "This field is required.", id="nameless"),
        pytest.param(
            {**NEW, "new-email": "lukasz at home"}, "new-email",
            "This is not an e-mail address. It looks like name@example.org.", id="email",
        ),
        pytest.param(
            {**NEW, "new-phone": "12"}, "new-phone",
            "This is not a phone number. Write it with its country code, like +48 22 555 01 23.", id="phone",
        ),
    ],
)  # fmt: skip
def test_bad_input_keeps_everything_typed_with_the_error_beside_its_field(
    changed: dict[str, str], field: str, sentence: str, rynek: House, desk: Client, form: dict[str, Any]
) -> None:
    before = count(), Patient.objects.count()
    data = {**form, "text": "typed", **changed}
    del data["book"]

    for headers in ({}, HTMX):
        response = send(desk, rynek, {**data, "book": "1"}, headers=headers)

        page = Page(response)
        assert response.status_code == 422
        assert page.error(field) == sentence
        kept = {name: str(value) for name, value in data.items() if page.fields.get(name) != str(value)}
        assert kept in ({}, {"patient": changed.get("patient")})
    assert (count(), Patient.objects.count()) == before


def test_repeated_hour_in_autumn_takes_the_first_and_says_so(
    rynek: House, desk: Client, form: dict[str, Any]
) -> None:
    response = send(desk, rynek, {**form, "day": "2027-10-31", "time": "2:30"})

    assert newest(rynek).starts_at == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
    assert "That hour happens twice on that day." in Page(desk.get(response["Location"])).text


def test_time_outside_the_hours_is_allowed_with_a_note(
    rynek: House, desk: Client, form: dict[str, Any]
) -> None:
    form["time"] = "19:15"
    shown = {**form, "refresh": "1"}
    del shown["book"]

    page = Page(send(desk, rynek, shown))
    response = send(desk, rynek, form)

    assert "Outside the opening hours. You can book it all the same." in page.text
    assert response.status_code == 302
    assert newest(rynek).starts_at == datetime(2027, 5, 6, 17, 15, tzinfo=UTC)


@pytest.mark.parametrize(("many", "is_cut"), [(20, False), (21, True)])
def test_long_list_of_patients_says_that_it_is_cut(
    many: int, is_cut: bool, rynek: House, desk: Client, form: dict[str, Any]
) -> None:
    for number in range(many):
        make_patient(rynek.clinic, f"Jan {number:02}")
    del form["book"]

    text = Page(send(desk, rynek, {**form, "patient": "", "text": "jan", "find": "1"})).text

    assert ("Only the first are shown." in text) == is_cut
    assert text.count("Jan ") == 20


@pytest.mark.parametrize("time", ["11:45", "15:31"])
def test_appointment_that_ends_after_closing_has_the_note(
    time: str, rynek: House, desk: Client, form: dict[str, Any]
) -> None:
    del form["book"]

    page = Page(send(desk, rynek, {**form, "time": time, "refresh": "1"}))

    assert "Outside the opening hours. You can book it all the same." in page.text


def test_namesake_at_the_same_time_is_somebody_else(rynek: House, desk: Client, form: dict[str, Any]) -> None:
    namesake = make_patient(rynek.clinic, "Łukasz Żółć", email="other@patients.example", phone_number="")
    book(namesake, rynek.calendar, datetime(2027, 5, 6, 8, 0, tzinfo=UTC))

    response = send(desk, rynek, {**form, **NEW})

    assert response.status_code == 409
    assert Page(response).error("time") == "This time was just taken. Please choose another."


def test_time_inside_the_hours_has_no_note(rynek: House, desk: Client, form: dict[str, Any]) -> None:
    del form["book"]

    assert "Outside the opening hours" not in Page(send(desk, rynek, form)).text


def test_fields_that_are_not_asked_for_change_nothing(
    rynek: House, markt: House, desk: Client, form: dict[str, Any]
) -> None:
    send(
        desk, rynek,
        {**form, "clinic": markt.clinic.pk, "clinic_id": markt.clinic.pk, "status": "done", "origin": "patient",
         "minutes": "600", "price": "0", "version": "9", "confirmed_at": "2027-05-01"},
    )  # fmt: skip

    made = newest(rynek)
    assert (made.clinic, made.status, made.origin, made.minutes, made.version, made.confirmed_at) == (
        rynek.clinic, "booked", "staff", 30, 1, None,
    )  # fmt: skip


def test_two_services_of_two_calendars_do_not_mix(rynek: House, desk: Client, form: dict[str, Any]) -> None:
    other = make_calendar(rynek.clinic, "dr Alicja Lis")

    response = send(desk, rynek, {**form, "calendar": other.pk})

    assert response.status_code == 422
    assert "Select a valid choice" in Page(response).error("service")


# --- The switches that notifications puts into the form (P2) ---------------------------------------


def states(appointment: Appointment) -> dict[tuple[str, str], str]:
    rows = Delivery.objects.filter(message__appointment=appointment).exclude(state="skipped")
    return {(row.message.kind, row.channel): row.state for row in rows}


def test_form_shows_a_switch_for_each_kind_as_the_calendar_has_it(rynek: House, desk: Client) -> None:
    fields = Page(desk.get(rynek.url("appointments/book/"))).fields

    switches = {name: value for name, value in fields.items() if name.startswith("tell-")}
    assert switches == {
        "tell-details": "on", "tell-reminder": "on", "tell-moved": "on", "tell-cancelled": "on",
        "tell-review": "on", "tell-next_appointment": "on", "tell-offer": "on",
        "tell-shown": str(rynek.calendar.pk),
    }  # fmt: skip


def test_switch_turned_off_is_stored_and_nothing_is_planned(
    rynek: House, desk: Client, form: dict[str, Any]
) -> None:
    send(desk, rynek, {**form, "tell-shown": str(rynek.calendar.pk), "tell-reminder": "on", "tell-moved": "on",
                       "tell-cancelled": "on", "tell-offer": "on",
                       "tell-review": "on", "tell-next_appointment": "on"})  # fmt: skip

    made = newest(rynek)
    assert list(AppointmentSwitch.objects.filter(appointment=made).values_list("kind", "is_on")) == [
        ("details", False)
    ]
    assert {kind for kind, _channel in states(made)} == {"reminder", "review", "next_appointment"}
    assert Message.objects.get(appointment=made, kind="details").reason == "off_for_appointment"


def test_form_without_the_switches_books_with_the_calendars(
    rynek: House, desk: Client, form: dict[str, Any]
) -> None:
    send(desk, rynek, form)

    made = newest(rynek)
    assert not AppointmentSwitch.objects.filter(appointment=made).exists()
    assert {kind for kind, _channel in states(made)} == {"details", "reminder", "review", "next_appointment"}


def test_switches_stay_as_they_were_set_when_the_time_is_bad(
    rynek: House, desk: Client, form: dict[str, Any]
) -> None:
    response = send(
        desk, rynek, {**form, "time": "never", "tell-shown": str(rynek.calendar.pk), "tell-reminder": "on"}
    )

    fields = Page(response).fields
    assert fields["tell-reminder"] == "on"
    assert "tell-details" not in fields


# --- Cost -----------------------------------------------------------------------------------------


def test_queries_do_not_grow_with_the_patients_found(rynek: House, desk: Client) -> None:
    data = {"text": "kowalski", "find": "1", "day": "2027-05-07"}
    make_patient(rynek.clinic, "Jan Kowalski", email="")
    book(rynek.patient, rynek.calendar, NOW + 4 * DAYS)
    one = queries_of(lambda: send(desk, rynek, data))
    for number in range(30):
        make_patient(rynek.clinic, f"Jan Kowalski{number}", email="")
        book(rynek.patient, rynek.calendar, NOW + 4 * DAYS + (number + 1) * 30 * MINUTES)

    assert queries_of(lambda: send(desk, rynek, data)) == one
    assert one <= 22


def test_switches_shown_for_another_calendar_say_nothing(rynek: House, desk: Client) -> None:
    """What was on the page for calendar A must not be written over calendar B's own setting (P1, P2)."""
    wanted = booking_switches(rynek.calendar, QueryDict("tell-shown=987654&tell-reminder=on"))

    assert wanted.is_valid()
    assert wanted.cleaned_data == switches_of_calendar(rynek.calendar)
    assert wanted["shown"].value() == str(rynek.calendar.pk)


def test_calendar_without_a_service_offers_no_time(rynek: House, desk: Client) -> None:
    rynek.calendar.services.update(is_offered=False)

    response = desk.get(rynek.url("appointments/book/?day=2027-05-04"))

    page = Page(response)
    assert response.status_code == 200
    assert "No free time on this day" in page.text
    assert not page.all("button", lambda found: found.get("name") == "slot")
