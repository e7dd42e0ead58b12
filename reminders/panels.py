"""What patients were, are and will be told, when and why, or why not (P15): of an appointment, of a patient."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from clinic.appointments.news import BOOKED, CANCELLED, MOVED, News
from clinic.models import Appointment, Patient
from clinic.panels import Panel, register_panel
from messaging.enums import State
from messaging.models import Delivery, Message
from messaging.queries import list_messages, list_patient_messages
from messaging.registry import reason_sentence
from notifications.enums import Channel
from notifications.queries import is_paused
from notifications.registry import get_kind
from reminders import preview, rules
from reminders.offers import panels as offers

MOST_OF_PATIENT = 20
MARKS = {
    State.PLANNED: "planned",
    State.CLAIMED: "planned",
    State.SENDING: "planned",
    State.SENT: "done",
    State.DELIVERED: "done",
    State.READ: "done",
    State.SKIPPED: "skipped",
    State.FAILED: "failed",
    State.UNKNOWN: "unknown",
}


def timeline(request: HttpRequest, appointment: Appointment) -> Mapping[str, Any]:
    """Return one entry for each delivery, and one for each message that a rule left out."""
    entries = []
    for message in list_messages(appointment):
        deliveries = list(message.deliveries.all())
        if message.is_left_out or not deliveries:
            entries.append(_entry(message, None))
        else:
            entries += [_entry(message, row) for row in deliveries]
    return {"entries": entries, "appointment": appointment, "zone": appointment.calendar.zone}


def _entry(message: Message, row: Delivery | None) -> dict[str, Any]:
    state = State(row.state) if row else State.SKIPPED
    own = reason_sentence(row.reason, row.facts) if row and row.reason else ""
    return {
        "kind": get_kind(message.kind).label,
        "channel": Channel(row.channel).label if row else "",
        "delivery": row,
        "message": message,
        "state": state,
        "mark": MARKS[state],
        "rule": reason_sentence(message.reason, message.facts),
        "why": own,
        "is_waiting": bool(row and state == State.PLANNED and row.reason == rules.WAITS),
        "at": (row.read_at or row.delivered_at or row.sent_at or row.ended_at or row.planned_at)
        if row
        else message.created_at,
    }


KIND_OF = {BOOKED: rules.DETAILS, MOVED: rules.MOVED, CANCELLED: rules.CANCELLED}


def news(request: HttpRequest, subject: News) -> Mapping[str, Any]:
    """Return what the patient is told of an act of staff, and whether a reminder follows (D3)."""
    appointment, at = subject.appointment, subject.at
    kind = KIND_OF.get(subject.what)
    lines = [preview.news_line(appointment, kind, at=at)] if kind else []
    if subject.what != CANCELLED:
        lines.append(preview.reminder_line(appointment, at=at))
    return {"lines": lines, "zone": appointment.calendar.zone, "is_paused": is_paused(appointment.clinic_id)}


def patient_messages(request: HttpRequest, patient: Patient) -> Mapping[str, Any] | None:
    """Return the last messages to a patient, whichever appointment they were about."""
    found = list(list_patient_messages(patient)[: MOST_OF_PATIENT + 1])
    if not found:
        return None
    entries = []
    for message in found[:MOST_OF_PATIENT]:
        rows: list[Delivery | None] = [] if message.is_left_out else list(message.deliveries.all())
        entries += [_entry(message, row) for row in rows or [None]]
    return {"entries": entries, "is_cut": len(found) > MOST_OF_PATIENT, "zone": patient.clinic.zone}


def register() -> None:
    """Fill floor 0's registries."""
    register_panel(
        Panel("messages", "patient", "reminders/_patient_messages.html", patient_messages, order=10)
    )
    register_panel(
        Panel("lost_link", "public", "reminders/_lost_link.html", lambda _request, clinic: {"clinic": clinic})
    )
    offers.register()
    register_panel(Panel("news", "news", "reminders/_news.html", news))
    register_panel(Panel("timeline", "appointment", "reminders/_timeline.html", timeline, order=10))
