"""The staff calendar as a page: what stands where, for whom, and at which cost (D3, D4, F15)."""

from datetime import date, time, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.html import Element
from django.test.utils import CaptureQueriesContext

from clinic.appointments.enums import CancelledBy, Status
from clinic.appointments.operations import cancel, confirm, mark
from clinic.audit.operations import PATIENT, SYSTEM
from clinic.calendars.absences import add_absence
from clinic.calendars.day_hours import set_day_exception
from clinic.lib import clock
from clinic.models import Calendar, Patient
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
from tests.factories.page import Page, text_of

URL = "calendar/"


def page_of(client: Client, house: House, query: str = "") -> Page:
    response = client.get(house.url(f"{URL}{query}"))
    assert response.status_code == 200
    return Page(response)


def attributes_of(node: Element) -> dict[str, str]:
    return {name: value or "" for name, value in node.attributes}


def columns(page: Page) -> dict[tuple[str, str], str]:
    found = page.all("section", lambda it: "column" in it.get("class", "").split())
    result = {}
    for node in found:
        attributes = attributes_of(node)
        result[attributes["data-calendar"], attributes["data-day"]] = text_of(node)
    return result


def visits(page: Page) -> list[dict[str, str]]:
    return [attributes_of(node) for node in page.all("li", lambda it: "visit" in it.get("class", "").split())]


@pytest.fixture
def other(rynek: House) -> Calendar:
    return make_calendar(rynek.clinic, "dr Alicja Lis")


def test_day_has_a_column_for_each_calendar(rynek: House, other: Calendar, desk: Client) -> None:
    book(rynek.patient, other, NOW + HOURS)

    page = page_of(desk, rynek)

    found = columns(page)
    assert list(found) == [(str(other.pk), "2027-05-03"), (str(rynek.calendar.pk), "2027-05-03")]
    assert "10:00" in found[str(other.pk), "2027-05-03"]
    assert "Zofia" in found[str(other.pk), "2027-05-03"]
    assert "Zofia" not in found[str(rynek.calendar.pk), "2027-05-03"]
    (visit,) = visits(page)
    assert "r24" in visit["class"].split()
    assert "u30" in visit["class"].split()


def test_week_shows_one_calendar_from_monday_to_friday(rynek: House, desk: Client) -> None:
    for name in ("dr A", "dr B"):
        make_calendar(rynek.clinic, name)
    query = f"?view=week&day=2027-05-13&calendar={rynek.calendar.pk}"

    page = page_of(desk, rynek, query)

    days = [f"2027-05-{day}" for day in range(10, 15)]
    assert list(columns(page)) == [(str(rynek.calendar.pk), day) for day in days]
    assert "10–14 May 2027" in page.heading
    links = [attributes_of(node).get("href", "") for node in page.all("a")]
    assert rynek.url(f"calendar/?view=week&day=2027-05-06&calendar={rynek.calendar.pk}") in links
    assert rynek.url(f"calendar/?view=week&day=2027-05-20&calendar={rynek.calendar.pk}") in links
    assert rynek.url(f"calendar/?view=day&day=2027-05-13&calendar={rynek.calendar.pk}") in links


def test_week_begins_with_the_practitioners_own_calendar(rynek: House) -> None:
    for name in ("dr A", "dr B"):
        make_calendar(rynek.clinic, name)
    person = rynek.calendar.practitioner
    person.user = rynek.practitioner
    person.save()

    own = page_of(logged_in(rynek.practitioner), rynek, "?view=week")
    everybodys = page_of(logged_in(rynek.practitioner), rynek, "?view=week&calendar=all")

    assert {pk for pk, _day in columns(own)} == {str(rynek.calendar.pk)}
    assert len({pk for pk, _day in columns(everybodys)}) == 3


def test_weekend_is_shown_where_something_is_booked(rynek: House, desk: Client) -> None:
    book(rynek.patient, rynek.calendar, NOW + 5 * DAYS)

    assert [day for _pk, day in columns(page_of(desk, rynek, "?view=week"))] == [
        "2027-05-03", "2027-05-04", "2027-05-05", "2027-05-06", "2027-05-07", "2027-05-08",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "query", ["?day=tomorrow", "?day=9999-12-31", "?day=0001-01-01", "?view=year", "?calendar=x&calendar=-1"]
)
def test_what_cannot_be_read_counts_as_not_said(query: str, rynek: House, desk: Client) -> None:
    assert list(columns(page_of(desk, rynek, query))) == [(str(rynek.calendar.pk), "2027-05-03")]


