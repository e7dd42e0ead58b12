"""The public search page (D1)."""

from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from clinic.audit.operations import SYSTEM
from clinic.calendars.absences import add_absence
from clinic.calendars.operations import change_calendar
from clinic.models import Calendar, Service
from tests.factories.directory import held, listed, write
from tests.factories.house import DAYS, HOURS, NOW, House, book, make_calendar, make_patient
from tests.factories.page import Page, text_of


def results(response: Any) -> list[str]:
    """Return what each result says."""
    page = Page(response)
    lists = page.all("ol", lambda it: it.get("class") == "found")
    return [text_of(one) for found in lists for one in found.children if text_of(one)]


def in_city(calendar: Calendar, city: str) -> None:
    change_calendar(
        calendar=calendar, name=calendar.name, address="1 Square", city=city, phone="", change_until_hours=0,
        actor=SYSTEM, at=NOW,
    )  # fmt: skip


@pytest.fixture
def online(rynek: House) -> House:
    """Rynek, listed, in Oława, booking online from now on."""
    in_city(rynek.calendar, "Oława")
    listed(rynek.calendar)
    Calendar.objects.filter(pk=rynek.calendar.pk).update(books_online=True, online_notice_hours=2)
    return rynek


def test_result_says_who_where_how_good_and_when(online: House) -> None:
    write(held(online), 5)
    write(held(online, days_ago=3, patient=make_patient(online.clinic, "Jan Szary")), 4)

    response = Client().get("/find/", {"city": "Wroclaw", "what": "dermat"})

    # Monday, 9:00; two hours' notice; half-hour services from 8:00.
    assert results(response) == [
        "dr Tomasz Wilczek dermatology Gabinety Rynek · 1 Square, Oława · 25 km away "
        "4.5 of 5 stars 2 reviews Next free time: today at 11:00"
    ]
    assert "1 result, up to 50 km away" in Page(response).text


@pytest.mark.parametrize("why", ["off", "absent", "no service", "no hours", "full"])
def test_no_free_time_is_promised_where_there_is_none(why: str, online: House) -> None:
    calendar = online.calendar
    if why == "off":
        Calendar.objects.update(books_online=False)
    elif why == "absent":
        add_absence(practitioner=calendar.practitioner, starts_at=NOW, ends_at=None, actor=SYSTEM, at=NOW)
    elif why == "no service":
        Service.objects.update(is_online=False)
    elif why == "no hours":
        calendar.opening_hours.all().delete()
    else:
        Calendar.objects.update(online_horizon_days=1)
        # The rest of today, and all of tomorrow.
        for start in (NOW + 2 * HOURS, NOW + DAYS - HOURS, NOW + DAYS + 4 * HOURS):
            book(online.patient, calendar, start, minutes=300)

    assert "Next free time" not in results(Client().get("/find/"))[0]


def test_queries_do_not_grow_with_the_results(online: House) -> None:
    def queries(at: datetime = NOW) -> int:
        with CaptureQueriesContext(connection) as seen:
            assert Client().get("/find/?city=wroclaw").status_code == 200
        return len(seen)

    one = queries()
    for number in range(25):
        other = make_calendar(online.clinic, f"dr {number}")
        in_city(other, "Oława")
        listed(other)
    Calendar.objects.update(books_online=True)

    assert queries() == one == 11


def test_twenty_stand_on_a_page(online: House) -> None:
    for number in range(22):
        listed(make_calendar(online.clinic, f"dr {number:02}"))

    first, second, beyond = (Client().get(f"/find/?page={page}&who=dr&language=en") for page in (1, 2, 99))

    assert [len(results(one)) for one in (first, second, beyond)] == [20, 3, 3]
    assert [it["href"] for it in links(first, "next")] == ["/find/?who=dr&page=2&language=en"]
    assert [it["href"] for it in links(second, "prev")] == ["/find/?who=dr&page=1&language=en"]
    assert links(second, "next") == links(first, "prev") == []


def links(response: Any, rel: str) -> list[dict[str, Any]]:
    return [dict(one.attributes) for one in Page(response).all("a", lambda it: it.get("rel") == rel)]


def test_what_was_typed_stays_and_is_only_text(online: House) -> None:
    typed = {"city": '"><img src=x>', "what": "{{ settings.SECRET_KEY }}", "who": "<b>x</b>"}

    response = Client().get("/find/", typed)
    page = Page(response)

    assert response.status_code == 200
    assert {name: page.fields[name] for name in typed} == typed
    assert not page.all("img")
    assert "Nobody was found." in page.text


@pytest.mark.parametrize("query", ["page=x", "page=-1", "page=" + "9" * 400, "city=%00", "what=" + "a" * 3000,
                                   "who=%ff", "city=%E2%80%AEx", "language=xx"])  # fmt: skip
def test_strange_addresses_are_pages_all_the_same(query: str, online: House) -> None:
    assert Client().get(f"/find/?{query}").status_code == 200


def test_visitor_gets_no_cookie_and_no_script(online: House) -> None:
    for url in ("/find/", "/p/dr-tomasz-wilczek/", "/clinic/rynek/"):
        response = Client().get(url)

        assert not response.cookies
        assert not Page(response).all("script")
        assert "csrf" not in response.content.decode()


def test_page_names_itself_in_every_language(online: House, settings: Any) -> None:
    settings.PUBLIC_URL = "https://anteroom.example"
    response = Client().get("/find/?what=derm&language=de&city=", headers={"Accept-Language": "pl"})
    page = Page(response)
    heads = {
        it.get("hreflang") or it["rel"]: it["href"]
        for it in (dict(one.attributes) for one in page.all("link"))
    }

    assert response["Content-Language"] == "de"
    assert dict(page.all("html")[0].attributes)["lang"] == "de"
    own = "https://anteroom.example/find/?what=derm"
    assert heads["canonical"] == f"{own}&language=de"
    assert heads["x-default"] == own
    assert {code: heads[code] for code in ("en", "pl", "ro")} == {
        code: f"{own}&language={code}" for code in ("en", "pl", "ro")
    }
    assert page.fields["language"] == "de"


def test_names_of_people_are_not_indexed(online: House) -> None:
    def is_indexed(query: str) -> bool:
        page = Page(Client().get(f"/find/?{query}"))
        return not page.all("meta", lambda it: it.get("name") == "robots")

    assert is_indexed("city=Wroclaw")
    assert not is_indexed("who=wilczek")
    assert not is_indexed("city=Nowhere")


def test_log_in_page_leads_patients_on(online: House) -> None:
    assert Page(Client().get("/log-in/")).all("a", lambda it: it.get("href") == "/find/")
