"""A clinic's patients and appointments as lines of a table, in the columns that the import reads."""

import csv
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from django.db.models import Model, QuerySet

from clinic.appointments.enums import Status
from clinic.appointments.models import Appointment
from clinic.importing.sheet import APPOINTMENTS, COLUMNS, PATIENTS
from clinic.lib.local_time import day_span, is_repeated
from clinic.lib.spreadsheet import safe
from clinic.people.models import Clinic, Patient

# What makes a spreadsheet of these countries read the letters, and part the columns.
BYTE_ORDER_MARK, SEPARATOR = "\ufeff", ";"
CHUNK = 500

M = TypeVar("M", bound=Model)


def list_appointments(clinic: Clinic, *, first: date, last: date) -> QuerySet[Appointment]:
    """Return the appointments that start from one local date of the clinic to another, both with them."""
    start, _end = day_span(first, clinic.zone)
    _start, end = day_span(last, clinic.zone)
    rows = Appointment.objects.filter(clinic=clinic).between(start, end)
    return rows.select_related("calendar", "patient", "service").order_by("starts_at", "pk")


def patient_lines(cards: QuerySet[Patient]) -> Iterator[str]:
    """Yield a table of patients, line by line."""
    rows = ((card.reference, card.name, card.email, card.phone, card.language) for card in _each(cards))
    return _lines(PATIENTS, rows)


def appointment_lines(appointments: QuerySet[Appointment]) -> Iterator[str]:
    """Yield a table of appointments, line by line; times are local to each one's calendar."""
    return _lines(APPOINTMENTS, (_appointment(one) for one in _each(appointments)))


def _each(rows: QuerySet[M]) -> Iterator[M]:
    return rows.iterator(chunk_size=CHUNK)


def _appointment(one: Appointment) -> tuple[str, ...]:
    card, zone = one.patient, one.calendar.zone
    return (
        one.calendar.name,
        card.reference,
        card.name,
        card.email,
        card.phone,
        card.language,
        one.service.name,
        wall_time(one.booked_at, zone),
        wall_time(one.starts_at, zone),
        str(one.minutes),
        "" if one.status == Status.BOOKED else one.status,
    )


def wall_time(at: datetime, zone: ZoneInfo) -> str:
    """Return a local time as the import reads it; the second hour of an autumn night names its offset."""
    local = at.astimezone(zone).replace(microsecond=0)
    wall = local.replace(tzinfo=None)
    text = wall.isoformat(" ") if wall.second else wall.isoformat(" ", "minutes")
    return text + local.isoformat()[-6:] if local.fold and is_repeated(wall, zone) else text


class _Echo:
    """What a CSV writer writes to: it gives back each line."""

    def write(self, line: str) -> str:
        return line


def _lines(kind: str, rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    writer = csv.writer(_Echo(), delimiter=SEPARATOR)
    yield BYTE_ORDER_MARK + str(writer.writerow(COLUMNS[kind]))
    for row in rows:
        yield str(writer.writerow([safe(cell) for cell in row]))
