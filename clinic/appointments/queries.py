"""Reads of appointments for pages and for the floors above."""

from collections.abc import Collection
from datetime import date, datetime

from django.db.models import QuerySet

from clinic.appointments.enums import Status
from clinic.appointments.models import Appointment, Occupancy
from clinic.appointments.rules import may_restore
from clinic.audit.models import AuditEntry
from clinic.lib.local_time import day_span
from clinic.people.models import Clinic


def list_day(*, clinic: Clinic, day: date) -> QuerySet[Appointment]:
    """Return a clinic's appointments of a local date, by start; one query for all a page shows."""
    start, end = day_span(day, clinic.zone)
    return (
        Appointment.objects.whole()
        .between(start, end)
        .filter(clinic=clinic)
        .order_by("starts_at", "calendar__name", "id")
    )


def list_unreachable(*, clinic: Clinic, at: datetime) -> QuerySet[Appointment]:
    """Return coming appointments whose patient has no usable address: "call these patients" (P11, E1.8)."""
    return (
        Appointment.objects.whole()
        .filter(clinic=clinic, status=Status.BOOKED, starts_at__gt=at, patient__phone="")
        .exclude(patient__email_bounced_at__isnull=True, patient__email__gt="")
        .order_by("starts_at", "id")
    )


def list_taken(
    *,
    calendar_id: int,
    start: datetime,
    end: datetime,
    at: datetime,
    but_hold: str = "",
    but_appointment: int | None = None,
) -> list[tuple[datetime, datetime]]:
    """Return the taken spans of a calendar that touch a span; expired holds do not count.

    Args:
        but_hold, but_appointment: what the one who asks would give up for another time.
    """
    rows = _taken({calendar_id}, start=start, end=end, at=at)
    if but_hold:
        rows = rows.exclude(hold=but_hold)
    if but_appointment is not None:
        rows = rows.exclude(appointment_id=but_appointment)
    return list(rows.values_list("starts_at", "ends_at"))


def list_taken_of(
    calendars: Collection[int], *, start: datetime, end: datetime, at: datetime
) -> dict[int, list[tuple[datetime, datetime]]]:
    """Return the taken spans of several calendars by their ids: as `list_taken`, in one query for all."""
    rows = _taken(calendars, start=start, end=end, at=at)
    found: dict[int, list[tuple[datetime, datetime]]] = {}
    for calendar, begins, ends in rows.values_list("calendar", "starts_at", "ends_at"):
        found.setdefault(calendar, []).append((begins, ends))
    return found


def _taken(
    calendars: Collection[int], *, start: datetime, end: datetime, at: datetime
) -> QuerySet[Occupancy]:
    rows = Occupancy.objects.filter(calendar__in=calendars, starts_at__lt=end, ends_at__gt=start)
    return rows.exclude(expires_at__lte=at).order_by("starts_at")


def is_restorable(appointment: Appointment, *, at: datetime) -> bool:
    """Return whether its cancellation may still be taken back: seconds after a member cancelled it (D3).

    What a patient cancelled by their link stays cancelled: their page has said so to them.
    """
    if appointment.status != Status.CANCELLED or not may_restore(
        cancelled_at=appointment.cancelled_at, starts_at=appointment.starts_at, at=at
    ):
        return False
    entries = AuditEntry.objects.filter(
        object_type="appointment", object_id=appointment.pk, action="appointment.cancelled"
    )
    last = entries.order_by("-at", "-id").first()
    return last is not None and last.actor_user_id is not None


def list_coming(
    *, clinic: Clinic, practitioner_id: int, span: tuple[datetime, datetime | None], at: datetime
) -> QuerySet[Appointment]:
    """Return a practitioner's booked appointments that touch a span and are not over, by start (E8.4).

    Args:
        span: two aware instants; no end: all that follows.
    """
    rows = Appointment.objects.whole().filter(
        clinic=clinic,
        calendar__practitioner=practitioner_id,
        status=Status.BOOKED,
        ends_at__gt=max(span[0], at),
    )
    return (rows.filter(starts_at__lt=span[1]) if span[1] else rows).order_by("starts_at", "pk")
