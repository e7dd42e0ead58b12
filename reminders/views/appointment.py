"""The patient's appointment page: opened by a message's link, no account; GET shows, POST acts (P6, G4)."""

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from clinic.appointments import operations as appointments
from clinic.appointments.enums import CancelledBy
from clinic.appointments.operations import NotAllowed, StaleAppointment
from clinic.audit.operations import PATIENT
from clinic.directory.limits import may_cause_sms
from clinic.lib import clock
from clinic.lib.page_language import language_of
from clinic.models import Appointment
from clinic.panels import rendered
from messaging import link_session
from messaging.enums import Purpose
from notifications.queries import get_wishes
from reminders.operations import record_read, spare_sms
from reminders.pages import describe
from reminders.rules import RECEIPTS

for_patient = link_session.for_patient(Purpose.APPOINTMENT)


@require_safe
def appointment_link(request: HttpRequest, token: str) -> HttpResponse:
    """Take the token out of the address and go on to the page; a GET or HEAD changes nothing (A19)."""
    page = "reminders:patient_appointment"
    return link_session.take_token(request, token, purpose=Purpose.APPOINTMENT, page=page)


def show(
    request: HttpRequest, key: str, appointment: Appointment, *, status: int = 200, **more: Any
) -> HttpResponse:
    """Show the appointment as it stands, with what just came of a press."""
    request.shown_at = reverse("reminders:patient_appointment", kwargs={"key": key})  # type: ignore[attr-defined]
    context = describe(appointment, get_wishes(appointment), at=clock.now())
    return render(
        request,
        "reminders/patient_appointment.html",
        {
            "key": key,
            "appointment": appointment,
            "panels": rendered(request, "patient_appointment", appointment),
            **context,
            **more,
        },
        status=status,
    )


@require_safe
@for_patient
def patient_appointment(request: HttpRequest, key: str, appointment: Appointment) -> HttpResponse:
    """Show the appointment's present state, whatever it was when the message went out."""
    return show(request, key, appointment, done=request.GET.get("done", ""))


def _act(
    request: HttpRequest, key: str, appointment: Appointment, act: Callable[[int], Any], done: str
) -> HttpResponse:
    """Do what the patient pressed, on the state that their page showed; else show the true one (409)."""
    at = clock.now()
    if not get_wishes(appointment).self_service:
        return show(request, key, appointment, status=403, problem="self_service_off")
    record_read(appointment, at=at)
    try:
        act(read_sequence(request))
    except StaleAppointment:
        appointment.refresh_from_db()
        # A cancelled appointment is said to be that, whatever the page had shown (E2.9).
        problem = "not_allowed" if appointment.cancelled_at else "stale"
        return show(request, key, appointment, status=409, problem=problem)
    except NotAllowed:
        appointment.refresh_from_db()
        return show(request, key, appointment, status=409, problem="not_allowed")
    return go_on(request, key, done)


def read_sequence(request: HttpRequest) -> int:
    """Return the `sequence` that the page showed; of none, one that no appointment has."""
    sequence = request.POST.get("sequence", "")
    return int(sequence) if sequence.isdecimal() and len(sequence) < 9 else -1


def go_on(request: HttpRequest, key: str, done: str) -> HttpResponse:
    """Go to the appointment's page, which says what was done."""
    target = reverse("reminders:patient_appointment", kwargs={"key": key})
    language = language_of(request, "")
    return redirect(f"{target}?done={done}" + (f"&language={language}" if language else ""))


@require_POST
@for_patient
def patient_confirm(request: HttpRequest, key: str, appointment: Appointment) -> HttpResponse:
    """Write down that the patient will come; a second press says that it stands already."""

    def act(sequence: int) -> None:
        appointments.confirm(appointment_id=appointment.pk, sequence=sequence, actor=PATIENT, at=clock.now())

    return _act(request, key, appointment, act, "already" if appointment.confirmed_at else "confirmed")


@require_POST
@for_patient
def patient_cancel(request: HttpRequest, key: str, appointment: Appointment) -> HttpResponse:
    """Cancel the appointment at the patient's wish; a second press finds it cancelled."""
    if appointment.cancelled_at:
        return show(request, key, appointment, done="already")

    @transaction.atomic
    def act(sequence: int) -> None:
        appointments.cancel(
            appointment_id=appointment.pk,
            by=CancelledBy.PATIENT,
            sequence=sequence,
            actor=PATIENT,
            at=clock.now(),
        )
        mind_sms(request, appointment)

    return _act(request, key, appointment, act, "cancelled")


def mind_sms(request: HttpRequest, appointment: Appointment) -> None:
    """Let the receipt of what a patient did go by SMS only as often as is sensible (A6).

    The reminder stays: there is one, however often they moved.
    """
    patient = appointment.patient
    by_email = patient.email and not patient.email_bounced_at
    if patient.phone and not by_email and not may_cause_sms(request, appointment.clinic, patient.phone):
        spare_sms(appointment, kinds=RECEIPTS, at=clock.now())


@require_POST
@for_patient
def patient_seen(request: HttpRequest, key: str, appointment: Appointment) -> HttpResponse:
    """Count a click, key or touch on the page as read (P11); the page's script sends it once."""
    record_read(appointment, at=clock.now())
    return HttpResponse(status=204)
