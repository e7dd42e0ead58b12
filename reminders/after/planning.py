"""From an appointment to what follows it: the rules' answer, written into the outbox with the booking (P7, P9)."""

from collections.abc import Iterable, Mapping

from clinic.appointments.enums import Origin
from clinic.models import Appointment
from messaging.operations import Plan, Way
from notifications.enums import Channel
from notifications.invitations import why_no_kinds
from notifications.queries import Wishes
from reminders import planning
from reminders import rules as reminders
from reminders.after import rules
from reminders.after.rules import NEXT, REVIEW
from reminders.rules import Step, Timing

KINDS = (REVIEW, NEXT)
CAPPED = "sms_capped"


def cause_of(appointment_id: int) -> str:
    """Return the outbox's name for an appointment as the cause of what follows it.

    Another one than of what is said before it: who reads the appointment's page has not read of a review.
    """
    return f"after:{appointment_id}"


def is_always_brought(appointment: Appointment, kind: str) -> bool:
    """Return whether no switch mutes it: the review request of those booked online (P7)."""
    return kind == REVIEW and appointment.origin == Origin.PATIENT


def why_off(appointment: Appointment, kind: str, wishes: Wishes) -> str:
    """Return which switch mutes a kind, or nothing (P1, P2)."""
    return "" if wishes.wants(kind) or is_always_brought(appointment, kind) else wishes.why_not(kind)


def plans_for(
    appointments: Iterable[Appointment], wishes: Mapping[int, Wishes], *, may_send_sms: bool = True
) -> list[Plan]:
    """Return what is planned after appointments as things stand: two queries, however many there are."""
    rows = list(appointments)
    refusals = why_no_kinds({row.patient_id for row in rows}, KINDS)
    return [
        _plan(row, kind, wishes[row.pk], refusals.get((row.patient_id, kind), ""), may_send_sms=may_send_sms)
        for row in rows
        for kind in KINDS
    ]


def left_out(plan: Plan, reason: str) -> Plan:
    """Return a plan with nothing to send, for a reason."""
    return _as_plan(plan, Timing(None, reason), ())


def _as_plan(plan: Plan, timing: Timing, ways: tuple[Way, ...]) -> Plan:
    return Plan(
        clinic_id=plan.clinic_id,
        kind=plan.kind,
        cause=plan.cause,
        version=plan.version,
        recipient=plan.recipient,
        reason=timing.reason,
        facts=timing.facts,
        planned_at=timing.at,
        valid_until=plan.valid_until,
        is_left_out=timing.at is None,
        appointment_id=plan.appointment_id,
        patient_id=plan.patient_id,
        ways=ways,
    )


def _plan(appointment: Appointment, kind: str, wishes: Wishes, refusal: str, *, may_send_sms: bool) -> Plan:
    timing = rules.timing(kind, ends_at=appointment.ends_at)
    reach = planning.reach_of(appointment)
    plan = Plan(
        clinic_id=appointment.clinic_id,
        kind=kind,
        cause=cause_of(appointment.pk),
        version=appointment.sequence,
        recipient=f"patient:{appointment.patient_id}",
        reason=timing.reason,
        planned_at=timing.at,
        valid_until=rules.latest(kind, ends_at=appointment.ends_at),
        appointment_id=appointment.pk,
        patient_id=appointment.patient_id,
    )
    # What the patient said beats everything, "always" too (P16).
    why_not = refusal or why_off(appointment, kind, wishes) or ("" if reach else reach.why_nobody)
    if why_not or timing.at is None:
        return left_out(plan, why_not)
    steps = reminders.steps(
        kind, planned_at=timing.at, starts_at=appointment.starts_at, reach=reach, by_patient=False
    )
    ways = tuple(_way(step, appointment, kind, wishes, may_send_sms=may_send_sms) for step in steps)
    return _as_plan(plan, timing, ways)


def _way(step: Step, appointment: Appointment, kind: str, wishes: Wishes, *, may_send_sms: bool) -> Way:
    channel, due_at, reason, skip = Channel(step.channel), step.at, step.reason, step.skip
    if channel == Channel.SMS and step.at is not None:
        due_at = rules.sms_due(
            kind,
            planned_at=step.at,
            ends_at=appointment.ends_at,
            quiet=wishes.quiet,
            zone=appointment.calendar.zone,
        )
        if not may_send_sms or due_at is None:
            reason, skip = "too_late" if may_send_sms else CAPPED, True
    return Way(channel, planned_at=step.at, due_at=due_at, reason=reason, skip=skip)
