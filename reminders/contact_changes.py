"""Telling an address that it stands on a patient card no more (P13): whoever changed it, its owner hears of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.template.loader import render_to_string
from django.utils import translation

from clinic.lib import phone, sms
from clinic.models import Patient
from messaging.models import Delivery
from messaging.operations import Plan, Way, put
from messaging.registry import Ready, Skip, Verdict
from notifications.enums import Channel
from reminders.lost_link import cause_of
from reminders.voice import TEMPLATES, line

KIND = "contact_changed"


def tell_old_address(patient: Patient, *, old: Mapping[str, str], at: datetime) -> None:
    """Plan a message to every address that the card had and has no longer.

    Args:
        old: "email" and "phone" as they were; both empty where nothing is known of them.
    """
    gone = [
        (channel, old.get(field, ""))
        for channel, field in ((Channel.EMAIL, "email"), (Channel.SMS, "phone"))
        if old.get(field) and old[field] != getattr(patient, field)
    ]
    if not gone:
        return
    put(
        Plan(
            clinic_id=patient.clinic_id,
            kind=KIND,
            cause=cause_of(patient.pk),
            version=patient.version,
            recipient=cause_of(patient.pk),
            reason="contact_changed",
            planned_at=at,
            # The card does not know them any more.
            facts={str(channel): address for channel, address in gone},
            patient_id=patient.pk,
            ways=tuple(Way(channel, planned_at=at, due_at=at) for channel, _address in gone),
        ),
        at=at,
    )


def speak(deliveries: Sequence[Delivery], at: datetime) -> dict[int, Verdict]:
    """Say of each claimed delivery what is sent now, or why nothing is (G2)."""
    return {row.pk: _verdict(row) for row in deliveries}


def _verdict(row: Delivery) -> Verdict:
    patient, address = row.message.patient, str(row.message.facts.get(row.channel, ""))
    if patient is None or not address:
        return Skip("no_contact")
    if address in {patient.email, patient.phone}:
        return Skip("address_back")
    clinic = patient.clinic
    context: dict[str, object] = {
        "clinic": clinic.name,
        "phone": phone.pretty(clinic.phone) if clinic.phone else "",
        "language": patient.language,
    }
    with translation.override(patient.language):
        if row.channel == Channel.SMS:
            return Ready(address=address, text=sms.gsm(line(f"{KIND}.sms.txt", context)))
        return Ready(
            address=address,
            subject=line(f"{KIND}.subject.txt", context),
            text=render_to_string(f"{TEMPLATES}/{KIND}.txt", {**context, "plain": True}),
            html=render_to_string(f"{TEMPLATES}/{KIND}.html", context),
            sender_name=clinic.name,
        )
