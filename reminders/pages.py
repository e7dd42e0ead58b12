"""What the pages of this app show: the patient's appointment, and the timeline for staff."""

from datetime import datetime
from typing import Any
from urllib.parse import quote_plus

from django.utils.translation import get_language

from clinic.appointments.enums import Status
from clinic.lib import phone, when
from clinic.models import Appointment
from notifications.queries import Wishes


def describe(appointment: Appointment, wishes: Wishes, *, at: datetime) -> dict[str, Any]:
    """Return an appointment as its patient may see it by a link alone (E2.11): no surname, no contact data."""
    calendar = appointment.calendar
    language, zone = _language(), calendar.zone
    is_open = appointment.status == Status.BOOKED and at < appointment.starts_at
    return {
        "clinic": appointment.clinic,
        "patient_name": appointment.patient.masked_name,
        "practitioner": calendar.practitioner.name,
        "date": when.long_date(appointment.starts_at, zone, language),
        "time": when.clock_time(appointment.starts_at, zone, language),
        "minutes": appointment.minutes,
        "place": calendar.place,
        "map_query": quote_plus(calendar.place),
        "phone": phone.pretty(calendar.phone) if calendar.phone else "",
        "phone_link": calendar.phone,
        "is_cancelled": appointment.status == Status.CANCELLED,
        "is_over": not is_open and appointment.status != Status.CANCELLED,
        "is_confirmed": appointment.confirmed_at is not None,
        "can_confirm": is_open and wishes.self_service and not appointment.confirmed_at,
        "can_cancel": is_open and wishes.self_service and appointment.is_changeable_at(at),
        "can_move": is_open and wishes.self_service and appointment.is_changeable_at(at),
        "self_service": wishes.self_service,
        "changeable_until": when.date_and_time(appointment.changeable_until, zone, language),
        "sequence": appointment.sequence,
    }


def _language() -> str:
    return (get_language() or "en")[:2]
