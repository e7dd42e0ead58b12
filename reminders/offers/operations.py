"""Waves of offers: begun by what patients give up, ended by whoever takes the time (P8, E4).

Called by receivers inside the transaction of the cause. Whoever changes a `Freeing` has the appointment's row and
its time in `occupancy` already: in this order, or two would wait for each other.
"""

from datetime import datetime

from django.db import transaction

from clinic.appointments import operations as appointments
from clinic.appointments.enums import CancelledBy
from clinic.appointments.operations import NotAllowed, Was
from clinic.audit.operations import PATIENT, Actor, record
from clinic.live.bus import publish
from clinic.models import Appointment, Calendar
from clinic.people.listening import clinic_topic
from messaging import operations as messaging
from messaging.enums import UNSENT
from messaging.models import Delivery
from messaging.operations import Plan, Way, drop, put
from notifications.enums import Channel
from notifications.queries import Wishes, get_settings, switches_of_calendar, wishes_for
from notifications.rules import sms_due
from reminders.offers import rules
from reminders.offers.enums import Ended
from reminders.offers.models import Freeing, SlotOffer
from reminders.offers.queries import (
    KIND,
    Standing,
    candidates,
    get_offer,
    is_open,
    open_at,
    standing_of,
    why_not_free,
)
from reminders.rules import CANCEL_GRACE

# Given up by going elsewhere, not by a cancellation.
LEFT = (Ended.BY_MOVE, Ended.CHAIN_OFF, Ended.CHAIN_END)


class NotYours(Exception):
    """The offered time cannot be taken; the appointment is where it was.

    `standing` says why, `offer` is as it was when that was found.
    """

    def __init__(self, standing: Standing, offer: SlotOffer) -> None:
        super().__init__(standing)
        self.standing, self.offer = standing, offer


def cause_of(offer_id: int) -> str:
    """Return the outbox's name for an offer as a cause."""
    return f"offer:{offer_id}"


# --- A time is given up ---------------------------------------------------------------------------


def follow_cancelled(appointment: Appointment, *, by: CancelledBy, actor: Actor, at: datetime) -> None:
    """Offer the time of a cancelled appointment, if it was the patient's wish (E4.1)."""
    if by != CancelledBy.PATIENT:
        return
    span = Was(appointment.starts_at, appointment.ends_at, appointment.calendar_id)
    _free(appointment, appointment.calendar, span, actor=actor, at=at)


def follow_moved(appointment: Appointment, *, was: Was, actor: Actor, at: datetime) -> None:
    """Close what a moved appointment took, then see what becomes of the time that it left (E4.7, E4.8).

    A patient who moves starts no wave, unless they leave a time that they had got by an offer; whoever takes an
    offer starts the next one where the calendar's chain is on.
    """
    won = close_under(appointment, at=at)
    calendar = (
        appointment.calendar
        if was.calendar_id == appointment.calendar_id
        else Calendar.objects.select_related("clinic").get(pk=was.calendar_id)
    )
    if won is not None:
        is_on = get_settings(calendar).chain_offers
        goes_on = rules.may_go_on(
            depth=won.depth, before=won.starts_at, freed=was.starts_at, zone=calendar.zone
        )
        why = None if is_on and goes_on else Ended.CHAIN_END if is_on else Ended.CHAIN_OFF
        _free(appointment, calendar, was, why=why, before=won, actor=actor, at=at)
    elif actor.is_patient:
        had_won = Freeing.objects.filter(
            taken_by=appointment, calendar=calendar, starts_at=was.starts_at, ended=Ended.TAKEN
        )
        why = None if had_won.exists() else Ended.BY_MOVE
        _free(appointment, calendar, was, why=why, actor=actor, at=at)


def _free(
    appointment: Appointment,
    calendar: Calendar,
    span: Was,
    *,
    why: Ended | None = None,
    before: Freeing | None = None,
    actor: Actor,
    at: datetime,
) -> None:
    """Write down that a patient gave up a time; offer it, or note why not (`why`, or by what is true)."""
    goes_on = before is not None and why is None
    freeing = Freeing.objects.create(
        clinic_id=appointment.clinic_id,
        calendar=calendar,
        starts_at=span.starts_at,
        ends_at=span.ends_at,
        freed_at=at,
        appointment=appointment,
        before=before if goes_on else None,
        depth=before.depth + 1 if before is not None and goes_on else 1,
    )
    ended = why or _why_no_wave(freeing, at=at)
    told = [] if ended else candidates(freeing, at=at)
    if not told:
        ended = ended or Ended.NOBODY
        freeing.ended, freeing.ended_at = ended, at
        freeing.save(update_fields=["ended", "ended_at"])
    else:
        _offer(freeing, [one.appointment_id for one in told], at=at)
    record(actor, "slot.freed", freeing, new={"ended": freeing.ended, "told": len(told)}, at=at)


def _why_no_wave(freeing: Freeing, *, at: datetime) -> Ended | None:
    if not switches_of_calendar(freeing.calendar).get(KIND, True):
        return Ended.OFF
    if not rules.is_in_time(starts_at=freeing.starts_at, freed_at=at, zone=freeing.calendar.zone):
        return Ended.LATE
    return why_not_free(freeing, at=at)


