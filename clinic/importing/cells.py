"""What a line of an uploaded table must hold: cells in, a row or all that is wrong with it out (D5)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from clinic.importing.rules import (
    LANGUAGES,
    OUTCOMES,
    Refused,
    is_same_name,
    read_contact,
    read_minutes,
    read_one_of,
    read_text,
    read_time,
)
from clinic.importing.sheet import PATIENTS, Line, Sheet
from clinic.lib import mail_address, phone
from clinic.people.models import Clinic

T = TypeVar("T")
# An appointment that is cancelled stands in an export; nothing is to be done for it.
CANCELLED = "cancelled"
LONGEST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a line is not taken: at which column, for which value; `code` names the sentence (`words`)."""

    line: int
    column: str
    code: str
    value: str = ""
    other: int = 0  # another line that it clashes with


@dataclass(frozen=True, slots=True)
class Place:
    """A calendar as lines name it, with its services and their lengths."""

    pk: int
    name: str
    time_zone: str
    services: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # by name: key, minutes


@dataclass(frozen=True, slots=True)
class Visit:
    """The appointment of a row, times as instants."""

    calendar: int
    service: int
    starts_at: datetime
    booked_at: datetime | None
    minutes: int
    outcome: str


@dataclass(frozen=True, slots=True)
class Row:
    """A good line: a patient card, and the appointment if it is a table of those. Empty: not said."""

    line: int
    reference: str
    name: str
    email: str
    phone: str
    language: str
    visit: Visit | None = None


class _Cells:
    """The cells of one line while they are read, and what was found wrong with them."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.problems: list[Problem] = []

    def raw(self, column: str) -> str:
        return self.line.cells.get(column, "")

    def refuse(self, column: str, code: str) -> None:
        shown = "".join(letter if letter.isprintable() else "␣" for letter in self.raw(column))
        shown = shown if len(shown) <= LONGEST_SHOWN else shown[: LONGEST_SHOWN - 1] + "…"
        self.problems.append(Problem(self.line.number, column, code, shown))

    def read(self, column: str, reader: Callable[[str], T], *, needed: bool = False) -> T | None:
        """Return what a cell means; None where it is empty, or wrong with the reason kept."""
        if not needed and not self.raw(column).strip():
            return None
        try:
            return reader(read_text(column, self.raw(column)))
        except Refused as error:
            self.refuse(column, error.code)
            return None


def judge_sheet(sheet: Sheet, *, clinic: Clinic, places: Iterable[Place]) -> tuple[list[Row], list[Problem]]:
    """Return the rows of a table that are good by themselves, and what is wrong with the others.

    Args:
        places: the clinic's calendars.
    """
    by_name = {_plain(place.name): place for place in places}
    rows: list[Row] = []
    problems: list[Problem] = []
    for line in sheet.lines:
        if line.code:
            problems.append(Problem(line.number, "", line.code))
            continue
        cells = _Cells(line)
        row = _row(cells, clinic)
        if sheet.kind != PATIENTS:
            row = replace(row, visit=_visit(cells, clinic, by_name))
        problems += cells.problems
        if not cells.problems:
            rows.append(row)
    return rows, problems


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


def _row(cells: _Cells, clinic: Clinic) -> Row:
    def clean_phone(text: str) -> str:
        return phone.normalise(text, country=clinic.country).e164

    return Row(
        line=cells.line.number,
        reference=cells.read("patient_ref", str) or "",
        name=cells.read("patient_name", str, needed=True) or "",
        email=cells.read("email", lambda text: read_contact(text, mail_address.normalise, "email")) or "",
        phone=cells.read("phone", lambda text: read_contact(text, clean_phone, "phone")) or "",
        language=cells.read("language", lambda text: read_one_of(text.lower(), LANGUAGES)) or "",
    )


def _visit(cells: _Cells, clinic: Clinic, places: Mapping[str, Place]) -> Visit | None:
    """Return the appointment of a line; None with the reasons kept."""
    name = cells.read("calendar", str, needed=True)
    place = places.get(_plain(name)) if name else None
    if name and place is None:
        cells.refuse("calendar", "no_calendar")
    if place and cells.raw("time_zone").strip() not in {"", place.time_zone}:
        cells.refuse("time_zone", "other_zone")
    if cells.raw("clinic").strip() not in {"", clinic.slug}:
        cells.refuse("clinic", "other_clinic")
    zone = ZoneInfo(place.time_zone) if place else None
    starts = cells.read("starts_at", lambda text: read_time(text, zone), needed=True)
    booked = cells.read("booked_at", lambda text: read_time(text, zone))
    if starts and booked and booked.instant > starts.instant:
        cells.refuse("booked_at", "after_start")
    allowed = OUTCOMES | {CANCELLED}
    outcome = cells.read("outcome", lambda text: read_one_of(text.lower(), allowed)) or ""
    minutes = cells.read("minutes", read_minutes)
    service = cells.read("service", str, needed=True)
    key, usual = _service(place, service) if place and service else (0, 0)
    # Of a cancelled one nothing is made, so its service may be gone.
    if place and service and not key and outcome != CANCELLED:
        cells.refuse("service", "no_service")
    if place is None or starts is None:
        return None
    booked_at = booked.instant if booked else None
    return Visit(place.pk, key, starts.instant, booked_at, minutes or usual, outcome)


def _service(place: Place, name: str) -> tuple[int, int]:
    if name in place.services:
        return place.services[name]
    for known, found in place.services.items():
        if is_same_name(known.casefold(), name.casefold()):
            return found
    return 0, 0
