"""All that stands on the staff calendar's page (D3).

However full it is, it asks the database the same few questions.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any

from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from clinic.appointments.enums import Status
from clinic.appointments.grid import Axis, Day, Place, axis_for
from clinic.appointments.models import Appointment
from clinic.appointments.slot_html import Block, Slot, axis_html, blocks_html, slots_html
from clinic.appointments.wanted import DAY, Wanted
from clinic.calendars.models import Calendar
from clinic.calendars.opening import Opening
from clinic.calendars.rules import Span
from clinic.lib import when
from clinic.lib.prepared import Prepared
from clinic.people.models import Clinic

# A week of more calendars side by side is wider than any screen; it is there for who asks for it.
MOST_IN_A_WEEK = 2
WORKDAYS = 5
# No appointment is longer than this: who is still here on a day began the day before at the earliest.
LONGEST = timedelta(days=1)


@dataclass(slots=True)
class Column:
    """One calendar on one date."""

    calendar: Calendar
    day: Day
    is_today: bool
    hours: str
    is_exception: bool
    where: str  # in words: the day, and the calendar where several are shown
    short: str
    blocks: list[Block] = field(default_factory=list)
    slots: list[Slot] = field(default_factory=list)
    html: str = ""  # its appointments, once they are written
    ground: str = ""  # its blocks, likewise
    ticks: str = ""
    pk: str = field(init=False)  # of its calendar, as the page writes it
    date: str = field(init=False)
    id: str = field(init=False)

    def __post_init__(self) -> None:
        self.pk, self.date = str(self.calendar.pk), self.day.day.isoformat()
        self.id = f"column-{self.pk}-{self.date}"


# How many minutes have no room for a second line, by how large an hour is drawn (`static/calendar.css`).
ONE_LINE = {20: 25, 15: 20, 10: 15, 5: 5}

# What is asked of an appointment, in this order.
_FIELDS = (
    "pk", "calendar_id", "starts_at", "ends_at", "status", "confirmed_at", "version", "patient__name",
    "patient__phone", "patient__email", "patient__email_bounced_at", "service__name",
)  # fmt: skip


def _rows(*, clinic: int, after: datetime, start: datetime, end: datetime, calendars: Sequence[int]) -> Any:
    found = Appointment.objects.filter(
        clinic=clinic, starts_at__gt=after, starts_at__lt=end, ends_at__gt=start, calendar__in=calendars
    ).exclude(status=Status.CANCELLED)
    return found.order_by("starts_at", "pk").values_list(*_FIELDS)


_list_rows = Prepared(_rows)


@dataclass
class Agenda:
    """A day or a week of some calendars.

    Args:
        calendars: all of the clinic's, by name, with their practitioners.
        at: now.
        user_id: who looks; of a week they are shown their own calendar first.
    """

    clinic: Clinic
    calendars: Sequence[Calendar]
    wanted: Wanted
    at: datetime
    language: str
    user_id: int

    @cached_property
    def shown(self) -> list[Calendar]:
        """The calendars that are shown."""
        wanted = self.wanted
        chosen = [one for one in self.calendars if one.pk in wanted.ids]
        if chosen or wanted.is_all or wanted.view == DAY or len(self.calendars) <= MOST_IN_A_WEEK:
            return chosen or list(self.calendars)
        own = [one for one in self.calendars if one.practitioner.user_id == self.user_id]
        return own[:1] or list(self.calendars[:1])

    @property
    def shows_all(self) -> bool:
        return len(self.shown) == len(self.calendars)

    @property
    def shows_several(self) -> bool:
        return len(self.shown) > 1

    @cached_property
    def opening(self) -> Opening:
        return Opening(self.shown, self.wanted.first, self.wanted.days)

    @cached_property
    def rows(self) -> list[tuple[Any, ...]]:
        """The appointments that touch the days shown, by start; cancelled ones are not on a calendar."""
        if not self.shown:
            return []
        zones = {one.time_zone: one.zone for one in self.shown}.values()
        dates = [self.wanted.first, self.wanted.first + timedelta(days=self.wanted.days - 1)]
        start = min(Day(dates[0], zone).span[0] for zone in zones)
        end = max(Day(dates[1], zone).span[1] for zone in zones)
        shown = [one.pk for one in self.shown]
        return _list_rows(clinic=self.clinic.pk, after=start - LONGEST, start=start, end=end, calendars=shown)

    @cached_property
    def _touched(self) -> dict[tuple[int, date], list[tuple[Any, ...]]]:
        """The appointments by their calendar and each local date that they touch."""
        zones = {one.pk: one.zone for one in self.shown}
        found: dict[tuple[int, date], list[tuple[Any, ...]]] = {}
        for row in self.rows:
            zone = zones[row[1]]
            first, last = row[2].astimezone(zone), row[3].astimezone(zone)
            found.setdefault((row[1], first.date()), []).append(row)
            if last.date() != first.date() and last.time() != time():
                found.setdefault((row[1], last.date()), []).append(row)
        return found

    @cached_property
    def days(self) -> list[date]:
        """The dates that are shown: of a weekend only where something is open or booked."""
        dates = [self.wanted.first + timedelta(days=number) for number in range(self.wanted.days)]
        if self.wanted.view == DAY:
            return dates
        busy = {day for one in self.shown for day in dates if self.opening.on(one, day).spans}
        busy |= {day for _pk, day in self._touched}
        return [day for day in dates if day.weekday() < WORKDAYS or day in busy]

    @cached_property
    def axis(self) -> Axis:
        """The hours that all columns share."""
        spans: dict[tuple[int, date], list[Span]] = {
            (one.pk, day): list(self.opening.on(one, day).spans) for day in self.days for one in self.shown
        }
        for key, found in self._touched.items():
            if key in spans:
                spans[key] += [(row[2], row[3]) for row in found]
        zones = {one.pk: one.zone for one in self.shown}
        return axis_for((Day(day, zones[pk]), found) for (pk, day), found in spans.items())

    @cached_property
    def line_names(self) -> str:
        """The axis's hours, from the top; the second of two equal ones with an asterisk."""
        return " ".join(line.name for line in self.axis.lines())

    @cached_property
    def axis_html(self) -> SafeString:
        return axis_html(self.axis.lines())

    @cached_property
    def columns(self) -> list[Column]:
        """The columns from left to right: day by day, in each the calendars."""
        found = {
            (one.pk, day): self._column(one, Day(day, one.zone)) for day in self.days for one in self.shown
        }
        for key, rows in self._touched.items():
            if key in found:
                for row in rows:
                    self._put(found[key], row)
        return list(found.values())

    def write(self) -> None:
        """Write what stands in each column as HTML."""
        for column in self.columns:
            column.ground = blocks_html(column.blocks)
            column.html = slots_html(column.slots, one_line=self.short)

    def _column(self, calendar: Calendar, day: Day) -> Column:
        opening = self.opening.on(calendar, day.day)
        is_today = self.at.astimezone(day.zone).date() == day.day
        hours = ", ".join(when.span(*span, day.zone, self.language) for span in opening.spans)
        name = when.day_name(day.day, self.language)
        column = Column(
            calendar,
            day,
            is_today,
            hours,
            opening.is_exception,
            where=f"{name}, {calendar.name}" if self.shows_several else name,
            short=when.weekday(day.day, self.language),
        )
        column.blocks += self._blocks("open", day, opening.spans)
        for absence in self.opening.absences_on(calendar, day.span):
            end = absence.ends_at
            text = _("Absent until further notice")
            if end is not None:
                text = _("Absent · back %(when)s") % {"when": self._back(end, day)}
            column.blocks += self._blocks("away", day, [(absence.starts_at, end or day.span[1])], text)
        column.blocks += self._missing(day)
        if is_today:
            column.ticks = " ".join("-" if tick is None else str(tick) for tick in day.ticks(self.axis))
        return column

    def _back(self, end: datetime, day: Day) -> str:
        """Return when an absence ends, as short as it may be said on this date."""
        local = end.astimezone(day.zone)
        if local.date() == day.day:
            return when.clock_time(end, day.zone, self.language)
        if (local.hour, local.minute) == (0, 0):
            return when.day_name(local.date(), self.language)
        return when.date_and_time(end, day.zone, self.language)

    def _blocks(self, kind: str, day: Day, spans: Iterable[Span], text: str = "") -> list[Block]:
        places = (day.place(span, self.axis) for span in spans)
        return [Block(kind, place.classes, text) for place in places if place]

    def _missing(self, day: Day) -> list[Block]:
        """Return the hours of the axis that this date does not have, or has twice, in words (D4)."""
        skipped, repeated = day.skipped_hours(), day.repeated_hours()
        found = []
        for line in self.axis.lines():
            classes = Place(line.first_row, line.last_row).classes
            if line.hour in skipped:
                found.append(Block("gap", classes, _("The clocks go forward: this hour does not exist.")))
            elif line.is_second and line.hour in repeated:
                found.append(Block("twice", classes, _("The clocks go back: this hour comes a second time.")))
            elif line.is_second:
                found.append(Block("gap", classes))
        return found

    def _put(self, column: Column, row: tuple[Any, ...]) -> None:
        (
            pk,
            _calendar,
            starts_at,
            ends_at,
            status,
            confirmed_at,
            version,
            name,
            phone,
            email,
            bounced,
            service,
        ) = row
        day = column.day
        place = day.place((starts_at, ends_at), self.axis)
        if place is None:
            return
        is_booked = status == Status.BOOKED
        is_unreachable = is_booked and not phone and (not email or bounced is not None)
        state = "confirmed" if is_booked and confirmed_at else status
        doubt = ""
        if day.is_doubtful(starts_at):
            is_second = bool(starts_at.astimezone(day.zone).fold)
            doubt = _("second time this hour") if is_second else _("first time this hour")
        column.slots.append(
            Slot(
                pk=pk,
                id=f"slot-{pk}-{day.day.isoformat()}",
                classes=place.classes,
                state=state,
                url=self._url(pk),
                time=when.clock_time(starts_at, day.zone, self.language),
                until=when.clock_time(ends_at, day.zone, self.language),
                name=name,
                service=service,
                doubt=doubt,
                is_confirmed=state == "confirmed",
                is_unreachable=is_unreachable,
                is_booked=is_booked,
                minutes=round((ends_at - starts_at).total_seconds() / 60),
                version=version,
                phone=phone,
            )
        )

    def _url(self, pk: int) -> str:
        return f"{self._base}{pk}/"

    @cached_property
    def _base(self) -> str:
        # One reverse for all of them: it is the dearest part of a row.
        return reverse("clinic:appointment", args=[self.clinic.slug, 0]).removesuffix("0/")

    @cached_property
    def scale(self) -> int:
        """How large an hour is drawn: so that the shortest appointment shown can be read."""
        shortest = min((slot.minutes for column in self.columns for slot in column.slots), default=20)
        return next((step for step in (20, 15, 10) if shortest >= step), 5)

    @cached_property
    def short(self) -> int:
        """What is so short, in minutes, that it has one line alone."""
        return ONE_LINE[self.scale]
