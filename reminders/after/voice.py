"""What patients are sent after an appointment: the second look inside the claim, and the words (P7, P9, K29)."""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from clinic.appointments.enums import Status
from clinic.lib import sms, when
from clinic.models import Appointment
from messaging.enums import Purpose
from messaging.links import get_or_make, token_of
from messaging.models import Delivery
from messaging.registry import Hold, Ready, Skip, Verdict
from notifications.enums import Channel
from notifications.queries import Wishes
from reminders.after import rules
from reminders.after.planning import why_off
from reminders.after.queries import World, read_world
from reminders.after.rules import REVIEW
from reminders.choices import choices_address, unsubscribe_headers
from reminders.invitation import reply_address
from reminders.planning import LINK_LIVES_ON, review_address
from reminders.voice import TEMPLATES, line


def speak(deliveries: Sequence[Delivery], at: datetime) -> dict[int, Verdict]:
    """Say of each claimed delivery whether it still goes, by what is true now (E3.1 to E3.4)."""
    world = read_world([row.message for row in deliveries], at=at)
    return {row.pk: _verdict(row, world, at=at) for row in deliveries}


def _verdict(row: Delivery, world: World, *, at: datetime) -> Verdict:
    appointment = row.message.appointment
    if appointment is None:
        raise ValueError(f"message {row.message_id} has no appointment")
    if row.message.patient is not None and row.message.patient_id == appointment.patient_id:
        appointment.patient = row.message.patient
    wishes = world.wishes[appointment.pk]
    why = _overtaken(row, appointment, wishes, at=at) or _needless(row, appointment, world)
    if why:
        return Skip(why)
    if row.channel == Channel.SMS:
        # A try repeated or a system that was down may have carried it into the quiet hours (P14).
        due_at = rules.sms_due(
            row.message.kind,
            planned_at=at,
            ends_at=appointment.ends_at,
            quiet=wishes.quiet,
            zone=appointment.calendar.zone,
        )
        if due_at is None:
            return Skip("too_late")
        if due_at > at:
            return Hold(due_at)
    return _render(row, appointment, wishes, at=at)


def _overtaken(row: Delivery, appointment: Appointment, wishes: Wishes, *, at: datetime) -> str:
    """Return why this appointment brings nothing any more, by this way, or nothing."""
    kind, patient = row.message.kind, appointment.patient
    if row.message.patient_id != appointment.patient_id:
        return "other_card"
    if appointment.status == Status.CANCELLED:
        return "cancelled_meanwhile"
    if row.message.version != appointment.sequence:
        return "moved_meanwhile"
    if appointment.status == Status.NO_SHOW:
        return "no_show"
    if at > rules.latest(kind, ends_at=appointment.ends_at):
        return "too_late"
    if off := why_off(appointment, kind, wishes):
        return off
    if row.channel == Channel.EMAIL:
        return "no_email" if not patient.email else "email_bounced" if patient.email_bounced_at else ""
    return "" if patient.phone else "no_phone"


def _needless(row: Delivery, appointment: Appointment, world: World) -> str:
    """Return why the patient is not invited to this, for what else is true of them, or nothing."""
    kind, calendar = row.message.kind, appointment.calendar
    if refusal := world.refusals.get((appointment.patient_id, kind), ""):
        return refusal
    found = world.visits.get((appointment.patient_id, calendar.practitioner_id, kind), [])
    own = next((visit for pk, visit in found if pk == row.message_id), None)
    if own is None:
        # Moved to somebody else's calendar since the claim read it, a moment ago.
        return "moved_meanwhile"
    others = [visit for pk, visit in found if pk != row.message_id]
    if kind == REVIEW:
        if not calendar.practitioner.is_listed:
            return "not_listed"
        if appointment.pk in world.reviewed:
            return "reviewed"
        return rules.why_no_review(own, others, zone=calendar.zone)
    if (appointment.patient_id, calendar.practitioner_id) in world.booked:
        return "booked_again"
    if rules.is_followed(own, others):
        return "came_again"
    return "" if calendar.pk in world.open_calendars else "nothing_to_offer"


def address_of(kind: str, appointment: Appointment, *, at: datetime) -> str:
    """Return the absolute address that a message carries; the link is made with it."""
    if kind == REVIEW:
        return settings.PUBLIC_URL + review_address(appointment, at=at)
    # By a link of its own: the address of a profile names the practitioner (K29).
    link = get_or_make(
        clinic_id=appointment.clinic_id,
        purpose=Purpose.NEXT,
        object_id=appointment.pk,
        expires_at=max(appointment.ends_at, at) + LINK_LIVES_ON,
        at=at,
    )
    return settings.PUBLIC_URL + reverse("reminders:next_link", kwargs={"token": token_of(link)})


def _render(row: Delivery, appointment: Appointment, wishes: Wishes, *, at: datetime) -> Ready:
    """Write a delivery in the patient's language; subject and SMS name the clinic alone (X4, K29).

    By which way it may go, it carries the link that refuses the next one (P16, K32).
    """
    patient, calendar, kind = appointment.patient, appointment.calendar, row.message.kind
    language = patient.language
    address, choices = address_of(kind, appointment, at=at), choices_address(patient, at=at)
    links = (address, choices)
    context: dict[str, object] = {
        "clinic": appointment.clinic.name,
        "name": patient.name,
        "practitioner": calendar.practitioner.name,
        "date_and_time": when.date_and_time(appointment.starts_at, calendar.zone, language),
        "link": address,
        "choices": choices,
        "language": language,
    }
    with translation.override(language):
        if row.channel == Channel.SMS:
            text = line(f"{kind}.sms.txt", context)
            return Ready(address=patient.phone, text=sms.gsm(text) if wishes.plain_sms else text, links=links)
        return Ready(
            address=patient.email,
            subject=line(f"{kind}.subject.txt", context),
            text=render_to_string(f"{TEMPLATES}/{kind}.txt", {**context, "plain": True}),
            html=render_to_string(f"{TEMPLATES}/{kind}.html", context),
            sender_name=appointment.clinic.name,
            reply_to=reply_address(appointment),
            links=links,
            headers=unsubscribe_headers(patient, kind, at=at),
        )
