"""What is free, who may be told of it, and how an offer stands now (P8, E4)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from django.db.models import QuerySet

from clinic.appointments.enums import Status
from clinic.appointments.queries import list_taken, list_taken_of
from clinic.calendars.queries import list_services, open_spans
from clinic.calendars.rules import merged
from clinic.models import Appointment, Clinic
from notifications.invitations import why_not_invited
from notifications.queries import Wishes, wishes_for
from reminders.offers import rules
from reminders.offers.enums import Ended
from reminders.offers.models import Freeing, SlotOffer
from reminders.offers.rules import Candidate

KIND = "offer"
# So many appointments are looked at together until enough are found.
PAGE = 50


class Standing(StrEnum):
    """What an offer's page says and does."""

    OPEN = "open"
    WON = "won"  # the appointment stands at the offered time
    TAKEN = "taken"
    GONE = "gone"  # closed, away, too close, taken back
    NO_LATER = "no_later"  # the appointment is cancelled or over
    EARLIER = "earlier"  # it was moved meanwhile, and the time is no longer so much earlier
    CALL = "call"  # nobody changes it by themselves any more


def open_at(freeings: QuerySet[Freeing]) -> QuerySet[Freeing]:
    """Return those that may still be taken, but for what only time has done to them."""
    return freeings.filter(ended="")


def why_not_free(freeing: Freeing, *, at: datetime, but_appointment: int | None = None) -> Ended | None:
    """Return why a freed time cannot be taken now: cut-off, closed, somebody's (E4.5, E4.10); None: it can.

    Args:
        but_appointment: the appointment that would move: its own time hinders nobody.
    """
    if freeing.is_over_at(at):
        return Ended.CUT_OFF
    if not is_open(freeing):
        return Ended.CLOSED
    taken = list_taken(
        calendar_id=freeing.calendar_id,
        start=freeing.starts_at,
        end=freeing.ends_at,
        at=at,
        but_appointment=but_appointment,
    )
    return Ended.BOOKED if taken else None


def is_open(freeing: Freeing) -> bool:
    """Return whether the practitioner is there in the whole of the freed time."""
    first = freeing.starts_at.astimezone(freeing.calendar.zone).date()
    spans = merged(open_spans(calendar=freeing.calendar, first=first, days=2))
    return any(start <= freeing.starts_at and freeing.ends_at <= end for start, end in spans)


def candidates(freeing: Freeing, *, at: datetime) -> list[Candidate]:
    """Return who is told of a freed time, as `rules.choose` has it."""
    zone = freeing.calendar.zone
    rows = (
        Appointment.objects.whole()
        .filter(
            calendar=freeing.calendar_id,
            status=Status.BOOKED,
            starts_at__gte=rules.later_from(freeing.starts_at, zone),
            starts_at__gt=at,
        )
        .exclude(patient__phone="")
        .order_by("starts_at", "booked_at", "pk")
    )
    left_out = _left_out(freeing, at=at)
    services = set(list_services(freeing.calendar).values_list("name", flat=True))
    found: list[Candidate] = []
    chosen: list[Candidate] = []
    first = 0
    while page := list(rows[first : first + PAGE]):
        found += _judged(page, left_out, services, at=at)
        chosen = rules.choose(found, freed=freeing.starts_at, length=freeing.length, zone=zone)
        if len(chosen) == rules.MOST_TOLD or len(page) < PAGE:
            return chosen
        first += PAGE
    return chosen


def _judged(
    page: Sequence[Appointment], left_out: dict[int, str], services: set[str], *, at: datetime
) -> list[Candidate]:
    wishes = wishes_for(page)
    uninvited = why_not_invited({one.patient_id for one in page}, KIND)
    return [
        Candidate(
            appointment_id=one.pk,
            patient_id=one.patient_id,
            starts_at=one.starts_at,
            booked_at=one.booked_at,
            length=one.ends_at - one.starts_at,
            why_not=(
                left_out.get(one.patient_id)
                or uninvited.get(one.patient_id)
                or why_not_told(one, wishes[one.pk], services, at=at)
            ),
        )
        for one in page
    ]


