"""The demonstration's freed times: half an hour ago somebody cancelled, and somebody was first (P8)."""

from datetime import datetime, timedelta

from django.db.models import QuerySet

from clinic.appointments.enums import CancelledBy, Status
from clinic.appointments.operations import cancel
from clinic.audit.operations import PATIENT
from clinic.lib import clock
from clinic.models import Appointment, Clinic, Patient
from messaging.catch_up import send_demo_until
from notifications.enums import ToldBy
from notifications.invitations import needs_consent, opt_in
from reminders.offers.models import Freeing
from reminders.offers.operations import NotYours, take
from reminders.offers.queries import KIND, get_offer
from reminders.offers.rules import DAYS_AHEAD

CANCELLED_AGO, TAKEN_AGO = timedelta(minutes=30), timedelta(minutes=12)
# So many of a clinic's coming appointments are tried until one has others behind it; so many cards agree.
MOST_TRIED = 12


def fill(*, at: datetime) -> None:
    """Let a patient of each clinic cancel two days ahead and more, and another one take the time.

    Not everywhere somebody comes so much later: such a clinic has none.
    """
    for clinic in Clinic.objects.order_by("pk"):
        freeing = _give_up(clinic, at=at - CANCELLED_AGO)
        if freeing is None:
            continue
        send_demo_until(at=at - TAKEN_AGO)
        offer = freeing.offers.order_by("pk").last()
        if offer is not None:
            with clock.held_at(at - TAKEN_AGO):
                _take(offer.pk, at=at - TAKEN_AGO)
        send_demo_until(at=at)


def _give_up(clinic: Clinic, *, at: datetime) -> Freeing | None:
    """Cancel the first appointment that leaves a wave behind it."""
    coming = Appointment.objects.filter(
        clinic=clinic, status=Status.BOOKED, starts_at__gt=at + timedelta(days=DAYS_AHEAD + 1)
    )
    for pk in list(coming.order_by("starts_at", "pk").values_list("pk", flat=True)[:MOST_TRIED]):
        later = Appointment.objects.get(pk=pk)
        behind = coming.filter(
            calendar=later.calendar_id, starts_at__gt=later.starts_at + timedelta(days=2, hours=1)
        ).exclude(patient__phone="")
        if behind.exclude(patient=later.patient_id).count() < 2:
            continue
        if needs_consent(clinic):
            _agree(behind, at=at - timedelta(days=1))
        with clock.held_at(at):
            cancel(appointment_id=pk, by=CancelledBy.PATIENT, actor=PATIENT, at=at)
        found = Freeing.objects.filter(appointment=pk, ended="").first()
        if found is not None:
            return found
    return None


def _agree(appointments: QuerySet[Appointment], *, at: datetime) -> None:
    """Let those whom a wave would reach have agreed to it at the desk (P16)."""
    for patient in Patient.objects.filter(pk__in=appointments.values("patient")).order_by("pk")[:MOST_TRIED]:
        opt_in(patient=patient, kind=KIND, told_by=ToldBy.STAFF, actor=PATIENT, at=at)


def _take(offer_id: int, *, at: datetime) -> None:
    try:
        take(offer=get_offer(offer_id), at=at)
    except NotYours:
        return
