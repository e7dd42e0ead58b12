"""The table of cities, and what calendars take from it (D1)."""

import csv

import pytest

from clinic.audit.operations import SYSTEM
from clinic.calendars.cities import COUNTRIES, TABLE, distance_km, find_city
from clinic.calendars.operations import change_calendar, create_calendar
from clinic.models import Clinic
from tests.factories.house import NOW, House


@pytest.mark.parametrize(
    ("typed", "country"),
    [
        ("Wrocław", "PL"), ("wroclaw", "PL"), ("  WROCŁAW ", "PL"), ("50-001 Wrocław", "PL"), ("Wrocław, Krzyki", "PL"),
        ("Warschau", "PL"), ("München", "DE"), ("munchen", "DE"), ("Muenchen", "DE"), ("Köln", "DE"), ("Cologne", "DE"),
        ("Wien", "AT"), ("Zürich", "CH"), ("București", "RO"), ("Iaşi", "RO"), ("Iași", "RO"), ("Frankfurt", "DE"),
        ("London", "GB"), ("Oława", "PL"),
    ],
)  # fmt: skip
def test_city_is_found_however_it_is_typed(typed: str, country: str) -> None:
    found = find_city(typed)

    assert found is not None
    assert found.country == country


def test_country_narrows() -> None:
    berlin = find_city("Berlin", "DE")

    assert berlin is not None
    assert (round(berlin.latitude, 1), round(berlin.longitude, 1)) == (52.5, 13.4)
    assert find_city("Berlin", "RO") is None
    assert find_city("") is None
    assert find_city("Nowhere") is None


def test_distance_is_along_the_earth() -> None:
    wroclaw, berlin = (51.103, 17.03), (52.524, 13.411)

    assert round(distance_km(wroclaw, berlin)) == 295
    assert distance_km(wroclaw, wroclaw) == 0


def test_table_is_sound() -> None:
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))

    assert len(rows) > 5_000
    for country, latitude, longitude, names in rows:
        assert country in COUNTRIES
        assert 34 < float(latitude) < 61  # British soil on Cyprus, to Shetland
        assert -9 < float(longitude) < 34
        assert names == names.casefold()


def test_calendar_knows_where_its_address_is(rynek: House) -> None:
    calendar = rynek.calendar
    assert (calendar.city, calendar.latitude) == ("Town", None)

    def move(city: str) -> tuple[float | None, float | None]:
        change_calendar(
            calendar=calendar, name=calendar.name, address="ul. Nowa 1", city=city, phone="", change_until_hours=0,
            actor=SYSTEM, at=NOW,
        )  # fmt: skip
        calendar.refresh_from_db()
        return calendar.latitude, calendar.longitude

    assert move("Wroclaw") == (51.103, 17.03)
    assert move("Nowhere") == (None, None)


def test_clinics_own_address_is_known_better(rynek: House) -> None:
    Clinic.objects.filter(pk=rynek.clinic.pk).update(city="Wrocław", latitude=51.2, longitude=17.1)
    practitioner = rynek.calendar.practitioner
    practitioner.clinic.refresh_from_db()

    home = create_calendar(practitioner=practitioner, name="Home", actor=SYSTEM, at=NOW)
    away = create_calendar(practitioner=practitioner, name="Away", address="2 Lane", actor=SYSTEM, at=NOW)

    assert (home.latitude, home.longitude) == (51.2, 17.1)
    assert (away.latitude, away.longitude) == (51.103, 17.03)
