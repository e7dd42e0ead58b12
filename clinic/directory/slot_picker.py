"""The slot picker: a week of free times, the earliest first, on by weeks (D2, P6)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

from clinic.appointments.forms import FIRST_DAY, LAST_DAY
from clinic.appointments.online import Offer
from clinic.lib.local_time import is_repeated

WEEK = 7
# What a profile shows of them.
MOST_DAYS, MOST_TIMES = 3, 6
_CODE = re.compile(r"\d{8}t\d{4}z")


def code_of(start: datetime) -> str:
    """Return a start as it stands in addresses and forms."""
    return f"{start.astimezone(UTC):%Y%m%dt%H%Mz}"


def start_of(code: str) -> datetime | None:
    """Return the start that `code_of` wrote, or None for anything that it would not have written."""
    if not _CODE.fullmatch(code) or not code.isascii():
        return None
    try:
        start = datetime.strptime(code, "%Y%m%dt%H%Mz").replace(tzinfo=UTC)
    except ValueError:
        return None
    # At the ends of the calendar an instant has no local time everywhere.
    return start if FIRST_DAY <= start.date() <= LAST_DAY else None


@dataclass(frozen=True, slots=True)
class Slot:
    """A free time. `zone_name`: only in the hour that comes twice, to tell one from the other."""

    start: datetime
    code: str
    zone_name: str = ""


@dataclass(frozen=True, slots=True)
class Day:
    """A day with free times."""

    start: datetime
    slots: list[Slot]


@dataclass(frozen=True, slots=True)
class Picker:
    """A week of free times.

    Args:
        earliest: the first of all, where the week shown is the first one.
        next_free: where nothing is free in this week: the day on which something is; None: nowhere.
        before, after: where the weeks beside it begin; None: there is none.
    """

    days: list[Day]
    earliest: Slot | None
    next_free: date | None
    before: date | None
    after: date | None


def pick(offer: Offer, asked: str = "") -> Picker:
    """Return the week that begins on the day asked for, else on the first one with a free time.

    Args:
        asked: an ISO date as the page's own links carry it; anything else counts as none.
    """
    first, earliest = _day(asked, offer), None
    begins = offer.first_day
    if first is None:
        earliest = offer.earliest(begins)
        # Before the earliest there is nothing to look at.
        first = begins = earliest.astimezone(offer.calendar.zone).date() if earliest else begins
    slots = offer.slots(first, WEEK)
    after = first + timedelta(days=WEEK)
    later = None if slots else offer.earliest(after)
    return Picker(
        days=list(_days(slots, offer)),
        earliest=_slot(earliest, offer) if earliest else None,
        next_free=later.astimezone(offer.calendar.zone).date() if later else None,
        before=max(first - timedelta(days=WEEK), begins) if first > begins else None,
        after=after if after <= offer.last_day else None,
    )


def first_days(offer: Offer, *, days: int) -> list[Day]:
    """Return the first few days with free times within so many days from today, and the first times of each."""
    today = offer.at.astimezone(offer.calendar.zone).date()
    found = list(_days(offer.slots(today, days), offer))[:MOST_DAYS]
    return [Day(day.start, day.slots[:MOST_TIMES]) for day in found]


def _day(asked: str, offer: Offer) -> date | None:
    try:
        day = date.fromisoformat(asked)
    except ValueError:
        return None
    return min(max(day, offer.first_day), offer.last_day)


def _slot(start: datetime, offer: Offer) -> Slot:
    zone = offer.calendar.zone
    local = start.astimezone(zone)
    twice = is_repeated(local.replace(tzinfo=None), zone)
    return Slot(start, code_of(start), f"{local:%Z}" if twice else "")


def _days(slots: list[datetime], offer: Offer) -> Iterator[Day]:
    for _day, starts in groupby(slots, key=lambda start: start.astimezone(offer.calendar.zone).date()):
        of_day = [_slot(start, offer) for start in starts]
        yield Day(of_day[0].start, of_day)
