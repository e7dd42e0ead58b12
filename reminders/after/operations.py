"""What happens to appointments, turned into what follows them; called by receivers, inside the transaction."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from django.db.models import QuerySet

from clinic.appointments.enums import Status
from clinic.audit.operations import Actor
from clinic.models import Appointment, Calendar, Clinic, Patient
from messaging.enums import UNSENT
from messaging.models import Delivery, Message
from messaging.operations import Plan, bring_back, drop, make_due, put, put_new, release_claims
from notifications.enums import Channel
from notifications.queries import Wishes, get_wishes, wishes_for
from reminders.after.planning import CAPPED, KINDS, cause_of, left_out, plans_for
from reminders.after.rules import LATEST_AFTER, NEXT

MISSED = "no_show"
OVERTAKEN = "cancelled_meanwhile"
STILL_HELD = (Status.BOOKED, Status.DONE)
# What is unsent so long after an end is not planned anew: only a review that was due long ago is left then.
FOLLOWED_FOR: timedelta = LATEST_AFTER[NEXT]


def plan_after(
    appointment: Appointment,
    *,
    is_told: bool = True,
    may_send_sms: bool = True,
    wishes: Wishes | None = None,
    at: datetime,
) -> None:
    """Plan what follows an appointment's present time, or write down why nothing does (P7, P9).

    Args:
        is_told: False for imported ones, about which nobody is told.
        may_send_sms: False: the patient caused too many already (A4).
    """
    wishes = wishes or get_wishes(appointment)
    plans = plans_for([appointment], {appointment.pk: wishes}, may_send_sms=may_send_sms)
    put_new(plans if is_told else [left_out(plan, "imported") for plan in plans], at=at)


def follow_moved(appointment: Appointment, *, at: datetime) -> None:
    """Drop what the old time would have brought, and plan from the new end (E3.2)."""
    cause = cause_of(appointment.pk)
    # Whoever caused too many SMS causes no more of them by moving (A4).
    is_capped = Delivery.objects.filter(message__cause=cause, reason=CAPPED).exists()
    drop(cause=cause, below_version=appointment.sequence, reason="moved_meanwhile", at=at)
    plan_after(appointment, may_send_sms=not is_capped, at=at)


def follow_cancelled(appointment: Appointment, *, actor: Actor, at: datetime) -> None:
    """Drop what would have followed; what a member did may be taken back for seconds (decision 15)."""
    drop(cause=cause_of(appointment.pk), reason=OVERTAKEN, may_come_back=actor.user_id is not None, at=at)


def follow_restored(appointment: Appointment, *, at: datetime) -> None:
    """Plan again what a cancellation that was taken back had dropped."""
    bring_back(cause=cause_of(appointment.pk), reason=OVERTAKEN)
    refresh([appointment], at=at)


def follow_mark(appointment: Appointment, *, at: datetime) -> None:
    """Drop what follows no visit; a mark taken back in time brings it again (E3.1)."""
    if appointment.status == Status.NO_SHOW:
        drop(cause=cause_of(appointment.pk), reason=MISSED, at=at)
    else:
        refresh([appointment], at=at)


def follow_patient(patient: Patient, *, at: datetime) -> None:
    """Let unsent messages follow a patient's changed card, or what they said of invitations (E2.13, P16)."""
    refresh(_followed(at).filter(patient=patient), at=at)


def follow_calendar(calendar: Calendar, *, at: datetime) -> None:
    """Let unsent messages follow a calendar's changed switches and hours (E1.9, E1.10)."""
    refresh(_followed(at).filter(calendar=calendar), at=at)


def follow_clinic(clinic: Clinic, *, at: datetime) -> None:
    """Let unsent messages follow whether the clinic invites only those who agreed (P16)."""
    refresh(_followed(at).filter(clinic=clinic), at=at)


def _followed(at: datetime) -> QuerySet[Appointment]:
    return Appointment.objects.whole().filter(status__in=STILL_HELD, ends_at__gt=at - FOLLOWED_FOR)


def refresh(appointments: Iterable[Appointment], *, at: datetime) -> None:
    """Let what follows these appointments say again what is true now.

    Nothing sent is sent again, and nothing whose moment has passed is sent now. What stands already as it should
    is not written: a calendar has many.
    """
    held = [row for row in appointments if row.status in STILL_HELD]
    causes = {cause_of(row.pk) for row in held}
    standing = {
        (one.cause, one.kind, one.version): one
        for one in Message.objects.filter(cause__in=causes, kind__in=KINDS).prefetch_related("deliveries")
    }
    if not standing:
        return
    # A worker that holds some of them in its hands looks at the world again.
    release_claims(Delivery.objects.filter(message__in=[one.pk for one in standing.values()]))
    for plan in plans_for(held, wishes_for(held)):
        message = standing.get((plan.cause, plan.kind, plan.version))
        if message is not None and message.reason != "imported":
            _follow(message, plan, list(message.deliveries.all()), at=at)


def _follow(message: Message, plan: Plan, rows: Collection[Delivery], *, at: datetime) -> None:
    if plan.planned_at is not None and plan.planned_at <= at:
        _hold_anew(plan, rows, at=at)
    elif not _stands(message, plan, rows):
        put(_but_capped(plan, rows), at=at)


def _stands(message: Message, plan: Plan, rows: Collection[Delivery]) -> bool:
    """Return whether a message is planned already as it should be."""
    unsent = {(row.channel, row.due_at, row.reason) for row in rows if row.state in UNSENT}
    wanted = {(way.channel, way.due_at, way.reason) for way in plan.ways if not way.skip}
    return (message.is_left_out, message.reason) == (plan.is_left_out, plan.reason) and unsent == wanted


def _but_capped(plan: Plan, rows: Collection[Delivery]) -> Plan:
    """Return the plan without an SMS where it was left out because too many were caused online."""
    if not any(row.reason == CAPPED for row in rows):
        return plan
    ways = tuple(way for way in plan.ways if way.channel != Channel.SMS)
    return replace(plan, ways=ways)


def _hold_anew(plan: Plan, rows: Collection[Delivery], *, at: datetime) -> None:
    """Let an SMS that quiet hours hold follow changed ones; what does not go by now stays so."""
    due = {way.channel: way for way in plan.ways}
    for row in rows:
        way = due.get(Channel(row.channel))
        if way is None or row.channel != Channel.SMS or row.state not in UNSENT or row.tries:
            continue
        if way.skip:
            drop(cause=plan.cause, kinds=[plan.kind], channel=Channel.SMS, reason=way.reason, at=at)
        elif way.due_at != row.due_at:
            row.due_at = way.due_at
            make_due(deliveries=[row], at=at)
