"""The one clock of the product: read in views, tasks, commands and webhooks only, never in a rule."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

_set_to: datetime | None = None


def now() -> datetime:
    """Return the present instant in UTC, or the instant that a replay has set."""
    return _set_to or datetime.now(UTC)


def set_to(instant: datetime | None) -> None:
    """Hold the clock at an aware instant for the whole process (a replay), or let it run again with None."""
    global _set_to
    _set_to = instant.astimezone(UTC) if instant else None


@contextmanager
def held_at(instant: datetime) -> Iterator[None]:
    """Hold the clock at an aware instant inside the block."""
    before = _set_to
    set_to(instant)
    try:
        yield
    finally:
        set_to(before)
