"""What the waiting area goes by, as plain functions of instants and numbers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from statistics import median

from clinic.calendars.rules import MIDNIGHT

# Without a ping this long, a page counts as lost; after the grace as well, its caller has left (W4).
LOST_AFTER = timedelta(seconds=45)
GRACE_SECONDS = 60
# Who left only because the connection was lost may come back as the same caller this long.
RESUME_MINUTES = 30
# When nobody took pings for longer than this, the absence was ours: everybody's clock starts anew.
AWAY_AFTER = timedelta(seconds=30)
# From here on the time in a status is shown in a stronger tone (W1).
LONG = timedelta(minutes=30)
NAME_LENGTH = 120
PURPOSE_LENGTH = 200
NOTICE_LENGTH = 1000
QUICK_REPLY_LENGTH = 200
MOST_QUICK_REPLIES = 50  # in one language
# Days that callers and their notices are kept after they left, unless the clinic says otherwise (X4).
KEEP_DAYS = 30
# What an area may be set to: grace, time to come back, days kept, minutes of a long wait.
GRACE_RANGE, RESUME_RANGE, KEEP_RANGE, LONG_WAIT_RANGE = (15, 600), (0, 240), (1, 3650), (5, 600)
# How long a notice may be taken back (W12).
UNDO_WITHIN = timedelta(seconds=10)
# Notices from one caller within a minute (E5.10).
MOST_NOTICES, NOTICES_SECONDS = 10, 60
# Bytes of a caller's form: a thousand characters of any script, and what goes with them, are fewer (A51).
MOST_BYTES = 16_384
# A caller left alone in a call is alerted after this; a browser of the clinic's that says nothing for as long
# is gone from its call (W14).
ALONE_AFTER = timedelta(seconds=60)
VANISHED_AFTER = timedelta(seconds=60)
# New callers from one address within a minute; a clinic's own members are never counted.
MOST_ARRIVALS, ARRIVALS_SECONDS = 10, 60
# A patient's page leads to the waiting area from so long before their appointment until so long after it.
BEFORE_START, AFTER_END = timedelta(minutes=60), timedelta(minutes=60)
# An estimate rests on the last callers who were taken today: at least so many, at most so many.
FEWEST_WAITS, MOST_WAITS = 3, 7


def lost_before(at: datetime) -> datetime:
    """Return the instant of a page's last ping before which, at `at`, its connection counts as lost."""
    return at - LOST_AFTER


def gone_before(at: datetime, grace: timedelta) -> datetime:
    """Return the instant of a page's last ping before which, at `at`, its caller has left.

    Args:
        grace: how long their area waits for a lost connection.
    """
    return at - LOST_AFTER - grace


def is_resumable(left_at: datetime, at: datetime, *, minutes: int) -> bool:
    """Return whether who left at `left_at`, absent, may still come back as the same caller (W4).

    Args:
        minutes: how long their area keeps their place.
    """
    return at - left_at <= timedelta(minutes=minutes)


def is_beating(last_pulse: datetime, at: datetime) -> bool:
    """Return whether pings are being taken at `at`, given the last pulse of whoever takes them (W4).

    A pulse from the future is none: the clock was set back since. Up to what would be a pause, it is only
    another server's clock that is ahead.
    """
    return abs(at - last_pulse) <= AWAY_AFTER


def is_due(last_pulse: datetime, at: datetime) -> bool:
    """Return whether the pulse must be written again; every server beats, and one row is enough for all."""
    return abs(at - last_pulse) >= AWAY_AFTER / 3


def counted_from(last_pulse: datetime | None, counting_since: datetime, at: datetime) -> datetime:
    """Return from when absences count, given the last pulse of whoever takes pings (W4).

    Args:
        last_pulse: when pings were last taken, by anybody; None: never.
        counting_since: from when they counted so far.
        at: now, when pings are taken.
    """
    return counting_since if last_pulse is not None and is_beating(last_pulse, at) else at


