"""The page behind an offer: old and new time side by side; GET shows, POST takes (E4.6, G4)."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods, require_safe

from clinic.calendars.queries import list_services
from clinic.lib import clock, phone, when
from clinic.lib.page_language import language_of
from messaging import link_session
from messaging.enums import Purpose
from reminders.offers.models import SlotOffer
from reminders.offers.operations import NotYours, take
from reminders.offers.queries import Standing, find_offer, standing_of, why_not_free

for_patient = link_session.for_patient(Purpose.OFFER, find_offer)


@require_safe
def offer_link(request: HttpRequest, token: str) -> HttpResponse:
    """Take the token out of the address and go on to the page; a GET or HEAD changes nothing (A19)."""
    page = "reminders:patient_offer"
    return link_session.take_token(request, token, purpose=Purpose.OFFER, page=page)


@require_http_methods(["GET", "HEAD", "POST"])
@for_patient
def patient_offer(request: HttpRequest, key: str, offer: SlotOffer) -> HttpResponse:
    """Show how the offer stands now; a POST takes the time, and a second one finds it taken by the same."""
    if request.method != "POST":
        return _show(request, key, offer)
    try:
        take(offer=offer, at=clock.now())
    except NotYours as refused:
        return _show(request, key, refused.offer, standing=refused.standing, status=409)
    language = language_of(request, "")
    here = reverse("reminders:patient_offer", kwargs={"key": key})
    return redirect(f"{here}?language={language}" if language else here)


def _show(
    request: HttpRequest,
    key: str,
    offer: SlotOffer,
    *,
    standing: Standing | None = None,
    status: int = 200,
) -> HttpResponse:
    at = clock.now()
    request.shown_at = reverse("reminders:patient_offer", kwargs={"key": key})  # type: ignore[attr-defined]
    standing = standing or standing_of(offer, at=at)
    context = {**_described(offer), "key": key, "standing": str(standing)}
    if standing is Standing.NO_LATER:
        context["book_url"] = _book_url(request, offer)
    return render(request, "reminders/patient_offer.html", context, status=status)


def _described(offer: SlotOffer) -> dict[str, Any]:
    """Return both times as the patient may see them by a link alone (E2.11): no surname, no contact data."""
    appointment, freeing = offer.appointment, offer.freeing
    language = (get_language() or "en")[:2]
    zone, calendar = appointment.calendar.zone, appointment.calendar
    return {
        "clinic": appointment.clinic,
        "patient_name": appointment.patient.masked_name,
        "practitioner": calendar.practitioner.name,
        "place": calendar.place,
        "old_date": when.long_date(appointment.starts_at, zone, language),
        "old_time": when.clock_time(appointment.starts_at, zone, language),
        "new_date": when.long_date(freeing.starts_at, freeing.calendar.zone, language),
        "new_time": when.clock_time(freeing.starts_at, freeing.calendar.zone, language),
        "phone": phone.pretty(calendar.phone) if calendar.phone else "",
        "phone_link": calendar.phone,
    }


def _book_url(request: HttpRequest, offer: SlotOffer) -> str:
    """Return where the free time can be booked like any other, if it can (E4.9)."""
    calendar = offer.freeing.calendar
    service = list_services(calendar).filter(name=offer.appointment.service.name, is_online=True).first()
    if not calendar.books_online or service is None or why_not_free(offer.freeing, at=clock.now()):
        return ""
    language = language_of(request, "")
    url = reverse(
        "clinic:book_time", kwargs={"practitioner": calendar.practitioner.slug, "service": service.pk}
    )
    return f"{url}?language={language}" if language else url
