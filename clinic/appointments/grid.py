"""Where an instant stands on the staff calendar: rows of five minutes of wall time, hours that are skipped or
come twice included (D3, D4). Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from clinic.calendars.rules import Span
from clinic.lib.local_time import NonExistentTime, day_span, is_repeated, to_instant

MINUTES_A_ROW = 5
DAY = 24 * 60
# What is shown of a day on which nothing is open and nothing is booked.
USUAL_HOURS = (8, 17)


@dataclass(frozen=True, slots=True)
class Line:
    """One hour of the axis: its wall hour, whether it is the second of that name, and its rows."""

    hour: int
    is_second: bool
    first_row: int
    last_row: int

    @property
    def name(self) -> str:
        return f"{self.hour}*" if self.is_second else str(self.hour)


@dataclass(frozen=True)
class Axis:
    """The hours that all columns of a page share, as wall time.

    Args:
        first, last: the wall hours between which it runs.
        repeated: the wall hours that come twice on some day shown; they take two hours' rows in all columns.
    """

    first: int
    last: int
    repeated: tuple[int, ...] = ()

    def minute(self, wall: int, *, is_second: bool = False) -> int:
        """Return how far below the top a wall minute of the day stands, in minutes; negative: above it."""
        if not self.repeated:
            return wall - self.first * 60
        return self._whole(wall, is_second) - self._whole(self.first * 60, False)

    def _whole(self, wall: int, is_second: bool) -> int:
        before = sum(60 for hour in self.repeated if (hour + 1) * 60 <= wall)
        return wall + before + (60 if is_second and wall // 60 in self.repeated else 0)

    @cached_property
    def minutes(self) -> int:
        """How long it is."""
        return self.minute(self.last * 60)

    @property
    def hours(self) -> int:
        return self.minutes // 60

    def lines(self) -> list[Line]:
        """Return its hours, from the top."""
        found = []
        for hour in range(self.first, self.last):
            for is_second in (False, True) if hour in self.repeated else (False,):
                top = self.minute(hour * 60, is_second=is_second) // MINUTES_A_ROW
                found.append(Line(hour, is_second, top, top + 60 // MINUTES_A_ROW))
        return found


@dataclass(slots=True)
class Place:
    """From which row to which, and by how many minutes it begins later and ends earlier than these."""

    first_row: int
    last_row: int
    late: int = 0
    early: int = 0

    @property
    def classes(self) -> str:
        """The style sheet's names for it."""
        late = f" m{self.late}" if self.late else ""
        early = f" e{self.early}" if self.early else ""
        return f"r{self.first_row} u{self.last_row}{late}{early}"


@dataclass(frozen=True)
class Day:
    """A local date in a zone, as a column of the page shows it."""

    day: date
    zone: ZoneInfo

    @cached_property
    def span(self) -> Span:
        return day_span(self.day, self.zone)

    def repeated_hours(self) -> list[int]:
        """Return the wall hours that come twice on this date."""
        if self._is_plain:
            return []
        return [hour for hour in range(24) if is_repeated(self._wall(hour), self.zone)]

    def skipped_hours(self) -> list[int]:
        """Return the wall hours that this date does not have."""
        if self._is_plain:
            return []
        return [hour for hour in range(24) if not self._has(hour)]

    @cached_property
    def _is_plain(self) -> bool:
        start, end = self.span
        return end - start == timedelta(days=1)

    def _wall(self, hour: int) -> datetime:
        return datetime.combine(self.day, time(hour))

    def _has(self, hour: int) -> bool:
        try:
            to_instant(self._wall(hour), self.zone)
        except NonExistentTime:
            return False
        return True

    def hours_of(self, span: Span) -> tuple[int, int] | None:
        """Return the whole wall hours that a span touches on this date; None: none."""
        start, end = max(span[0], self.span[0]), min(span[1], self.span[1])
        if start >= end:
            return None
        first, _second = self._minute(start)
        last, _second = self._minute(end)
        return first // 60, max(-(-last // 60), first // 60 + 1)

    def place(self, span: Span, axis: Axis) -> Place | None:
        """Return where a span stands in this column; None where it is not to be seen."""
        start, end = span
        begin, over = self.span
        if start < begin or end > over:
            start, end = max(start, begin), min(end, over)
            if start >= end:
                return None
        first, last = max(self._on(axis, start), 0), min(self._on(axis, end), axis.minutes)
        if first >= last:
            return None
        first_row, last_row = first // MINUTES_A_ROW, -(-last // MINUTES_A_ROW)
        return Place(first_row, last_row, first - first_row * MINUTES_A_ROW, last_row * MINUTES_A_ROW - last)

    def _on(self, axis: Axis, at: datetime) -> int:
        wall, is_second = self._minute(at)
        return axis.minute(wall, is_second=is_second)

    def _minute(self, at: datetime) -> tuple[int, bool]:
        """Return an instant's minute of this date, and whether it is in the second of two equal hours."""
        if self._is_plain:
            return min(int((at - self.span[0]).total_seconds()) // 60, DAY), False
        local = at.astimezone(self.zone)
        if local.date() > self.day:
            return DAY, False
        return local.hour * 60 + local.minute, bool(local.fold)

    def is_doubtful(self, at: datetime) -> bool:
        """Return whether the time of day alone does not say which of two equal hours is meant."""
        return not self._is_plain and is_repeated(
            at.astimezone(self.zone).replace(tzinfo=None, fold=0), self.zone
        )

    def ticks(self, axis: Axis) -> list[int | None]:
        """Return the instants (seconds since 1970) of the axis's hours on this date, and of its end.

        None: an hour that this date does not have.
        """
        repeated, skipped = self.repeated_hours(), self.skipped_hours()
        found: list[int | None] = []
        for line in axis.lines():
            if line.hour in skipped or (line.is_second and line.hour not in repeated):
                found.append(None)
                continue
            wall = self._wall(line.hour).replace(tzinfo=self.zone, fold=int(line.is_second))
            found.append(int(wall.timestamp()))
        last = self.span[1] if axis.last >= 24 else self._wall(axis.last).replace(tzinfo=self.zone)
        return [*found, int(last.timestamp())]


def axis_for(days: Iterable[tuple[Day, Iterable[Span]]]) -> Axis:
    """Return the axis on which all these spans are to be seen; without any: the usual hours."""
    edges: list[tuple[int, int]] = []
    repeated: set[int] = set()
    for day, spans in days:
        edges += [hours for span in spans if (hours := day.hours_of(span))]
        repeated.update(day.repeated_hours())
    if not edges:
        return Axis(*USUAL_HOURS)
    first, last = min(first for first, _last in edges), max(last for _first, last in edges)
    return Axis(first, last, tuple(sorted(hour for hour in repeated if first <= hour < last)))