def why_not_told(appointment: Appointment, wishes: Wishes, services: set[str], *, at: datetime) -> str:
    """Return why a patient is not told of earlier times for this appointment; empty: they are.

    Args:
        services: the names of what the calendar offers today.
    """
    if not wishes.wants(KIND):
        return wishes.why_not(KIND)
    if appointment.service.name not in services:
        return "service_gone"
    return "" if appointment.is_changeable_at(at) else "not_changeable"


def _left_out(freeing: Freeing, *, at: datetime) -> dict[int, str]:
    """Return patients who are told nothing of this time, whichever appointment they have, with the reason."""
    given_up = Freeing.objects.filter(
        calendar=freeing.calendar_id, starts_at__lt=freeing.ends_at, ends_at__gt=freeing.starts_at
    ).exclude(ended=Ended.TAKEN_BACK)
    left_out = dict.fromkeys(given_up.values_list("appointment__patient", flat=True), "gave_up")
    if freeing.before_id is not None:
        lately = SlotOffer.objects.filter(
            freeing__clinic=freeing.clinic_id, made_at__gt=at - rules.CHAIN_PAUSE
        )
        left_out |= dict.fromkeys(lately.values_list("appointment__patient", flat=True), "told_lately")
    return left_out


def _whole() -> QuerySet[SlotOffer]:
    return SlotOffer.objects.select_related(
        "freeing__calendar__practitioner",
        "freeing__calendar__clinic",
        "appointment__clinic",
        "appointment__calendar__practitioner",
        "appointment__patient",
        "appointment__service",
    )


def find_offer(pk: int) -> SlotOffer | None:
    """Return an offer with all that its page says, or None."""
    return _whole().filter(pk=pk).first()


def get_offer(pk: int) -> SlotOffer:
    """Return an offer with all that its page says.

    Raises:
        SlotOffer.DoesNotExist: there is none.
    """
    return _whole().get(pk=pk)


def standing_of(offer: SlotOffer, *, at: datetime) -> Standing:
    """Return how an offer stands: by what is true now, not by what was when it went out (E4.6, E4.9 to E4.11)."""
    appointment, freeing = offer.appointment, offer.freeing
    if offer.is_won:
        return Standing.WON
    if not appointment.is_active or appointment.starts_at <= at:
        return Standing.NO_LATER
    is_later = rules.is_later(appointment.starts_at, freed=freeing.starts_at, zone=freeing.calendar.zone)
    is_same = appointment.calendar_id == freeing.calendar_id
    if not is_same or not is_later or appointment.ends_at - appointment.starts_at > freeing.length:
        return Standing.EARLIER
    if freeing.ended:
        return Standing.TAKEN if freeing.ended in {Ended.TAKEN, Ended.BOOKED} else Standing.GONE
    problem = why_not_free(freeing, at=at, but_appointment=appointment.pk)
    if problem is not None:
        return Standing.TAKEN if problem is Ended.BOOKED else Standing.GONE
    return Standing.OPEN if appointment.is_changeable_at(at) else Standing.CALL


def list_freed_late(clinic: Clinic, *, at: datetime) -> list[Freeing]:
    """Return coming times that were given up too late to be offered and that nobody has taken (E4.4)."""
    rows = list(
        Freeing.objects.filter(clinic=clinic, ended=Ended.LATE, starts_at__gt=at)
        .select_related("calendar", "appointment__patient", "appointment__service")
        .order_by("starts_at", "pk")[:PAGE]
    )
    if not rows:
        return []
    last = max(row.ends_at for row in rows) + timedelta(seconds=1)
    taken = list_taken_of({row.calendar_id for row in rows}, start=at, end=last, at=at)
    seen: set[tuple[int, datetime]] = set()
    free = []
    for row in rows:
        key = row.calendar_id, row.starts_at
        # Booked and given up once more the same day: it is one time.
        if key in seen or rules.overlaps(row.starts_at, row.ends_at, taken.get(row.calendar_id, [])):
            continue
        seen.add(key)
        free.append(row)
    return free
