"""The public search: practitioners by city, by what they do, by name (D1).

Every word typed must stand somewhere in what is looked through. A city that the table of cities knows is looked
around as well: the city itself first, then by distance. The number of queries does not depend on what is found.
"""

import math
from dataclasses import dataclass

from django.db.models import Case, ExpressionWrapper, F, FloatField, Q, QuerySet, Value, When

from clinic.calendars.cities import DEGREE_KM, City, distance_km, find_city
from clinic.directory.models import Listing
from clinic.directory.rules import REACHES_KM
from clinic.people.queries import folded

PAGE = 20
# No name of anything is longer, and more words than these only cost time.
MOST_LETTERS, MOST_WORDS = 80, 8


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody looks for, as typed."""

    city: str = ""
    what: str = ""
    who: str = ""

    def __bool__(self) -> bool:
        return bool(self.city or self.what or self.who)


@dataclass(frozen=True, slots=True)
class Found:
    """The listings found, in order, and around what.

    Args:
        around: the city that was meant, if the table knows it.
        reach_km: how far around it was looked; 0 without a known city.
    """

    rows: QuerySet[Listing]
    around: City | None = None
    reach_km: int = 0

    def distance_of(self, listing: Listing) -> int:
        """Return the whole kilometres from the middle of the city; 0: there, or nobody knows."""
        # `square` is what the query put them in order by.
        is_there = getattr(listing, "square", -1.0) < 0
        if is_there or self.around is None or listing.latitude is None or listing.longitude is None:
            return 0
        here = self.around.latitude, self.around.longitude
        return round(distance_km(here, (listing.latitude, listing.longitude)))


def find_listings(wanted: Wanted) -> Found:
    """Return who is listed and fits; if nobody is near the city, who is within the next reach."""
    rows = Listing.objects.all()
    for field, text in (("what", wanted.what), ("who", wanted.who)):
        for word in folded(text[:MOST_LETTERS]).split()[:MOST_WORDS]:
            rows = rows.filter(**{f"{field}__contains": word})
    city = " ".join(folded(wanted.city[:MOST_LETTERS]).split())
    if not city:
        return Found(rows.order_by("name", "calendar"))
    around = find_city(wanted.city[:MOST_LETTERS])
    if around is None:
        return Found(rows.filter(city__contains=city).order_by("name", "calendar"))
    for reach in REACHES_KM:
        near = _near(rows, around, city, reach)
        if reach == REACHES_KM[-1] or near.exists():
            break
    return Found(near, around, reach)


def _near(rows: QuerySet[Listing], around: City, city: str, reach_km: int) -> QuerySet[Listing]:
    """Return the rows in the city, then those around it by distance, as on a map of the country."""
    narrowing = math.cos(math.radians(around.latitude))
    up, across = reach_km / DEGREE_KM, reach_km / (DEGREE_KM * narrowing)
    north, east = F("latitude") - around.latitude, (F("longitude") - around.longitude) * narrowing
    square = ExpressionWrapper(north * north + east * east, FloatField())
    box = Q(
        latitude__range=(around.latitude - up, around.latitude + up),
        longitude__range=(around.longitude - across, around.longitude + across),
    )
    there = Q(city=city)
    return (
        rows.filter(there | box)
        # -1: in the city itself, wherever there. Addresses in it are not known so well that they could be told apart.
        .annotate(square=Case(When(there, then=Value(-1.0)), default=square))
        .filter(square__lte=up * up)
        .order_by("square", "name", "calendar")
    )