def _offer(freeing: Freeing, appointment_ids: list[int], *, at: datetime) -> None:
    """Plan an SMS for each, after the grace (E4.5)."""
    found = {one.pk: one for one in Appointment.objects.whole().filter(pk__in=appointment_ids)}
    wishes = wishes_for(found.values())
    for pk in appointment_ids:
        appointment = found[pk]
        offer = SlotOffer.objects.create(
            freeing=freeing, appointment=appointment, made_at=at, was_at=appointment.starts_at
        )
        zone = freeing.calendar.zone
        wall = freeing.starts_at.astimezone(zone)
        put(
            Plan(
                clinic_id=freeing.clinic_id,
                kind=KIND,
                cause=cause_of(offer.pk),
                version=1,
                recipient=f"patient:{appointment.patient_id}",
                reason="offer_slot",
                facts={"day": wall.date().isoformat(), "time": f"{wall:%H:%M}"},
                planned_at=at + rules.GRACE,
                valid_until=freeing.starts_at,
                appointment_id=pk,
                patient_id=appointment.patient_id,
                ways=_ways(freeing, wishes[pk], planned_at=at + rules.GRACE),
            ),
            at=at,
        )


def _ways(freeing: Freeing, wishes: Wishes, *, planned_at: datetime) -> tuple[Way, ...]:
    """Return how an offer goes: by SMS, held through quiet hours as long as the freed time allows (P11, P14)."""
    due_at = sms_due(
        planned_at=planned_at,
        starts_at=freeing.starts_at,
        quiet=wishes.quiet,
        zone=freeing.calendar.zone,
    )
    return (Way(Channel.SMS, planned_at=planned_at, due_at=due_at),)


def take_back(appointment: Appointment, *, at: datetime) -> None:
    """Tell nobody of a time whose cancellation was taken back (decision 15).

    Raises:
        NotAllowed: somebody may have been told already.
    """
    for freeing in open_at(appointment.freeings.all()):
        causes = [cause_of(pk) for pk in freeing.offers.values_list("pk", flat=True)]
        if Delivery.objects.filter(message__cause__in=causes, tries__gt=0).exists():
            raise NotAllowed
        _close(freeing, Ended.TAKEN_BACK, at=at)
    # Where nobody was to be told, it was not given up all the same.
    just_now = appointment.freeings.filter(freed_at__gt=at - CANCEL_GRACE).exclude(ended__in=LEFT)
    just_now.update(ended=Ended.TAKEN_BACK)


# --- It is somebody's again -----------------------------------------------------------------------


def close_under(appointment: Appointment, *, at: datetime) -> Freeing | None:
    """Close the offers of times that an appointment now covers; return the one that it took by an offer."""
    won = None
    rows = open_at(Freeing.objects.filter(calendar=appointment.calendar_id))
    touched = rows.filter(starts_at__lt=appointment.ends_at, ends_at__gt=appointment.starts_at)
    for freeing in touched.order_by("pk"):
        is_won = (
            freeing.starts_at == appointment.starts_at
            and freeing.offers.filter(appointment=appointment).exists()
        )
        _close(freeing, Ended.TAKEN if is_won else Ended.BOOKED, taken_by=appointment, at=at)
        won = freeing if is_won else won
    return won


def follow_hours(*, practitioner_id: int, at: datetime) -> None:
    """Close at once the offers of times at which the practitioner is not there any more (E4.9)."""
    rows = open_at(Freeing.objects.filter(calendar__practitioner=practitioner_id, starts_at__gt=at))
    for freeing in rows.select_related("calendar").order_by("pk"):
        if not is_open(freeing):
            _close(freeing, Ended.CLOSED, at=at)


def _close(freeing: Freeing, ended: Ended, *, taken_by: Appointment | None = None, at: datetime) -> None:
    """End a wave: whoever was not told yet is not told any more."""
    rows = Freeing.objects.filter(pk=freeing.pk, ended="")
    if not rows.update(ended=ended, ended_at=at, taken_by=taken_by):
        return
    freeing.ended, freeing.ended_at, freeing.taken_by = ended, at, taken_by
    causes = [cause_of(pk) for pk in freeing.offers.values_list("pk", flat=True)]
    unsent = Delivery.objects.filter(message__cause__in=causes, state__in=UNSENT)
    for cause in sorted(set(unsent.values_list("message__cause", flat=True))):
        drop(cause=cause, reason=f"offer_{ended}", at=at)
    publish("message", {clinic_topic(freeing.clinic_id): None}, {"ids": [freeing.appointment_id]})


# --- Taking it ------------------------------------------------------------------------------------


def take(*, offer: SlotOffer, at: datetime) -> SlotOffer:
    """Move the offer's appointment to the offered time; who has it already keeps it (E4.6).

    In one transaction: whoever comes too late has what they had.

    Args:
        offer: as `find_offer` read it a moment ago.

    Raises:
        NotYours: somebody else has the time, or it is not offered to this appointment any more.
    """
    # Whoever comes too late is told so before anything is locked, or read again, for them.
    _check(offer, at=at)
    try:
        return _take(offer.pk, offer.appointment_id, at=at)
    except appointments.Taken as error:
        raise NotYours(Standing.TAKEN, offer) from error
    except NotAllowed as error:
        raise NotYours(Standing.CALL, offer) from error


@transaction.atomic
def _take(offer_id: int, appointment_id: int, *, at: datetime) -> SlotOffer:
    Appointment.objects.select_for_update(of=("self",)).get(pk=appointment_id)
    offer = get_offer(offer_id)
    if _check(offer, at=at) is Standing.OPEN:
        appointments.move(
            appointment_id=appointment_id, starts_at=offer.freeing.starts_at, actor=PATIENT, at=at
        )
        messaging.record_read(cause=cause_of(offer_id), at=at)
    return offer


def _check(offer: SlotOffer, *, at: datetime) -> Standing:
    standing = standing_of(offer, at=at)
    if standing not in {Standing.OPEN, Standing.WON}:
        raise NotYours(standing, offer)
    return standing
