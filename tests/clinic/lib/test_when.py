"""Dates and times per language, to the letter (X1)."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from clinic.lib import when

WARSAW = ZoneInfo("Europe/Warsaw")
BERLIN = ZoneInfo("Europe/Berlin")
BUCHAREST = ZoneInfo("Europe/Bucharest")
TUESDAY = datetime(2027, 5, 4, 8, 20, tzinfo=UTC)  # 10:20 in Warsaw


@pytest.mark.parametrize(
    ("language", "long", "short", "day", "whole"),
    [
        ("en", "Tuesday 4 May 2027", "4 May 2027", "4 May", "Tuesday 4 May 2027 at 10:20"),
        ("pl", "wtorek, 4 maja 2027", "4.05.2027", "4 maja", "wtorek, 4 maja 2027, godz. 10:20"),
        (
            "de",
            "Dienstag, 4. Mai 2027",
            "04.05.2027",
            "4. Mai",
            "Dienstag, 4. Mai 2027 um 10:20 Uhr",
        ),
        ("ro", "marți, 4 mai 2027", "04.05.2027", "4 mai", "marți, 4 mai 2027, ora 10:20"),
        ("de-at", "Dienstag, 4. Mai 2027", "04.05.2027", "4. Mai", "Dienstag, 4. Mai 2027 um 10:20 Uhr"),
        ("uk", "Tuesday 4 May 2027", "4 May 2027", "4 May", "Tuesday 4 May 2027 at 10:20"),
    ],
)
def test_dates_per_language(language: str, long: str, short: str, day: str, whole: str) -> None:
    assert when.long_date(TUESDAY, WARSAW, language) == long
    assert when.short_date(TUESDAY, WARSAW, language) == short
    assert when.day_and_month(TUESDAY, WARSAW, language) == day
    assert when.full_day(TUESDAY.date(), language) == f"{day} 2027"
    assert when.date_and_time(TUESDAY, WARSAW, language) == whole
    assert when.clock_time(TUESDAY, WARSAW, language) == "10:20"


def test_zone_decides_date() -> None:
    late = datetime(2027, 12, 31, 22, 30, tzinfo=UTC)

    assert when.date_and_time(late, WARSAW, "pl") == "piątek, 31 grudnia 2027, godz. 23:30"
    assert when.date_and_time(late, BUCHAREST, "ro") == "sâmbătă, 1 ianuarie 2028, ora 00:30"


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        pytest.param(datetime(2027, 3, 28, 0, 59, tzinfo=UTC), "01:59", id="dst-before-gap"),
        pytest.param(datetime(2027, 3, 28, 1, 0, tzinfo=UTC), "03:00", id="dst-after-gap"),
        pytest.param(datetime(2027, 10, 31, 0, 30, tzinfo=UTC), "02:30", id="dst-first-pass"),
        pytest.param(datetime(2027, 10, 31, 1, 30, tzinfo=UTC), "02:30", id="dst-second-pass"),
        pytest.param(datetime(2027, 5, 4, 7, 5, tzinfo=WARSAW), "07:05", id="leading-zero"),
    ],
)
def test_clock_time_over_dst(at: datetime, shown: str) -> None:
    assert when.clock_time(at, WARSAW, "pl") == shown


def test_span() -> None:
    end = datetime(2027, 5, 4, 8, 40, tzinfo=UTC)

    assert when.span(TUESDAY, end, WARSAW, "de") == "10:20\N{EN DASH}10:40"


@pytest.mark.parametrize(
    ("language", "name"),
    [
        ("en", "Bucharest time"),
        ("pl", "czas lokalny: Bukareszt"),
        ("de", "Ortszeit Bukarest"),
        ("ro", "ora locală: București"),
    ],
)
def test_zone_name_of_other_zone(language: str, name: str) -> None:
    assert when.zone_name(TUESDAY, BUCHAREST, WARSAW, language) == name


def test_zone_name_is_silent_where_clocks_agree() -> None:
    london, reykjavik = ZoneInfo("Europe/London"), ZoneInfo("Atlantic/Reykjavik")

    assert when.zone_name(TUESDAY, WARSAW, BERLIN, "pl") == ""
    assert when.zone_name(datetime(2027, 1, 4, tzinfo=UTC), reykjavik, london, "en") == ""
    assert when.zone_name(TUESDAY, reykjavik, london, "en") == "Reykjavik time"
    assert when.zone_name(TUESDAY, ZoneInfo("UTC"), london, "en") == "UTC"


@pytest.mark.parametrize(
    ("now", "words"),
    [
        pytest.param(
            datetime(2027, 5, 4, 21, 59, tzinfo=UTC), ("today", "dzisiaj", "heute", "astăzi"), id="today"
        ),
        pytest.param(
            datetime(2027, 5, 3, 21, 59, tzinfo=UTC), ("tomorrow", "jutro", "morgen", "mâine"), id="tomorrow"
        ),
        pytest.param(
            datetime(2027, 5, 4, 22, 0, tzinfo=UTC),
            ("yesterday", "wczoraj", "gestern", "ieri"),
            id="midnight",
        ),
        pytest.param(
            datetime(2027, 4, 22, 8, 0, tzinfo=UTC),
            ("in 12 days", "za 12 dni", "in 12 Tagen", "peste 12 zile"),
            id="not-weeks",
        ),
    ],
)
def test_relative_days_counts_local_midnights(now: datetime, words: tuple[str, ...]) -> None:
    assert (
        tuple(when.relative_days(TUESDAY, now, WARSAW, language) for language in ("en", "pl", "de", "ro"))
        == words
    )


def test_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        when.clock_time(datetime(2027, 5, 4, 10, 20), WARSAW, "en")  # noqa: DTZ001
