"""When a time is offered, to whom, and for how long: every edge (P8, E4.2, E4.3, E4.7, E4.10)."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from reminders.offers import rules
from reminders.offers.rules import Candidate

WARSAW, BUCHAREST, LONDON = (ZoneInfo(f"Europe/{city}") for city in ("Warsaw", "Bucharest", "London"))
HALF = timedelta(minutes=30)
MINUTE = timedelta(minutes=1)


def wall(text: str, zone: ZoneInfo = WARSAW, fold: int = 0) -> datetime:
    """Return a wall time as an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("freed_at", "is_in_time"),
    [
        pytest.param("2027-05-08T00:00", True, id="saturday's first minute"),
        pytest.param("2027-05-08T23:59", True, id="saturday's last minute"),
        pytest.param("2027-05-09T00:00", False, id="sunday's first minute"),
        pytest.param("2027-05-10T07:59", False, id="the day itself"),
        pytest.param("2027-05-10T09:00", False, id="after it"),
        pytest.param("2027-04-01T12:00", True, id="weeks before"),
    ],
)
def test_two_days_are_dates(freed_at: str, is_in_time: bool) -> None:
    monday = wall("2027-05-10T08:00")

    assert rules.is_in_time(starts_at=monday, freed_at=wall(freed_at), zone=WARSAW) is is_in_time


def test_dates_are_the_calendars_own() -> None:
    """22:30 of Saturday in London is half past midnight of Sunday in Bucharest."""
    freed_at = wall("2027-05-08T22:30", LONDON)
    monday = wall("2027-05-10T08:00", BUCHAREST)

    assert not rules.is_in_time(starts_at=monday, freed_at=freed_at, zone=BUCHAREST)
    assert rules.is_in_time(starts_at=monday, freed_at=freed_at, zone=LONDON)


def test_dates_over_a_change_of_clocks() -> None:
    """From the last minute of Friday to the first of Sunday are 25 elapsed hours or 24, and two dates."""
    for friday, sunday in (("2027-03-26", "2027-03-28"), ("2027-10-29", "2027-10-31")):
        starts_at, freed_at = wall(f"{sunday}T00:01"), wall(f"{friday}T23:59")
        assert rules.is_in_time(starts_at=starts_at, freed_at=freed_at, zone=WARSAW)


LATER = [
    pytest.param("2027-05-10T08:00", "2027-05-12T08:00", True, id="exactly"),
    pytest.param("2027-05-10T08:00", "2027-05-12T07:59", False, id="a minute less"),
    pytest.param("2027-05-10T08:00", "2027-05-12T08:01", True, id="a minute more"),
    pytest.param("2027-05-10T08:00", "2027-05-10T08:00", False, id="the time itself"),
    pytest.param("2027-05-10T08:00", "2027-05-03T08:00", False, id="earlier"),
    # Clocks change on 28 March and 31 October 2027, Sundays: 47 and 49 elapsed hours.
    pytest.param("2027-03-27T08:00", "2027-03-29T08:00", True, id="over spring, exactly"),
    pytest.param("2027-03-27T08:00", "2027-03-29T07:59", False, id="over spring, a minute less"),
    pytest.param("2027-10-30T08:00", "2027-11-01T08:00", True, id="over autumn, exactly"),
    pytest.param("2027-10-30T08:00", "2027-11-01T07:59", False, id="over autumn, a minute less"),
]


@pytest.mark.parametrize("zone", [WARSAW, BUCHAREST, LONDON], ids=["Warsaw", "Bucharest", "London"])
@pytest.mark.parametrize(("freed", "start", "is_later"), LATER)
def test_48_hours_are_of_the_clock_on_the_wall(
    freed: str, start: str, is_later: bool, zone: ZoneInfo
) -> None:
    first, then = wall(freed, zone), wall(start, zone)

    assert rules.is_later(then, freed=first, zone=zone) is is_later
    if is_later:
        assert rules.later_from(first, zone) <= then


def test_elapsed_hours_of_the_examples_are_what_they_are_said_to_be() -> None:
    spring = wall("2027-03-29T08:00") - wall("2027-03-27T08:00")
    autumn = wall("2027-11-01T08:00") - wall("2027-10-30T08:00")

    assert (spring, autumn) == (timedelta(hours=47), timedelta(hours=49))


@pytest.mark.parametrize(
    ("zone", "gap", "after", "before"),
    [
        pytest.param(WARSAW, "2027-03-26T02:30", "2027-03-28T03:00", "2027-03-28T01:59", id="Warsaw"),
        pytest.param(BUCHAREST, "2027-03-26T03:30", "2027-03-28T04:00", "2027-03-28T02:59", id="Bucharest"),
        pytest.param(LONDON, "2027-03-26T01:30", "2027-03-28T02:00", "2027-03-28T00:59", id="London"),
    ],
)
def test_wall_time_that_does_not_exist_is_reached_by_the_next(
    zone: ZoneInfo, gap: str, after: str, before: str
) -> None:
    freed = wall(gap, zone)

    assert rules.is_later(wall(after, zone), freed=freed, zone=zone)
    assert not rules.is_later(wall(before, zone), freed=freed, zone=zone)
    assert rules.later_from(freed, zone) <= wall(after, zone)


