"""Booking, moving, cancelling, confirming, marking: every change of an appointment goes through here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction

from clinic.appointments import occupancy
from clinic.appointments.enums import TRANSITIONS, CancelledBy, Origin, Status
from clinic.appointments.models import Appointment
from clinic.appointments.occupancy import Taken
from clinic.appointments.queries import is_restorable
from clinic.appointments.signals import (
    appointment_booked,
    appointment_cancelled,
    appointment_confirmed,
    appointment_marked,
    appointment_moved,
    appointment_restored,
)
from clinic.audit.operations import Actor, record
from clinic.calendars.models import Calendar, Service
from clinic.people.models import Patient

__all__ = [
    "NotAllowed",
    "StaleAppointment",
    "Taken",
    "Was",
    "book",
    "cancel",
    "confirm",
    "mark",
    "move",
    "restore",
]


class NotAllowed(Exception):
    """The appointment's state, or the hour, does not permit this."""


class StaleAppointment(Exception):
    """Somebody changed the appointment since it was looked at; nothing was done."""


@dataclass(frozen=True, slots=True)
class Was:
    """Where an appointment stood before a move."""

    starts_at: datetime
    ends_at: datetime
    calendar_id: int


def _locked(appointment_id: int, version: int | None) -> Appointment:
    """Return the appointment with its row locked (on SQLite the transaction holds the whole file)."""
    found = Appointment.objects.whole().select_for_update(of=("self",)).get(pk=appointment_id)
    if version is not None and found.version != version:
        raise StaleAppointment
    return found


def _save(appointment: Appointment, *fields: str) -> None:
    """Write the named fields and raise the version: only if nobody else did meanwhile."""
    values = {name: getattr(appointment, name) for name in fields}
    rows = Appointment.objects.filter(pk=appointment.pk, version=appointment.version)
    if rows.update(**values, version=appointment.version + 1) != 1:
        raise StaleAppointment
    appointment.version += 1


def _follow_card(appointment: Appointment) -> None:
    """Give a new appointment to the card that its patient's went into while somebody booked (D3).

    The row is locked: a merge either waits and takes the appointment with it, or is seen here.
    """
    cards = Patient.objects.select_for_update(of=("self",), no_key=True)
    merged_into = cards.values_list("merged_into", flat=True).get(pk=appointment.patient_id)
    if merged_into is not None:
        appointment.patient = Patient.objects.select_related("clinic").get(pk=merged_into)
        Appointment.objects.filter(pk=appointment.pk).update(patient=appointment.patient)


def _told(appointment: Appointment) -> dict[str, Any]:
    return {
        "starts_at": appointment.starts_at.isoformat(),
        "minutes": appointment.minutes,
        "calendar": appointment.calendar_id,
    }


@transaction.atomic
def book(
    *,
    calendar: Calendar,
    patient: Patient,
    service: Service,
    starts_at: datetime,
    minutes: int | None = None,
    origin: Origin,
    actor: Actor,
    at: datetime,
    told: bool = True,
    extra: Mapping[str, Any] | None = None,
    hold_key: str = "",
) -> Appointment:
    """Book a time in a calendar (D2, P5).

    Args:
        starts_at: the aware start; any instant that is free, also outside the opening hours.
        minutes: the length where it differs from the service's.
        origin: who made the booking: staff, or the patient online.
        at: the moment of booking; the reminder's lead counts from it.
        told: False for imported rows, about which nobody is told.
        extra: what form parts of upper apps posted with it, handed on in the signal.
        hold_key: the hold that kept the time for whoever books; it ends with the booking.

    Raises:
        Taken: the time, or part of it, is somebody's.
        NotAllowed: calendar, patient and service are not of one clinic, or the start lies before `at`.
    """
    if not calendar.clinic_id == patient.clinic_id or service.calendar_id != calendar.pk:
        raise NotAllowed("calendar, patient and service belong together")
    if starts_at < at:
        raise NotAllowed("the start lies in the past")
    appointment = Appointment.objects.create(
        clinic_id=calendar.clinic_id,
        calendar=calendar,
        patient=patient,
        service=service,
        starts_at=starts_at.astimezone(UTC),
        ends_at=starts_at.astimezone(UTC) + timedelta(minutes=minutes or service.minutes),
        origin=origin,
        booked_at=at,
        set_at=at,
    )
    occupancy.take(
        calendar_id=calendar.pk,
        appointment_id=appointment.pk,
        start=appointment.starts_at,
        end=appointment.ends_at,
        at=at,
        hold_key=hold_key,
    )
    _follow_card(appointment)
    record(actor, "appointment.booked", appointment, new=_told(appointment), at=at)
    appointment_booked.send(
        Appointment, appointment=appointment, actor=actor, at=at, told=told, extra=extra or {}
    )
    return appointment


