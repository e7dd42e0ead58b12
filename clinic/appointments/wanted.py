"""What the address of the staff calendar asks for: a day or a week, which, and of which calendars (D3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from clinic.appointments.forms import FIRST_DAY, LAST_DAY
from clinic.calendars.models import Calendar

DAY, WEEK = "day", "week"
ALL = "all"


@dataclass(frozen=True)
class Wanted:
    """What the address asks for: a day or a week, which, and of which calendars (none named: all)."""

    view: str
    day: date
    ids: tuple[int, ...] = ()
    is_all: bool = False

    @property
    def first(self) -> date:
        """The first date that is shown."""
        return self.day - timedelta(days=self.day.weekday()) if self.view == WEEK else self.day

    @property
    def days(self) -> int:
        return 7 if self.view == WEEK else 1

    def query(self, **other: Any) -> str:
        """Return the address's query, with other values in the place of its own."""
        values = {"view": self.view, "day": self.day, "ids": self.ids, "is_all": self.is_all, **other}
        pairs: list[tuple[str, str]] = [("view", values["view"]), ("day", values["day"].isoformat())]
        pairs += [("calendar", ALL)] if values["is_all"] else [("calendar", str(pk)) for pk in values["ids"]]
        return f"?{urlencode(pairs)}"


def read_wanted(query: Mapping[str, Any], calendars: Sequence[Calendar], *, today: date) -> Wanted:
    """Return what an address asks for; what cannot be read counts as not said.

    Args:
        query: the request's GET, or anything with `get` and `getlist`.
        today: the local date that is shown where none is named.
    """
    view = WEEK if query.get("view") == WEEK else DAY
    try:
        day = date.fromisoformat(query.get("day", ""))
    except ValueError:
        day = today
    if not FIRST_DAY + timedelta(days=14) <= day <= LAST_DAY - timedelta(days=14):
        day = today
    named = query.getlist("calendar")  # type: ignore[attr-defined]
    known = {str(one.pk): one.pk for one in calendars}
    ids = tuple(known[text] for text in dict.fromkeys(named) if text in known)
    return Wanted(view, day, () if ALL in named else ids, ALL in named)
