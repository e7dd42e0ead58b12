"""Who has a time: the one writer of the `occupancy` table, for booking, moving, offers and holds (D2).

A look says whether anybody has it: of a crowd most come too late, and end there with nothing written or locked. Then
a single statement asks and takes: `INSERT ... SELECT ... WHERE NOT EXISTS ... ON CONFLICT DO NOTHING RETURNING`;
no row back means taken. Two who insert the same span at once would deadlock on a bare exclusion constraint; with DO
NOTHING the later one waits and gets no row. Lock order everywhere: the appointment's row first, then this table.
"""

from datetime import UTC, datetime

from django.db import connection, transaction
from django.db.models import QuerySet

from clinic.appointments.models import Occupancy
from clinic.lib.prepared import Prepared

_TAKE = """
INSERT INTO clinic_occupancy (calendar_id, starts_at, ends_at, appointment_id, hold, expires_at)
SELECT {calendar}, {start}, {end}, {appointment}, {hold}, {expires}
WHERE NOT EXISTS (
    SELECT 1 FROM clinic_occupancy
    WHERE calendar_id = %s AND starts_at < {end} AND ends_at > {start}
)
ON CONFLICT DO NOTHING
RETURNING id
"""
# PostgreSQL cannot guess the type of a bare parameter in a SELECT list.
_POSTGRES = _TAKE.format(
    calendar="%s::bigint",
    start="%s::timestamptz",
    end="%s::timestamptz",
    appointment="%s::bigint",
    hold="%s::varchar",
    expires="%s::timestamptz",
)
_SQLITE = _TAKE.format(calendar="%s", start="%s", end="%s", appointment="%s", hold="%s", expires="%s")


class Taken(Exception):
    """Somebody else has this time, or part of it."""


def _insert(
    calendar_id: int,
    start: datetime,
    end: datetime,
    appointment_id: int | None,
    hold: str | None,
    expires_at: datetime | None,
) -> None:
    adapt = connection.ops.adapt_datetimefield_value
    first, last, expires = adapt(start), adapt(end), adapt(expires_at) if expires_at else None
    statement = _POSTGRES if connection.vendor == "postgresql" else _SQLITE
    with connection.cursor() as cursor:
        cursor.execute(
            statement,
            [calendar_id, first, last, appointment_id, hold, expires, calendar_id, last, first],
        )
        if cursor.fetchone() is None:
            raise Taken


_list_overlaps = Prepared(
    lambda calendar, start, end: Occupancy.objects.filter(
        calendar=calendar, starts_at__lt=end, ends_at__gt=start
    ).values_list("pk", "expires_at", "appointment_id", "hold")
)


def _clear(
    calendar_id: int,
    start: datetime,
    end: datetime,
    at: datetime,
    *,
    but_appointment: int | None = None,
    but_hold: str = "",
) -> None:
    """Free a span of what was only held, once its time is over.

    Raises:
        Taken: somebody has a part of it; nothing was written, and nothing is locked.
    """
    overlaps = _list_overlaps(calendar=calendar_id, start=start.astimezone(UTC), end=end.astimezone(UTC))
    expired = []
    for pk, expires_at, appointment_id, hold_key in overlaps:
        owner, mine = (hold_key, but_hold) if appointment_id is None else (appointment_id, but_appointment)
        if owner == mine:
            continue
        if expires_at is None or expires_at > at:
            raise Taken
        expired.append(pk)
    if expired:
        _delete_in_order(Occupancy.objects.filter(pk__in=expired, expires_at__lte=at))


def _delete_in_order(rows: QuerySet[Occupancy]) -> None:
    # In one order for all: two who clear away the same holds would else wait for each other.
    locked = list(rows.select_for_update().order_by("pk").values_list("pk", flat=True))
    if locked:
        Occupancy.objects.filter(pk__in=locked).delete()


def drop_expired(*, calendar_id: int, at: datetime) -> None:
    """Free all of a calendar that was only held, once its time is over."""
    _delete_in_order(Occupancy.objects.filter(calendar_id=calendar_id, expires_at__lte=at))


@transaction.atomic
def take(
    *, calendar_id: int, appointment_id: int, start: datetime, end: datetime, at: datetime, hold_key: str = ""
) -> None:
    """Give a span of a calendar to an appointment, in the caller's transaction.

    Args:
        hold_key: the hold that is given up for it, wherever it is.

    Raises:
        Taken: any part of it is somebody's; nothing is changed.
    """
    _clear(calendar_id, start, end, at, but_hold=hold_key)
    if hold_key:
        release_hold(key=hold_key)
    _insert(calendar_id, start, end, appointment_id, None, None)


@transaction.atomic
def hold(
    *, calendar_id: int, key: str, start: datetime, end: datetime, expires_at: datetime, at: datetime
) -> None:
    """Keep a span for a moment while somebody types; the same key replaces its earlier hold.

    Raises:
        Taken: any part of it is somebody's; an earlier hold of this key stays.
    """
    _clear(calendar_id, start, end, at, but_hold=key)
    drop_expired(calendar_id=calendar_id, at=at)
    release_hold(key=key)
    _insert(calendar_id, start, end, None, key, expires_at)


def release_hold(*, key: str) -> None:
    """Let go of a hold."""
    Occupancy.objects.filter(hold=key).delete()


def release(*, appointment_id: int) -> None:
    """Free an appointment's time."""
    Occupancy.objects.filter(appointment_id=appointment_id).delete()


@transaction.atomic
def change(*, calendar_id: int, appointment_id: int, start: datetime, end: datetime, at: datetime) -> None:
    """Swap an appointment's span for another one, possibly of another calendar.

    Raises:
        Taken: the new span is not free; the old one stays.
    """
    _clear(calendar_id, start, end, at, but_appointment=appointment_id)
    release(appointment_id=appointment_id)
    _insert(calendar_id, start, end, appointment_id, None, None)
