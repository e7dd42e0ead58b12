"""The page that says that it is booked: to the browser that booked it alone."""

from django.test import Client

from clinic.appointments.enums import CancelledBy
from clinic.appointments.operations import cancel
from clinic.audit.operations import SYSTEM
from tests.factories.booking import START, book_online, booked, open_for_booking
from tests.factories.house import NOW, House
from tests.factories.page import Page


def test_page_says_what_is_booked(rynek: House, client: Client) -> None:
    first = open_for_booking(rynek)

    page = Page(client.get(book_online(client, rynek)["Location"]))

    assert page.heading == "Thursday 20 May 2027, 10:00"
    for text in (
        "Your appointment is booked.",
        "Consultation, 30 minutes",
        "dr Tomasz Wilczek",
        "1 Square, Town",
    ):
        assert text in page.text
    for secret in ("Adam", "adam@"):
        assert secret not in page.html
    assert first in page.links()


def test_others_choose_a_service(rynek: House, markt: House, client: Client) -> None:
    first = open_for_booking(rynek)
    open_for_booking(markt)
    book_online(client, rynek)

    assert Client().get(f"{first}done/")["Location"] == first
    theirs = f"/p/{markt.calendar.practitioner.slug}/book/"
    carried = Client()
    carried.cookies["booked"] = client.cookies["booked"].value
    assert carried.get(f"{theirs}done/")["Location"] == theirs
    carried.cookies["booked"] = "forged"
    assert carried.get(f"{first}done/")["Location"] == first


def test_an_appointment_that_is_cancelled_is_not_said_to_be_booked(rynek: House, client: Client) -> None:
    first = open_for_booking(rynek)
    book_online(client, rynek, START)
    cancel(appointment_id=booked(rynek)[0].pk, by=CancelledBy.CLINIC, actor=SYSTEM, at=NOW)

    assert client.get(f"{first}done/")["Location"] == first
