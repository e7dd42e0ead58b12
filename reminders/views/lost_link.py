"""The door for who lost the link to their appointment: one answer for everybody (A12, A44, A45)."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import translation
from django.views.decorators.http import require_http_methods

from clinic.directory import limits
from clinic.lib import clock
from clinic.lib.page_language import language_of, shown_in
from clinic.models import Clinic
from reminders.forms import AddressForm
from reminders.lost_link import send_links

# For one address, and from one connection and its network.
FOR_ADDRESS = (5, limits.HOUR)
FROM_HERE = (20, 60, limits.HOUR)


@require_http_methods(["GET", "POST"])
def lost_link(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask for the address; send the link to cards that have it, and say the same whether there are any."""
    clinic = get_object_or_404(Clinic, slug=slug)
    language = language_of(request, translation.get_language() or clinic.language)
    return shown_in(language, request, lambda: _lost_link(request, clinic))


def _lost_link(request: HttpRequest, clinic: Clinic) -> HttpResponse:
    form = AddressForm(request.POST if request.method == "POST" else None, clinic=clinic)
    asked = language_of(request, "")
    query, status = f"?language={asked}" if asked else "", 200
    if request.method == "POST":
        if not form.is_valid():
            status = 422
        elif not _may_ask(request, clinic, form):
            status = 429
        else:
            email, number = form.cleaned_data["email"], form.cleaned_data["number"]
            if email or limits.may_cause_sms(request, clinic, number):
                send_links(clinic=clinic, email=email, number=number, at=clock.now())
            page = reverse("reminders:lost_link", kwargs={"slug": clinic.slug})
            return redirect(f"{page}?sent=1" + (f"&language={asked}" if asked else ""))
    context = {
        "clinic": clinic,
        "form": form,
        "query": query,
        "is_sent": request.method == "GET" and "sent" in request.GET,
        "too_many": status == 429,
    }
    response = render(request, "reminders/lost_link.html", context, status=status)
    if status == 429:
        response["Retry-After"] = str(limits.HOUR)
    return response


def _may_ask(request: HttpRequest, clinic: Clinic, form: AddressForm) -> bool:
    address = form.cleaned_data["email"] or form.cleaned_data["number"]
    is_fine = limits.for_contacts(f"links-of-{clinic.pk}", [address], FOR_ADDRESS)
    return limits.from_here("links", request, clinic, FROM_HERE) and is_fine
