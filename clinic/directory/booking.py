"""Booking by a patient without an account: what can be booked, a moment's hold, and the booking itself (D2)."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from clinic.appointments import occupancy, operations
from clinic.appointments.enums import Origin, Status
from clinic.appointments.models import Appointment, Occupancy
from clinic.appointments.occupancy import Taken
from clinic.appointments.online import Offer, Standing
from clinic.audit.models import AuditEntry
from clinic.audit.operations import PATIENT, record
from clinic.calendars.models import Service
from clinic.directory.limits import hidden
from clinic.lib.prepared import Prepared
from clinic.lib.turns import take_turns
from clinic.people.models import Clinic, Patient, Practitioner
from clinic.people.operations import create_patient
from clinic.people.queries import folded, list_by_address

__all__ = [
    "NotOffered",
    "Taken",
    "book_online",
    "can_be_booked",
    "find_bookable",
    "find_booked",
    "held_until",
    "hold_slot",
    "is_of_form",
    "keeps_time",
    "list_bookable",
]

# How long a time is kept for somebody who types.
HOLD = timedelta(minutes=10)
_ACTION = "appointment.booked_online"
# A number in an address may be longer than any that a database keeps.
MOST_BITS = 63


class NotOffered(Exception):
    """A time that nobody may choose here: closed, too near, too far, or no time of this calendar at all (A2)."""


def _bookable(practitioner: int) -> QuerySet[Service]:
    rows = Service.objects.filter(
        calendar__practitioner=practitioner, calendar__books_online=True, is_online=True, is_offered=True
    )
    return rows.select_related("calendar__clinic", "calendar__practitioner")


_find_bookable = Prepared(lambda practitioner, service: _bookable(practitioner).filter(pk=service))
_any_bookable = Prepared(lambda practitioner: _bookable(practitioner).values_list("pk")[:1])


def list_bookable(practitioner: Practitioner) -> QuerySet[Service]:
    """Return the services that can be booked online with a practitioner, by place and name."""
    return _bookable(practitioner.pk).order_by("calendar__name", "name", "pk")


def find_bookable(practitioner: Practitioner, service: int) -> Service | None:
    """Return one of the services that can be booked online with a practitioner, or None."""
    if service.bit_length() > MOST_BITS:
        return None
    return next(iter(_find_bookable(practitioner=practitioner.pk, service=service)), None)


def can_be_booked(practitioner: Practitioner) -> bool:
    """Return whether any service can be booked online with a practitioner."""
    return bool(_any_bookable(practitioner=practitioner.pk))


def held_until(*, key: str, service: Service, start: datetime, at: datetime) -> datetime | None:
    """Return until when this hold keeps this very time, or None."""
    if not key:
        return None
    row = Occupancy.objects.filter(
        hold=key,
        calendar_id=service.calendar_id,
        starts_at=start,
        ends_at=start + timedelta(minutes=service.minutes),
        expires_at__gt=at,
    ).first()
    return row.expires_at if row else None


def keeps_time(key: str, practitioner: Practitioner) -> bool:
    """Return whether a time of this practitioner's was kept for somebody and has not been given up."""
    return bool(key) and Occupancy.objects.filter(hold=key, calendar__practitioner=practitioner).exists()


@transaction.atomic
def hold_slot(*, offer: Offer, start: datetime, at: datetime) -> None:
    """Keep a time for the one who chose it while they type; whatever this key kept before is free again.

    A time that the key keeps already stays kept until when it was: nobody keeps one for ever.

    Raises:
        Taken: somebody was faster; what the key kept stays.
        NotOffered: no patient may choose this time.
    """
    _check(offer, start)
    span = {"start": start, "end": start + timedelta(minutes=offer.minutes)}
    kept = Occupancy.objects.filter(
        hold=offer.hold_key, calendar=offer.calendar, starts_at=span["start"], ends_at=span["end"]
    )
    if not kept.filter(expires_at__gt=at).exists():
        occupancy.hold(calendar_id=offer.calendar.pk, key=offer.hold_key, expires_at=at + HOLD, at=at, **span)


