"""Writing the outbox: plans put in and dropped, what readers and providers report.

Called by the floor that plans, always inside the transaction of the cause.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from messaging.bell import ring_on_commit
from messaging.bounces import mark_bounced
from messaging.enums import ACCEPTED, OVERCOME, UNSENT, State
from messaging.ledger import shut_out_rounds
from messaging.models import Delivery, Message
from messaging.outcomes import look_up_pause
from messaging.pages import tell_pages
from messaging.provider_states import forward, meaning
from messaging.signals import deliveries_accepted, deliveries_lost
from notifications.enums import Channel
from notifications.models import ClinicPause

# What a dropped delivery was planned as, in its facts.
WAS = "was"


@dataclass(frozen=True, slots=True)
class Way:
    """What is planned for one channel; `skip`: left out for `reason`."""

    channel: Channel
    planned_at: datetime | None
    due_at: datetime | None
    reason: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)
    skip: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """One message as the rules want it."""

    clinic_id: int
    kind: str
    cause: str
    version: int
    recipient: str
    reason: str
    planned_at: datetime | None
    facts: Mapping[str, object] = field(default_factory=dict)
    valid_until: datetime | None = None
    is_left_out: bool = False
    appointment_id: int | None = None
    patient_id: int | None = None
    ways: tuple[Way, ...] = ()


def put(plan: Plan, *, at: datetime) -> Message:
    """Write a plan down: the row of its key is made, or changed as far as nothing was tried yet.

    Ways already offered to a provider stay as they are, and a message of which one was is not left out
    any more; unsent ways that the plan no longer names are skipped. Rings the bell for what is due at once.
    """
    message, created = Message.objects.get_or_create(
        cause=plan.cause,
        kind=plan.kind,
        recipient=plan.recipient,
        version=plan.version,
        defaults={
            "clinic_id": plan.clinic_id,
            "appointment_id": plan.appointment_id,
            "patient_id": plan.patient_id,
            "is_left_out": plan.is_left_out,
            "reason": plan.reason,
            "facts": dict(plan.facts),
            "planned_at": plan.planned_at,
            "valid_until": plan.valid_until,
            "created_at": at,
        },
    )
    existing: dict[str, Delivery] = {}
    if not created:
        existing = {row.channel: row for row in message.deliveries.select_for_update()}
    was_offered = any(row.tries or row.state not in {*UNSENT, State.SKIPPED} for row in existing.values())
    if not created and not (plan.is_left_out and was_offered):
        message.is_left_out = plan.is_left_out
        message.reason, message.facts = plan.reason, dict(plan.facts)
        message.planned_at, message.valid_until = plan.planned_at, plan.valid_until
        message.save(update_fields=["is_left_out", "reason", "facts", "planned_at", "valid_until"])
    fresh = []
    for way in plan.ways:
        values = _values(way, at=at)
        row = existing.pop(way.channel, None)
        if row is None:
            fresh.append(Delivery(message=message, clinic_id=plan.clinic_id, channel=way.channel, **values))
        elif row.tries == 0 and row.state in {*UNSENT, State.SKIPPED}:
            # Dropping the claim makes a worker that holds this row in its hands let go of it.
            Delivery.objects.filter(pk=row.pk).update(**values, claim="", lease_until=None)
        else:
            Delivery.objects.filter(pk=row.pk, state=State.CLAIMED).update(
                state=State.PLANNED, claim="", lease_until=None
            )
    Delivery.objects.bulk_create(fresh)
    if existing:
        _skip(
            Delivery.objects.filter(pk__in=[row.pk for row in existing.values()]), plan.reason, plan.facts, at
        )
    _ring_for(plan.ways, at=at)
    return message


def put_new(plans: Sequence[Plan], *, at: datetime) -> None:
    """Write down plans whose keys cannot exist yet: of a booking or a move that is just being made.

    Two statements, however many plans.
    """
    messages = [
        Message(
            clinic_id=plan.clinic_id,
            kind=plan.kind,
            cause=plan.cause,
            version=plan.version,
            recipient=plan.recipient,
            appointment_id=plan.appointment_id,
            patient_id=plan.patient_id,
            is_left_out=plan.is_left_out,
            reason=plan.reason,
            facts=dict(plan.facts),
            planned_at=plan.planned_at,
            valid_until=plan.valid_until,
            created_at=at,
        )
        for plan in plans
    ]
    made = zip(Message.objects.bulk_create(messages), plans, strict=True)
    Delivery.objects.bulk_create(
        Delivery(message=message, clinic_id=plan.clinic_id, channel=way.channel, **_values(way, at=at))
        for message, plan in made
        for way in plan.ways
    )
    _ring_for((way for plan in plans for way in plan.ways), at=at)


def _by_key(rows: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """Return the same few rows, named by their keys: an UPDATE cannot join.

    Not by a subquery: on tables that grew faster than PostgreSQL counts them (a first import), it was
    planned as loops inside loops, minutes for one appointment.
    """
    return Delivery.objects.filter(pk__in=list(rows.values_list("pk", flat=True)))


def _values(way: Way, *, at: datetime) -> dict[str, Any]:
    return {
        "state": State.SKIPPED if way.skip else State.PLANNED,
        "reason": way.reason,
        "facts": dict(way.facts),
        "planned_at": way.planned_at,
        "due_at": None if way.skip else way.due_at,
        "ended_at": at if way.skip else None,
    }


def _ring_for(ways: Iterable[Way], *, at: datetime) -> None:
    if any(not way.skip and way.due_at and way.due_at <= at for way in ways):
        ring_on_commit()


def add_way(message: Message, way: Way, *, at: datetime) -> None:
    """Let a message go one more way; a way that it has stays as it is. Rings the bell if it is due at once."""
    row = Delivery(message=message, clinic_id=message.clinic_id, channel=way.channel, **_values(way, at=at))
    Delivery.objects.bulk_create([row], ignore_conflicts=True)
    _ring_for([way], at=at)


def _skip(rows: QuerySet[Delivery], reason: str, facts: Mapping[str, object], at: datetime) -> int:
    return rows.filter(state__in=UNSENT).update(
        state=State.SKIPPED,
        reason=reason,
        facts=dict(facts),
        ended_at=at,
        claim="",
        lease_until=None,
        due_at=None,
    )


def drop(
    *,
    cause: str,
    reason: str,
    at: datetime,
    kinds: Iterable[str] | None = None,
    below_version: int | None = None,
    channel: Channel | None = None,
    facts: Mapping[str, object] | None = None,
    may_come_back: bool = False,
) -> int:
    """Skip every unsent way of a cause's messages, with the reason; return how many there were.

    Args:
        may_come_back: each keeps what it was planned as, for `bring_back`.
        kinds: only these; None: all.
        below_version: only messages of earlier versions of the cause.
        channel: only this way.
    """
    rows = Delivery.objects.filter(message__cause=cause)
    if kinds is not None:
        rows = rows.filter(message__kind__in=list(kinds))
    if below_version is not None:
        rows = rows.filter(message__version__lt=below_version)
    if channel is not None:
        rows = rows.filter(channel=channel)
    if not may_come_back:
        return _skip(_by_key(rows.filter(state__in=UNSENT)), reason, facts or {}, at)
    count = 0
    for row in rows.filter(state__in=UNSENT, tries=0):
        due_at = row.due_at.isoformat() if row.due_at else None
        was = {"reason": row.reason, "facts": row.facts, "due_at": due_at}
        count += _skip(Delivery.objects.filter(pk=row.pk, tries=0), reason, {**(facts or {}), WAS: was}, at)
    return count + _skip(_by_key(rows.filter(state__in=UNSENT)), reason, facts or {}, at)


def bring_back(*, cause: str, reason: str) -> int:
    """Plan again, as they were, the ways of a cause that `drop` skipped for this reason; return how many."""
    count = 0
    rows = Delivery.objects.filter(message__cause=cause, state=State.SKIPPED, reason=reason, tries=0)
    for row in rows.select_for_update(of=("self",)):
        was = row.facts.get(WAS)
        if was is None:
            continue
        due_at = datetime.fromisoformat(was["due_at"]) if was["due_at"] else None
        count += Delivery.objects.filter(pk=row.pk, state=State.SKIPPED).update(
            state=State.PLANNED, reason=was["reason"], facts=was["facts"], due_at=due_at, ended_at=None
        )
    if count:
        ring_on_commit()
    return count


def release_claims(rows: QuerySet[Delivery]) -> int:
    """Make workers let go of deliveries not yet offered to a provider: they are judged and rendered again.

    A claim that is being committed at this moment still looks `planned` from here: locking all that is unsent
    waits for it. What is claimed afterwards reads the world as this transaction leaves it.
    """
    if connection.features.has_select_for_update:
        unsent = rows.filter(state__in=UNSENT).order_by("pk").select_for_update(of=("self",))
        list(unsent.values_list("pk"))
    released = rows.filter(state=State.CLAIMED).update(state=State.PLANNED, claim="", lease_until=None)
    if released:
        ring_on_commit()
    return released


def follow_pause(clinic_id: int, *, is_paused: bool) -> None:
    """Let no delivery of a clinic be offered to a provider once its pause is committed, or let them go on (P15).

    Rounds that are being opened are waited for; those opened later look for the pause themselves. What a worker
    then holds in vain is released at once, or else when the pause ends.
    """
    if is_paused:
        shut_out_rounds(clinic_id)
    claimed = Delivery.objects.filter(clinic=clinic_id, state=State.CLAIMED)
    claimed.update(state=State.PLANNED, claim="", lease_until=None)
    if not is_paused:
        ring_on_commit()


_MAKE_DUE = """
UPDATE messaging_delivery SET planned_at = %s, due_at = %s, reason = %s, facts = %s
WHERE id = %s AND state = 'planned'
"""


def make_due(*, deliveries: Sequence[Delivery], at: datetime) -> None:
    """Write the planned and due instants that the caller put on deliveries still waiting for them."""
    stored, as_json = connection.ops.adapt_datetimefield_value, connection.ops.adapt_json_value
    # A round's worth at once, in the round's own transaction: the ORM would compose each anew.
    with connection.cursor() as cursor:
        cursor.executemany(
            _MAKE_DUE,
            [
                (stored(row.planned_at), stored(row.due_at), row.reason, as_json(row.facts, None), row.pk)
                for row in deliveries
            ],
        )
    if any(row.due_at and row.due_at <= at for row in deliveries):
        ring_on_commit()


@transaction.atomic
def record_read(*, cause: str, at: datetime) -> int:
    """Write down that a person acted on a page that this cause's messages lead to (P11); return the count.

    What was accepted counts as read from now on; it does not matter by which way they came.
    """
    accepted = Q(state__in=[State.SENT, State.DELIVERED], sent_at__lte=at)
    rows = Delivery.objects.filter(accepted, message__cause=cause)
    return _by_key(rows).filter(accepted).update(state=State.READ, read_at=at)


@transaction.atomic
def record_provider_state(
    *, delivery_id: int, reported: str, code: str = "", no_such_address: bool = False, at: datetime
) -> bool:
    """Take in what a provider reports of a delivery; states only move forward (A81).

    Args:
        reported: sent, delivered, failed or another word of the provider's.
        no_such_address: it failed because nobody has the address; the patient card is marked (P13).

    Returns:
        Whether anything changed; an unknown id changes nothing (A82).
    """
    rows = Delivery.objects.select_for_update(of=("self",)).select_related("message")
    row = rows.filter(pk=delivery_id).first()
    if row is None or row.tries == 0 or row.state == State.SKIPPED:
        return False
    # A report that overtakes our own bookkeeping settles a try whose outcome we had not learned yet.
    current = State.UNKNOWN if row.state in {*UNSENT, State.SENDING} else State(row.state)
    word = forward(current, reported)
    if word == current or not meaning(word):
        return False
    # A provider's "read" only proves that something fetched it (P11).
    new = State.DELIVERED if meaning(word) == "read" else State(meaning(word))
    values: dict[str, object] = {"state": new}
    if new in ACCEPTED:
        values |= {"ended_at": None, "sent_at": row.sent_at or at}
        if row.reason in OVERCOME:
            values["reason"] = ""
    if new == State.DELIVERED:
        values["delivered_at"] = at
    if new == State.FAILED:
        values |= {"ended_at": at, "reason": "provider", "facts": {"code": code}}
    is_first_acceptance = new in ACCEPTED and row.sent_at is None
    values |= {"claim": "", "lease_until": None, "due_at": None}
    Delivery.objects.filter(pk=row.pk).update(**values)
    if is_first_acceptance:
        row.sent_at = at
        deliveries_accepted.send(Delivery, deliveries=[row], at=at)
    if new == State.FAILED:
        row.refresh_from_db()
        if no_such_address:
            mark_bounced([row], at=at)
        deliveries_lost.send(Delivery, deliveries=[row], at=at)
    tell_pages([row])
    return True


def follow_merge(kept_id: int, gone_id: int) -> None:
    """Give a card's messages to the card that it went into, so that what is planned again is the same row (D3)."""
    Message.objects.filter(patient=gone_id).update(patient=kept_id, recipient=f"patient:{kept_id}")


def settle_after_restore(*, taken_at: datetime, at: datetime) -> int:
    """Mark as unknown what may have gone out between a backup and its restore (X3, X8).

    A paused clinic's deliveries stood still: they are judged when its pause ends, like all that waited for it.
    """
    paused = ClinicPause.objects.values("clinic")
    # What was overdue when the backup was taken has most likely left the moment after it.
    overdue = Q(state__in=UNSENT, due_at__lte=at) & ~Q(clinic__in=paused)
    may_have_gone = Q(state=State.SENDING) | overdue
    return Delivery.objects.filter(may_have_gone).update(
        state=State.UNKNOWN,
        reason="restored",
        ended_at=at,
        due_at=at + look_up_pause(),
        claim="",
        lease_until=None,
    )
