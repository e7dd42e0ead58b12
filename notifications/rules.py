"""Quiet hours. Pure: instants and zones in, instants out."""

from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

# An SMS that would come later than this before the start goes at once instead (P14).
LATEST_BEFORE_START = timedelta(hours=2)


class QuietHours(NamedTuple):
    """A daily window of local wall time, usually across midnight; its end is outside it."""

    begins: time
    ends: time


def quiet_until(*, at: datetime, quiet: QuietHours | None, zone: ZoneInfo) -> datetime | None:
    """Return when the quiet window that holds `at` ends, or None outside of one.

    A window begins with the first and ends with the last of a wall time that happens twice.
    """
    if quiet is None or quiet.begins == quiet.ends:
        return None
    nights = timedelta(days=1 if quiet.begins > quiet.ends else 0)
    today = at.astimezone(zone).date()
    for first_day in (today - nights, today):
        begins = datetime.combine(first_day, quiet.begins, tzinfo=zone)
        ends = datetime.combine(first_day + nights, quiet.ends, tzinfo=zone)
        last = max(ends.astimezone(UTC), ends.replace(fold=1).astimezone(UTC))
        if begins.astimezone(UTC) <= at < last:
            return last
    return None


def sms_due(
    *, planned_at: datetime, starts_at: datetime, quiet: QuietHours | None, zone: ZoneInfo
) -> datetime:
    """Return when an SMS may leave: its planned instant, or the end of the quiet hours that hold it (P14).

    Were that end later than two hours before the start, it leaves as planned.
    """
    end = quiet_until(at=planned_at, quiet=quiet, zone=zone)
    if end is None or end > starts_at - LATEST_BEFORE_START:
        return planned_at
    return end
