"""Quiet hours (P14, E1.14, R20)."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from notifications.rules import QuietHours, quiet_until, sms_due

WARSAW = ZoneInfo("Europe/Warsaw")
NIGHT = QuietHours(time(22), time(7))
NOON = QuietHours(time(12), time(13, 30))
SMALL_HOURS = QuietHours(time(23), time(2, 30))


def instant(day: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=WARSAW, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("quiet", "at", "end"),
    [
        pytest.param(NIGHT, "2026-03-02 21:59:59.999999", None, id="just-before-22"),
        pytest.param(NIGHT, "2026-03-02 22:00", "2026-03-03 07:00", id="at-22"),
        pytest.param(NIGHT, "2026-03-02 23:59:59", "2026-03-03 07:00", id="before-midnight"),
        pytest.param(NIGHT, "2026-03-03 00:00", "2026-03-03 07:00", id="midnight"),
        pytest.param(NIGHT, "2026-03-03 06:59:59.999999", "2026-03-03 07:00", id="just-before-7"),
        pytest.param(NIGHT, "2026-03-03 07:00", None, id="at-7"),
        pytest.param(NIGHT, "2026-02-28 22:30", "2026-03-01 07:00", id="month-end"),
        pytest.param(NOON, "2026-03-02 11:59:59", None, id="noon-before"),
        pytest.param(NOON, "2026-03-02 12:00", "2026-03-02 13:30", id="noon-begins"),
        pytest.param(NOON, "2026-03-02 13:29:59", "2026-03-02 13:30", id="noon-within"),
        pytest.param(NOON, "2026-03-02 13:30", None, id="noon-ends"),
        pytest.param(NOON, "2026-03-02 00:30", None, id="noon-is-not-night"),
        pytest.param(None, "2026-03-02 23:00", None, id="off"),
        pytest.param(QuietHours(time(7), time(7)), "2026-03-02 07:00", None, id="empty-window"),
        # Eight hours long on the night of 29 March 2026, ten on that of 25 October.
        pytest.param(NIGHT, "2026-03-28 23:00", "2026-03-29 07:00", id="spring-night"),
        pytest.param(NIGHT, "2026-10-24 23:00", "2026-10-25 07:00", id="autumn-night"),
    ],
)
def test_quiet_until(quiet: QuietHours | None, at: str, end: str | None) -> None:
    found = quiet_until(at=instant(at), quiet=quiet, zone=WARSAW)

    assert found == (instant(end) if end else None)


def test_the_nights_of_the_clock_changes_have_their_own_lengths() -> None:
    spring = quiet_until(at=instant("2026-03-28 22:00"), quiet=NIGHT, zone=WARSAW)
    autumn = quiet_until(at=instant("2026-10-24 22:00"), quiet=NIGHT, zone=WARSAW)

    assert spring == datetime(2026, 3, 29, 5, tzinfo=UTC)
    assert autumn == datetime(2026, 10, 25, 6, tzinfo=UTC)


@pytest.mark.parametrize("fold", [0, 1])
def test_an_end_within_the_repeated_hour_is_the_later_one(fold: int) -> None:
    at = instant("2026-10-25 02:10", fold)

    assert quiet_until(at=at, quiet=SMALL_HOURS, zone=WARSAW) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def test_an_end_that_the_clocks_skip_moves_on_with_them() -> None:
    at = instant("2026-03-29 01:30")

    assert quiet_until(at=at, quiet=SMALL_HOURS, zone=WARSAW) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("planned", "starts", "due"),
    [
        pytest.param("2026-03-02 23:00", "2026-03-03 12:00", "2026-03-03 07:00", id="held"),
        pytest.param("2026-03-02 23:00", "2026-03-03 09:00", "2026-03-03 07:00", id="end-exactly-2h-before"),
        pytest.param("2026-03-02 23:00", "2026-03-03 08:59:59", "2026-03-02 23:00", id="end-too-late"),
        pytest.param("2026-03-02 12:00", "2026-03-03 08:00", "2026-03-02 12:00", id="by-day"),
        pytest.param("2026-03-03 07:00", "2026-03-03 12:00", "2026-03-03 07:00", id="at-the-end"),
    ],
)
def test_sms_due(planned: str, starts: str, due: str) -> None:
    found = sms_due(planned_at=instant(planned), starts_at=instant(starts), quiet=NIGHT, zone=WARSAW)

    assert found == instant(due)


def test_sms_due_without_quiet_hours() -> None:
    planned = instant("2026-03-02 23:00")

    assert (
        sms_due(planned_at=planned, starts_at=planned + timedelta(days=1), quiet=None, zone=WARSAW) == planned
    )


def test_an_sms_is_never_due_before_it_is_planned() -> None:
    for minute in range(0, 26 * 60, 5):
        planned = instant("2026-10-24 22:00") + timedelta(minutes=minute)
        for quiet in (NIGHT, SMALL_HOURS):
            due = sms_due(planned_at=planned, starts_at=planned + timedelta(days=9), quiet=quiet, zone=WARSAW)
            assert due >= planned
