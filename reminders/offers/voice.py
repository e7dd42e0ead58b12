"""What patients are sent of a freed time: the second look inside the claim, and the words (E4.5, K29)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.urls import reverse
from django.utils import translation

from clinic.calendars.queries import list_services
from clinic.lib import sms, when
from messaging.enums import Purpose
from messaging.links import get_or_make, token_of
from messaging.models import Delivery
from messaging.registry import Hold, Ready, Skip, Verdict
from notifications.invitations import why_not_invited
from notifications.queries import Wishes, get_wishes
from notifications.rules import sms_due
from reminders.choices import choices_address
from reminders.offers.enums import Ended
from reminders.offers.models import SlotOffer
from reminders.offers.queries import KIND, Standing, find_offer, standing_of, why_not_free, why_not_told
from reminders.planning import LINK_LIVES_ON
from reminders.voice import line

# A time that somebody is just looking at, with their details half typed, may be free again in a moment.
LOOK_AGAIN = timedelta(minutes=1)
_WHY = {
    Standing.NO_LATER: "cancelled_meanwhile",
    Standing.EARLIER: "moved_meanwhile",
    Standing.CALL: "not_changeable",
    Standing.WON: "offer_taken",
}


def speak(deliveries: Sequence[Delivery], at: datetime) -> dict[int, Verdict]:
    """Say of each claimed offer whether it still goes, by what is true now (E4.5)."""
    return {row.pk: _verdict(row, at=at) for row in deliveries}


def _verdict(row: Delivery, *, at: datetime) -> Verdict:
    offer = find_offer(int(row.message.cause.partition(":")[2]))
    if offer is None:
        return Skip("offer_closed")
    appointment, freeing = offer.appointment, offer.freeing
    if row.message.patient_id != appointment.patient_id:
        return Skip("other_card")
    if freeing.ended:
        return Skip(f"offer_{freeing.ended}")
    wishes = get_wishes(appointment)
    if overtaken := _overtaken(offer, wishes, at=at):
        return overtaken
    due_at = sms_due(
        planned_at=at, starts_at=freeing.starts_at, quiet=wishes.quiet, zone=freeing.calendar.zone
    )
    return Hold(due_at) if due_at > at else _render(offer, wishes, at=at)


def _overtaken(offer: SlotOffer, wishes: Wishes, *, at: datetime) -> Skip | Hold | None:
    """Return why an offer of an open wave is not sent, or not yet."""
    standing = standing_of(offer, at=at)
    if standing in _WHY:
        return Skip(_WHY[standing])
    problem = why_not_free(offer.freeing, at=at, but_appointment=offer.appointment_id)
    if problem is Ended.BOOKED:
        # Whoever had booked it would have ended the wave: it is only kept for somebody who types.
        return Hold(at + LOOK_AGAIN)
    if problem is not None:
        return Skip(f"offer_{problem}")
    if not offer.patient.phone:
        return Skip("no_phone")
    uninvited = why_not_invited([offer.patient.pk], KIND)
    if uninvited:
        return Skip(uninvited[offer.patient.pk])
    services = set(list_services(offer.freeing.calendar).values_list("name", flat=True))
    why = why_not_told(offer.appointment, wishes, services, at=at)
    return Skip(why) if why else None


def offer_address(offer: SlotOffer, *, at: datetime) -> str:
    """Return the absolute address of an offer's page, as messages carry it; the link is made with it."""
    link = get_or_make(
        clinic_id=offer.appointment.clinic_id,
        purpose=Purpose.OFFER,
        object_id=offer.pk,
        expires_at=max(offer.appointment.ends_at, at) + LINK_LIVES_ON,
        at=at,
    )
    return settings.PUBLIC_URL + reverse("reminders:offer_link", kwargs={"token": token_of(link)})


def _render(offer: SlotOffer, wishes: Wishes, *, at: datetime) -> Ready:
    """Write an offer in the patient's language: clinic, day, time, link; no doctor, no reason (K29)."""
    patient, freeing = offer.patient, offer.freeing
    language, zone = patient.language, freeing.calendar.zone
    address, choices = offer_address(offer, at=at), choices_address(patient, at=at)
    context: dict[str, object] = {
        "clinic": offer.appointment.clinic.name,
        "short_date": when.short_date(freeing.starts_at, zone, language),
        "time": when.clock_time(freeing.starts_at, zone, language),
        "link": address,
        "choices": choices,
    }
    with translation.override(language):
        text = line(f"{KIND}.sms.txt", context)
    return Ready(
        address=patient.phone, text=sms.gsm(text) if wishes.plain_sms else text, links=(address, choices)
    )
