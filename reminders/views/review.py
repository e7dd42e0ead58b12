"""Writing a review: opened by a link of its own after the appointment; GET shows, POST writes (D1, P7)."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods, require_safe

from clinic.audit.operations import PATIENT
from clinic.directory.forms import ReviewForm
from clinic.directory.reviews import MayNotReview, find_review, why_not, write_review
from clinic.lib import clock, when
from clinic.lib.page_language import language_of
from clinic.models import Appointment
from messaging import link_session
from messaging.enums import Purpose

for_patient = link_session.for_patient(Purpose.REVIEW)


@require_safe
def review_link(request: HttpRequest, token: str) -> HttpResponse:
    """Take the token out of the address and go on to the page; a GET or HEAD changes nothing (A19)."""
    page = "reminders:patient_review"
    return link_session.take_token(request, token, purpose=Purpose.REVIEW, page=page)


@require_http_methods(["GET", "POST"])
@for_patient
def patient_review(request: HttpRequest, key: str, appointment: Appointment) -> HttpResponse:
    """Ask for stars and words, or say why not; a POST writes them and leads nowhere but here (A34)."""
    here = reverse("reminders:patient_review", kwargs={"key": key})
    request.shown_at = here  # type: ignore[attr-defined]
    review = find_review(appointment)
    form = ReviewForm(request.POST if request.method == "POST" else None, review=review)
    status = 200
    if form.is_valid():
        try:
            write_review(appointment_id=appointment.pk, actor=PATIENT, at=clock.now(), **form.cleaned_data)
        except MayNotReview:
            status, appointment, review = 409, _again(appointment), find_review(appointment)
        else:
            language = language_of(request, "")
            return redirect(f"{here}?done=yes" + (f"&language={language}" if language else ""))
    elif form.is_bound:
        status = 422
    refusal = why_not(appointment, review, at=clock.now())
    context: dict[str, Any] = {
        "key": key,
        "clinic": appointment.clinic,
        "practitioner": appointment.calendar.practitioner,
        "date": when.long_date(
            appointment.starts_at, appointment.calendar.zone, (get_language() or "en")[:2]
        ),
        "author": appointment.patient.masked_name,
        "form": form,
        "review": review,
        "refusal": refusal,
        "is_done": request.GET.get("done") == "yes" and review is not None,
    }
    # What may not be written is not refused for its form (a cancelled appointment has no 422).
    status = 409 if refusal and status == 422 else status
    return render(request, "reminders/patient_review.html", context, status=status)


def _again(appointment: Appointment) -> Appointment:
    return Appointment.objects.whole().get(pk=appointment.pk)