@pytest.mark.parametrize(
    ("zone", "freed", "start"),
    [
        pytest.param(WARSAW, "2027-10-29T02:30", "2027-10-31T02:30", id="Warsaw"),
        pytest.param(BUCHAREST, "2027-10-29T03:30", "2027-10-31T03:30", id="Bucharest"),
        pytest.param(LONDON, "2027-10-29T01:30", "2027-10-31T01:30", id="London"),
    ],
)
def test_of_a_wall_time_that_comes_twice_the_first_counts(zone: ZoneInfo, freed: str, start: str) -> None:
    gone, first, second = wall(freed, zone), wall(start, zone), wall(start, zone, fold=1)

    assert second - first == timedelta(hours=1)
    assert not rules.is_later(first - MINUTE, freed=gone, zone=zone)
    assert rules.is_later(first, freed=gone, zone=zone)
    # By the wall it is a quarter of an hour before the time; by then the time has been once.
    assert rules.is_later(second - 15 * MINUTE, freed=gone, zone=zone)
    assert rules.later_from(gone, zone) == first


MONDAY = wall("2027-05-10T08:00")
BOOKED = wall("2027-05-01T12:00")


def one(
    number: int, day: int, *, patient: int = 0, hour: int = 8, length: timedelta = HALF, why_not: str = "",
    booked: int = 0,
) -> Candidate:  # fmt: skip
    """Return a candidate on a day of May."""
    return Candidate(
        appointment_id=number,
        patient_id=patient or number,
        starts_at=wall(f"2027-05-{day:02}T{hour:02}:00"),
        booked_at=BOOKED + booked * MINUTE,
        length=length,
        why_not=why_not,
    )


def chosen(candidates: list[Candidate], *, length: timedelta = HALF) -> list[int]:
    found = rules.choose(candidates, freed=MONDAY, length=length, zone=WARSAW)
    return [candidate.appointment_id for candidate in found]


def test_order_is_start_then_booking_then_id() -> None:
    given = [one(5, 13), one(4, 12, booked=2), one(3, 12, booked=1), one(9, 12, booked=1), one(1, 14)]

    assert chosen(given) == [3, 9, 4, 5, 1]


def test_example_of_the_source() -> None:
    """On Saturday, Monday 08:00 is cancelled: patients from Wednesday 08:00 on are told."""
    assert chosen([one(1, 11), one(2, 12, hour=7), one(3, 12), one(4, 12, hour=9)]) == [3, 4]


def test_one_offer_for_each_patient_by_their_earliest() -> None:
    assert chosen([one(1, 14, patient=7), one(2, 13, patient=7), one(3, 13, hour=9)]) == [2, 3]


def test_earliest_that_fits_and_is_late_enough_is_the_one_that_moves() -> None:
    assert chosen(
        [
            one(1, 11, patient=7),
            one(2, 12, patient=7, length=HALF + MINUTE),
            one(3, 13, patient=7, why_not="off_for_appointment"),
            one(4, 14, patient=7),
        ]
    ) == [4]


def test_length_may_be_the_whole_time_and_not_a_minute_more() -> None:
    given = [one(1, 12, length=HALF), one(2, 12, length=HALF + MINUTE), one(3, 12, length=MINUTE)]

    assert chosen(given) == [1, 3]
    assert chosen(given, length=HALF - MINUTE) == [3]


def test_ten_are_left_when_those_who_cannot_be_told_are_skipped() -> None:
    given = [one(n, 12, booked=n, why_not="no_phone" if n % 2 else "") for n in range(1, 31)]

    assert chosen(given) == [2, 4, 6, 8, 10, 12, 14, 16, 18, 20]
    assert len(chosen(given[:19])) == 9


def test_nobody_is_nobody() -> None:
    assert chosen([]) == []
    assert chosen([one(1, 12, why_not="gave_up")]) == []


def test_cut_off_is_the_calendars_notice() -> None:
    assert rules.closes_at(starts_at=MONDAY, notice=timedelta(hours=2)) == wall("2027-05-10T06:00")
    assert rules.closes_at(starts_at=MONDAY, notice=timedelta(0)) == MONDAY


@pytest.mark.parametrize(
    ("depth", "left", "goes_on"),
    [
        pytest.param(1, "2027-05-12T08:00", True, id="first"),
        pytest.param(2, "2027-05-12T08:00", True, id="second"),
        pytest.param(3, "2027-05-12T08:00", False, id="the third is the last"),
        pytest.param(1, "2027-05-12T07:59", False, id="not two days after"),
        pytest.param(1, "2027-05-03T08:00", False, id="backwards"),
    ],
)
def test_chain_goes_on_later_and_three_deep(depth: int, left: str, goes_on: bool) -> None:
    assert rules.may_go_on(depth=depth, before=MONDAY, freed=wall(left), zone=WARSAW) is goes_on


def test_every_chain_ends() -> None:
    start, depth, steps = MONDAY, 1, 0
    while rules.may_go_on(depth=depth, before=start, freed=start + timedelta(days=2), zone=WARSAW):
        start, depth, steps = start + timedelta(days=2), depth + 1, steps + 1
        assert steps < 10

    assert (depth, steps) == (3, 2)


@pytest.mark.parametrize(
    ("start", "end", "touches"),
    [(0, 30, True), (-30, 0, False), (30, 60, False), (-1, 1, True), (29, 40, True), (-10, 40, True)],
)
def test_spans_are_half_open(start: int, end: int, touches: bool) -> None:
    span = (MONDAY, MONDAY + HALF)

    assert rules.overlaps(MONDAY + start * MINUTE, MONDAY + end * MINUTE, [span]) is touches
    assert not rules.overlaps(MONDAY, MONDAY + HALF, [])
