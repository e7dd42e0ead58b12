"""The next free times for a length or a service, as ways into the booking (D3)."""

from datetime import time

from django.test import Client

from clinic.audit.operations import SYSTEM
from clinic.calendars.absences import add_absence
from clinic.calendars.operations import create_service, set_opening_hours
from tests.factories.house import DAYS, HOURS, HTMX, NOW, House, book, make_calendar
from tests.factories.page import Page, queries_of, text_of

URL = "calendar/free/"


def found(page: Page) -> list[tuple[str, str]]:
    lists = page.all("ol", lambda it: it.get("class") == "free-times")
    return [
        (text_of(link), dict(link.attributes)["href"])
        for node in lists
        for item in node.children
        for link in getattr(item, "children", [])
        if getattr(link, "name", "") == "a"
    ]


def test_ten_next_times_over_all_calendars(rynek: House, desk: Client) -> None:
    other = make_calendar(rynek.clinic, "dr Alicja Lis")
    set_opening_hours(calendar=other, week={1: [(time(9), time(10))]}, actor=SYSTEM, at=NOW)
    book(rynek.patient, rynek.calendar, NOW)

    page = Page(desk.get(rynek.url(f"{URL}?service=&minutes=40&calendar=&day=2027-05-03")))

    rows = found(page)
    assert len(rows) == 10
    assert [row[0] for row in rows[:3]] == [
        "Monday 3 May 2027, 09:30 dr Tomasz Wilczek",
        "Monday 3 May 2027, 10:00 dr Tomasz Wilczek",
        "Monday 3 May 2027, 10:30 dr Tomasz Wilczek",
    ]
    assert "Tuesday 4 May 2027, 09:00 dr Alicja Lis" in [row[0] for row in rows] + [
        row[0] for row in found(Page(desk.get(rynek.url(f"{URL}?minutes=40&day=2027-05-04"))))
    ]


def test_service_is_looked_for_where_it_is_offered(rynek: House, desk: Client) -> None:
    other = make_calendar(rynek.clinic, "dr Alicja Lis")
    long = create_service(calendar=other, name="Surgery", minutes=120, actor=SYSTEM, at=NOW)

    rows = found(Page(desk.get(rynek.url(f"{URL}?service={long.pk}&minutes=&calendar=&day=2027-05-03"))))

    assert {text.partition("dr ")[2] for text, _href in rows} == {"Alicja Lis Surgery"}
    assert rows[0][1] == rynek.url(
        f"appointments/book/?calendar={other.pk}&service={long.pk}&day=2027-05-03&time=09:00"
    )


def test_practitioner_who_is_away_is_passed_by(rynek: House, desk: Client) -> None:
    add_absence(
        practitioner=rynek.calendar.practitioner, starts_at=NOW, ends_at=NOW + 30 * DAYS, actor=SYSTEM, at=NOW
    )

    rows = found(Page(desk.get(rynek.url(f"{URL}?minutes=30&calendar={rynek.calendar.pk}&day=2027-05-03"))))

    assert rows[0][0] == "Wednesday 2 June 2027, 09:00 dr Tomasz Wilczek Consultation"


def test_nothing_within_half_a_year_is_said(rynek: House, desk: Client) -> None:
    add_absence(
        practitioner=rynek.calendar.practitioner, starts_at=NOW - HOURS, ends_at=None, actor=SYSTEM, at=NOW
    )

    page = Page(desk.get(rynek.url(f"{URL}?minutes=30&day=2027-05-03")))

    assert "No free time of this length within half a year." in page.text


def test_as_many_queries_for_many_calendars_as_for_one(rynek: House, desk: Client) -> None:
    url = rynek.url(f"{URL}?minutes=30&day=2027-05-03")
    one = queries_of(lambda: desk.get(url))
    for number in range(4):
        book(rynek.patient, make_calendar(rynek.clinic, f"dr {number}"), NOW)

    assert queries_of(lambda: desk.get(url)) == one


def test_bad_questions_are_said_beside_the_field(rynek: House, markt: House, desk: Client) -> None:
    for query, field, error in (
        ("minutes=0&day=2027-05-03", "minutes", "Ensure this value is greater than or equal to 1."),
        ("minutes=&day=2027-05-03", "minutes", "Please choose a service, or write how long it takes."),
        ("minutes=30&day=soon", "day", "This is not a date. Write it like 2027-05-31."),
    ):
        response = desk.get(rynek.url(f"{URL}?{query}"))
        assert response.status_code == 422
        assert Page(response).error(field) == error
    response = desk.get(rynek.url(f"{URL}?minutes=30&day=2027-05-03&calendar={markt.calendar.pk}"))
    assert response.status_code == 422
    assert "Storch" not in response.content.decode()


def test_dialog_gets_its_part_alone(rynek: House, desk: Client) -> None:
    page = Page(desk.get(rynek.url(URL), headers=HTMX))

    assert not page.all("html")
    assert page.fields["minutes"] == "30"