def test_states_and_marks_say_what_they_are(rynek: House, desk: Client) -> None:
    made = {}
    for number, name in enumerate(("Booked", "Confirmed", "Done", "Missed", "Cancelled", "Silent")):
        card = make_patient(rynek.clinic, name)
        made[name] = book(card, rynek.calendar, NOW + number * HOURS)
    Patient.objects.filter(name="Silent").update(phone="", email_bounced_at=NOW)
    confirm(appointment_id=made["Confirmed"].pk, actor=PATIENT, at=NOW)
    mark(appointment_id=made["Done"].pk, status=Status.DONE, actor=SYSTEM, at=NOW + 2 * HOURS)
    mark(appointment_id=made["Missed"].pk, status=Status.NO_SHOW, actor=SYSTEM, at=NOW + 4 * HOURS)
    cancel(appointment_id=made["Cancelled"].pk, by=CancelledBy.CLINIC, actor=SYSTEM, at=NOW)

    page = page_of(desk, rynek)

    states = {
        attributes_of(node)["data-pk"]: (
            next(one for one in attributes_of(node)["class"].split() if one.startswith("visit-")),
            text_of(node),
        )
        for node in page.all("li", lambda it: "visit" in it.get("class", "").split())
    }
    assert {name: states.get(str(visit.pk), ("", ""))[0] for name, visit in made.items()} == {
        "Booked": "visit-booked", "Confirmed": "visit-confirmed", "Done": "visit-done",
        "Missed": "visit-no_show", "Cancelled": "", "Silent": "visit-booked",
    }  # fmt: skip
    assert states[str(made["Confirmed"].pk)][1].endswith("confirmed")
    assert states[str(made["Done"].pk)][1].endswith("done")
    assert states[str(made["Missed"].pk)][1].endswith("did not come")
    assert states[str(made["Silent"].pk)][1].endswith("unreachable")
    # What is over or cancelled is not taken hold of.
    movable = {visit["data-pk"] for visit in visits(page) if "data-version" in visit}
    assert movable == {str(made[name].pk) for name in ("Booked", "Confirmed", "Silent")}


def test_hours_absences_and_exceptions_are_said_in_words(rynek: House, other: Calendar, desk: Client) -> None:
    set_day_exception(calendar=other, day=date(2027, 5, 4), hours=[(time(9), time(11))], actor=SYSTEM, at=NOW)
    set_day_exception(calendar=other, day=date(2027, 5, 5), hours=[], actor=SYSTEM, at=NOW)
    add_absence(
        practitioner=rynek.calendar.practitioner, starts_at=NOW + DAYS, ends_at=NOW + DAYS + 2 * HOURS,
        actor=SYSTEM, at=NOW,
    )  # fmt: skip
    add_absence(practitioner=other.practitioner, starts_at=NOW + 3 * DAYS, ends_at=None, actor=SYSTEM, at=NOW)

    week = columns(page_of(desk, rynek, "?view=week&calendar=all"))

    tuesday = week[str(other.pk), "2027-05-04"]
    assert "Other hours: 09:00–11:00" in tuesday
    assert "Other hours: closed" in week[str(other.pk), "2027-05-05"]
    assert "08:00–12:00, 13:00–16:00" in week[str(rynek.calendar.pk), "2027-05-03"]
    assert "Absent · back 11:00" in week[str(rynek.calendar.pk), "2027-05-04"]
    assert "Absent until further notice" in week[str(other.pk), "2027-05-06"]
    assert "Absent until further notice" in week[str(other.pk), "2027-05-07"]
    assert "Absent" not in week[str(other.pk), "2027-05-05"]


