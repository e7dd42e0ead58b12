"""How long a cancellation can be taken back. Pure."""

from datetime import datetime, timedelta

# So long the page offers it; what still comes over a slow line a little later is taken too.
UNDO_FOR = timedelta(seconds=10)
UNDO_SLACK = timedelta(seconds=3)


def may_restore(*, cancelled_at: datetime | None, starts_at: datetime, at: datetime) -> bool:
    """Return whether a cancelled appointment may still be put back: in time, and not begun (D3)."""
    if cancelled_at is None:
        return False
    return at <= cancelled_at + UNDO_FOR + UNDO_SLACK and at < starts_at
