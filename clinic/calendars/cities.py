"""Where cities lie: a table kept with the code, so that no service is asked for an address (D1).

The table is made by `manage.py make_cities` from GeoNames (https://www.geonames.org), licence CC BY 4.0.
"""

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from clinic.people.queries import folded

TABLE = Path(__file__).parent / "cities.csv"
# Which countries the table holds: where clinics are, or whose patients come over the border.
COUNTRIES = ("PL", "DE", "AT", "CH", "RO", "GB")
EARTH_KM = 6371.0
DEGREE_KM = math.pi * EARTH_KM / 180


@dataclass(frozen=True, slots=True)
class City:
    """A city's country (ISO 3166) and its middle, in degrees."""

    country: str
    latitude: float
    longitude: float


@cache
def _table() -> dict[str, list[City]]:
    """Return the cities by each of their folded names: the most populous first, own names before others'."""
    own: dict[str, list[City]] = {}
    other: dict[str, list[City]] = {}
    with TABLE.open(encoding="utf-8", newline="") as file:
        for country, latitude, longitude, names in csv.reader(file):
            city = City(country, float(latitude), float(longitude))
            first, *further = names.split("|")
            own.setdefault(first, []).append(city)
            for name in further:
                other.setdefault(name, []).append(city)
    return {name: own.get(name, []) + other.get(name, []) for name in own.keys() | other.keys()}


def find_city(name: str, country: str = "") -> City | None:
    """Return the city of a name, however its letters are typed; of several the most populous.

    Args:
        name: as people write it; a post code beside it, and what follows a comma, do not count.
        country: ISO 3166; only cities there are meant. Empty: of any country.
    """
    for spelling in _spellings(name):
        for city in _table().get(spelling, ()):
            if not country or city.country == country:
                return city
    return None


def _spellings(name: str) -> Iterator[str]:
    whole = " ".join(folded(name).split())
    yield whole
    first = whole.partition(",")[0]
    yield " ".join(word for word in first.split() if not any(sign.isdigit() for sign in word))


def distance_km(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return the kilometres between two points (latitude, longitude in degrees) along the earth's surface."""
    (lat, lon), (lat2, lon2) = ((math.radians(a), math.radians(b)) for a, b in (one, other))
    half = math.sin((lat2 - lat) / 2) ** 2 + math.cos(lat) * math.cos(lat2) * math.sin((lon2 - lon) / 2) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(half))
