"""Where instants stand on the staff calendar, over clock changes too (D3, D4)."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from clinic.appointments.grid import Axis, Day, Line, Place, axis_for

WARSAW = ZoneInfo("Europe/Warsaw")
PLAIN = Day(date(2027, 5, 4), WARSAW)
SPRING = Day(date(2027, 3, 28), WARSAW)  # 02:00 is skipped
AUTUMN = Day(date(2027, 10, 31), WARSAW)  # 02:00 comes twice
MINUTES = timedelta(minutes=1)


def local(day: Day, hour: int, minute: int = 0, *, fold: int = 0) -> datetime:
    wall = datetime(day.day.year, day.day.month, day.day.day, hour, minute, tzinfo=WARSAW, fold=fold)
    return wall.astimezone(UTC)


def lasting(start: datetime, minutes: int) -> tuple[datetime, datetime]:
    return start, start + minutes * MINUTES


@pytest.mark.parametrize(
    ("start", "minutes", "expected"),
    [
        pytest.param((8, 0), 20, Place(0, 4), id="at-the-top"),
        pytest.param((10, 20), 40, Place(28, 36), id="on-the-rows"),
        pytest.param((10, 22), 5, Place(28, 30, 2, 3), id="between-the-rows"),
        pytest.param((7, 50), 20, Place(0, 2), id="cut-at-the-top"),
        pytest.param((15, 50), 20, Place(94, 96), id="cut-at-the-end"),
        pytest.param((6, 0), 60, None, id="above"),
        pytest.param((16, 0), 60, None, id="below"),
    ],
)
def test_place_on_a_plain_day(start: tuple[int, int], minutes: int, expected: Place | None) -> None:
    assert PLAIN.place(lasting(local(PLAIN, *start), minutes), Axis(8, 16)) == expected


def test_classes_name_rows_and_minutes() -> None:
    assert Place(28, 36).classes == "r28 u36"
    assert Place(28, 30, 2, 3).classes == "r28 u30 m2 e3"


def test_appointment_over_midnight_stands_on_both_days() -> None:
    span = lasting(local(PLAIN, 23, 30), 60)
    after = Day(date(2027, 5, 5), WARSAW)

    assert PLAIN.place(span, Axis(0, 24)) == Place(282, 288)
    assert after.place(span, Axis(0, 24)) == Place(0, 6)
    assert PLAIN.hours_of(span) == (23, 24)
    assert after.hours_of(span) == (0, 1)
    assert Day(date(2027, 5, 6), WARSAW).place(span, Axis(0, 24)) is None


def test_spring_day_has_23_hours_and_a_gap() -> None:
    assert (SPRING.skipped_hours(), SPRING.repeated_hours()) == ([2], [])
    axis = Axis(0, 5)
    # 01:30 to 03:30 by the clock is one hour.
    assert SPRING.place(lasting(local(SPRING, 1, 30), 60), axis) == Place(18, 42)
    ticks = SPRING.ticks(axis)
    assert ticks[2] is None
    assert [ticks[number] for number in (0, 1, 3)] == [
        int(local(SPRING, hour).timestamp()) for hour in (0, 1, 3)
    ]
    assert int(local(SPRING, 3).timestamp()) - int(local(SPRING, 1).timestamp()) == 3600


def test_autumn_day_has_25_hours_in_order() -> None:
    assert (AUTUMN.skipped_hours(), AUTUMN.repeated_hours()) == ([], [2])
    axis = axis_for([(AUTUMN, [lasting(local(AUTUMN, 1), 240)])])
    assert axis == Axis(1, 4, (2,))
    assert axis.lines() == [
        Line(1, False, 0, 12),
        Line(2, False, 12, 24),
        Line(2, True, 24, 36),
        Line(3, False, 36, 48),
    ]
    first, second = local(AUTUMN, 2, 30), local(AUTUMN, 2, 30, fold=1)
    assert second - first == timedelta(hours=1)
    assert AUTUMN.place(lasting(first, 20), axis) == Place(18, 22)
    assert AUTUMN.place(lasting(second, 20), axis) == Place(30, 34)
    assert (AUTUMN.is_doubtful(first), AUTUMN.is_doubtful(second)) == (True, True)
    assert AUTUMN.is_doubtful(local(AUTUMN, 3)) is False
    assert PLAIN.is_doubtful(local(PLAIN, 2, 30)) is False
    ticks = [tick or 0 for tick in AUTUMN.ticks(axis)]
    assert [later - earlier for earlier, later in pairwise(ticks)] == [3600] * 4


def test_other_days_leave_the_repeated_hour_out() -> None:
    axis = Axis(1, 5, (2,))
    saturday = Day(date(2027, 10, 30), WARSAW)
    assert saturday.place(lasting(local(saturday, 2, 30), 20), axis) == Place(18, 22)
    assert saturday.place(lasting(local(saturday, 3), 30), axis) == Place(36, 42)
    assert saturday.ticks(axis)[2] is None


def test_axis_shows_all_that_is_open_or_booked_and_no_more() -> None:
    assert axis_for([]) == Axis(8, 17)
    assert axis_for([(PLAIN, [])]) == Axis(8, 17)
    spans = [lasting(local(PLAIN, 9, 30), 60), lasting(local(PLAIN, 19, 55), 10)]
    assert axis_for([(PLAIN, spans)]) == Axis(9, 21)
    assert axis_for([(PLAIN, [lasting(local(PLAIN, 23), 60)])]) == Axis(23, 24)