def last_seen(known: datetime, said: datetime, at: datetime) -> datetime:
    """Return when a page was last heard of, after it said so once more (W4).

    Pings may be written in another order than they came, but nothing was heard later than now: what lies
    in the future is left from before the clock was set back.

    Args:
        known: when it was last heard of so far.
        said: when it said what is written down now.
        at: now.
    """
    return max(said, min(known, at))


def estimated_minutes(waits: Sequence[timedelta]) -> int | None:
    """Return how long callers waited lately, in whole minutes, or None without a basis (W3).

    The median of the waits given, rounded up: to the minute below ten, to five minutes from there on.

    Args:
        waits: from arrival to being taken, of the callers taken last.
    """
    if len(waits) < FEWEST_WAITS:
        return None
    minutes = -(-median(wait.total_seconds() for wait in waits) // 60)
    step = 1 if minutes < 10 else 5
    return max(1, int(-(-minutes // step) * step))


def is_around(starts_at: datetime, ends_at: datetime, at: datetime) -> bool:
    """Return whether it is time to go to the waiting area for an appointment, both ends included (W3)."""
    return starts_at - BEFORE_START <= at <= ends_at + AFTER_END


def is_too_long(since: datetime, at: datetime, *, minutes: int | None) -> bool:
    """Return whether staff are told of who waits since then (W12); None: they never are."""
    return minutes is not None and at - since >= timedelta(minutes=minutes)


def in_words(elapsed: timedelta) -> tuple[int, int]:
    """Return a time in hours and minutes, whole minutes, never negative."""
    minutes = max(0, int(elapsed.total_seconds() // 60))
    return divmod(minutes, 60)


@dataclass(frozen=True, slots=True)
class Said:
    """What the badge must know of one notice.

    Args:
        is_private: to or from this caller alone, not one of a broadcast.
    """

    number: int
    by_caller: bool
    is_private: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands beside a caller's name: how many notices, who spoke last, since when they wait for an answer."""

    count: int
    last_by_caller: bool | None
    unanswered_since: datetime | None


def standing(said: Iterable[Said], *, answered_number: int) -> Standing:
    """Return the badge that notices make (W6).

    A broadcast is the clinic's word, but answers nobody: only a private notice does, or a tick.

    Args:
        said: what was not withdrawn, in the order of the numbers.
        answered_number: up to which number a member ticked the caller's questions off.
    """
    count, last_by_caller, since = 0, None, None
    for one in said:
        count, last_by_caller = count + 1, one.by_caller
        if not one.by_caller:
            since = None if one.is_private else since
        elif since is None and one.number > answered_number:
            since = one.at
    return Standing(count, last_by_caller, since)


def is_within_hours(hours: Mapping[int, Sequence[tuple[time, time]]], weekday: int, wall: time) -> bool:
    """Return whether new callers are taken at a wall time; an area without any hours takes them always (E5.9).

    Args:
        hours: by weekday, Monday 0.
    """
    if not any(hours.values()):
        return True
    return any(
        opens <= wall < closes or wall == closes == MIDNIGHT for opens, closes in hours.get(weekday, ())
    )


def next_opening(
    hours: Mapping[int, Sequence[tuple[time, time]]], weekday: int, wall: time
) -> tuple[int, time] | None:
    """Return in how many days, and at which wall time, new callers are taken next; None: never."""
    for days in range(8):
        for opens, _closes in sorted(hours.get((weekday + days) % 7, ())):
            if days or opens > wall:
                return days, opens
    return None


def next_change(
    hours: Mapping[int, Sequence[tuple[time, time]]], weekday: int, wall: time
) -> tuple[int, time] | None:
    """Return in how many days, and at which wall time, hours begin or end next; None: never."""
    ends = (closes for opens, closes in hours.get(weekday, ()) if opens <= wall < closes)
    end = next(ends, None)
    return (0, end) if end else next_opening(hours, weekday, wall)
