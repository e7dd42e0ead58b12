"""Pure rules of the waiting area, with exact values."""

from datetime import UTC, datetime, timedelta

import pytest

from waiting_area import rules

NOON = datetime(2027, 5, 3, 12, 0, tzinfo=UTC)


def ago(**parts: float) -> datetime:
    return NOON - timedelta(**parts)


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        ([], None),
        ([4, 5], None),
        ([4, 5, 6], 5),
        ([0, 0, 0], 1),
        ([4.2, 4.2, 4.2], 5),
        ([9, 9.5, 10], 10),
        ([11, 12, 13], 15),
        ([1, 2, 16, 90], 9),
        ([5, 7, 16, 21, 400], 20),
    ],
)
def test_wait_is_estimated_from_the_median(minutes: list[float], expected: int | None) -> None:
    assert rules.estimated_minutes([timedelta(minutes=each) for each in minutes]) == expected


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (None, NOON),
        (ago(seconds=3), ago(hours=1)),
        (ago(seconds=30), ago(hours=1)),
        (ago(seconds=31), NOON),
        # In the future: another server's clock is a little ahead, or the clock was set back.
        (ago(seconds=-30), ago(hours=1)),
        (ago(seconds=-31), NOON),
        (ago(hours=-1), NOON),
    ],
)
def test_absences_count_anew_after_a_pause(last: datetime | None, expected: datetime) -> None:
    assert rules.counted_from(last, ago(hours=1), NOON) == expected


@pytest.mark.parametrize(
    ("last", "beats", "due"),
    [
        (ago(seconds=9), True, False),
        (ago(seconds=10), True, True),
        (ago(seconds=30), True, True),
        (ago(seconds=31), False, True),
        (ago(seconds=-9), True, False),
        (ago(seconds=-10), True, True),
        (ago(seconds=-30), True, True),
        (ago(seconds=-31), False, True),
    ],
)
def test_pulse_beats_and_is_due(last: datetime, beats: bool, due: bool) -> None:
    assert rules.is_beating(last, NOON) is beats
    assert rules.is_due(last, NOON) is due


@pytest.mark.parametrize(
    ("known", "said", "expected"),
    [
        (ago(seconds=20), ago(seconds=2), ago(seconds=2)),
        (ago(seconds=1), ago(seconds=2), ago(seconds=1)),
        # Left from before the clock was set back.
        (ago(hours=-1), ago(seconds=2), NOON),
        # Said on purpose (the demonstration's callers).
        (ago(seconds=1), ago(hours=-8), ago(hours=-8)),
    ],
)
def test_nothing_was_heard_later_than_now(known: datetime, said: datetime, expected: datetime) -> None:
    assert rules.last_seen(known, said, NOON) == expected


def test_edges_of_absence() -> None:
    assert rules.lost_before(NOON) == ago(seconds=45)
    assert rules.gone_before(NOON, timedelta(seconds=60)) == ago(seconds=105)
    assert rules.is_resumable(ago(minutes=30), NOON, minutes=30)
    assert not rules.is_resumable(ago(minutes=30, microseconds=1), NOON, minutes=30)


@pytest.mark.parametrize(
    ("elapsed", "expected"),
    [(-5, (0, 0)), (59, (0, 0)), (60, (0, 1)), (31 * 60, (0, 31)), (3600 + 299, (1, 4))],
)
def test_time_in_hours_and_minutes(elapsed: int, expected: tuple[int, int]) -> None:
    assert rules.in_words(timedelta(seconds=elapsed)) == expected


@pytest.mark.parametrize(
    ("minutes", "is_around"),
    [(-60 - 1 / 60, False), (-60, True), (0, True), (90, True), (90 + 1 / 60, False)],
)
def test_way_in_is_shown_from_an_hour_before_to_an_hour_after(minutes: float, is_around: bool) -> None:
    starts_at = datetime(2027, 5, 3, 9, 0, tzinfo=UTC)
    ends_at = starts_at + timedelta(minutes=30)

    assert rules.is_around(starts_at, ends_at, starts_at + timedelta(minutes=minutes)) is is_around
