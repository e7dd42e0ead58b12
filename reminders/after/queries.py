"""What the second look inside the claim needs of the world: a fixed number of queries for any number of rows."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from clinic.appointments.enums import Origin, Status
from clinic.appointments.online import Offer
from clinic.calendars.queries import list_services
from clinic.models import Appointment, Calendar, Review
from messaging.enums import ACCEPTED, UNSENT, State
from messaging.models import Delivery, Message
from notifications.invitations import why_no_kinds
from notifications.queries import Wishes, wishes_for
from reminders.after.planning import KINDS
from reminders.after.rules import LATEST_AFTER, REVIEW, REVIEW_PAUSE_DAYS, Visit

# So far back a request may count: the pause, what a late one may be late, and a day for the zones.
LOOKED_BACK = timedelta(days=REVIEW_PAUSE_DAYS + 1) + LATEST_AFTER[REVIEW]
# A provider has it, or may have it.
MAY_HAVE_IT = ACCEPTED | {State.SENDING, State.UNKNOWN}


@dataclass(frozen=True, slots=True)
class World:
    """What is true at the moment of a claim."""

    wishes: dict[int, Wishes]
    refusals: dict[tuple[int, str], str]
    # By patient, practitioner and kind: each message with the visit that it follows.
    visits: dict[tuple[int, int, str], list[tuple[int, Visit]]]
    reviewed: set[int]  # appointments
    booked: set[tuple[int, int]]  # patients and practitioners who meet again
    open_calendars: set[int]


def read_world(messages: Collection[Message], *, at: datetime) -> World:
    """Return what has to be known of these claimed messages' patients and appointments."""
    appointments = {one.pk: one for message in messages if (one := message.appointment)}
    patients = {one.patient_id for one in appointments.values()}
    return World(
        wishes=wishes_for(appointments.values()),
        refusals=why_no_kinds(patients, KINDS),
        visits=_visits(patients, since=at - LOOKED_BACK),
        reviewed=set(
            Review.objects.filter(appointment__in=appointments).values_list("appointment_id", flat=True)
        ),
        booked=_booked(appointments.values(), at=at),
        open_calendars=_open(
            {one.appointment.calendar for one in messages if one.kind != REVIEW and one.appointment}, at=at
        ),
    )


def _visits(
    patients: Collection[int], *, since: datetime
) -> dict[tuple[int, int, str], list[tuple[int, Visit]]]:
    rows = (
        Message.objects.filter(patient__in=patients, kind__in=KINDS, is_left_out=False, planned_at__gt=since)
        .select_related("appointment__calendar")
        .prefetch_related("deliveries")
    )
    found: dict[tuple[int, int, str], list[tuple[int, Visit]]] = {}
    for row in rows:
        if row.appointment is not None and row.planned_at is not None:
            key = (row.appointment.patient_id, row.appointment.calendar.practitioner_id, row.kind)
            found.setdefault(key, []).append((row.pk, visit_of(row, row.appointment, row.planned_at)))
    return found


def visit_of(message: Message, appointment: Appointment, planned_at: datetime) -> Visit:
    """Return what the rules ask about an appointment and the message that follows it."""
    ways: list[Delivery] = list(message.deliveries.all())
    return Visit(
        appointment_id=appointment.pk,
        starts_at=appointment.starts_at,
        ends_at=appointment.ends_at,
        planned_at=planned_at,
        is_online=appointment.origin == Origin.PATIENT,
        is_held=appointment.status in {Status.BOOKED, Status.DONE}
        and appointment.sequence == message.version,
        is_tried=any(way.state in MAY_HAVE_IT or (way.tries and way.state in UNSENT) for way in ways),
        is_open=any(way.state in UNSENT for way in ways),
    )


def _booked(appointments: Iterable[Appointment], *, at: datetime) -> set[tuple[int, int]]:
    """Return which patients come again to which practitioners, in whichever calendar, booked by whomever (E3.3)."""
    coming = Appointment.objects.filter(
        patient__in={one.patient_id for one in appointments}, status=Status.BOOKED, starts_at__gt=at
    )
    return set(coming.values_list("patient_id", "calendar__practitioner_id"))


def _open(calendars: Collection[Calendar], *, at: datetime) -> set[int]:
    """Return the calendars in which a patient finds a free time by themselves now (E3.4)."""
    found = set()
    for calendar in calendars:
        if not calendar.books_online:
            continue
        # Where the shortest finds no room, nothing does.
        lengths = list_services(calendar).filter(is_online=True).order_by("minutes")
        minutes = lengths.values_list("minutes", flat=True).first()
        if minutes is None:
            continue
        offer = Offer(calendar, minutes, at)
        if offer.earliest(offer.first_day) is not None:
            found.add(calendar.pk)
    return found
