"""What patients may choose by themselves: free starts within a calendar's notice and horizon (D2, P6)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum

from clinic.appointments.free_slots import free_starts, list_free_slots
from clinic.appointments.queries import list_taken
from clinic.calendars.models import Calendar
from clinic.calendars.queries import open_spans

# Looked through at once for the first free time.
STRETCH_DAYS = 14


class Standing(Enum):
    """What can be said of a start that somebody asks for."""

    FREE = "free"
    TAKEN = "taken"  # it would be offered, were it not somebody's
    NOT_OFFERED = "not offered"  # closed, absent, off the grid, too near or too far


@dataclass(frozen=True, slots=True)
class Offer:
    """The starts that a patient may choose for something `minutes` long in a calendar, as of `at`.

    Args:
        hold_key: the patient's own hold: to them its time is free.
        appointment_id: the appointment that would move: its own time is free to it.
        but_start: its own start, which is none to move to.
    """

    calendar: Calendar
    minutes: int
    at: datetime
    hold_key: str = ""
    appointment_id: int | None = None
    but_start: datetime | None = None

    @property
    def not_before(self) -> datetime:
        """The first instant that the calendar's notice allows; exactly that many hours ahead counts."""
        return self.at + timedelta(hours=self.calendar.online_notice_hours)

    @property
    def first_day(self) -> date:
        """The local date of the first instant that is offered."""
        return self.not_before.astimezone(self.calendar.zone).date()

    @property
    def last_day(self) -> date:
        """The last local date that is offered: today and so many days."""
        today = self.at.astimezone(self.calendar.zone).date()
        return today + timedelta(days=self.calendar.online_horizon_days)

    def slots(self, first: date, days: int) -> list[datetime]:
        """Return the free starts on `days` local dates from `first`, as UTC instants."""
        first, last = max(first, self.first_day), min(first + timedelta(days=days - 1), self.last_day)
        if first > last:
            return []
        found = list_free_slots(
            calendar=self.calendar,
            minutes=self.minutes,
            first=first,
            days=(last - first).days + 1,
            at=self.at,
            not_before=self.not_before,
            but_hold=self.hold_key,
            but_appointment=self.appointment_id,
        )
        return [start for start in found if start != self.but_start]

    def earliest(self, first: date) -> datetime | None:
        """Return the first free start from a local date on, or None up to the horizon."""
        return next((found[0] for found in self._stretches(first) if found), None)

    def _stretches(self, first: date) -> Iterator[list[datetime]]:
        first = max(first, self.first_day)
        while first <= self.last_day:
            yield self.slots(first, STRETCH_DAYS)
            first += timedelta(days=STRETCH_DAYS)

    def is_taken(self, start: datetime) -> bool:
        """Return whether somebody has the time, or part of it: one look, whatever else holds."""
        end = start + timedelta(minutes=self.minutes)
        return bool(
            list_taken(
                calendar_id=self.calendar.pk,
                start=start,
                end=end,
                at=self.at,
                but_hold=self.hold_key,
                but_appointment=self.appointment_id,
            )
        )

    def standing(self, start: datetime) -> Standing:
        """Return whether a start is free, taken, or none that is offered."""
        day = start.astimezone(self.calendar.zone).date()
        if not self.first_day <= day <= self.last_day or start < self.not_before:
            return Standing.NOT_OFFERED
        spans = open_spans(calendar=self.calendar, first=day, days=1)
        grid = free_starts(spans, [], minutes=self.minutes, not_before=self.not_before)
        if start not in grid:
            return Standing.NOT_OFFERED
        return Standing.TAKEN if self.is_taken(start) else Standing.FREE