def test_repeated_and_skipped_hours_are_said(rynek: House, desk: Client) -> None:
    night = [(time(1), time(5))]
    for day in (date(2027, 3, 28), date(2027, 10, 31)):
        set_day_exception(calendar=rynek.calendar, day=day, hours=night, actor=SYSTEM, at=NOW)
    # 02:30 by summer time, and an hour later 02:30 by winter time.
    autumn = NOW.replace(month=10, day=31, hour=0, minute=30)
    book(rynek.patient, rynek.calendar, autumn)
    book(rynek.patient, rynek.calendar, autumn + HOURS)

    with clock.held_at(NOW):
        spring_text = columns(page_of(desk, rynek, "?day=2027-03-28"))[str(rynek.calendar.pk), "2027-03-28"]
        page = page_of(desk, rynek, "?day=2027-10-31")

    assert "The clocks go forward: this hour does not exist." in spring_text
    text = columns(page)[str(rynek.calendar.pk), "2027-10-31"]
    assert "The clocks go back: this hour comes a second time." in text
    assert text.index("02:30 –02:00 first time this hour") < text.index("02:30 –03:00 second time this hour")
    rows = [visit["class"] for visit in visits(page)]
    assert [("r18 u24" in rows[0]), ("r30 u36" in rows[1])] == [True, True]


def test_other_clinics_appointments_are_nowhere(rynek: House, markt: House, desk: Client) -> None:
    book(markt.patient, markt.calendar, NOW + HOURS)

    page = page_of(desk, rynek, f"?calendar={markt.calendar.pk}&view=week")

    assert "Kanarienvogel" not in page.html
    assert "Storch" not in page.html


def test_as_many_questions_however_full_it_is(rynek: House, desk: Client) -> None:
    def asked(query: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert desk.get(rynek.url(f"{URL}{query}")).status_code == 200
        return len(queries)

    few = {query: asked(query) for query in ("", "?view=week", "?view=week&calendar=all")}
    for number in range(4):
        calendar = make_calendar(rynek.clinic, f"dr {number}")
        set_day_exception(
            calendar=calendar, day=date(2027, 5, 4), hours=[(time(9), time(11))], actor=SYSTEM, at=NOW
        )
        add_absence(
            practitioner=calendar.practitioner, starts_at=NOW, ends_at=NOW + HOURS, actor=SYSTEM, at=NOW
        )
        for place in range(10):
            book(rynek.patient, calendar, NOW + number * DAYS + place * 30 * MINUTES)

    many = {query: asked(query) for query in few}

    assert few == many == dict.fromkeys(few, 8)


def test_short_ones_are_drawn_larger(rynek: House, desk: Client) -> None:
    page = page_of(desk, rynek)
    (diary,) = page.all("div", lambda it: it.get("id") == "diary")
    assert "scale-20" in attributes_of(diary)["class"].split()

    visit = book(rynek.patient, rynek.calendar, NOW)
    type(visit).objects.filter(pk=visit.pk).update(ends_at=NOW + timedelta(minutes=5))

    (diary,) = page_of(desk, rynek).all("div", lambda it: it.get("id") == "diary")
    assert "scale-5" in attributes_of(diary)["class"].split()


def test_empty_clinic_says_what_to_do(rynek: House, desk: Client) -> None:
    rynek.appointment.delete()
    Calendar.objects.all().delete()

    page = page_of(desk, rynek)

    assert "There is no calendar yet." in page.text


def test_second_main_page_is_the_calendar(rynek: House, desk: Client) -> None:
    page = page_of(desk, rynek)

    (nav,) = page.all("nav", lambda it: it.get("aria-label") == "Main pages")
    links = [text_of(one) for one in nav.children if getattr(one, "name", "") == "a"]
    assert links[:2] == ["Today", "Calendar"]


def test_print_lists_time_name_service_phone_and_marks(rynek: House, other: Calendar, desk: Client) -> None:
    visit = book(rynek.patient, rynek.calendar, NOW + HOURS)
    confirm(appointment_id=visit.pk, actor=PATIENT, at=NOW)

    page = Page(desk.get(rynek.url("calendar/print/?day=2027-05-03&view=week")))

    rows = [text_of(node) for node in page.all("tr")][1:]
    assert rows == ["10:00–10:30 Zofia Pawłowska-Gąsior Consultation +48 512 345 678 confirmed"]
    assert [text_of(node) for node in page.all("h2")] == ["dr Alicja Lis", "dr Tomasz Wilczek"]
