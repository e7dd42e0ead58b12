"""Mail that comes back marks the patient card."""

from collections.abc import Iterable
from datetime import datetime

from clinic.audit.operations import SYSTEM
from clinic.people.operations import record_email_bounced
from messaging.models import Delivery
from notifications.enums import Channel


def mark_bounced(deliveries: Iterable[Delivery], *, at: datetime) -> None:
    """Mark the card whose e-mail address a mail was refused for, if it is still the address (P13)."""
    emails = [row for row in deliveries if row.channel == Channel.EMAIL and row.message.patient_id]
    for row in emails:
        attempt = row.attempts.order_by("-number").first()
        patient = row.message.patient
        if attempt and patient and patient.email == attempt.address:
            record_email_bounced(patient=patient, actor=SYSTEM, at=at)
