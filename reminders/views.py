"""The patient's appointment page: opened by a message's link, no account; GET shows, POST acts (P6, G4)."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.views.decorators.http import require_POST, require_safe

from clinic.appointments import operations as appointments
from clinic.appointments.enums import CancelledBy
from clinic.appointments.operations import NotAllowed, StaleAppointment
from clinic.audit.operations import PATIENT
from clinic.lib import clock
from clinic.models import Appointment
from clinic.panels import rendered
from messaging import link_session
from messaging.enums import Purpose
from messaging.links import LinkGone, find_by_token, link_key
from notifications.queries import get_wishes
from reminders.operations import record_read
from reminders.pages import describe

LANGUAGES = {code for code, _name in settings.LANGUAGES}


def gone(request: HttpRequest) -> HttpResponse:
    """Say neutrally that a link is over; nothing of what it led to is shown (A24)."""
    return render(request, "410.html", status=410)


@require_safe
def appointment_link(request: HttpRequest, token: str) -> HttpResponse:
    """Take the token out of the address and go on to the page; a GET or HEAD changes nothing (A19)."""
    at = clock.now()
    try:
        link = find_by_token(token, purpose=Purpose.APPOINTMENT, at=at)
    except LinkGone:
        return gone(request)
    if link is None:
        raise Http404
    page = reverse("reminders:patient_appointment", kwargs={"key": link_key(link)})
    response = redirect(page)
    link_session.remember(response, link, path=page)
    return response


def for_patient(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Open a view to the browser that came by the appointment's link; it gets the `Appointment`."""

    @wraps(view)
    def guarded(request: HttpRequest, key: str) -> HttpResponse:
        try:
            link = link_session.find(request, key, purpose=Purpose.APPOINTMENT, at=clock.now())
        except LinkGone:
            return gone(request)
        if link is None:
            raise Http404
        appointment = Appointment.objects.whole().filter(pk=link.object_id).first()
        if appointment is None:
            return gone(request)
        language = request.GET.get("language", "")
        with translation.override(language if language in LANGUAGES else appointment.patient.language):
            request.LANGUAGE_CODE = translation.get_language()
            response = view(request, key, appointment)
            # The locale middleware would name the browser's language, which this page is not written in.
            response.headers.setdefault("Content-Language", translation.get_language())
            return response

    return guarded


def _page(
    request: HttpRequest, key: str, appointment: Appointment, *, status: int = 200, **more: Any
) -> HttpResponse:
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
    return _page(request, key, appointment, done=request.GET.get("done", ""))


def _act(
    request: HttpRequest, key: str, appointment: Appointment, act: Callable[[int], Any], done: str
) -> HttpResponse:
    """Do what the patient pressed, on the state that their page showed; else show the true one (409)."""
    at = clock.now()
    if not get_wishes(appointment).self_service:
        return _page(request, key, appointment, status=403, problem="self_service_off")
    sequence = request.POST.get("sequence", "")
    record_read(appointment, at=at)
    try:
        act(int(sequence) if sequence.isdecimal() and len(sequence) < 9 else -1)
    except StaleAppointment:
        appointment.refresh_from_db()
        # A cancelled appointment is said to be that, whatever the page had shown (E2.9).
        problem = "not_allowed" if appointment.cancelled_at else "stale"
        return _page(request, key, appointment, status=409, problem=problem)
    except NotAllowed:
        appointment.refresh_from_db()
        return _page(request, key, appointment, status=409, problem="not_allowed")
    target = reverse("reminders:patient_appointment", kwargs={"key": key})
    language = request.GET.get("language", "")
    return redirect(f"{target}?done={done}" + (f"&language={language}" if language in LANGUAGES else ""))


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
        return _page(request, key, appointment, done="already")

    def act(sequence: int) -> None:
        appointments.cancel(
            appointment_id=appointment.pk,
            by=CancelledBy.PATIENT,
            sequence=sequence,
            actor=PATIENT,
            at=clock.now(),
        )

    return _act(request, key, appointment, act, "cancelled")


@require_POST
@for_patient
def patient_seen(request: HttpRequest, key: str, appointment: Appointment) -> HttpResponse:
    """Count a click, key or touch on the page as read (P11); the page's script sends it once."""
    record_read(appointment, at=clock.now())
    return HttpResponse(status=204)
