"""Sending the link again to who lost it: planned for the cards on file, and the words (D6, A12, A44).

Nothing that the asker sees depends on whether there is such a card. What goes out goes to the card's own address.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.template.loader import render_to_string
from django.utils import translation

from clinic.appointments.enums import Status
from clinic.lib import phone, sms, when
from clinic.models import Appointment, Clinic, Patient
from clinic.people.queries import list_by_address
from messaging.models import Delivery, Message
from messaging.operations import Plan, Way, put
from messaging.registry import Ready, Skip, Verdict
from notifications.enums import Channel
from reminders.invitation import reply_address
from reminders.voice import TEMPLATES, line, link_address, links_of

KIND = "lost_link"
MOST_SHOWN = 10


def cause_of(patient_id: int) -> str:
    """Return the outbox's name for a card as a cause."""
    return f"patient:{patient_id}"


@transaction.atomic
def send_links(*, clinic: Clinic, email: str = "", number: str = "", at: datetime) -> int:
    """Plan a message for each card that has this address and a coming appointment; return how many.

    Args:
        email, number: one of them, as cards keep them; the message goes this way and no other.
    """
    coming = Appointment.objects.filter(clinic=clinic, status=Status.BOOKED, starts_at__gt=at)
    cards = list_by_address(clinic=clinic, email=email, phone_number=number).filter(
        pk__in=coming.values("patient")
    )
    way = Way(Channel.EMAIL if email else Channel.SMS, planned_at=at, due_at=at)
    count = 0
    for card in cards:
        version = Message.objects.filter(cause=cause_of(card.pk), kind=KIND).count() + 1
        put(
            Plan(
                clinic_id=clinic.pk,
                kind=KIND,
                cause=cause_of(card.pk),
                version=version,
                recipient=cause_of(card.pk),
                reason="link_asked_for",
                planned_at=at,
                patient_id=card.pk,
                ways=(way,),
            ),
            at=at,
        )
        count += 1
    return count


def speak(deliveries: Sequence[Delivery], at: datetime) -> dict[int, Verdict]:
    """Say of each claimed delivery what is sent now, or why nothing is (G2)."""
    return {row.pk: _verdict(row, at=at) for row in deliveries}


def _verdict(row: Delivery, *, at: datetime) -> Verdict:
    patient = row.message.patient
    if patient is None:
        return Skip("nothing_coming")
    if row.channel == Channel.EMAIL and not patient.email:
        return Skip("no_email")
    if row.channel == Channel.SMS and not patient.phone:
        return Skip("no_phone")
    coming = Appointment.objects.whole().filter(patient=patient, status=Status.BOOKED, starts_at__gt=at)
    appointments = list(coming.order_by("starts_at", "pk")[:MOST_SHOWN])
    if not appointments:
        return Skip("nothing_coming")
    return _render(row, patient, appointments, at=at)


def _render(row: Delivery, patient: Patient, appointments: list[Appointment], *, at: datetime) -> Ready:
    language, first = patient.language, appointments[0]
    links = links_of(appointments, at=at)
    addresses = {one.pk: link_address(links[one.pk]) for one in appointments}
    clinic, zone = first.clinic, first.calendar.zone
    context: dict[str, object] = {
        "clinic": clinic.name,
        "name": patient.name,
        "phone": phone.pretty(clinic.phone) if clinic.phone else "",
        "language": language,
        "appointments": [
            {
                "date_and_time": when.date_and_time(one.starts_at, one.calendar.zone, language),
                "practitioner": one.calendar.practitioner.name,
                "place": one.calendar.place,
                "link": addresses[one.pk],
            }
            for one in appointments
        ],
    }
    with translation.override(language):
        if row.channel == Channel.SMS:
            # One line has room for the next appointment; from its page the patient comes to the others.
            context |= {
                "short_date": when.short_date(first.starts_at, zone, language),
                "time": when.clock_time(first.starts_at, zone, language),
                "link": addresses[first.pk],
            }
            text = sms.gsm(line(f"{KIND}.sms.txt", context))
            return Ready(address=patient.phone, text=text, links=(addresses[first.pk],))
        return Ready(
            address=patient.email,
            subject=line(f"{KIND}.subject.txt", context),
            text=render_to_string(f"{TEMPLATES}/{KIND}.txt", {**context, "plain": True}),
            html=render_to_string(f"{TEMPLATES}/{KIND}.html", context),
            sender_name=clinic.name,
            reply_to=reply_address(first),
            links=tuple(addresses.values()),
        )
