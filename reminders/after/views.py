"""Where the message about a next appointment leads (P9)."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from clinic.lib import clock
from clinic.lib.page_language import language_of
from clinic.models import Appointment
from messaging.enums import Purpose
from messaging.links import LinkGone, find_by_token


@require_safe
def next_link(request: HttpRequest, token: str) -> HttpResponse:
    """Go on to the free times of the appointment's practitioner: an SMS must not name them (K29)."""
    try:
        link = find_by_token(token, purpose=Purpose.NEXT, at=clock.now())
    except LinkGone:
        return render(request, "410.html", status=410)
    found = Appointment.objects.whole().filter(pk=link.object_id).first() if link else None
    if found is None:
        raise Http404
    page = reverse("clinic:book_service", kwargs={"practitioner": found.calendar.practitioner.slug})
    return redirect(f"{page}?language={language_of(request, found.patient.language)}")