def _check(offer: Offer, start: datetime) -> None:
    standing = offer.standing(start)
    if standing is Standing.TAKEN:
        raise Taken
    if standing is Standing.NOT_OFFERED:
        raise NotOffered


def book_online(
    *,
    offer: Offer,
    service: Service,
    start: datetime,
    contact: Mapping[str, str],
    language: str,
    form_key: str,
    may_send_sms: bool = True,
    at: datetime,
) -> Appointment:
    """Book for somebody who has no account; in the calendar at once (D2).

    Args:
        offer: the calendar and service's length, with the patient's own hold.
        contact: name, e-mail and phone as `clean_contact` gives them.
        form_key: the same for each press of the same form (see `is_of_form`).
        may_send_sms: False where too many were caused already: then the confirmation goes by e-mail alone.

    Raises:
        Taken: somebody was faster.
        NotOffered: no patient may choose this time (any more).
    """
    # Whoever comes too late is told so before anything is locked for them.
    _check(offer, start)
    with transaction.atomic():
        # A crowd that got as far as this at one moment ends here, one after the other, each with one look.
        if offer.is_taken(start):
            raise Taken
        _check(offer, start)
        return _book(offer, service, start, contact, language, form_key, may_send_sms, at)


def _book(
    offer: Offer,
    service: Service,
    start: datetime,
    contact: Mapping[str, str],
    language: str,
    form_key: str,
    may_send_sms: bool,
    at: datetime,
) -> Appointment:
    clinic = offer.calendar.clinic
    # Two first bookings of one person at one moment make one card: the second finds the first one's.
    addresses = filter(None, (contact["email"].casefold(), contact["phone"]))
    take_turns(*(f"card:{clinic.pk}:{one}" for one in addresses))
    patient = find_card(clinic=clinic, contact=contact)
    if patient is None:
        patient = create_patient(
            clinic=clinic,
            name=contact["name"],
            email=contact["email"],
            phone_number=contact["phone"],
            language=language,
            actor=PATIENT,
            at=at,
        )
    made = operations.book(
        calendar=offer.calendar,
        patient=patient,
        service=service,
        starts_at=start,
        origin=Origin.PATIENT,
        actor=PATIENT,
        at=at,
        extra={"online": {"may_send_sms": may_send_sms}},
        hold_key=offer.hold_key,
    )
    record(PATIENT, _ACTION, made, new={"form": hidden(form_key), "consent": True}, at=at)
    return made


def find_card(*, clinic: Clinic, contact: Mapping[str, str]) -> Patient | None:
    """Return the card of the person who gives this name and these addresses, or None (A12).

    Every address given must be the card's own. Otherwise it is another card: nobody's is changed by what a
    stranger types, and nothing that was typed is lost.
    """
    rows = list_by_address(clinic=clinic, email=contact["email"], phone_number=contact["phone"])
    name = folded(contact["name"]).split()
    return next((row for row in rows if folded(row.name).split() == name), None)


def _booked(calendar: int, start: datetime) -> QuerySet[Appointment]:
    return Appointment.objects.filter(
        calendar_id=calendar, starts_at=start, status=Status.BOOKED, origin=Origin.PATIENT
    )


_find_booked = Prepared(_booked)


def find_booked(*, service: Service, start: datetime) -> Appointment | None:
    """Return the appointment that a patient has booked at this very time, or None."""
    return next(iter(_find_booked(calendar=service.calendar_id, start=start.astimezone(UTC))), None)


_find_entries = Prepared(
    lambda appointment: AuditEntry.objects.filter(
        object_type="appointment", object_id=appointment, action=_ACTION
    ).select_related("value")
)


def is_of_form(made: Appointment, form_key: str) -> bool:
    """Return whether a press of this form made the appointment."""
    entries = _find_entries(appointment=made.pk)
    return any(entry.value.new.get("form") == hidden(form_key) for entry in entries)