@transaction.atomic
def move(
    *,
    appointment_id: int,
    starts_at: datetime,
    calendar: Calendar | None = None,
    minutes: int | None = None,
    version: int | None = None,
    sequence: int | None = None,
    actor: Actor,
    at: datetime,
) -> Appointment:
    """Give an appointment another time; it counts as a booking at its moment (P5) and clears a confirmation.

    Args:
        starts_at: the aware new start.
        calendar: the target calendar of the same clinic; None: the one it is in.
        minutes: the new length; None: as it was.
        version: the version the mover saw (staff); sequence: the same for a patient's page, on which only
            another time makes a difference; None: whatever it is.

    Raises:
        Taken: the new time is not free; the appointment stays where it was.
        NotAllowed: it is over or cancelled, or the new start lies before `at`, or (for the patient) the
            hour until which the calendar lets patients change has passed.
        StaleAppointment: somebody changed it since `version` or `sequence`.
    """
    appointment = _locked(appointment_id, version)
    if sequence is not None and appointment.sequence != sequence:
        raise StaleAppointment
    target = calendar or appointment.calendar
    if not appointment.is_active or starts_at < at or target.clinic_id != appointment.clinic_id:
        raise NotAllowed
    if actor.is_patient and not appointment.is_changeable_at(at):
        raise NotAllowed
    was = Was(appointment.starts_at, appointment.ends_at, appointment.calendar_id)
    old = _told(appointment)
    length = timedelta(minutes=minutes) if minutes else was.ends_at - was.starts_at
    start = starts_at.astimezone(UTC)
    if (start, start + length, target.pk) == (was.starts_at, was.ends_at, was.calendar_id):
        return appointment
    occupancy.change(
        calendar_id=target.pk, appointment_id=appointment.pk, start=start, end=start + length, at=at
    )
    appointment.starts_at, appointment.ends_at, appointment.calendar = start, start + length, target
    appointment.set_at, appointment.confirmed_at = at, None
    appointment.sequence += 1
    _save(appointment, "starts_at", "ends_at", "calendar_id", "set_at", "confirmed_at", "sequence")
    record(actor, "appointment.moved", appointment, old=old, new=_told(appointment), at=at)
    appointment_moved.send(Appointment, appointment=appointment, actor=actor, at=at, was=was)
    return appointment


