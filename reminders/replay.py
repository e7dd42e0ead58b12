"""Real bookings through the real outbox on a simulated clock: what would have been sent, when and why.

The clock jumps from one booking or due moment to the next and never ticks; leases stay on the real one.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from clinic.appointments.enums import Origin
from clinic.appointments.operations import book
from clinic.audit.operations import SYSTEM
from clinic.importing.places import Places
from clinic.importing.rules import Booking
from clinic.lib import clock
from messaging.catch_up import next_due
from messaging.delivery import Outlet
from messaging.enums import ACCEPTED
from messaging.models import Delivery, Message
from notifications.enums import Channel

# How long after the last start the outbox is still watched.
WATCHED_AFTER = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Line:
    """One delivery, or one message that a rule left out, as the report has it; instants in UTC."""

    clinic: str
    calendar: str
    patient_ref: str
    starts_at: str
    kind: str
    channel: str | None
    planned_at: str | None
    sent_at: str | None
    outcome: str
    reason: str | None

    def as_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)


def play(bookings: Sequence[Booking], *, progress: Callable[[int], None] = lambda done: None) -> None:
    """Make every booking at its own moment, by staff, and send what falls due in between.

    Args:
        progress: called with the number of bookings made so far.

    Raises:
        Taken, Misplaced: the bookings contradict each other.
    """
    in_order = sorted(bookings, key=lambda one: (one.booked_at, one.line))
    if not in_order:
        return
    end = max(one.starts_at for one in in_order) + WATCHED_AFTER
    places = Places(at=in_order[0].booked_at)
    waiting = iter(in_order)
    done, following = 0, next(waiting, None)
    with ExitStack() as stack:
        stack.callback(clock.set_to, None)
        outlets = {channel: stack.enter_context(Outlet(channel)) for channel in (Channel.EMAIL, Channel.SMS)}
        while True:
            due, channel = next_due()
            if following is not None and (due is None or following.booked_at < due):
                clock.set_to(following.booked_at)
                _book(following, places)
                done, following = done + 1, next(waiting, None)
                progress(done)
            elif due is not None and due <= end:
                # A row put back after a failed try may be due in what is already the past.
                clock.set_to(max(due, clock.now()))
                outlets[channel].send_due(at=clock.now(), now=clock.now)
            else:
                return


def _book(booking: Booking, places: Places) -> None:
    calendar, service, patient = places.for_row(booking)
    book(
        calendar=calendar,
        patient=patient,
        service=service,
        starts_at=booking.starts_at,
        minutes=booking.minutes,
        origin=Origin.STAFF,
        actor=SYSTEM,
        at=booking.booked_at,
    )


def report() -> Iterator[Line]:
    """Return what became of every message in the database, by clinic, start and kind."""
    messages = (
        Message.objects.filter(appointment__isnull=False)
        .select_related("appointment__calendar", "appointment__clinic", "patient")
        .prefetch_related("deliveries")
        .order_by("appointment__clinic__slug", "appointment__starts_at", "appointment_id", "kind")
    )
    for message in messages.iterator(chunk_size=500):
        deliveries = sorted(message.deliveries.all(), key=lambda row: row.channel)
        if message.is_left_out or not deliveries:
            yield _line(message, None)
        for row in deliveries if not message.is_left_out else ():
            yield _line(message, row)


def _line(message: Message, row: Delivery | None) -> Line:
    appointment: Any = message.appointment
    if row is None:
        outcome, reason = "skipped", message.reason
    else:
        outcome = "sent" if row.state in ACCEPTED else str(row.state)
        reason = row.reason or message.reason
    return Line(
        clinic=appointment.clinic.slug,
        calendar=appointment.calendar.name,
        patient_ref=message.patient.reference if message.patient else "",
        starts_at=_utc(appointment.starts_at) or "",
        kind=message.kind,
        channel=row.channel if row else None,
        planned_at=_utc(row.planned_at if row else message.planned_at),
        sent_at=_utc(row.sent_at) if row else None,
        outcome=outcome,
        reason=reason,
    )


def _utc(instant: datetime | None) -> str | None:
    return instant.astimezone(UTC).isoformat() if instant else None
