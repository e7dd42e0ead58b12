"""From an appointment to the messages it causes: the rules' answer, written into the outbox.

One function decides for booking, moving, switches and changed addresses alike, so that none of them can
disagree about a patient.
"""

from collections.abc import Iterable
from datetime import datetime

from clinic.appointments.enums import Origin, Status
from clinic.models import Appointment
from messaging.enums import State
from messaging.models import Delivery, Message
from messaging.operations import Plan, Way, drop, put
from notifications.enums import Channel
from notifications.queries import Wishes, get_wishes
from notifications.rules import sms_due
from reminders import rules
from reminders.rules import DETAILS, REMINDER, WITH_FALLBACK, Reach, Step, Timing


def cause_of(appointment_id: int) -> str:
    """Return the outbox's name for an appointment as a cause."""
    return f"appointment:{appointment_id}"


def reach_of(appointment: Appointment) -> Reach:
    """Return by which ways the patient can be reached today."""
    patient = appointment.patient
    return Reach(email=bool(patient.email and not patient.email_bounced_at), phone=bool(patient.phone))


def plan_news(
    appointment: Appointment,
    kind: str,
    *,
    by_patient: bool,
    at: datetime,
    is_told: bool = True,
    wishes: Wishes | None = None,
) -> Message:
    """Plan a message about something that happened at `at`: details, moved, cancelled."""
    wishes = wishes or get_wishes(appointment)
    timing = Timing(at, f"{kind}_by_patient" if by_patient else f"{kind}_by_staff")
    if not is_told:
        timing = Timing(None, "imported")
    elif rules.too_late(kind, starts_at=appointment.starts_at, at=at):
        timing = Timing(None, "too_late")
    elif not wishes.wants(kind) and not is_always_sent(appointment, kind):
        timing = Timing(None, wishes.why_not(kind))
    return _put(appointment, kind, timing, wishes, by_patient=by_patient, at=at)


def is_always_sent(appointment: Appointment, kind: str) -> bool:
    """Return whether staff cannot mute this: the confirmation of an online booking (P4)."""
    return kind == DETAILS and appointment.origin == Origin.PATIENT


def plan_reminder(
    appointment: Appointment, *, at: datetime, is_told: bool = True, wishes: Wishes | None = None
) -> Message:
    """Plan the reminder of the appointment's present time, or write down why there is none (P5)."""
    wishes = wishes or get_wishes(appointment)
    timing = rules.reminder_timing(starts_at=appointment.starts_at, set_at=appointment.set_at)
    if not is_told:
        timing = Timing(None, "imported", timing.facts)
    elif timing.at is not None and not wishes.wants(REMINDER):
        timing = Timing(None, wishes.why_not(REMINDER), timing.facts)
    return _put(appointment, REMINDER, timing, wishes, by_patient=False, at=at)


def _put(
    appointment: Appointment, kind: str, timing: Timing, wishes: Wishes, *, by_patient: bool, at: datetime
) -> Message:
    reach = reach_of(appointment)
    if timing.at is not None and not reach:
        timing = Timing(None, "no_contact", timing.facts)
    ways: tuple[Way, ...] = ()
    if timing.at is not None:
        found = rules.steps(
            kind, planned_at=timing.at, starts_at=appointment.starts_at, reach=reach, by_patient=by_patient
        )
        ways = tuple(to_way(step, appointment, wishes) for step in found)
    return put(
        Plan(
            clinic_id=appointment.clinic_id,
            kind=kind,
            cause=cause_of(appointment.pk),
            version=appointment.sequence,
            recipient=f"patient:{appointment.patient_id}",
            reason=timing.reason,
            facts=timing.facts,
            planned_at=timing.at,
            valid_until=appointment.starts_at,
            is_left_out=timing.at is None,
            appointment_id=appointment.pk,
            patient_id=appointment.patient_id,
            ways=ways,
        ),
        at=at,
    )


def to_way(step: Step, appointment: Appointment, wishes: Wishes) -> Way:
    """Return a step as the outbox plans it: an SMS held through quiet hours (P14)."""
    due_at = step.at
    if step.channel == rules.SMS and step.at is not None:
        due_at = sms_due(
            planned_at=step.at,
            starts_at=appointment.starts_at,
            quiet=wishes.quiet,
            zone=appointment.calendar.zone,
        )
    return Way(
        channel=Channel(step.channel),
        planned_at=step.at,
        due_at=due_at,
        reason=step.reason,
        skip=step.skip,
    )


