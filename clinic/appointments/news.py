"""What patients are told of an act, asked of the floors above before it is done, or just after (D3, P15)."""

from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.http import HttpRequest
from django.utils.safestring import SafeString, mark_safe

from clinic.appointments.models import Appointment
from clinic.calendars.models import Calendar
from clinic.panels import rendered

BOOKED, MOVED, CANCELLED, RESTORED = "booked", "moved", "cancelled", "restored"


@dataclass(frozen=True, slots=True)
class News:
    """An act that staff are about to do, or have just done.

    Args:
        what: `BOOKED`, `MOVED`, `CANCELLED` or `RESTORED`.
        appointment: as it stands after the act.
        at: the moment of the act.
    """

    what: str
    appointment: Appointment
    at: datetime


def told(request: HttpRequest, news: News) -> SafeString:
    """Return, as HTML, which messages go to the patient when and how, or why none does (slot "news")."""
    return mark_safe("".join(rendered(request, "news", news)))  # templates wrote it


def as_moved(
    appointment: Appointment, *, calendar: Calendar, starts_at: datetime, at: datetime
) -> Appointment:
    """Return a copy of an appointment as a move would leave it; nothing is written."""
    moved = copy(appointment)
    moved._state = copy(appointment._state)
    moved.calendar = calendar
    moved.starts_at = starts_at.astimezone(UTC)
    moved.ends_at = moved.starts_at + timedelta(minutes=appointment.minutes)
    moved.set_at, moved.confirmed_at = at, None
    return moved
