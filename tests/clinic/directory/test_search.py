"""Whom the public search finds, in which order (D1)."""

import pytest

from clinic.audit.operations import SYSTEM
from clinic.calendars.operations import change_calendar, create_calendar, create_service, stop_service
from clinic.directory.operations import change_profile
from clinic.directory.search import Wanted, find_listings
from clinic.models import Calendar, Clinic, Listing, Service
from tests.factories.directory import listed
from tests.factories.house import NOW, House, make_calendar


def place(calendar: Calendar, city: str, *, address: str = "1 Square") -> Calendar:
    """Let a calendar be in another city."""
    change_calendar(
        calendar=calendar, name=calendar.name, address=address, city=city, phone="", change_until_hours=0,
        actor=SYSTEM, at=NOW,
    )  # fmt: skip
    return calendar


def names(**typed: str) -> list[str]:
    """Return whom a search finds, in order."""
    return [one.practitioner.name for one in find_listings(Wanted(**typed)).rows]


@pytest.fixture
def town(rynek: House, markt: House) -> House:
    """Practitioners in and around Wrocław, one in Berlin, and one who is not listed."""
    listed(place(rynek.calendar, "Wrocław"), specialty="Kardiologia")
    listed(place(make_calendar(rynek.clinic, "dr Łucja Żuraw"), "Oława"), specialty="Dermatologia")
    listed(place(make_calendar(rynek.clinic, "dr Adam Lis"), "Brzeg"), specialty="Dermatologia")
    place(make_calendar(rynek.clinic, "dr Cichy"), "Wrocław")
    listed(place(markt.calendar, "Berlin"), specialty="Orthopädie")
    return rynek


def test_everybody_listed_is_found_by_name(town: House) -> None:
    assert names() == ["dr Adam Lis", "Dr. Greta Storch", "dr Łucja Żuraw", "dr Tomasz Wilczek"]


@pytest.mark.parametrize("typed", ["Wrocław", "wroclaw", " WROCLAW ", "Breslau"])
def test_city_comes_first_then_what_is_near(town: House, typed: str) -> None:
    found = find_listings(Wanted(city=typed))

    rows = list(found.rows)
    assert [one.practitioner.name for one in rows] == ["dr Tomasz Wilczek", "dr Łucja Żuraw", "dr Adam Lis"]
    assert [found.distance_of(one) for one in rows] == [0, 25, 41]
    assert found.reach_km == 50


def test_nobody_near_means_who_is_further_away(town: House) -> None:
    found = find_listings(Wanted(city="Poznań"))

    assert [one.practitioner.name for one in found.rows] == [
        "dr Tomasz Wilczek", "dr Łucja Żuraw", "dr Adam Lis",
    ]  # fmt: skip
    assert found.reach_km == 200


def test_city_that_no_table_knows_is_found_by_its_name(town: House) -> None:
    place(town.calendar, "Żółkiewka-Dół")

    assert names(city="zolkiewka") == ["dr Tomasz Wilczek"]
    assert names(city="Nowhere") == []


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ({"what": "dermat"}, ["dr Adam Lis", "dr Łucja Żuraw"]),
        ({"what": "orthopadie"}, ["Dr. Greta Storch"]),
        ({"what": "consultation kardio"}, ["dr Tomasz Wilczek"]),
        ({"who": "zuraw lucja"}, ["dr Łucja Żuraw"]),
        ({"who": "rynek lis"}, ["dr Adam Lis"]),
        ({"who": "dermatologia"}, []),
        ({"what": "wilczek"}, []),
        ({"who": "cichy"}, []),
        ({"what": "dermat", "city": "brzeg"}, ["dr Adam Lis", "dr Łucja Żuraw"]),
        ({"who": "%"}, []),
        ({"who": "_"}, []),
        ({"what": "' OR 1=1 --"}, []),
    ],
)
def test_every_word_must_fit(town: House, typed: dict[str, str], expected: list[str]) -> None:
    assert names(**typed) == expected


def test_services_are_found_as_they_are_offered(town: House) -> None:
    service = create_service(
        calendar=town.calendar, name="Usunięcie znamienia", minutes=30, actor=SYSTEM, at=NOW
    )
    assert names(what="usuniecie") == ["dr Tomasz Wilczek"]

    stop_service(service=Service.objects.get(pk=service.pk), actor=SYSTEM, at=NOW)

    assert names(what="usuniecie") == []


def test_new_address_of_somebody_listed_is_found(town: House) -> None:
    second = create_calendar(
        practitioner=town.calendar.practitioner, name="Second", address="ul. Nowa 2", city="Legnica",
        actor=SYSTEM, at=NOW,
    )  # fmt: skip

    found = find_listings(Wanted(city="Legnica", who="wilczek")).rows

    assert found[0].calendar == second
    assert names(who="wilczek") == ["dr Tomasz Wilczek", "dr Tomasz Wilczek"]


def test_who_is_taken_out_is_not_found(town: House) -> None:
    change_profile(
        practitioner=town.calendar.practitioner, is_listed=False, specialty="", about="", actor=SYSTEM, at=NOW
    )  # fmt: skip

    assert names(who="wilczek") == []
    assert not Listing.objects.filter(calendar=town.calendar).exists()


def test_name_of_the_clinic_is_one_of_the_words(town: House) -> None:
    assert Clinic.objects.filter(name="Praxis am Markt").exists()
    assert names(who="am markt") == ["Dr. Greta Storch"]
