"""What a record of a bookings file must hold. Pure: cells in, a booking or its faults out."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from babel.core import get_global

from clinic.lib.local_time import NonExistentTime, is_repeated, to_instant, zone_names
from clinic.lib.text import has_control_characters

T = TypeVar("T")

COLUMNS = (
    "clinic",
    "calendar",
    "time_zone",
    "patient_ref",
    "patient_name",
    "email",
    "phone",
    "language",
    "service",
    "booked_at",
    "starts_at",
    "minutes",
    "outcome",
)
LANGUAGES = frozenset({"en", "pl", "de", "ro"})
OUTCOMES = frozenset({"", "done", "no_show"})
# As long as the database keeps them.
LENGTHS = {"clinic": 60, "calendar": 120, "patient_ref": 40, "patient_name": 120, "service": 120}
OPTIONAL = frozenset({"email", "phone", "outcome"})
LONGEST_MINUTES = 1440
# Before 1970 the zones' own history is unsure; after 2100 a date is a slip of the finger.
FIRST_YEAR, LAST_YEAR = 1970, 2100
DEFAULT_COUNTRY = "PL"

_SLUG = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")
# Addresses of the site itself, which no clinic can have.
_RESERVED = frozenset({"new", "admin", "static", "log-in", "log-out", "live"})
_NUMBER_AT_END = re.compile(r"[\s/#.-]*[0-9]+$")
_WALL_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?)([+-][0-9]{2}:[0-9]{2})?"
)


class Refused(ValueError):
    """A cell that cannot be taken; `code` names the reason for pages, the text says it in English."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Remark:
    """What is to be said about one column of a record: why it is refused, or what was made of it."""

    column: str
    text: str
    code: str = field(default="", compare=False)  # of `Refused`, for readers of other languages


@dataclass(frozen=True, slots=True)
class Fault:
    """A record that cannot be taken, with every reason found, in the order of the columns."""

    line: int  # the physical line where the record starts
    remarks: tuple[Remark, ...]

    @property
    def column(self) -> str:
        return self.remarks[0].column

    @property
    def reason(self) -> str:
        return self.remarks[0].text


@dataclass(frozen=True, slots=True)
class Booking:
    """A good record: addresses normalised, times as UTC instants, texts as they were written."""

    line: int
    clinic: str
    calendar: str
    time_zone: str
    patient_ref: str
    patient_name: str
    email: str
    phone: str  # E.164
    language: str
    service: str
    booked_at: datetime
    starts_at: datetime
    minutes: int
    outcome: str
    remarks: tuple[Remark, ...] = ()

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + timedelta(minutes=self.minutes)

    @property
    def country(self) -> str:
        return country_of(self.time_zone)

    @property
    def clinic_name(self) -> str:
        return clinic_name(self.clinic, self.calendar)


class _Record:
    """The cells of one record while they are read, and what was found wrong with them."""

    def __init__(self, cells: Mapping[str, str]) -> None:
        self.cells = cells
        self.remarks: list[Remark] = []

    def read(self, column: str, reader: Callable[[str], T]) -> T | None:
        """Return what a cell means, or None with the reason kept."""
        try:
            return reader(read_text(column, self.cells[column]))
        except Refused as error:
            self.remarks.append(Remark(column, str(error), error.code))
            return None

    def text(self, column: str) -> str:
        return self.read(column, str) or ""


def judge(
    cells: Mapping[str, str],
    *,
    line: int,
    clean_email: Callable[[str], str],
    clean_phone: Callable[[str, str], str],
) -> Booking | Fault:
    """Return the booking that a record means, or all that is wrong with it.

    Args:
        cells: the text of every column of `COLUMNS`.
        line: the physical line where the record starts.
        clean_email: returns the address as it is kept; clean_phone: the number in E.164, from the number
            and the country whose prefix is meant. Both raise ValueError for what is none.
    """
    record = _Record(cells)
    zone = record.read("time_zone", read_zone)
    booked = record.read("booked_at", lambda text: read_time(text, zone))
    starts = record.read("starts_at", lambda text: read_time(text, zone))
    if booked and starts and starts.instant < booked.instant:
        record.remarks.append(Remark("booked_at", "lies after starts_at"))
    country = country_of(zone.key) if zone else DEFAULT_COUNTRY
    minutes = record.read("minutes", read_minutes)
    texts = {
        "clinic": record.read("clinic", read_slug) or "",
        "calendar": record.text("calendar"),
        "patient_ref": record.text("patient_ref"),
        "patient_name": record.text("patient_name"),
        "email": record.read("email", lambda text: read_contact(text, clean_email, "an e-mail address"))
        or "",
        "phone": record.read(
            "phone", lambda text: read_contact(text, lambda raw: clean_phone(raw, country), "a phone number")
        )
        or "",
        "language": record.read("language", lambda text: read_one_of(text, LANGUAGES)) or "",
        "service": record.text("service"),
        "outcome": record.read("outcome", lambda text: read_one_of(text, OUTCOMES)) or "",
    }
    if record.remarks or zone is None or booked is None or starts is None or minutes is None:
        return Fault(line, tuple(sorted(record.remarks, key=lambda remark: COLUMNS.index(remark.column))))
    return Booking(
        line=line,
        time_zone=zone.key,
        booked_at=booked.instant,
        starts_at=starts.instant,
        minutes=minutes,
        remarks=tuple(_remarks(texts, booked, starts)),
        **texts,
    )


