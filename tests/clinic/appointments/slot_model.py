"""Free starts counted minute by minute: a second opinion that shares nothing with the product's own way.

It knows a calendar by what a person would write on paper, and walks through every minute of a day.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from random import Random
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
ZONES = ("Europe/Warsaw", "Europe/Bucharest", "Europe/London")
# Around the days on which clocks change, and an ordinary week.
FIRST_DAYS = (date(2027, 3, 26), date(2027, 10, 29), date(2027, 6, 14), date(2028, 2, 27))
LENGTHS = (1, 5, 7, 10, 13, 15, 20, 25, 30, 33, 40, 45, 50, 55, 60, 75, 90, 120, 185)

Hours = tuple[time, time]
Span = tuple[datetime, datetime]


@dataclass
class Paper:
    """A calendar as it stands on paper, and what is asked of it."""

    zone: ZoneInfo
    first: date
    days: int
    minutes: int
    at: datetime
    notice: int  # hours
    horizon: int  # days
    week: dict[int, list[Hours]]
    exceptions: dict[date, list[Hours]] = field(default_factory=dict)
    absences: list[tuple[datetime, datetime | None]] = field(default_factory=list)
    taken: list[Span] = field(default_factory=list)
    holds: list[tuple[Span, datetime]] = field(default_factory=list)  # with the instant at which each ends

    def hours_on(self, day: date) -> list[Hours]:
        return self.exceptions.get(day, self.week.get(day.weekday(), []))


def _wall(rng: Random) -> time:
    return time(rng.randrange(24), rng.choice((0, 0, 0, 10, 15, 20, 30, 40, 45, 50, rng.randrange(60))))


def _some_hours(rng: Random) -> list[Hours]:
    """Return none to three spans of wall time that do not overlap, some of them in the night."""
    edges = sorted({_wall(rng) for _ in range(2 * rng.choice((0, 1, 1, 2, 2, 3)))})
    return list(zip(edges[::2], edges[1::2], strict=False))


def make_paper(seed: int) -> Paper:
    """Return a random calendar; the same for the same seed."""
    rng = Random(seed)
    zone = ZoneInfo(rng.choice(ZONES))
    first, days = rng.choice(FIRST_DAYS), rng.randint(1, 5)
    middle = datetime.combine(first, time(12), tzinfo=zone).astimezone(UTC)

    def instant(most_days: int = 5) -> datetime:
        return middle + rng.randrange(-24 * 60, most_days * 24 * 60) * MINUTE

    paper = Paper(
        zone=zone,
        first=first,
        days=days,
        minutes=rng.choice(LENGTHS),
        at=instant(2) - rng.choice((0, 0, 3, 30)) * timedelta(days=1),
        notice=rng.choice((0, 0, 1, 2, 5, 24, 48)),
        horizon=rng.choice((0, 1, 2, 5, 30, 60)),
        week={weekday: _some_hours(rng) for weekday in range(7)},
    )
    for _ in range(rng.choice((0, 0, 1, 2))):
        paper.exceptions[first + timedelta(days=rng.randrange(days))] = _some_hours(rng)
    for _ in range(rng.choice((0, 0, 1, 2))):
        begins = instant()
        paper.absences.append((begins, rng.choice((None, begins + rng.randint(1, 3000) * MINUTE))))
    for _ in range(rng.randrange(8)):
        begins = instant()
        span = begins, begins + rng.choice((5, 10, 20, 30, 45, 60, 200)) * MINUTE
        # What the database itself would not take twice is not on paper twice.
        others = [*paper.taken, *(kept for kept, _until in paper.holds)]
        if any(span[0] < end and start < span[1] for start, end in others):
            continue
        if rng.random() < 0.4:
            paper.holds.append((span, paper.at + rng.randint(-5, 5) * MINUTE))
        else:
            paper.taken.append(span)
    return paper


def _minutes_of(day: date, zone: ZoneInfo) -> Iterator[datetime]:
    """Yield every minute of a local date, as instants: of 23, 24 or 25 hours."""
    at = datetime.combine(day, time(), tzinfo=zone).astimezone(UTC) - timedelta(hours=3)
    for _ in range(31 * 60):
        if at.astimezone(zone).date() == day:
            yield at
        at += MINUTE


def _is_open(paper: Paper, minute: datetime) -> bool:
    """Return whether the calendar is open in the minute that begins at this instant, by what clocks show.

    An edge that comes twice is meant as the first of the two; one that never comes moves on by the hour that
    is skipped.
    """
    day = minute.astimezone(paper.zone).date()
    return any(
        _shown(datetime.combine(day, opens), paper.zone)
        <= minute
        < _shown(datetime.combine(day, closes), paper.zone)
        for opens, closes in paper.hours_on(day)
    )


@cache
def _shown(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return the first instant at which clocks show a wall time; where they skip it, so much after the jump."""
    midnight = datetime.combine(wall.date(), time(), tzinfo=zone).astimezone(UTC) - timedelta(hours=2)
    # Found by looking at clocks, minute by minute, from an hour or more before.
    guess = midnight + (wall - datetime.combine(wall.date(), time())) - MINUTE * 60
    for step in range(6 * 60):
        if (guess + step * MINUTE).astimezone(zone).replace(tzinfo=None) == wall:
            return guess + step * MINUTE
    return _shown(wall + timedelta(hours=1), zone)


def free_starts(paper: Paper, *, grid_of: int = 30) -> list[datetime]:
    """Return the starts that are free, in order: walked through minute by minute.

    Args:
        grid_of: the widest step of the grid that begins with each opening, in minutes.
    """
    found: list[datetime] = []
    today = paper.at.astimezone(paper.zone).date()
    step = min(paper.minutes, grid_of)
    for offset in range(paper.days):
        day = paper.first + timedelta(days=offset)
        if not today <= day <= today + timedelta(days=paper.horizon):
            continue
        minutes = list(_minutes_of(day, paper.zone))
        is_open = {minute: _is_open(paper, minute) and not _is_away(paper, minute) for minute in minutes}
        is_free = {minute: is_open[minute] and not _is_taken(paper, minute) for minute in minutes}
        since = 0
        for number, minute in enumerate(minutes):
            if not is_open[minute]:
                continue
            if number == 0 or not is_open.get(minutes[number - 1]):
                since = number
            fits = all(is_free.get(minute + ahead * MINUTE, False) for ahead in range(paper.minutes))
            is_late_enough = minute >= paper.at + timedelta(hours=paper.notice)
            if (number - since) % step == 0 and fits and is_late_enough:
                found.append(minute)
    return found


def _is_away(paper: Paper, minute: datetime) -> bool:
    return any(
        begins < minute + MINUTE and (ends is None or minute < ends) for begins, ends in paper.absences
    )


def _is_taken(paper: Paper, minute: datetime) -> bool:
    taken = [*paper.taken, *(span for span, until in paper.holds if until > paper.at)]
    return any(begins < minute + MINUTE and minute < ends for begins, ends in taken)
