"""What the waiting area goes by, as plain functions of instants and numbers."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median

# Without a ping this long, a page counts as lost; after the grace as well, its caller has left (W4).
LOST_AFTER = timedelta(seconds=45)
GRACE = timedelta(seconds=60)
# Who left only because the connection was lost may come back as the same caller this long.
RESUME_WITHIN = timedelta(minutes=30)
# When nobody took pings for longer than this, the absence was ours: everybody's clock starts anew.
AWAY_AFTER = timedelta(seconds=30)
# From here on the time in a status is shown in a stronger tone (W1).
LONG = timedelta(minutes=30)
NAME_LENGTH = 120
PURPOSE_LENGTH = 200
NOTICE_LENGTH = 1000
# New callers from one address within a minute; a clinic's own members are never counted.
MOST_ARRIVALS, ARRIVALS_SECONDS = 10, 60
# An estimate rests on the last callers who were taken today: at least so many, at most so many.
FEWEST_WAITS, MOST_WAITS = 3, 7


def lost_before(at: datetime) -> datetime:
    """Return the instant of a page's last ping before which, at `at`, its connection counts as lost."""
    return at - LOST_AFTER


def gone_before(at: datetime) -> datetime:
    """Return the instant of a page's last ping before which, at `at`, its caller has left."""
    return at - LOST_AFTER - GRACE


def is_resumable(left_at: datetime, at: datetime) -> bool:
    """Return whether who left at `left_at`, absent, may still come back as the same caller (W4)."""
    return at - left_at <= RESUME_WITHIN


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


def in_words(elapsed: timedelta) -> tuple[int, int]:
    """Return a time in hours and minutes, whole minutes, never negative."""
    minutes = max(0, int(elapsed.total_seconds() // 60))
    return divmod(minutes, 60)
