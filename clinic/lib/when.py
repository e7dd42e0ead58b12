"""Dates and times as people in each of our languages write them (X1).

Every function takes an aware instant, the zone whose wall clock counts and a language code; none
reads the clock or the active language, so that a message comes out the same wherever it is rendered.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_interval, format_timedelta, get_timezone_location


@dataclass(frozen=True, slots=True)
class _Manner:
    """How one language writes dates: patterns for Babel, and the words around them."""

    long_date: str
    short_date: str
    day_and_month: str
    full_day: str
    date_and_time: str
    zone: str
    near_days: tuple[str, str, str]  # yesterday, today, tomorrow


# Babel's own English is American, its German short year has two digits and its joiners are bare
# commas; these are the forms a clinic's letter would use.
_MANNERS = {
    "en": _Manner(
        long_date="EEEE d MMMM y",
        # The month in letters: 04/05 is April to one reader and May to another.
        short_date="d MMM y",
        day_and_month="d MMMM",
        full_day="d MMMM y",
        date_and_time="{date} at {time}",
        zone="{city} time",
        near_days=("yesterday", "today", "tomorrow"),
    ),
    "pl": _Manner(
        long_date="EEEE, d MMMM y",
        short_date="d.MM.y",
        day_and_month="d MMMM",
        full_day="d MMMM y",
        date_and_time="{date}, godz. {time}",
        zone="czas lokalny: {city}",
        near_days=("wczoraj", "dzisiaj", "jutro"),
    ),
    "de": _Manner(
        long_date="EEEE, d. MMMM y",
        short_date="dd.MM.y",
        day_and_month="d. MMMM",
        full_day="d. MMMM y",
        date_and_time="{date} um {time} Uhr",
        zone="Ortszeit {city}",
        near_days=("gestern", "heute", "morgen"),
    ),
    "ro": _Manner(
        long_date="EEEE, d MMMM y",
        short_date="dd.MM.y",
        day_and_month="d MMMM",
        full_day="d MMMM y",
        date_and_time="{date}, ora {time}",
        zone="ora locală: {city}",
        near_days=("ieri", "astăzi", "mâine"),
    ),
}


def _base(language: str) -> str:
    """Return the code whose manner applies: `de` for `de-AT`, English for what we do not speak."""
    code = language.replace("_", "-").partition("-")[0].lower()
    # Texts we have no translation for come out in English, so their dates must too.
    return code if code in _MANNERS else "en"


def _local(at: datetime, zone: ZoneInfo) -> datetime:
    # astimezone() takes a naive value for the server's own time: a wrong hour, without a sound.
    if at.utcoffset() is None:
        raise ValueError("An instant without a zone cannot be shown.")
    return at.astimezone(zone)


def _written(at: datetime, zone: ZoneInfo, language: str, pattern: str) -> str:
    return format_date(_local(at, zone).date(), pattern, locale=_base(language))


def long_date(at: datetime, zone: ZoneInfo, language: str) -> str:
    """Return weekday, day, month and year: "Tuesday 4 May 2027", "wtorek, 4 maja 2027"."""
    return _written(at, zone, language, _MANNERS[_base(language)].long_date)


def short_date(at: datetime, zone: ZoneInfo, language: str) -> str:
    """Return the date as tables show it: "4 May 2027", "4.05.2027", "04.05.2027"."""
    return _written(at, zone, language, _MANNERS[_base(language)].short_date)


def day_and_month(at: datetime, zone: ZoneInfo, language: str) -> str:
    """Return the date where the year goes without saying: "4 May", "4 maja", "4. Mai"."""
    return _written(at, zone, language, _MANNERS[_base(language)].day_and_month)


def full_day(day: date, language: str) -> str:
    """Return a day of the calendar in words: "4 May 2027", "4 maja 2027", "4. Mai 2027"."""
    return format_date(day, _MANNERS[_base(language)].full_day, locale=_base(language))


def clock_time(at: datetime, zone: ZoneInfo, language: str) -> str:
    """Return the time of day, "09:05".

    All four languages use the 24-hour clock with two digits, English too: our English readers live
    where the clinics are. The language is asked for so that a fifth one changes no caller.
    """
    local = _local(at, zone)
    return f"{local.hour:02}:{local.minute:02}"


def date_and_time(at: datetime, zone: ZoneInfo, language: str) -> str:
    """Return the long date with the time, as one phrase: "Tuesday 4 May 2027 at 10:20"."""
    return _MANNERS[_base(language)].date_and_time.format(
        date=long_date(at, zone, language), time=clock_time(at, zone, language)
    )


def near_date_and_time(at: datetime, now: datetime, zone: ZoneInfo, language: str) -> str:
    """Return what is near as people say it: "today at 14:00", "tomorrow at 08:00"; else the long date with the time."""
    days = (_local(at, zone).date() - _local(now, zone).date()).days
    if days not in {0, 1}:
        return date_and_time(at, zone, language)
    manner = _MANNERS[_base(language)]
    return manner.date_and_time.format(date=manner.near_days[days + 1], time=clock_time(at, zone, language))


def span(start: datetime, end: datetime, zone: ZoneInfo, language: str) -> str:
    """Return both times with a dash between: from 10:20 to 10:40."""
    return f"{clock_time(start, zone, language)}\N{EN DASH}{clock_time(end, zone, language)}"


def zone_name(at: datetime, zone: ZoneInfo, reader: ZoneInfo, language: str) -> str:
    """Return "Bucharest time" where the reader's clock shows another hour at that instant, else "".

    Two zones may agree in winter and differ in summer, so it is the instant that decides.
    """
    if _local(at, zone).utcoffset() == _local(at, reader).utcoffset():
        return ""
    city = get_timezone_location(zone, locale=_base(language), return_city=True)
    return city if city == "UTC" else _MANNERS[_base(language)].zone.format(city=city)


def relative_days(at: datetime, now: datetime, zone: ZoneInfo, language: str) -> str:
    """Return how many calendar days in the zone lie between: "today", "tomorrow", "in 12 days"."""
    days = (_local(at, zone).date() - _local(now, zone).date()).days
    if -1 <= days <= 1:
        return _MANNERS[_base(language)].near_days[days + 1]
    # A threshold no difference reaches: "in 12 days" must not become "in 2 weeks".
    return format_timedelta(
        timedelta(days=days), granularity="day", threshold=1e9, add_direction=True, locale=_base(language)
    )


def days(first: date, last: date, language: str) -> str:
    """Return a span of days with its year: "3 – 7 May 2027", "3–7 maja 2027", "3.–7. Mai 2027"."""
    base = _base(language)
    return format_interval(first, last, "yMMMMd", locale="en_GB" if base == "en" else base)


@lru_cache(maxsize=1000)
def weekday(day: date, language: str) -> str:
    """Return a day as the head of a column: "Mon 3", "pon. 3", "Mo 3"."""
    return f"{format_date(day, 'EEE', locale=_base(language)).rstrip('.')} {day.day}"


@lru_cache(maxsize=1000)
def day_name(day: date, language: str) -> str:
    """Return a day as one says it, without the year: "Tuesday 4 May", "wtorek, 4 maja"."""
    return format_date(day, _MANNERS[_base(language)].long_date.removesuffix(" y"), locale=_base(language))
