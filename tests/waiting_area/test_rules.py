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
    [(None, NOON), (ago(seconds=3), ago(hours=1)), (ago(seconds=30), ago(hours=1)), (ago(seconds=31), NOON)],
)
def test_absences_count_anew_after_a_pause(last: datetime | None, expected: datetime) -> None:
    assert rules.counted_from(last, ago(hours=1), NOON) == expected


def test_edges_of_absence() -> None:
    assert rules.lost_before(NOON) == ago(seconds=45)
    assert rules.gone_before(NOON) == ago(seconds=105)
    assert rules.is_resumable(ago(minutes=30), NOON)
    assert not rules.is_resumable(ago(minutes=30, microseconds=1), NOON)


@pytest.mark.parametrize(
    ("elapsed", "expected"),
    [(-5, (0, 0)), (59, (0, 0)), (60, (0, 1)), (31 * 60, (0, 31)), (3600 + 299, (1, 4))],
)
def test_time_in_hours_and_minutes(elapsed: int, expected: tuple[int, int]) -> None:
    assert rules.in_words(timedelta(seconds=elapsed)) == expected
