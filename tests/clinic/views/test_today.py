"""The board of the day."""

import pytest
from django.test import Client

from clinic.appointments import operations
from clinic.appointments.enums import CancelledBy
from clinic.audit.operations import SYSTEM
from clinic.models import Calendar
from messaging.models import Delivery
from notifications.operations import pause_sending
from tests.factories.house import (
    DAYS,
    HOURS,
    MINUTES,
    NOW,
    House,
    book,
    logged_in,
    make_calendar,
    make_patient,
)
from tests.factories.page import Page, queries_of


def test_page_of_an_empty_day_leads_to_booking(rynek: House, desk: Client) -> None:
    page = Page(desk.get(rynek.url()))

    assert page.heading == "Today, 3 May 2027"
    assert "No appointments on this day." in page.text
    assert rynek.url("appointments/book/?day=2027-05-03") in page.links()


def test_day_shows_its_appointments_by_time_in_the_clinics_zone(rynek: House, desk: Client) -> None:
    book(rynek.patient, rynek.calendar, NOW + 5 * HOURS)
    book(make_patient(rynek.clinic, "Jan Kowalski"), rynek.calendar, NOW + HOURS)

    text = Page(desk.get(rynek.url())).text

    assert text.index("10:00") < text.index("Jan Kowalski") < text.index("14:00") < text.index("Zofia")


def test_night_belongs_to_the_clinics_own_day(rynek: House, desk: Client) -> None:
    book(rynek.patient, rynek.calendar, NOW + 15 * HOURS + 30 * MINUTES)  # 00:30 on Tuesday in Warsaw

    today, tomorrow = (Page(desk.get(rynek.url(query))).text for query in ("", "?day=2027-05-04"))

    assert "Zofia" not in today
    assert "Zofia" in tomorrow


def test_filter_shows_one_calendar(rynek: House, desk: Client) -> None:
    other = make_calendar(rynek.clinic, "dr Alicja Lis")
    book(rynek.patient, rynek.calendar, NOW + HOURS)
    book(make_patient(rynek.clinic, "Jan Kowalski"), other, NOW + HOURS)

    text = Page(desk.get(rynek.url(f"?calendar={other.pk}"))).text

    assert "Jan Kowalski" in text
    assert "Zofia" not in text


@pytest.mark.parametrize("query", ["day=never", "day=9999-12-31", "day=0001-01-01", "day=9999-12-30",
                                   "day=0001-01-02", "calendar=%00", "day=%00", "calendar=x"])  # fmt: skip
def test_filters_that_make_no_sense_show_a_page(query: str, rynek: House, desk: Client) -> None:
    assert desk.get(rynek.url(f"?{query}")).status_code == 200


def test_states_are_marked(rynek: House, desk: Client) -> None:
    confirmed = book(rynek.patient, rynek.calendar, NOW + HOURS)
    operations.confirm(appointment_id=confirmed.pk, actor=SYSTEM, at=NOW)
    cancelled = book(make_patient(rynek.clinic, "Jan Kowalski"), rynek.calendar, NOW + 2 * HOURS)
    operations.cancel(appointment_id=cancelled.pk, by=CancelledBy.CLINIC, actor=SYSTEM, at=NOW)

    text = Page(desk.get(rynek.url())).text

    assert "confirmed" in text
    assert "cancelled" in text


def test_patients_who_cannot_be_reached_are_listed_first(rynek: House, desk: Client) -> None:
    lost = make_patient(rynek.clinic, "Jan Niemy", email="", phone_number="")
    for number in range(7):
        book(lost, rynek.calendar, NOW + DAYS + number * HOURS)

    page = Page(desk.get(rynek.url()))

    assert "Call these patients" in page.text
    assert page.text.count("Jan Niemy") == 5
    assert "There are more; the soonest are shown." in page.text


def test_failed_messages_are_listed(rynek: House, desk: Client) -> None:
    Delivery.objects.filter(message__kind="details", channel="email").update(
        state="failed", reason="refused", facts={"code": "smtp-550"}, ended_at=NOW
    )

    text = Page(desk.get(rynek.url())).text

    assert "Messages that may not have arrived" in text
    assert "Zofia Pawłowska-Gąsior" in text


@pytest.mark.parametrize("who", ["assistant", "admin"])
def test_pause_is_announced_to_all_and_ended_by_the_administrator(
    who: str, rynek: House, desk: Client, office: Client
) -> None:
    pause_sending(clinic=rynek.clinic, actor=SYSTEM, at=NOW)

    page = Page((desk if who == "assistant" else office).get(rynek.url()))

    assert "All sending of messages stands still" in page.text
    assert ("Go on sending" in page.buttons()) == (who == "admin")


def test_queries_do_not_grow_with_the_day(rynek: House, desk: Client) -> None:
    book(rynek.patient, rynek.calendar, NOW + HOURS)
    one = queries_of(lambda: desk.get(rynek.url()))
    lost = make_patient(rynek.clinic, "Jan Niemy", email="", phone_number="")
    for number in range(30):
        calendar = make_calendar(rynek.clinic, f"dr {number}")
        book(lost if number % 2 else rynek.patient, calendar, NOW + HOURS)
    Delivery.objects.filter(message__kind="details").update(state="unknown", ended_at=NOW)

    assert queries_of(lambda: desk.get(rynek.url())) == one
    assert one <= 10


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "11:00, Bucharest time"),
        ("pl", "11:00, czas lokalny: Bukareszt"),
        ("de", "11:00, Ortszeit Bukarest"),
        ("ro", "11:00, ora locală: București"),
    ],
)
def test_calendar_in_another_zone_says_its_own_time(language: str, words: str, rynek: House) -> None:
    rynek.assistant.language = language
    rynek.assistant.save()
    abroad = make_calendar(rynek.clinic, "dr Ana Popescu")
    Calendar.objects.filter(pk=abroad.pk).update(time_zone="Europe/Bucharest")
    for calendar in (abroad, rynek.calendar):
        book(make_patient(rynek.clinic, "Jan Kowalski", email="", phone_number=""), calendar, NOW + HOURS)

    page = Page(logged_in(rynek.assistant).get(rynek.url()))

    # Once among those to call, once on the day's list; that the other is in the clinic's goes without saying.
    assert page.text.count(words) == 2
    assert page.text.count("10:00") == 4


def test_zone_with_the_same_time_of_day_is_not_mentioned(rynek: House, desk: Client) -> None:
    Calendar.objects.filter(pk=rynek.calendar.pk).update(time_zone="Europe/Berlin")
    book(rynek.patient, rynek.calendar, NOW + HOURS)

    assert "Berlin" not in Page(desk.get(rynek.url())).text
