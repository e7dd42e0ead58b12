"""The first screen of online booking: which service, and where (D2)."""

import pytest
from django.test import Client

from clinic.audit.operations import SYSTEM
from clinic.calendars.operations import create_service
from clinic.models import Practitioner, Service
from tests.factories.booking import booking_url, open_for_booking
from tests.factories.house import NOW, House, make_calendar
from tests.factories.page import Page


@pytest.fixture
def url(rynek: House) -> str:
    return open_for_booking(rynek)


def test_page_shows_what_can_be_booked_and_leads_to_the_times(rynek: House, url: str, client: Client) -> None:
    create_service(
        calendar=rynek.calendar, name="Staff alone", minutes=20, is_online=False, actor=SYSTEM, at=NOW
    )
    create_service(calendar=rynek.calendar, name="Dear", minutes=20, price=180, actor=SYSTEM, at=NOW)  # type: ignore[arg-type]

    page = Page(client.get(url))

    assert page.heading == "dr Tomasz Wilczek"
    assert booking_url(rynek) in page.links()
    assert "Consultation 30 minutes" in page.text
    assert "Dear 20 minutes · PLN180" in page.text
    assert "Staff alone" not in page.text
    assert "71 000 12 30" in page.text


def test_services_stand_under_their_places(rynek: House, url: str, client: Client) -> None:
    second = make_calendar(rynek.clinic, "dr Alicja Lis", address="2 Street")
    second.practitioner = rynek.calendar.practitioner
    second.save()
    assert "2 Street" not in Page(client.get(url)).text  # that calendar books nobody online
    open_for_booking(rynek, second)

    page = Page(client.get(url))

    assert [str(node.children[0]) for node in page.all("h2")] == ["2 Street, Town", "1 Square, Town"]
    assert booking_url(rynek, service=second.services.get()) in page.links()


def test_practitioner_whom_nobody_books_online_is_not_there_unless_listed(
    rynek: House, client: Client
) -> None:
    url = f"/p/{rynek.calendar.practitioner.slug}/book/"
    assert client.get(url).status_code == client.get("/p/nobody/book/").status_code == 404
    Practitioner.objects.filter(pk=rynek.calendar.practitioner_id).update(is_listed=True)

    page = Page(client.get(url))

    assert "Nothing can be booked online here at the moment. Please call us." in page.text
    assert "71 000 12 30" in page.text


def test_page_speaks_the_language_that_is_asked_for_and_hands_it_on(
    rynek: House, url: str, client: Client
) -> None:
    page = Page(client.get(f"{url}?language=de", headers={"Accept-Language": "pl"}))

    assert f"{booking_url(rynek)}?language=de" in page.links()
    assert client.get(url, headers={"Accept-Language": "pl"})["Content-Language"] == "pl"


def test_service_that_is_gone_leads_back_to_the_others(rynek: House, url: str, client: Client) -> None:
    create_service(calendar=rynek.calendar, name="Other", minutes=20, actor=SYSTEM, at=NOW)
    Service.objects.filter(pk=rynek.service.pk).update(is_offered=False)

    for response in (client.get(booking_url(rynek)), client.post(booking_url(rynek), {"start": "x"})):
        page = Page(response)
        assert response.status_code == 409
        assert page.alerts == ["This service cannot be booked here any more. Please choose another one."]
        assert "Other" in page.text


def test_another_practitioners_service_is_not_found(
    rynek: House, markt: House, url: str, client: Client
) -> None:
    """A1: neither another clinic's service nor a colleague's under this address."""
    open_for_booking(markt)
    colleague = make_calendar(rynek.clinic, "dr Alicja Lis")
    open_for_booking(rynek, colleague)
    for service in (markt.service, colleague.services.get()):
        for response in (
            client.get(booking_url(rynek, service=service)),
            client.post(booking_url(rynek, service=service), {"start": "20270520t0800z"}),
            client.post(f"{booking_url(rynek, service=service)}20270520t0800z/", {}),
        ):
            assert response.status_code == 404
    assert client.get(f"/p/{rynek.calendar.practitioner.slug}/book/{10**30}/").status_code == 404