def was_by_patient(appointment: Appointment, message: Message) -> bool:
    """Return whether a message tells the patient of something they did themselves."""
    return message.reason.endswith("_by_patient")


def replan(appointment: Appointment, *, at: datetime) -> None:
    """Let unsent messages follow changed switches, hours or addresses (E1.9, E1.10, E2.8, E2.13).

    Nothing sent is sent again, nothing whose moment has passed is sent now: what is turned on again is
    planned only if its time is still ahead.
    """
    if appointment.status != Status.BOOKED:
        return
    wishes = get_wishes(appointment)
    messages = Message.objects.filter(cause=cause_of(appointment.pk), version=appointment.sequence)
    for message in messages.prefetch_related("deliveries"):
        if message.reason == "imported":
            continue
        if message.kind == REMINDER:
            _replan_reminder(appointment, message, wishes, at=at)
        elif not wishes.wants(message.kind) and not is_always_sent(appointment, message.kind):
            drop(
                cause=message.cause,
                kinds=[message.kind],
                reason=wishes.why_not(message.kind),
                at=at,
            )
        else:
            _replan_fallback(appointment, message, wishes, at=at)


def _replan_reminder(appointment: Appointment, message: Message, wishes: Wishes, *, at: datetime) -> None:
    timing = rules.reminder_timing(starts_at=appointment.starts_at, set_at=appointment.set_at)
    turned_off = not wishes.wants(REMINDER)
    if timing.at is not None and timing.at <= at and not turned_off:
        return
    plan_reminder(appointment, at=at, wishes=wishes)


def _replan_fallback(appointment: Appointment, message: Message, wishes: Wishes, *, at: datetime) -> None:
    """Plan an SMS that could not be planned, or was held by other hours, if its time is still ahead."""
    ways = {row.channel: row for row in message.deliveries.all()}
    email, sms = ways.get(Channel.EMAIL), ways.get(Channel.SMS)
    if sms is None or sms.tries or sms.state not in {State.PLANNED, State.CLAIMED, State.SKIPPED}:
        return
    if sms.state == State.SKIPPED and sms.reason not in {
        "no_phone",
        "off_for_calendar",
        "off_for_appointment",
    }:
        return
    accepted_at = email.sent_at if email else None
    reach = reach_of(appointment)
    found = rules.steps(
        message.kind,
        planned_at=message.planned_at or at,
        starts_at=appointment.starts_at,
        reach=Reach(email=email is not None and email.state != State.SKIPPED, phone=reach.phone),
        by_patient=was_by_patient(appointment, message),
        accepted_at=accepted_at,
        email_lost=email is not None and email.state == State.FAILED,
    )
    step = next((one for one in found if one.channel == rules.SMS), None)
    if step is None or (step.at is not None and step.at <= at and sms.state == State.SKIPPED):
        return
    way = to_way(step, appointment, wishes)
    Delivery.objects.filter(pk=sms.pk, tries=0).update(
        state=State.SKIPPED if way.skip else State.PLANNED,
        planned_at=way.planned_at,
        due_at=None if way.skip else way.due_at,
        reason=way.reason,
        ended_at=at if way.skip else None,
        claim="",
        lease_until=None,
    )


def fallbacks_for(emails: Iterable[Delivery], *, also_timed: bool) -> list[Delivery]:
    """Return the unsent SMS that stand behind these e-mails, with what their rule needs.

    Args:
        also_timed: those whose four hours already run too.
    """
    messages = {row.message_id: row.message for row in emails if row.message.kind in WITH_FALLBACK}
    if not messages:
        return []
    rows = Delivery.objects.filter(
        message_id__in=list(messages),
        channel=Channel.SMS,
        state=State.PLANNED,
        reason="if_unread",
    )
    if not also_timed:
        rows = rows.filter(planned_at=None)
    found = list(rows)
    for row in found:
        # The e-mail's claim has read the message's whole world: it is not read again.
        row.message = messages[row.message_id]
    return found
