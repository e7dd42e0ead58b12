"""Hours of one date alone, in the place of the weekday's (D4)."""

from collections.abc import Iterable
from datetime import date, datetime, time

from django.db import transaction

from clinic.audit.operations import Actor, record
from clinic.calendars.models import Calendar, DayException, ExceptionHours
from clinic.calendars.operations import tell_hours_changed
from clinic.calendars.rules import written_hours

USUAL = ""


class StaleDay(Exception):
    """The date has other hours than were looked at; nothing was done."""


def day_state(calendar: Calendar, day: date) -> str:
    """Return the date's own hours as a form carries them, to know them again; USUAL where it has none."""
    found = DayException.objects.filter(calendar=calendar, day=day).first()
    return USUAL if found is None else _state(found.hours.values_list("opens", "closes"))


def _state(hours: Iterable[tuple[time, time]]) -> str:
    return f"={written_hours(hours)}"


def _lock(calendar: Calendar) -> None:
    """Let those who change one calendar's days come one after the other."""
    Calendar.objects.select_for_update(no_key=True).get(pk=calendar.pk)


@transaction.atomic
def set_day_exception(
    *,
    calendar: Calendar,
    day: date,
    hours: Iterable[tuple[time, time]],
    seen: str | None = None,
    actor: Actor,
    at: datetime,
) -> None:
    """Let other hours hold on one local date; none: closed (D4).

    Args:
        seen: the `day_state` that was looked at; None: whatever it is.

    Raises:
        StaleDay: somebody changed it since; that it says all this already is no clash (G4).
    """
    wanted = list(hours)
    _lock(calendar)
    state = day_state(calendar, day)
    if state == _state(wanted):
        return
    if seen is not None and seen != state:
        raise StaleDay
    exception, _created = DayException.objects.get_or_create(calendar=calendar, day=day)
    exception.hours.all().delete()
    ExceptionHours.objects.bulk_create(
        ExceptionHours(exception=exception, opens=opens, closes=closes) for opens, closes in wanted
    )
    record(actor, "calendar.exception_set", calendar, new={"day": day.isoformat()}, at=at)
    tell_hours_changed(calendar, actor=actor, at=at)


@transaction.atomic
def remove_day_exception(
    *, calendar: Calendar, day: date, seen: str | None = None, actor: Actor, at: datetime
) -> bool:
    """Let the weekday's hours hold again on a local date; return False where they did already (D4).

    Args:
        seen: the `day_state` that was looked at; None: whatever it is.

    Raises:
        StaleDay: somebody changed it since, and not to the usual hours.
    """
    _lock(calendar)
    state = day_state(calendar, day)
    if state == USUAL:
        return False
    if seen is not None and seen != state:
        raise StaleDay
    DayException.objects.filter(calendar=calendar, day=day).delete()
    record(actor, "calendar.exception_removed", calendar, old={"day": day.isoformat()}, at=at)
    tell_hours_changed(calendar, actor=actor, at=at)
    return True
