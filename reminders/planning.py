"""From an appointment to the messages it causes: the rules' answer, written into the outbox.

One function decides for booking, moving, switches and changed addresses alike, so that none of them can
disagree about a patient.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from django.urls import reverse

from clinic.appointments.enums import Origin, Status
from clinic.lib.rows import rows_where
from clinic.models import Appointment
from messaging.enums import UNSENT, Purpose, State
from messaging.links import get_or_make, token_of
from messaging.models import Delivery, Message, PersonalLink
from messaging.operations import Plan, Way, drop, make_due, put, release_claims
from notifications.enums import Channel
from notifications.queries import Wishes, get_wishes
from notifications.rules import sms_due
from reminders import rules
from reminders.rules import DETAILS, REMINDER, WITH_FALLBACK, Reach, Step, Timing

# A link shows its appointment's state for this long after the end.
LINK_LIVES_ON = timedelta(days=90)
# Why an SMS was left out that may still be planned when the reason is gone.
MAY_COME_BACK = frozenset({"no_phone", "off_for_calendar", "off_for_appointment"})


def cause_of(appointment_id: int) -> str:
    """Return the outbox's name for an appointment as a cause."""
    return f"appointment:{appointment_id}"


def link_for(appointment: Appointment, *, at: datetime) -> PersonalLink:
    """Return the appointment's one personal link (P6)."""
    return get_or_make(
        clinic_id=appointment.clinic_id,
        purpose=Purpose.APPOINTMENT,
        object_id=appointment.pk,
        expires_at=max(appointment.ends_at, at) + LINK_LIVES_ON,
        at=at,
    )


def review_address(appointment: Appointment, *, at: datetime) -> str:
    """Return the path at which the appointment's patient writes a review (P7); the link is made with it.

    Whether they may is decided there, by what is true then.
    """
    link = get_or_make(
        clinic_id=appointment.clinic_id,
        purpose=Purpose.REVIEW,
        object_id=appointment.pk,
        expires_at=max(appointment.ends_at, at) + LINK_LIVES_ON,
        at=at,
    )
    return reverse("reminders:review_link", kwargs={"token": token_of(link)})


def reach_of(appointment: Appointment) -> Reach:
    """Return by which ways the patient can be reached today."""
    patient = appointment.patient
    bounced = bool(patient.email and patient.email_bounced_at)
    return Reach(email=bool(patient.email) and not bounced, phone=bool(patient.phone), bounced=bounced)


def plan_news(
    appointment: Appointment,
    kind: str,
    *,
    by_patient: bool,
    at: datetime,
    is_told: bool = True,
    wishes: Wishes | None = None,
    grace: timedelta = timedelta(0),
) -> Message:
    """Plan a message about something that happened at `at`: details, moved, cancelled.

    Args:
        grace: so long it is held back, for what may still be taken back.
    """
    wishes = wishes or get_wishes(appointment)
    timing = Timing(None, "imported")
    if is_told:
        timing = news_timing(appointment, kind, by_patient=by_patient, wishes=wishes, at=at)
    return _put(appointment, kind, timing, wishes, by_patient=by_patient, grace=grace, at=at)


def news_timing(
    appointment: Appointment, kind: str, *, by_patient: bool, wishes: Wishes, at: datetime
) -> Timing:
    """Return that a message about something that happened at `at` goes at once, or why it does not."""
    if rules.too_late(kind, starts_at=appointment.starts_at, at=at):
        return Timing(None, "too_late")
    if not wishes.wants(kind) and not is_always_sent(appointment, kind):
        return Timing(None, wishes.why_not(kind))
    return Timing(at, f"{kind}_by_patient" if by_patient else f"{kind}_by_staff")


def is_always_sent(appointment: Appointment, kind: str) -> bool:
    """Return whether staff cannot mute this: the confirmation of an online booking (P4)."""
    return kind == DETAILS and appointment.origin == Origin.PATIENT


def plan_reminder(
    appointment: Appointment, *, at: datetime, is_told: bool = True, wishes: Wishes | None = None
) -> Message:
    """Plan the reminder of the appointment's present time, or write down why there is none (P5)."""
    wishes = wishes or get_wishes(appointment)
    timing = reminder_timing(appointment, wishes=wishes)
    if not is_told:
        timing = Timing(None, "imported", timing.facts)
    return _put(appointment, REMINDER, timing, wishes, by_patient=False, at=at)


def reminder_timing(appointment: Appointment, *, wishes: Wishes) -> Timing:
    """Return when an appointment's reminder goes, or why none does (P5)."""
    timing = rules.reminder_timing(starts_at=appointment.starts_at, set_at=appointment.set_at)
    if timing.at is not None and not wishes.wants(REMINDER):
        return Timing(None, wishes.why_not(REMINDER), timing.facts)
    return timing


def _put(
    appointment: Appointment,
    kind: str,
    timing: Timing,
    wishes: Wishes,
    *,
    by_patient: bool,
    grace: timedelta = timedelta(0),
    at: datetime,
) -> Message:
    reach = reach_of(appointment)
    if timing.at is not None and not reach:
        timing = Timing(None, reach.why_nobody, timing.facts)
    ways: tuple[Way, ...] = ()
    if timing.at is not None:
        found = rules.steps(
            kind, planned_at=timing.at, starts_at=appointment.starts_at, reach=reach, by_patient=by_patient
        )
        ways = tuple(_held_back(to_way(step, appointment, wishes), grace) for step in found)
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


