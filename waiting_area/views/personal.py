"""The personal link: from an appointment into the waiting area, on as many devices as its patient likes (W3, A47)."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods, require_safe

from clinic.appointments.enums import Status
from clinic.lib import clock, phone, when
from clinic.lib.page_language import language_of
from clinic.models import Appointment
from messaging import link_session
from messaging.enums import Purpose
from waiting_area import visits
from waiting_area.operations import AreaClosed
from waiting_area.queries import default_area, is_taking_callers
from waiting_area.views.waiting_screen import remember

for_patient = link_session.for_patient(Purpose.WAITING)


@require_safe
def personal_link(request: HttpRequest, token: str) -> HttpResponse:
    """Take the token out of the address and go on to the page; a GET or HEAD changes nothing (A19)."""
    return link_session.take_token(request, token, purpose=Purpose.WAITING, page="waiting_area:personal")


@require_http_methods(["GET", "POST"])
@for_patient
def personal(request: HttpRequest, key: str, appointment: Appointment) -> HttpResponse:
    """Show whose appointment it is; a POST lets its patient in, or back to their place (E5.6)."""
    if request.method == "GET":
        return _page(request, key, appointment)
    try:
        caller = visits.enter(appointment_id=appointment.pk, language=get_language() or "en", at=clock.now())
    except (visits.Cancelled, visits.NotToday, AreaClosed):
        appointment.refresh_from_db(fields=["status", "starts_at", "ends_at"])
        return _page(request, key, appointment, status=409)
    target = reverse("waiting_area:wait", kwargs={"key": caller.area.key})
    language = language_of(request, "")
    response = redirect(f"{target}?language={language}" if language else target)
    remember(response, caller)
    return response


def _page(request: HttpRequest, key: str, appointment: Appointment, *, status: int = 200) -> HttpResponse:
    at = clock.now()
    request.shown_at = reverse("waiting_area:personal", kwargs={"key": key})  # type: ignore[attr-defined]
    calendar, language = appointment.calendar, (get_language() or "en")[:2]
    area = default_area(appointment.clinic)
    is_here = visits.find_here(appointment, at=at) is not None
    context: dict[str, Any] = {
        "key": key,
        "clinic": appointment.clinic,
        "name": appointment.patient.masked_name,
        "practitioner": calendar.practitioner.name,
        "date": when.long_date(appointment.starts_at, calendar.zone, language),
        "time": when.clock_time(appointment.starts_at, calendar.zone, language),
        "is_cancelled": appointment.status == Status.CANCELLED,
        "is_here": is_here,
        "is_today": is_here or visits.may_come(appointment, at=at),
        "is_open": is_here or (area is not None and is_taking_callers(area, at)),
        "phone": phone.pretty(calendar.phone) if calendar.phone else "",
        "phone_link": calendar.phone,
    }
    return render(request, "waiting_area/personal.html", context, status=status)
