"""What is kept about a patient, as they may take it with them (D6, X4)."""

from datetime import datetime
from typing import Any

from clinic.models import Appointment, Patient
from messaging.models import Delivery
from notifications.invitations import list_words


def _written(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def collect(patient: Patient) -> dict[str, Any]:
    """Return the card, the appointments and the messages of a patient, as JSON can hold them.

    Notes of the clinic's members are theirs, and not in it; neither is what others wrote.
    """
    appointments = Appointment.objects.whole().filter(patient=patient).order_by("starts_at", "pk")
    deliveries = (
        Delivery.objects.filter(message__patient=patient)
        .select_related("message", "sent_text")
        .order_by("message__created_at", "pk")
    )
    return {
        "clinic": patient.clinic.name,
        "card": {
            "name": patient.name,
            "email": patient.email,
            "phone": patient.phone,
            "language": patient.language,
            "reference": patient.reference,
            "created_at": _written(patient.created_at),
        },
        "invitations": [
            {
                "kind": one.kind,
                "wanted": one.wanted_at is not None,
                "said_at": _written(one.wanted_at or one.refused_at),
                "said_by": one.told_by,
            }
            for one in list_words(patient)
        ],
        "appointments": [
            {
                "starts_at": _written(one.starts_at.astimezone(one.calendar.zone)),
                "ends_at": _written(one.ends_at.astimezone(one.calendar.zone)),
                "service": one.service.name,
                "practitioner": one.calendar.practitioner.name,
                "place": one.calendar.place,
                "status": one.status,
                "booked_at": _written(one.booked_at),
                "booked_by": one.origin,
                "confirmed_at": _written(one.confirmed_at),
                "cancelled_at": _written(one.cancelled_at),
                "cancelled_by": one.cancelled_by,
            }
            for one in appointments
        ],
        "messages": [
            {
                "kind": row.message.kind,
                "channel": row.channel,
                "state": row.state,
                "sent_at": _written(row.sent_at),
                "read_at": _written(row.read_at),
                "subject": row.sent_text.subject if hasattr(row, "sent_text") else "",
                "text": row.sent_text.text if hasattr(row, "sent_text") else "",
            }
            for row in deliveries
        ],
    }
