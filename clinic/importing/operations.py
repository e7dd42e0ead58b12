"""The import: every record of a file judged against the whole, the good ones booked (D5, E1.10)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db import transaction

from clinic.appointments import occupancy
from clinic.appointments.enums import Origin, Status
from clinic.appointments.models import Appointment, Occupancy
from clinic.appointments.operations import Taken, book, mark
from clinic.audit.models import AuditValue
from clinic.audit.operations import SYSTEM
from clinic.calendars.models import Calendar
from clinic.importing.places import Misplaced, Places
from clinic.importing.reader import clinic_languages, read_bookings
from clinic.importing.rules import Booking, Fault, Remark
from clinic.people.models import Patient


@dataclass(slots=True)
class Outcome:
    """What an import came to, or would have come to."""

    records: int = 0
    booked: int = 0
    already_there: int = 0
    bad: int = 0
    told: int = 0
    clinics: int = 0
    is_kept: bool = False


def import_bookings(
    *,
    path: Path,
    at: datetime,
    notify: bool = False,
    skip_bad: bool = False,
    dry_run: bool = False,
    tell: Callable[[int, Remark, bool], None],
) -> Outcome:
    """Book every good record of a file, each at its own moment of booking and made by staff.

    One transaction for the whole file, undone when it is a dry run or when a record is bad and
    `skip_bad` is off: so the verdicts of a dry run are those of the import itself, nobody ever sees half
    a file, and a broken-off import is simply started again. Other writers wait meanwhile on SQLite.

    Args:
        at: the present instant.
        notify: let the floors above tell patients about appointments that are still to come.
        tell: called while it runs with the line, what is to be said of it, and whether it is a fault.

    Raises:
        UnreadableFile: it is no bookings file; nothing is imported.
    """
    languages = clinic_languages(read_bookings(path))
    outcome = Outcome()
    with transaction.atomic():
        places = Places(at=at, languages=languages)
        fresh: set[int] = set()
        for item in read_bookings(path):
            outcome.records += 1
            if isinstance(item, Booking):
                item = _imported(item, places, fresh, outcome, notify=notify, at=at, tell=tell)
            if isinstance(item, Fault):
                outcome.bad += 1
                for remark in item.remarks:
                    tell(item.line, remark, True)
        outcome.clinics = len(places.made)
        outcome.is_kept = not dry_run and (skip_bad or not outcome.bad)
        if not outcome.is_kept:
            transaction.set_rollback(True)
    return outcome


def _imported(
    booking: Booking,
    places: Places,
    fresh: set[int],
    outcome: Outcome,
    *,
    notify: bool,
    at: datetime,
    tell: Callable[[int, Remark, bool], None],
) -> Booking | Fault:
    """Book one good record unless it stands there already; return it, or what the rest has against it."""
    made_before = len(places.made)
    try:
        calendar, patient = places.find_calendar(booking), places.find_patient(booking)
        if calendar and calendar.pk not in fresh:
            # Bookings come with moments of their own; holds are over by the real clock.
            occupancy.drop_expired(calendar_id=calendar.pk, at=at)
            fresh.add(calendar.pk)
        if calendar and patient and is_already_there(booking, calendar=calendar, patient=patient):
            outcome.already_there += 1
            return booking
        if calendar:
            _refuse_overlap(booking, calendar)
        with transaction.atomic():
            told = place_booking(booking, places, notify=notify, at=at)
    except Misplaced as refusal:
        return Fault(booking.line, (refusal.remark,))
    except Taken:  # by somebody else, since it was looked at
        places.forget()
        return Fault(
            booking.line, (Remark("starts_at", "overlaps an appointment just made in this calendar"),)
        )
    outcome.booked += 1
    outcome.told += told
    for clinic in places.made[made_before:]:
        text = f"new clinic: {clinic.name} ({clinic.time_zone}, {clinic.country}, {clinic.language})"
        tell(booking.line, Remark("clinic", text), False)
    for remark in (*booking.remarks, *_differences(booking, patient)):
        tell(booking.line, remark, False)
    return booking


def place_booking(booking: Booking, places: Places, *, notify: bool, at: datetime) -> bool:
    """Book a record and mark its outcome; return whether the floors above were let to tell the patient.

    Raises:
        Misplaced, Taken: as `Places.for_row` and `book`.
    """
    calendar, service, patient = places.for_row(booking)
    told = notify and booking.starts_at > at
    appointment = book(
        calendar=calendar,
        patient=patient,
        service=service,
        starts_at=booking.starts_at,
        minutes=booking.minutes,
        origin=Origin.STAFF,
        actor=SYSTEM,
        at=booking.booked_at,
        told=told,
    )
    if booking.outcome:
        mark(
            appointment_id=appointment.pk,
            status=Status(booking.outcome),
            actor=SYSTEM,
            at=appointment.ends_at,
        )
    return told


def is_already_there(booking: Booking, *, calendar: Calendar, patient: Patient) -> bool:
    """Return whether a record was imported before, whatever became of the appointment since."""
    known = Appointment.objects.filter(patient=patient, booked_at=booking.booked_at)
    moved: list[int] = []
    for pk, calendar_id, starts_at, sequence in known.values_list(
        "pk", "calendar_id", "starts_at", "sequence"
    ):
        if (calendar_id, starts_at) == (calendar.pk, booking.starts_at):
            return True
        if sequence:
            moved.append(pk)
    # One that was moved since still tells in the audit log where it stood at first.
    first = AuditValue.objects.filter(
        entry__object_type="appointment", entry__object_id__in=moved, entry__action="appointment.booked"
    )
    return bool(moved) and any(
        (value.new.get("calendar"), value.new.get("starts_at"))
        == (calendar.pk, booking.starts_at.isoformat())
        for value in first
    )


def _refuse_overlap(booking: Booking, calendar: Calendar) -> None:
    """Raise Misplaced if somebody has any part of the time."""
    taken = (
        Occupancy.objects.filter(
            calendar=calendar, starts_at__lt=booking.ends_at, ends_at__gt=booking.starts_at
        )
        .order_by("starts_at")
        .values_list("appointment__patient__reference", "starts_at", "ends_at")
        .first()
    )
    if taken:
        reference, start, end = taken
        span = f"{start.astimezone(calendar.zone):%Y-%m-%d %H:%M} to {end.astimezone(calendar.zone):%H:%M}"
        raise Misplaced("starts_at", f"overlaps {reference or 'another booking'} in this calendar, {span}")


def _differences(booking: Booking, patient: Patient | None) -> list[Remark]:
    """Return what a record says otherwise than the patient's card, which is kept."""
    if patient is None:
        return []
    return [
        Remark(column, "differs from the patient's card, which is kept")
        for column in ("email", "phone", "language")
        if getattr(booking, column) and getattr(booking, column) != getattr(patient, column)
    ]
