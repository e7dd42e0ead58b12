"""What the clinic does to appointments, turned into messages; called by receivers, inside the transaction."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from django.db import transaction

from clinic.appointments.enums import CancelledBy, Origin, Status
from clinic.appointments.operations import NotAllowed
from clinic.audit.operations import Actor
from clinic.models import Appointment, Calendar, Patient
from messaging import operations as messaging
from messaging.enums import UNSENT, State
from messaging.models import Delivery
from messaging.operations import add_way, bring_back, drop, make_due, release_claims
from messaging.queries import was_read
from notifications.enums import Channel
from notifications.operations import set_appointment_switches
from notifications.queries import get_wishes, wishes_for
from reminders import planning, rules
from reminders.after.operations import plan_after
from reminders.planning import cause_of, plan_news, plan_reminder, replan, to_way
from reminders.rules import CANCELLED, DETAILS, MOVED

OVERTAKEN = "cancelled_meanwhile"


def tell_booked(
    appointment: Appointment, *, actor: Actor, told: bool, extra: Mapping[str, Any], at: datetime
) -> None:
    """Plan all of a new appointment (P4, P5, P7, P9); with its own switches, if any came (P2)."""
    switches = extra.get("notifications")
    if switches:
        set_appointment_switches(appointment=appointment, switches=switches, actor=actor, at=at)
    by_patient = appointment.origin == Origin.PATIENT
    wishes = get_wishes(appointment)
    plan_news(appointment, DETAILS, by_patient=by_patient, is_told=told, wishes=wishes, at=at)
    plan_reminder(appointment, is_told=told, wishes=wishes, at=at)
    may_send_sms = extra.get("online", {}).get("may_send_sms", True)
    plan_after(appointment, is_told=told, may_send_sms=may_send_sms, wishes=wishes, at=at)
    if not may_send_sms:
        spare_sms(appointment, at=at)


def spare_sms(appointment: Appointment, *, kinds: Iterable[str] | None = None, at: datetime) -> None:
    """Send no SMS of what is planned for an appointment: its patient caused too many already (A4, A6).

    Args:
        kinds: only these; None: all.
    """
    drop(cause=cause_of(appointment.pk), kinds=kinds, channel=Channel.SMS, reason="sms_capped", at=at)


def tell_moved(appointment: Appointment, *, actor: Actor, at: datetime) -> None:
    """Drop what the old time still had to say, tell of the new one, plan its reminder (P5, P10, E1.3)."""
    drop(cause=cause_of(appointment.pk), below_version=appointment.sequence, reason="moved_meanwhile", at=at)
    wishes = get_wishes(appointment)
    plan_news(appointment, MOVED, by_patient=actor.is_patient, wishes=wishes, at=at)
    plan_reminder(appointment, wishes=wishes, at=at)


def tell_cancelled(appointment: Appointment, *, by: CancelledBy, actor: Actor, at: datetime) -> None:
    """Drop everything unsent and tell of the cancellation (P10).

    What a member did may be taken back for ten seconds: so long, and a little more, nobody is told.
    """
    is_by_member = actor.user_id is not None
    drop(cause=cause_of(appointment.pk), reason=OVERTAKEN, may_come_back=is_by_member, at=at)
    grace = rules.CANCEL_GRACE if is_by_member else timedelta(0)
    plan_news(appointment, CANCELLED, by_patient=by == CancelledBy.PATIENT, grace=grace, at=at)


def take_back_cancelled(appointment: Appointment, *, at: datetime) -> None:
    """Tell nobody of a cancellation that was taken back; plan anew what it dropped (decision 15).

    Raises:
        NotAllowed: a provider may have it already.
    """
    rows = Delivery.objects.filter(
        message__cause=cause_of(appointment.pk),
        message__kind=CANCELLED,
        message__version=appointment.sequence + 1,
    )
    for row in rows.select_for_update(of=("self",)):
        if row.tries or row.state not in {*UNSENT, State.SKIPPED}:
            raise NotAllowed
    drop(cause=cause_of(appointment.pk), kinds=[CANCELLED], reason="taken_back", at=at)
    bring_back(cause=cause_of(appointment.pk), reason=OVERTAKEN)
    # What changed in these seconds counts.
    replan(appointment, at=at)


def follow_patient(patient: Patient, *, at: datetime) -> None:
    """Let unsent messages follow a changed card (E2.13)."""
    # Also of appointments that are over or cancelled: what a worker holds is rendered again.
    release_claims(Delivery.objects.filter(message__patient=patient))
    coming = Appointment.objects.whole().filter(patient=patient, status=Status.BOOKED, starts_at__gt=at)
    for appointment in coming:
        replan(appointment, at=at)


def follow_calendar(calendar: Calendar, *, at: datetime) -> None:
    """Let unsent messages follow a calendar's changed switches and hours (E1.9, E1.10)."""
    coming = Appointment.objects.whole().filter(calendar=calendar, status=Status.BOOKED, starts_at__gt=at)
    for appointment in coming:
        replan(appointment, at=at)


def start_fallbacks(deliveries: Sequence[Delivery], *, at: datetime) -> None:
    """Start the four hours of SMS that waited for a provider to take the e-mail (P11)."""
    emails = [row for row in deliveries if row.channel == Channel.EMAIL]
    accepted = {row.message_id: row.sent_at for row in emails}
    _give_time(planning.fallbacks_for(emails, also_timed=False), at=at, accepted=accepted)


def bring_forward_fallbacks(deliveries: Sequence[Delivery], *, at: datetime) -> None:
    """Let the SMS go at once when the e-mail that could still have been read is lost (P11, E2.3)."""
    lost = [row for row in deliveries if row.channel == Channel.EMAIL]
    _give_time(planning.fallbacks_for(lost, also_timed=True), at=at, lost_at=at)
    for row in lost:
        way = planning.plan_lost_receipt(row, at=at)
        # Who acted on the page since then has seen there what the e-mail said.
        if way and not was_read(cause=row.message.cause, since=row.message.created_at):
            add_way(row.message, way, at=at)


def _give_time(
    waiting: Sequence[Delivery],
    *,
    at: datetime,
    accepted: Mapping[int, datetime | None] = MappingProxyType({}),
    lost_at: datetime | None = None,
) -> None:
    if not waiting:
        return
    appointments = {row.pk: row.message.appointment for row in waiting if row.message.appointment}
    wishes = wishes_for(appointments.values())
    for row in waiting:
        appointment = appointments[row.pk]
        step = rules.steps(
            row.message.kind,
            planned_at=row.message.planned_at or at,
            starts_at=appointment.starts_at,
            reach=rules.Reach(email=True, phone=True),
            by_patient=False,
            accepted_at=accepted.get(row.message_id),
            lost_at=lost_at,
        )[-1]
        way = to_way(step, appointment, wishes[appointment.pk])
        row.planned_at, row.due_at, row.reason = way.planned_at, way.due_at, way.reason
    make_due(deliveries=waiting, at=at)


@transaction.atomic
def record_read(appointment: Appointment, *, at: datetime) -> int:
    """Write down that the patient has read of the appointment; SMS that only waited for that are dropped (P11).

    Returns how many deliveries count as read from now on.
    """
    count = messaging.record_read(cause=cause_of(appointment.pk), at=at)
    if count:
        drop(
            cause=cause_of(appointment.pk),
            kinds=rules.WITH_FALLBACK,
            channel=Channel.SMS,
            reason="read",
            facts={"at": at.isoformat()},
            at=at,
        )
    return count
