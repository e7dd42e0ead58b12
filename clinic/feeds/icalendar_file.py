"""A calendar's appointments and absences as an iCalendar file without names (D5, RFC 5545)."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import override
from icalendar import Calendar as File
from icalendar import Event, Timezone

from clinic.appointments.enums import Status
from clinic.appointments.models import Appointment
from clinic.calendars.models import CalendarFeed
from clinic.calendars.queries import list_absences
from clinic.feeds.operations import INITIALS

BACK, AHEAD = timedelta(days=30), timedelta(days=366)
REFRESH = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the file. Times are instants."""

    uid: str
    starts_at: datetime
    ends_at: datetime
    changed_at: datetime | None  # None: not known
    sequence: int
    is_cancelled: bool
    initials: str | None  # None: an absence


def list_entries(feed: CalendarFeed, *, at: datetime) -> list[Entry]:
    """Return what stands in the file, from 30 days back to a year ahead, in two queries."""
    start, end = _day(at - BACK), _day(at + AHEAD)
    host = urlsplit(settings.PUBLIC_URL).hostname
    shows_initials = feed.key[0] == INITIALS
    rows = (
        Appointment.objects.filter(calendar=feed.calendar_id).between(start, end).order_by("starts_at", "pk")
    )
    entries = [
        Entry(
            uid=f"busy-{pk}@{host}",
            starts_at=starts,
            ends_at=ends,
            changed_at=max(moment for moment in moments if moment),
            # Each change raises it, and so does taking one back: programs pass over a number that falls.
            sequence=version - 1,
            is_cancelled=status == Status.CANCELLED,
            initials=initials(name) if shows_initials else "",
        )
        for pk, starts, ends, version, status, name, *moments in rows.values_list(
            "pk", "starts_at", "ends_at", "version", "status", "patient__name", "set_at", "cancelled_at"
        )
    ]
    for absence in list_absences(calendar=feed.calendar, start=start, end=end):
        # One until further notice lasts as long as the file does.
        ends = absence.ends_at or end
        entries.append(Entry(f"away-{absence.pk}@{host}", absence.starts_at, ends, None, 0, False, None))
    return entries


def _day(at: datetime) -> datetime:
    """Return the instant's day: a file that changed with every minute would never be the same (304)."""
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def initials(name: str) -> str:
    """Return the first letters of a name's first and last word."""
    words = [word for word in name.split() if word[0].isalnum()]
    return " ".join(f"{word[0]}." for word in dict.fromkeys([*words[:1], *words[-1:]]))


def version_of(feed: CalendarFeed, entries: Iterable[Entry]) -> str:
    """Return the file's ETag: another one when anything in it is."""
    calendar = feed.calendar
    said = repr((calendar.name, calendar.place, calendar.time_zone, calendar.clinic.language, list(entries)))
    return f'W/"{hashlib.sha256(said.encode()).hexdigest()[:32]}"'


def written(feed: CalendarFeed, entries: Iterable[Entry], *, at: datetime) -> bytes:
    """Return the file, in the clinic's language and the calendar's time zone."""
    calendar = feed.calendar
    file = File()
    file.add("prodid", "-//Anteroom//Calendar//EN")
    file.add("version", "2.0")
    file.add("calscale", "GREGORIAN")
    file.add("x-wr-calname", calendar.name)
    file.add("x-wr-timezone", calendar.time_zone)
    file.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    file.add("x-published-ttl", "PT30M")
    head, tail = file.to_ical().rsplit(b"END:VCALENDAR", 1)
    with override(calendar.clinic.language):
        words = _("Busy"), _("Absent")
    today = _day(at)
    events = (_event(one, calendar.time_zone, calendar.place, words, today) for one in entries)
    return b"".join((head, _time_zone(calendar.time_zone), *events, b"END:VCALENDAR", tail))


# One entry takes a millisecond, and a calendar of a year has thousands that stay as they are.
@lru_cache(maxsize=20_000)
def _event(entry: Entry, time_zone: str, place: str, words: tuple[str, str], today: datetime) -> bytes:
    """Return one entry; `today` is the stamp of what does not know when it was changed."""
    busy, absent = words
    zone = ZoneInfo(time_zone)
    event = Event()
    event.add("uid", entry.uid)
    event.add("dtstamp", entry.changed_at or today)
    event.add("dtstart", _local(entry.starts_at, zone))
    event.add("dtend", _local(entry.ends_at, zone))
    event.add("summary", absent if entry.initials is None else entry.initials or busy)
    event.add("sequence", entry.sequence)
    event.add("status", "CANCELLED" if entry.is_cancelled else "CONFIRMED")
    event.add("transp", "TRANSPARENT" if entry.is_cancelled else "OPAQUE")
    event.add("class", "PRIVATE")
    if entry.changed_at:
        event.add("last-modified", entry.changed_at)
    if place and entry.initials is not None:
        event.add("location", place)
    return event.to_ical()


def _local(at: datetime, zone: ZoneInfo) -> datetime:
    """Return a time of the zone's clock; the second hour of an autumn night, which has no form there, in UTC."""
    local = at.astimezone(zone)
    return at.astimezone(UTC) if local.fold else local


@lru_cache(maxsize=64)
def _time_zone(name: str) -> bytes:
    """Return a zone's definition: it takes longer to write than hundreds of entries."""
    return Timezone.from_tzid(name).to_ical()
