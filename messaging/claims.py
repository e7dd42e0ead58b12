"""Taking deliveries for one worker: conditional UPDATEs with a lease on the database's clock.

`FOR UPDATE SKIP LOCKED` keeps PostgreSQL's workers out of each other's way; on SQLite the immediate
transaction does. Either way only the UPDATE's own condition decides who has a row (K2).
"""

import secrets
from collections.abc import Sequence
from datetime import datetime
from itertools import count

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from clinic.lib.rows import rows_by_id, rows_where
from clinic.models import Appointment, Calendar, Clinic, Patient, Practitioner, Service
from messaging.enums import State
from messaging.ledger import lease_end, marks
from messaging.models import Delivery, Message
from notifications.enums import Channel
from notifications.models import ClinicPause

_turn = count()
# What a voice reads of the world.
_WORLD = (
    "message",
    "message__patient",
    "message__appointment__clinic",
    "message__appointment__service",
    "message__appointment__calendar__practitioner",
)

# A scalar subquery, not EXISTS: PostgreSQL would make a join of that, and a join may read the whole table.
_DUE_CLINICS = """
SELECT clinic.id FROM clinic_clinic AS clinic
WHERE (
    SELECT delivery.id FROM messaging_delivery AS delivery
    WHERE delivery.clinic_id = clinic.id AND delivery.channel = %s
      AND delivery.state = 'planned' AND delivery.due_at <= %s
    ORDER BY delivery.due_at LIMIT 1
) IS NOT NULL
AND NOT EXISTS (SELECT 1 FROM notifications_clinicpause AS pause WHERE pause.clinic_id = clinic.id)
ORDER BY clinic.id
"""
_SHARE = """
SELECT id FROM messaging_delivery
WHERE clinic_id = %s AND channel = %s AND state = 'planned' AND due_at <= %s
ORDER BY due_at LIMIT %s
"""
# The same for all clinics at once.
_SHARES = """
SELECT due.id FROM unnest(%s::bigint[]) WITH ORDINALITY AS turn (clinic_id, place)
CROSS JOIN LATERAL (
    SELECT id FROM messaging_delivery
    WHERE clinic_id = turn.clinic_id AND channel = %s AND state = 'planned' AND due_at <= %s
    ORDER BY due_at LIMIT %s
    FOR UPDATE SKIP LOCKED
) AS due
LIMIT %s
"""
_TAKE = """
UPDATE messaging_delivery SET state = 'claimed', claim = %s, lease_until = {lease_end}
WHERE id IN ({ids}) AND state = 'planned'
RETURNING id
"""


def due_clinics(*, channel: Channel, at: datetime) -> list[int]:
    """Return the clinics for which something is due: one look into the partial index for each."""
    with connection.cursor() as cursor:
        cursor.execute(_DUE_CLINICS, [channel, connection.ops.adapt_datetimefield_value(at)])
        return [row[0] for row in cursor.fetchall()]


def _lockable(rows: QuerySet[Delivery]) -> QuerySet[Delivery]:
    if connection.features.has_select_for_update_skip_locked:
        return rows.select_for_update(skip_locked=True, of=("self",))
    return rows


@transaction.atomic
def claim_due(*, channel: Channel, at: datetime, limit: int) -> list[Delivery]:
    """Claim up to `limit` of a channel's due deliveries, each clinic its share in turn, as `claimed`.

    One clinic's 20,000 take no more of a batch than their share while others have something due.
    """
    clinics = due_clinics(channel=channel, at=at)
    if not clinics:
        return []
    start = next(_turn) % len(clinics)
    in_turn = [*clinics[start:], *clinics[:start]][:limit]
    share = -(-limit // len(in_turn))
    return _claim(_due_ids(in_turn, share=share, limit=limit, channel=channel, at=at))


def _due_ids(clinics: Sequence[int], *, share: int, limit: int, channel: Channel, at: datetime) -> list[int]:
    """Return a share of each clinic's due deliveries, earliest first, locked where the engine can."""
    until = connection.ops.adapt_datetimefield_value(at)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_SHARES, [list(clinics), channel, until, share, limit])
            return [row[0] for row in cursor.fetchall()]
        ids: list[int] = []
        for clinic_id in clinics:
            cursor.execute(_SHARE, [clinic_id, channel, until, min(share, limit - len(ids))])
            ids += [row[0] for row in cursor.fetchall()]
        return ids


def _claim(ids: Sequence[int]) -> list[Delivery]:
    if not ids:
        return []
    rows = rows_where(Delivery, "id", _take(ids))
    _read_world(rows)
    return sorted(rows, key=lambda row: (row.due_at or row.planned_at, row.pk))


def _take(ids: Sequence[int]) -> list[int]:
    """Mark deliveries as `claimed`, by a name that no other claim has; return the ids really taken."""
    with connection.cursor() as cursor:
        statement = _TAKE.format(lease_end=lease_end(), ids=marks(len(ids)))
        cursor.execute(statement, [secrets.token_hex(8), *ids])
        return [row[0] for row in cursor.fetchall()]


def _read_world(rows: Sequence[Delivery]) -> None:
    """Put what a voice reads of the world into the claimed rows' own relations.

    A query for each table, whatever the number of rows; what several rows share is one object.
    """
    messages = rows_by_id(Message, [row.message_id for row in rows])
    patients = rows_by_id(Patient, [one.patient_id for one in messages.values()])
    appointments = rows_by_id(Appointment, [one.appointment_id for one in messages.values()])
    calendars = rows_by_id(Calendar, [one.calendar_id for one in appointments.values()])
    services = rows_by_id(Service, [one.service_id for one in appointments.values()])
    clinics = rows_by_id(Clinic, [one.clinic_id for one in appointments.values()])
    practitioners = rows_by_id(Practitioner, [one.practitioner_id for one in calendars.values()])
    for calendar in calendars.values():
        calendar.practitioner = practitioners[calendar.practitioner_id]
    for appointment in appointments.values():
        appointment.calendar = calendars[appointment.calendar_id]
        appointment.service = services[appointment.service_id]
        appointment.clinic = clinics[appointment.clinic_id]
    for message in messages.values():
        message.patient = patients[message.patient_id] if message.patient_id else None
        message.appointment = appointments[message.appointment_id] if message.appointment_id else None
    for row in rows:
        row.message = messages[row.message_id]


def return_expired_claims() -> int:
    """Give back what a worker claimed and never offered to a provider: its lease is over."""
    rows = Delivery.objects.filter(state=State.CLAIMED, lease_until__lt=Now())
    # A look first: on SQLite an UPDATE locks the file even where it changes nothing.
    if not rows.exists():
        return 0
    return rows.update(state=State.PLANNED, claim="", lease_until=None)


def has_expired_sending() -> bool:
    """Return whether some worker died, or lost its database, while the provider had the word."""
    return Delivery.objects.filter(state=State.SENDING, lease_until__lt=Now()).exists()


def find_expired_sending(*, limit: int) -> list[Delivery]:
    """Return deliveries whose worker died, or lost its database, while the provider had the word."""
    rows = Delivery.objects.filter(state=State.SENDING, lease_until__lt=Now())
    return list(_lockable(rows).order_by("pk")[:limit])


def list_unresolved(*, at: datetime, limit: int) -> list[Delivery]:
    """Return deliveries of unknown outcome that have rested long enough to be looked into."""
    paused = ClinicPause.objects.filter(clinic=OuterRef("clinic"))
    return list(
        Delivery.objects.filter(state=State.UNKNOWN, due_at__lte=at)
        .exclude(Exists(paused))
        .select_related(*_WORLD)
        .order_by("due_at", "pk")[:limit]
    )