@dataclass(frozen=True, slots=True)
class WallTime:
    """A wall time in a zone, and the instant taken for it."""

    instant: datetime
    offset: str
    is_repeated: bool = False


def read_time(text: str, zone: ZoneInfo | None) -> WallTime:
    """Return the instant of a local time; without a zone (which is a fault of its own) its form alone counts.

    In the hour that happens twice the offset may follow, to say which of both is meant.

    Raises:
        Refused: no such form, no such day, out of range, or skipped by the clocks (E1.6).
    """
    match = _WALL_TIME.fullmatch(text)
    if match is None:
        raise Refused("form", "is no local time like 2027-04-30T08:00")
    try:
        wall = datetime.fromisoformat(match[1])
    except ValueError:
        raise Refused("no_day", "is a day or hour that does not exist") from None
    if not FIRST_YEAR <= wall.year <= LAST_YEAR:
        raise Refused("range", f"is out of range: the years {FIRST_YEAR} to {LAST_YEAR} are taken")
    try:
        instant = to_instant(wall, zone or ZoneInfo("UTC"))
    except NonExistentTime:
        raise Refused("skipped", "does not exist: the clocks jump over it that night") from None
    if zone is None:
        return WallTime(instant, "")
    if match[2]:
        return _named_of_two(datetime.fromisoformat(text), wall, zone)
    return WallTime(instant, f"{instant.astimezone(zone):%z}", is_repeated(wall, zone))


def _named_of_two(aware: datetime, wall: datetime, zone: ZoneInfo) -> WallTime:
    """Return which of both moments of a repeated hour is meant; no other time carries its offset."""
    instant = aware.astimezone(UTC)
    if not is_repeated(wall, zone) or instant.astimezone(zone).replace(tzinfo=None) != wall:
        raise Refused("form", "is no local time like 2027-04-30T08:00")
    return WallTime(instant, f"{instant.astimezone(zone):%z}")


def read_zone(text: str) -> ZoneInfo:
    """Return a time zone by its IANA name.

    Raises:
        Refused: there is none of this name.
    """
    if text not in zone_names():
        raise Refused("zone", "is no time zone; they are called like Europe/Warsaw")
    return ZoneInfo(text)


def read_minutes(text: str) -> int:
    """Return a length in whole minutes.

    Raises:
        Refused: no whole number, or not between 1 and a day.
    """
    if not re.fullmatch(r"-?[0-9]{1,6}", text):
        raise Refused("number", "is no whole number")
    if not 1 <= int(text) <= LONGEST_MINUTES:
        raise Refused("minutes", f"must be from 1 to {LONGEST_MINUTES}")
    return int(text)


def read_slug(text: str) -> str:
    """Return a clinic's part of the site's addresses.

    Raises:
        Refused: it cannot be one, or the site needs it itself.
    """
    if not _SLUG.fullmatch(text) or text in _RESERVED:
        raise Refused("slug", "can be no address: small letters, digits and hyphens, like centro-2")
    return text


def country_of(time_zone: str) -> str:
    """Return the country (ISO 3166) that a time zone lies in; Poland for zones of no country."""
    names = get_global("zone_territories")
    country = names.get(time_zone) or names.get(get_global("zone_aliases").get(time_zone, ""), "")
    return country if len(country) == 2 and country.isalpha() and country != "ZZ" else DEFAULT_COUNTRY


def clinic_name(slug: str, calendar: str) -> str:
    """Return a readable name for a clinic known by its slug.

    The calendar's name less its number is the same name with its accents where it leads to the same slug.
    """
    spoken = _NUMBER_AT_END.sub("", calendar)
    plain = unicodedata.normalize("NFKD", spoken).encode("ascii", "ignore").decode()
    if "-".join(re.findall(r"[a-z0-9]+", plain.lower())) == slug:
        return spoken
    return slug.replace("-", " ").replace("_", " ").capitalize()


def is_same_name(one: str, other: str) -> bool:
    """Return whether two names are written alike, whatever the spaces and the way accents are encoded."""
    return plain_form(one) == plain_form(other)


def plain_form(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).split())


def read_text(column: str, cell: str) -> str:
    """Return a cell as one line of text, or raise Refused for what no column can hold."""
    if has_control_characters(cell):
        raise Refused("control", "holds a line break or another character that cannot be written")
    text = " ".join(cell.split())
    if not text and column not in OPTIONAL:
        raise Refused("empty", "is empty")
    if len(text) > LENGTHS.get(column, len(text)):
        raise Refused("long", f"is too long: {len(text)} characters, at most {LENGTHS[column]}")
    return text


def read_contact(text: str, clean: Callable[[str], str], what: str) -> str:
    """Return an address in the form that is kept, or "" for none; the reason never repeats it."""
    try:
        return clean(text) if text else ""
    except ValueError:
        raise Refused("contact", f"is not {what}") from None


def read_one_of(text: str, allowed: frozenset[str]) -> str:
    if text not in allowed:
        names = ", ".join(sorted(name or "nothing" for name in allowed))
        raise Refused("one_of", f"must be one of: {names}")
    return text


def _remarks(texts: Mapping[str, str], booked: WallTime, starts: WallTime) -> Iterator[Remark]:
    """Yield what is to be said about a good record."""
    for column, time in (("booked_at", booked), ("starts_at", starts)):
        if time.is_repeated:
            yield Remark(column, f"happens twice that night: the first is taken (UTC{time.offset})")
    if not texts["email"] and not texts["phone"]:
        yield Remark("email", "neither e-mail nor phone: this patient cannot be reached")
