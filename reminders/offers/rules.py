"""When a given-up time is offered, to whom, and for how long (P8, E4). Pure: aware instants and zones in."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

# Calendar dates between the cancellation and the time that it frees (E4.2).
DAYS_AHEAD = 2
# So much later, by the clock on the wall, whoever is told comes at present (E4.3).
LATER = timedelta(days=2)
MOST_TOLD = 10
# A slip, or a cancellation taken back, has so long before anybody is told (E4.5).
GRACE = timedelta(seconds=45)
# A chain is at most so many waves, its first one included (E4.7).
MOST_DEEP = 3
# Within a chain nobody is told more often than this (P8).
CHAIN_PAUSE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An appointment that might take a given-up time; `why_not`: its patient cannot or will not be told."""

    appointment_id: int
    patient_id: int
    starts_at: datetime
    booked_at: datetime
    length: timedelta
    why_not: str = ""


def is_in_time(*, starts_at: datetime, freed_at: datetime, zone: ZoneInfo) -> bool:
    """Return whether a time was given up at least two days ahead: calendar dates of the calendar's zone (E4.2)."""
    days = starts_at.astimezone(zone).date() - freed_at.astimezone(zone).date()
    return days.days >= DAYS_AHEAD


def later_from(freed: datetime, zone: ZoneInfo) -> datetime:
    """Return an instant before which nobody `is_later`, for asking a database (E4.3)."""
    wall = freed.astimezone(zone).replace(tzinfo=None) + LATER
    return min(wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))


def is_later(starts_at: datetime, *, freed: datetime, zone: ZoneInfo) -> bool:
    """Return whether a start is at least 48 hours of wall clock after a freed one, exactly that included (E4.3).

    Over a change of clocks that is 47 or 49 elapsed hours. A wall time that does not exist is reached by the one
    after it; of one that comes twice the first counts, and all that follows it.
    """
    wall = freed.astimezone(zone).replace(tzinfo=None) + LATER
    if starts_at.astimezone(zone).replace(tzinfo=None) >= wall:
        return True
    return starts_at >= wall.replace(tzinfo=zone).astimezone(UTC)


def choose(
    candidates: Iterable[Candidate], *, freed: datetime, length: timedelta, zone: ZoneInfo
) -> list[Candidate]:
    """Return who is told of a freed time: ten at most, one appointment for each patient (E4.3).

    In the order of start, booking and id; a patient's earliest appointment that is later and fits is the one that
    would move. Who cannot be told takes nobody's place. The time's own length counts, not what is free beside it:
    whoever takes it would else push the next one's free time about.

    Args:
        freed, length: where the freed time begins and how long it is.
    """
    chosen: dict[int, Candidate] = {}
    for one in sorted(candidates, key=lambda one: (one.starts_at, one.booked_at, one.appointment_id)):
        if len(chosen) == MOST_TOLD:
            break
        if one.patient_id in chosen or one.why_not or one.length > length:
            continue
        if is_later(one.starts_at, freed=freed, zone=zone):
            chosen[one.patient_id] = one
    return list(chosen.values())


def closes_at(*, starts_at: datetime, notice: timedelta) -> datetime:
    """Return until when a freed time may be taken: the calendar's cut-off, that instant included (E4.10)."""
    return starts_at - notice


def may_go_on(*, depth: int, before: datetime, freed: datetime, zone: ZoneInfo) -> bool:
    """Return whether the time that a winner leaves may start the next wave of a chain (E4.7).

    Each wave lies at least two days after the one before and none is deeper than three, so every chain ends.

    Args:
        depth: of the wave that was won, from 1; before, freed: the starts of the won and of the left time.
    """
    return depth < MOST_DEEP and is_later(freed, freed=before, zone=zone)


def overlaps(start: datetime, end: datetime, spans: Collection[tuple[datetime, datetime]]) -> bool:
    """Return whether a span and any of the others have an instant in common."""
    return any(first < end and start < last for first, last in spans)
