"""When a failed try is repeated. Pure."""

from datetime import timedelta

FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=15)


def pause_after(*, tries: int, retry_after: float | None, jitter: float) -> timedelta:
    """Return how long to wait after the n-th failed try.

    Args:
        tries: how many there were, from 1.
        retry_after: seconds, when the provider named them; never waited shorter.
        jitter: from 0 to 1; spreads a crowd of failures over a fifth of the pause.
    """
    pause = min(FIRST_PAUSE * 2 ** min(tries - 1, 10), LONGEST_PAUSE) * (1 + 0.2 * jitter)
    return max(pause, timedelta(seconds=retry_after or 0))