@transaction.atomic
def cancel(
    *,
    appointment_id: int,
    by: CancelledBy,
    version: int | None = None,
    sequence: int | None = None,
    actor: Actor,
    at: datetime,
) -> Appointment:
    """Cancel an appointment and free its time.

    Args:
        by: whose wish it was: staff may record it as the patient's (P8).
        version: the version that was looked at (staff); sequence: the same for a patient's page, on
            which only another time makes a difference.

    Raises:
        NotAllowed: it is not booked any more, or (for the patient) the hour until which the calendar
            lets patients change has passed.
        StaleAppointment: somebody changed it since.
    """
    appointment = _locked(appointment_id, version)
    if sequence is not None and appointment.sequence != sequence:
        raise StaleAppointment
    if Status.CANCELLED not in TRANSITIONS[Status(appointment.status)]:
        raise NotAllowed
    if actor.is_patient and not appointment.is_changeable_at(at):
        raise NotAllowed
    appointment.status, appointment.cancelled_at, appointment.cancelled_by = Status.CANCELLED, at, by
    appointment.sequence += 1
    _save(appointment, "status", "cancelled_at", "cancelled_by", "sequence")
    occupancy.release(appointment_id=appointment.pk)
    record(actor, "appointment.cancelled", appointment, new={"by": str(by)}, at=at)
    appointment_cancelled.send(Appointment, appointment=appointment, actor=actor, at=at, by=by)
    return appointment


@transaction.atomic
def restore(*, appointment_id: int, version: int | None = None, actor: Actor, at: datetime) -> Appointment:
    """Take a member's cancellation back: the appointment is again as if it had not been (D3, decision 15).

    Only within seconds, while nobody was told of it, and while nobody else has the time.

    Raises:
        Taken: somebody has the time by now; the appointment stays cancelled.
        NotAllowed: it is not cancelled, the patient did it, its seconds have passed, it has begun, or somebody
            was told.
        StaleAppointment: somebody changed it since `version`.
    """
    appointment = _locked(appointment_id, version)
    if not is_restorable(appointment, at=at):
        raise NotAllowed
    occupancy.take(
        calendar_id=appointment.calendar_id,
        appointment_id=appointment.pk,
        start=appointment.starts_at,
        end=appointment.ends_at,
        at=at,
    )
    appointment.status, appointment.cancelled_at, appointment.cancelled_by = Status.BOOKED, None, ""
    # Nobody has seen the number that the cancellation raised: messages of the one before count again.
    appointment.sequence -= 1
    _save(appointment, "status", "cancelled_at", "cancelled_by", "sequence")
    record(actor, "appointment.restored", appointment, at=at)
    appointment_restored.send(Appointment, appointment=appointment, actor=actor, at=at)
    return appointment


@transaction.atomic
def confirm(*, appointment_id: int, sequence: int | None = None, actor: Actor, at: datetime) -> bool:
    """Write down that the patient will come; return False when it stood there already (G4).

    Raises:
        NotAllowed: it is cancelled, over or has begun.
        StaleAppointment: it was moved since the page with this `sequence` was shown.
    """
    appointment = _locked(appointment_id, None)
    if sequence is not None and appointment.sequence != sequence:
        raise StaleAppointment
    if not appointment.is_active or at >= appointment.starts_at:
        raise NotAllowed
    if appointment.confirmed_at:
        return False
    appointment.confirmed_at = at
    _save(appointment, "confirmed_at")
    record(actor, "appointment.confirmed", appointment, at=at)
    appointment_confirmed.send(Appointment, appointment=appointment, actor=actor, at=at)
    return True


@transaction.atomic
def mark(
    *, appointment_id: int, status: Status, version: int | None = None, actor: Actor, at: datetime
) -> Appointment:
    """Mark an appointment done or no-show, or take such a mark back (`Status.BOOKED`).

    Raises:
        NotAllowed: the transition does not exist, or a no-show is marked before the start.
        StaleAppointment: somebody changed it since `version`.
    """
    appointment = _locked(appointment_id, version)
    old = Status(appointment.status)
    if status is Status.CANCELLED or status not in TRANSITIONS[old]:
        raise NotAllowed
    if status is Status.NO_SHOW and at < appointment.starts_at:
        raise NotAllowed
    appointment.status = status
    _save(appointment, "status")
    record(actor, "appointment.marked", appointment, old={"status": old}, new={"status": str(status)}, at=at)
    appointment_marked.send(Appointment, appointment=appointment, actor=actor, at=at)
    return appointment
