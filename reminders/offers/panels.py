"""What staff see of given-up times: on the appointments they concern, and on today's page (P8, E4.4)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.http import HttpRequest

from clinic.lib import clock
from clinic.models import Appointment, Clinic
from clinic.panels import Panel, register_panel
from messaging.models import Delivery
from messaging.registry import reason_sentence
from reminders.offers.enums import Ended
from reminders.offers.models import Freeing, SlotOffer
from reminders.offers.operations import cause_of
from reminders.offers.queries import list_freed_late

# Left by going elsewhere, and nobody was told: nothing to look at.
UNINTERESTING = (Ended.BY_MOVE, Ended.CHAIN_OFF, Ended.TAKEN_BACK)


def offers(request: HttpRequest, appointment: Appointment) -> Mapping[str, Any] | None:
    """Return who was told of the times that an appointment left, and what it was offered itself."""
    at = clock.now()
    freeings = (
        appointment.freeings.exclude(ended__in=UNINTERESTING)
        .select_related("calendar", "taken_by__patient")
        .order_by("pk")
    )
    waves = [_wave(freeing, at=at) for freeing in freeings]
    held = SlotOffer.objects.filter(appointment=appointment).select_related(
        "freeing__calendar", "freeing__appointment", "appointment__patient"
    )
    own = [{"offer": one, "state": _state(one.freeing, at=at)} for one in held.order_by("pk")]
    if not waves and not own:
        return None
    return {
        "waves": waves,
        "own": own,
        "appointment": appointment,
        "zone": appointment.calendar.zone,
    }


def _wave(freeing: Freeing, *, at: datetime) -> dict[str, Any]:
    rows = list(freeing.offers.select_related("appointment__patient").order_by("was_at", "pk"))
    sent = {
        row.message.cause: row
        for row in Delivery.objects.filter(message__cause__in=[cause_of(one.pk) for one in rows])
        .select_related("message")
        .order_by("pk")
    }
    told = []
    for one in rows:
        delivery = sent.get(cause_of(one.pk))
        told.append(
            {
                "offer": one,
                "delivery": delivery,
                "why": reason_sentence(delivery.reason, delivery.facts) if delivery else "",
                "has_taken": freeing.ended == Ended.TAKEN and freeing.taken_by_id == one.appointment_id,
            }
        )
    return {"freeing": freeing, "told": told, "state": _state(freeing, at=at)}


def _state(freeing: Freeing, *, at: datetime) -> Ended | None:
    """Return how a wave ended; None: it goes on. The cut-off needs nobody to write it down (E4.10)."""
    if freeing.ended:
        return Ended(freeing.ended)
    return Ended.CUT_OFF if freeing.is_over_at(at) else None


def freed_late(request: HttpRequest, clinic: Clinic) -> Mapping[str, Any] | None:
    """Return the times that patients gave up too late to be offered and that are still free (E4.4)."""
    rows = list_freed_late(clinic, at=clock.now())
    return {"freeings": rows, "clinic": clinic, "zone": clinic.zone} if rows else None


def register() -> None:
    """Fill floor 0's registries."""
    register_panel(Panel("offers", "appointment", "reminders/_offers.html", offers, order=20))
    register_panel(Panel("freed_late", "today", "reminders/_freed_late.html", freed_late, order=20))
