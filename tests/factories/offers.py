"""Given-up times: patients with later appointments, a cancellation, and browsers that came by an offer."""

from datetime import datetime, timedelta
from typing import Any

from django.test import Client

from clinic.appointments import operations as appointments
from clinic.appointments.enums import CancelledBy
from clinic.audit.operations import PATIENT, Actor
from clinic.models import Appointment
from messaging.enums import Purpose
from messaging.links import link_key
from messaging.models import Delivery, PersonalLink
from notifications.enums import ToldBy
from notifications.invitations import opt_in
from reminders.offers.models import Freeing, SlotOffer
from reminders.offers.operations import cause_of, take
from reminders.offers.queries import get_offer
from reminders.offers.voice import offer_address
from tests.factories.house import DAYS, HOURS, NOW, House, book, make_patient

# Thursday, 11:00 in Warsaw: the time of the house's own appointment.
SLOT = NOW + 10 * DAYS + 2 * HOURS
# Saturday has no hours; from Monday on somebody comes who may be told.
FIRST_LATER = SLOT + 4 * DAYS
GRACE = timedelta(seconds=45)


def later(house: House, number: int = 1, *, start: datetime | None = None, **more: Any) -> Appointment:
    """Return an appointment, so many workdays' half hours after the freed time, of a patient of its own."""
    card = make_patient(
        house.clinic,
        f"Jan{'abcdefghijklmnopqrstuvwxyz'[number]} Nowak",
        phone_number=f"+48 512 345 {100 + number}",
        **more,
    )
    # Seven half hours a day from 9:00, Monday to Friday of the week that follows.
    day, half = divmod(number - 1, 6)
    starts_at = start or FIRST_LATER - 2 * HOURS + day * DAYS + half * timedelta(minutes=30)
    return book(card, house.calendar, starts_at)


def give_up(appointment: Appointment, *, actor: Actor = PATIENT, at: datetime = NOW) -> Freeing:
    """Cancel an appointment at its patient's wish; return what came of it."""
    appointments.cancel(appointment_id=appointment.pk, by=CancelledBy.PATIENT, actor=actor, at=at)
    return Freeing.objects.filter(appointment=appointment).latest("pk")


def told(freeing: Freeing) -> list[int]:
    """Return the appointments to whose patients a time was offered, in order."""
    return list(freeing.offers.order_by("pk").values_list("appointment", flat=True))


def taken(offer_id: int, *, at: datetime) -> SlotOffer:
    """Take an offer as its page does."""
    return take(offer=get_offer(offer_id), at=at)


def sms_of(offer: SlotOffer) -> Delivery:
    """Return an offer's SMS."""
    return Delivery.objects.get(message__cause=cause_of(offer.pk), channel="sms")


def offer_link_of(house: House) -> PersonalLink:
    """Return the link by which the house's patient may take an earlier time; somebody gave one up for it."""
    offer = SlotOffer.objects.filter(appointment=house.appointment).first()
    if offer is None:
        # In Germany only who agreed is invited.
        opt_in(patient=house.patient, kind="offer", told_by=ToldBy.STAFF, actor=PATIENT, at=NOW)
        early = make_patient(house.clinic, "Wera Wczesna", phone_number="+48 512 345 999")
        give_up(book(early, house.calendar, SLOT - 7 * DAYS))
        offer = SlotOffer.objects.get(appointment=house.appointment)
    offer_address(offer, at=NOW)
    return PersonalLink.objects.get(purpose=Purpose.OFFER, object_id=offer.pk)


def to_offer(offer: SlotOffer, **options: Any) -> tuple[Client, str]:
    """Return a browser that came by an offer's link, and the page it came to."""
    client = Client(**options)
    response = client.get("/o/" + offer_address(offer, at=NOW).split("/o/")[1])
    assert response.status_code == 302
    link = PersonalLink.objects.get(purpose=Purpose.OFFER, object_id=offer.pk)
    assert response["Location"] == f"/offer/{link_key(link)}/"
    return client, response["Location"]
