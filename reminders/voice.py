"""What patients are sent about appointments: the second look inside the claim, and the words."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from clinic.appointments.enums import Status
from clinic.lib import phone, sms, when
from clinic.models import Appointment
from messaging.backends.base import Attachment
from messaging.enums import Purpose
from messaging.links import list_for, token_of
from messaging.models import Delivery, PersonalLink
from messaging.registry import Hold, Ready, Skip, Verdict, why_not_now
from notifications.enums import Channel
from notifications.queries import Wishes, wishes_for
from notifications.rules import sms_due
from reminders import rules
from reminders.invitation import calendar_file, reply_address
from reminders.planning import LINK_LIVES_ON, is_always_sent, link_for, was_by_patient
from reminders.rules import CANCELLED, DETAILS, MOVED, REMINDER

WITH_CALENDAR_FILE = frozenset({DETAILS, MOVED, CANCELLED})
TEMPLATES = "reminders/messages"


def speak(deliveries: Sequence[Delivery], at: datetime) -> dict[int, Verdict]:
    """Say of each claimed delivery what is sent now, or why nothing is (G2, R13)."""
    appointments = {row.pk: _appointment(row) for row in deliveries}
    wishes = wishes_for(appointments.values())
    links = links_of(appointments.values(), at=at)
    needless = why_not_now({appointments[row.pk].pk for row in deliveries if _is_only_help(row)})
    verdicts: dict[int, Verdict] = {}
    for row in deliveries:
        appointment = appointments[row.pk]
        wish = wishes[appointment.pk]
        overtaken = second_look(row, appointment, wish, at=at)
        if overtaken is None and appointment.pk in needless and _is_only_help(row):
            overtaken = Skip(needless[appointment.pk])
        verdicts[row.pk] = overtaken or render(row, appointment, wish, links[appointment.pk], at=at)
    return verdicts


def _is_only_help(row: Delivery) -> bool:
    """Return whether a delivery only helps to come: a reminder, or the SMS behind an e-mail not read (E8.3)."""
    return row.message.kind == REMINDER or (row.channel == Channel.SMS and row.reason == rules.UNREAD)


def _appointment(row: Delivery) -> Appointment:
    appointment = row.message.appointment
    if appointment is None:
        raise ValueError(f"message {row.message_id} has no appointment")
    # Already here by the claim's own query; the card of today is the one that counts (E2.13).
    if row.message.patient is not None and row.message.patient_id == appointment.patient_id:
        appointment.patient = row.message.patient
    return appointment


def links_of(appointments: Iterable[Appointment], *, at: datetime) -> dict[int, PersonalLink]:
    """Return the links that go into these texts, made or prolonged where that is needed."""
    ids = {one.pk: one for one in appointments}
    found = list_for(purpose=Purpose.APPOINTMENT, object_ids=ids)
    for pk, one in ids.items():
        # A link outlives the appointment, also one that was moved to a later day.
        if pk not in found or found[pk].expires_at < one.ends_at + LINK_LIVES_ON:
            found[pk] = link_for(one, at=at)
    return found


def second_look(
    row: Delivery, appointment: Appointment, wishes: Wishes, *, at: datetime
) -> Skip | Hold | None:
    """Return why a claimed delivery is not sent after all, or not yet; None: it goes.

    What changes an appointment drops its unsent rows itself; this catches what a failed try put back,
    and what time has overtaken.
    """
    kind = row.message.kind
    if row.message.patient_id != appointment.patient_id:
        return Skip("other_card")
    if kind != CANCELLED and appointment.status == Status.CANCELLED:
        return Skip("cancelled_meanwhile")
    if row.message.version != appointment.sequence:
        return Skip("moved_meanwhile")
    if kind != CANCELLED and appointment.status != Status.BOOKED:
        return Skip("over")
    if rules.too_late(kind, starts_at=appointment.starts_at, at=at, due_at=row.due_at):
        return Skip("too_late")
    if not wishes.wants(kind) and not is_always_sent(appointment, kind):
        return Skip(wishes.why_not(kind))
    patient = appointment.patient
    if row.channel == Channel.EMAIL:
        if not patient.email:
            return Skip("no_email", is_lost=True)
        if patient.email_bounced_at:
            return Skip("email_bounced", is_lost=True)
        return None
    if not patient.phone:
        return Skip("no_phone")
    # A try repeated or a system that was down may have carried it into the quiet hours (P14).
    due_at = sms_due(
        planned_at=at, starts_at=appointment.starts_at, quiet=wishes.quiet, zone=appointment.calendar.zone
    )
    return Hold(due_at) if due_at > at else None


def link_address(link: PersonalLink) -> str:
    """Return the absolute address that messages carry; its origin is configured, never a request's (K33)."""
    return settings.PUBLIC_URL + reverse("reminders:appointment_link", kwargs={"token": token_of(link)})


def render(
    row: Delivery, appointment: Appointment, wishes: Wishes, link: PersonalLink, *, at: datetime
) -> Ready:
    """Write a delivery in the patient's language (P4 to P6, P10)."""
    patient, calendar = appointment.patient, appointment.calendar
    kind, language, zone = row.message.kind, patient.language, calendar.zone
    address = link_address(link)
    context = {
        "clinic": appointment.clinic.name,
        "name": patient.name,
        "practitioner": calendar.practitioner.name,
        "service": appointment.service.name,
        "date_and_time": when.date_and_time(appointment.starts_at, zone, language),
        "short_date": when.short_date(appointment.starts_at, zone, language),
        "time": when.clock_time(appointment.starts_at, zone, language),
        "place": calendar.place,
        "phone": phone.pretty(calendar.phone) if calendar.phone else "",
        "link": address if kind != CANCELLED else "",
        "self_service": wishes.self_service,
        "confirmed": appointment.confirmed_at is not None,
        "by_patient": was_by_patient(appointment, row.message),
        "language": language,
    }
    with translation.override(language):
        if row.channel == Channel.SMS:
            # Where patients may do nothing by themselves, the number says more than the page (P6).
            if not wishes.self_service and context["phone"]:
                context["link"] = context["phone"]
            text = line(f"{kind}.sms.txt", context)
            return Ready(
                address=patient.phone, text=sms.gsm(text) if wishes.plain_sms else text, links=(address,)
            )
        files: tuple[Attachment, ...] = ()
        if kind in WITH_CALENDAR_FILE:
            files = (calendar_file(appointment, is_cancelled=kind == CANCELLED, at=at),)
        return Ready(
            address=patient.email,
            subject=line(f"{kind}.subject.txt", context),
            text=render_to_string(f"{TEMPLATES}/{kind}.txt", {**context, "plain": True}),
            html=render_to_string(f"{TEMPLATES}/{kind}.html", context),
            attachments=files,
            sender_name=appointment.clinic.name,
            reply_to=reply_address(appointment),
            links=(address,),
        )


def line(template: str, context: dict[str, object]) -> str:
    """Return a template's text as one line."""
    return " ".join(render_to_string(f"{TEMPLATES}/{template}", context).split())
