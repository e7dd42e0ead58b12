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
    """Return when the quiet window that holds `at` ends, or None outside of one."""
    if quiet is None or quiet.begins == quiet.ends:
        return None
    local = at.astimezone(zone)
    wall = local.time().replace(tzinfo=None)
    across_midnight = quiet.begins > quiet.ends
    began, has_ended = wall >= quiet.begins, wall >= quiet.ends
    inside = (began or not has_ended) if across_midnight else (began and not has_ended)
    if not inside:
        return None
    day = local.date()
    if across_midnight and wall >= quiet.begins:
        day += timedelta(days=1)
    return datetime.combine(day, quiet.ends, tzinfo=zone).astimezone(UTC)


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
