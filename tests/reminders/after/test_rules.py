"""When patients are written to after an appointment: to the second, over clock changes (P7, P9, P14; E3)."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from notifications.rules import QuietHours
from reminders.after.rules import NEXT, REVIEW, Visit, is_followed, latest, sms_due, timing, why_no_review

HOUR, SECOND, DAY = timedelta(hours=1), timedelta(seconds=1), timedelta(days=1)
NIGHT = QuietHours(time(22), time(7))
WARSAW = ZoneInfo("Europe/Warsaw")


def wall(zone: str, *parts: int) -> datetime:
    return datetime(*parts).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("zone", "ends", "review", "following"),
    [
        # Clocks go forward on 28 March 2027, back on 31 October: elapsed hours, so the wall is an hour off.
        ("Europe/Warsaw", (2027, 3, 27, 12), (2027, 3, 27, 14), (2027, 3, 28, 9)),
        ("Europe/Warsaw", (2027, 10, 30, 12), (2027, 10, 30, 14), (2027, 10, 31, 7)),
        ("Europe/Warsaw", (2027, 3, 28, 1), (2027, 3, 28, 4), (2027, 3, 28, 22)),
        ("Europe/Bucharest", (2027, 3, 27, 12), (2027, 3, 27, 14), (2027, 3, 28, 9)),
        ("Europe/Bucharest", (2027, 10, 31, 1), (2027, 10, 31, 3), (2027, 10, 31, 20)),
        ("Europe/London", (2027, 3, 28, 0), (2027, 3, 28, 3), (2027, 3, 28, 21)),
        ("Europe/London", (2027, 10, 30, 12), (2027, 10, 30, 14), (2027, 10, 31, 7)),
        ("Europe/Warsaw", (2027, 5, 3, 12), (2027, 5, 3, 14), (2027, 5, 4, 8)),
    ],
)
def test_two_and_twenty_elapsed_hours(zone: str, ends: Any, review: Any, following: Any) -> None:
    ends_at = wall(zone, *ends)

    found = [timing(kind, ends_at=ends_at) for kind in (REVIEW, NEXT)]

    # 03:00 in Bucharest comes twice that night: the first of them is meant.
    assert [(one.at, one.reason) for one in found] == [
        (wall(zone, *review), "2h_after_end"), (wall(zone, *following), "20h_after_end"),
    ]  # fmt: skip
    assert [latest(kind, ends_at=ends_at) - ends_at for kind in (REVIEW, NEXT)] == [7 * DAY, 24 * HOUR]


@pytest.mark.parametrize(
    ("kind", "ends", "due"),
    [
        pytest.param(REVIEW, (2027, 5, 3, 19, 59), (2027, 5, 3, 21, 59), id="a minute before the night"),
        pytest.param(REVIEW, (2027, 5, 3, 20, 0), (2027, 5, 4, 7, 0), id="held until the morning"),
        pytest.param(NEXT, (2027, 5, 3, 11, 0), (2027, 5, 4, 7, 0), id="its end is outside"),
        pytest.param(NEXT, (2027, 5, 3, 10, 59), (2027, 5, 4, 7, 0), id="a minute of it"),
        pytest.param(NEXT, (2027, 5, 3, 7, 0), (2027, 5, 4, 7, 0), id="24 hours to the second"),
        pytest.param(NEXT, (2027, 5, 3, 6, 59), None, id="a minute too late"),
        pytest.param(NEXT, (2027, 5, 3, 2, 0), None, id="the next morning is too late"),
        pytest.param(NEXT, (2027, 10, 30, 8, 0), (2027, 10, 31, 7, 0), id="the long night"),
        pytest.param(NEXT, (2027, 10, 30, 7, 30), None, id="24 h elapsed end at 06:30 after the long night"),
        pytest.param(NEXT, (2027, 3, 27, 6, 30), (2027, 3, 28, 7, 0), id="and at 07:30 after the short one"),
    ],
)
def test_quiet_hours_hold_an_sms_as_long_as_it_is_of_use(kind: str, ends: Any, due: Any) -> None:
    ends_at = wall("Europe/Warsaw", *ends)
    planned = timing(kind, ends_at=ends_at).at
    assert planned is not None

    found = sms_due(kind, planned_at=planned, ends_at=ends_at, quiet=NIGHT, zone=WARSAW)

    assert found == (wall("Europe/Warsaw", *due) if due else None)
    assert sms_due(kind, planned_at=planned, ends_at=ends_at, quiet=None, zone=WARSAW) == planned


def visit(pk: int, day: date, hour: int, **more: Any) -> Visit:
    starts_at = wall("Europe/Warsaw", day.year, day.month, day.day, hour)
    ends_at = starts_at + HOUR
    defaults = {"is_online": False, "is_held": True, "is_tried": False, "is_open": True}
    return Visit(pk, starts_at, ends_at, ends_at + 2 * HOUR, **{**defaults, **more})


TODAY = date(2027, 5, 3)
OWN = visit(1, TODAY, 10)
SENT = {"is_tried": True, "is_open": False}
NOTHING = {"is_open": False}


@pytest.mark.parametrize(
    ("own", "others", "why"),
    [
        pytest.param({}, [], "", id="alone"),
        pytest.param({}, [(2, 0, 12, {})], "later_same_day", id="one more that day"),
        pytest.param({}, [(2, 0, 8, {})], "", id="the last of the day"),
        pytest.param({}, [(2, 0, 12, {"is_held": False})], "", id="the later one is cancelled or missed"),
        pytest.param({}, [(2, 0, 12, NOTHING)], "", id="the later one brings nothing"),
        pytest.param({}, [(2, 0, 8, SENT)], "asked_lately", id="asked today"),
        pytest.param({"is_online": True}, [(2, 0, 8, SENT)], "asked_lately", id="one a day, also online"),
        pytest.param({"is_online": True}, [(2, 0, 12, {})], "later_same_day", id="online, with a later one"),
        pytest.param({}, [(2, -29, 10, SENT)], "asked_lately", id="29 days ago"),
        pytest.param({}, [(2, -30, 10, SENT)], "", id="30 days ago"),
        pytest.param({}, [(2, -1, 10, {})], "asked_lately", id="yesterday's still has to go"),
        pytest.param({}, [(2, -1, 10, NOTHING)], "", id="yesterday's was left out"),
        pytest.param({}, [(2, 1, 10, {})], "", id="tomorrow's does not count"),
        pytest.param({"is_online": True}, [(2, -1, 10, SENT)], "", id="online always"),
        pytest.param(
            {}, [(2, -1, 10, SENT), (3, 0, 8, {"is_online": True})], "", id="in place of one booked online"
        ),
        pytest.param(
            {}, [(2, -1, 10, SENT), (3, 0, 8, {"is_online": True, "is_held": False})], "asked_lately",
            id="unless that was not held",
        ),
    ],
)  # fmt: skip
def test_one_request_a_day_and_in_thirty_days(own: Any, others: Any, why: str) -> None:
    rest = [visit(pk, TODAY + days * DAY, hour, **more) for pk, days, hour, more in others]

    assert why_no_review(visit(1, TODAY, 10, **own), rest, zone=WARSAW) == why


def test_days_are_those_of_the_calendar() -> None:
    """23:00 and 00:00 in Warsaw are one day in London, and two at home."""
    late, early = visit(1, TODAY, 23), visit(2, TODAY + DAY, 0)

    assert why_no_review(late, [early], zone=WARSAW) == ""
    assert why_no_review(late, [early], zone=ZoneInfo("Europe/London")) == "later_same_day"


def test_thirty_days_are_dates_also_over_a_clock_change() -> None:
    asked = visit(2, date(2027, 3, 1), 10, **SENT)

    assert why_no_review(visit(1, date(2027, 3, 31), 10), [asked], zone=WARSAW) == ""
    assert why_no_review(visit(1, date(2027, 3, 30), 10), [asked], zone=WARSAW) == "asked_lately"


@pytest.mark.parametrize(
    ("days", "more", "is_so"),
    [(1, {}, True), (1, SENT, True), (1, NOTHING, False), (1, {"is_held": False}, False), (-1, {}, False)],
)
def test_came_again(days: int, more: dict[str, bool], is_so: bool) -> None:
    assert is_followed(OWN, [visit(2, TODAY + days * DAY, 10, **more)]) is is_so