def _held_back(way: Way, grace: timedelta) -> Way:
    if not grace or way.planned_at is None or way.due_at is None:
        return way
    # What quiet hours hold longer than that anyway is not held any longer.
    return replace(way, due_at=max(way.due_at, way.planned_at + grace))


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
    # A worker that holds some of them in its hands looks at the world again.
    release_claims(Delivery.objects.filter(message__in=messages.values("pk")))
    for message in messages:
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
            _replan_sms(appointment, message, wishes, at=at)


def _replan_reminder(appointment: Appointment, message: Message, wishes: Wishes, *, at: datetime) -> None:
    timing = rules.reminder_timing(starts_at=appointment.starts_at, set_at=appointment.set_at)
    if timing.at is not None and timing.at <= at and wishes.wants(REMINDER):
        _hold_anew(appointment, message.deliveries.select_for_update(), wishes, at=at)
    else:
        plan_reminder(appointment, at=at, wishes=wishes)


def _hold_anew(appointment: Appointment, rows: Iterable[Delivery], wishes: Wishes, *, at: datetime) -> None:
    """Let planned SMS follow changed quiet hours; their own instant stays."""
    changed = []
    for row in rows:
        if row.channel == Channel.SMS and row.state in UNSENT and row.planned_at and not row.tries:
            row.due_at = sms_due(
                planned_at=row.planned_at,
                starts_at=appointment.starts_at,
                quiet=wishes.quiet,
                zone=appointment.calendar.zone,
            )
            changed.append(row)
    make_due(deliveries=changed, at=at)


def _replan_sms(appointment: Appointment, message: Message, wishes: Wishes, *, at: datetime) -> None:
    """Let the SMS of a message about something that has happened follow the world.

    Planned: by changed quiet hours. Left out for a reason that is gone: if its time is still ahead.
    """
    ways = {row.channel: row for row in message.deliveries.select_for_update()}
    email, sms = ways.get(Channel.EMAIL), ways.get(Channel.SMS)
    if sms is None or sms.tries:
        return
    if sms.state in UNSENT:
        _hold_anew(appointment, [sms], wishes, at=at)
        return
    reach = reach_of(appointment)
    was_read = email is not None and email.state == State.READ
    if sms.state != State.SKIPPED or sms.reason not in MAY_COME_BACK or was_read or not reach.phone:
        return
    by_email = email is not None and email.state != State.SKIPPED
    is_lost = email is not None and email.state == State.FAILED
    accepted_at = email.sent_at if email else None
    lost_at = None
    if is_lost:
        # Nobody has told the patient yet. Within the four hours that an SMS would have waited, tell them.
        since = accepted_at or message.planned_at or at
        lost_at = at if at - since <= rules.FALLBACK_AFTER else since
    found = rules.steps(
        message.kind,
        planned_at=message.planned_at or at,
        starts_at=appointment.starts_at,
        reach=replace(reach, email=by_email),
        by_patient=was_by_patient(appointment, message),
        accepted_at=accepted_at,
        lost_at=lost_at,
    )
    step = next((one for one in found if one.channel == rules.SMS), None)
    if step is None or (step.at is not None and (step.at < at or (step.at == at and not is_lost))):
        return
    way = to_way(step, appointment, wishes)
    sms.planned_at, sms.due_at, sms.reason, sms.facts = way.planned_at, way.due_at, way.reason, {}
    Delivery.objects.filter(pk=sms.pk, state=State.SKIPPED).update(state=State.PLANNED, ended_at=None)
    make_due(deliveries=[sms], at=at)


def fallbacks_for(emails: Iterable[Delivery], *, also_timed: bool) -> list[Delivery]:
    """Return the unsent SMS that stand behind these e-mails, with what their rule needs.

    Args:
        also_timed: those whose four hours already run too.
    """
    messages = {row.message_id: row.message for row in emails if row.message.kind in WITH_FALLBACK}
    if not messages:
        return []
    waiting = [
        row
        for row in rows_where(Delivery, "message_id", messages)
        if row.channel == Channel.SMS
        and row.state == State.PLANNED
        and (row.reason == rules.WAITS or (also_timed and row.reason == rules.UNREAD))
    ]
    for row in waiting:
        # The e-mail's claim has read the message's whole world: it is not read again.
        row.message = messages[row.message_id]
    return waiting


def plan_lost_receipt(email: Delivery, *, at: datetime) -> Way | None:
    """Return the SMS that stands in for a receipt's lost e-mail (P10, P11), or None if there is none to send.

    What patients did themselves is confirmed by e-mail alone, so that no SMS waits behind it.
    """
    message, appointment = email.message, email.message.appointment
    if appointment is None or message.kind not in rules.RECEIPTS or not was_by_patient(appointment, message):
        return None
    found = rules.steps(
        message.kind,
        planned_at=message.planned_at or at,
        starts_at=appointment.starts_at,
        reach=reach_of(appointment),
        by_patient=True,
        lost_at=at,
    )
    return to_way(found[-1], appointment, get_wishes(appointment))
