"""The public entry of a waiting area: what it asks for, and whom it lets in (W3, E5.9)."""

import uuid
from typing import Any

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import translation
from django.views.decorators.http import require_http_methods

from clinic.access import find_member
from clinic.audit.operations import PATIENT
from clinic.lib import clock
from clinic.lib.page_language import language_of, shown_in
from clinic.lib.rate import is_within
from waiting_area import operations, rules
from waiting_area.forms.entry import EntryForm
from waiting_area.models import Caller, WaitingArea
from waiting_area.pages import opening_in_words
from waiting_area.queries import is_taking_callers
from waiting_area.views.waiting_screen import address, find_caller, remember


@require_http_methods(["GET", "POST"])
def entry(request: HttpRequest, key: str) -> HttpResponse:
    """Ask what the area asks for; who waits here already goes on to their screen."""
    area = get_object_or_404(WaitingArea.objects.select_related("clinic"), key=key)
    try:
        caller = find_caller(request, area)
    except Http404:
        caller = None  # whatever cookie there is: this door is open to everybody
    if caller is not None and (caller.is_present or caller.may_resume(clock.now())):
        return redirect(address("wait", caller, request))
    language = language_of(request, translation.get_language() or area.clinic.language)
    return shown_in(language, request, lambda: _entry(request, area))


def _entry(request: HttpRequest, area: WaitingArea) -> HttpResponse:
    at = clock.now()
    form = EntryForm(request.POST or None, area=area, key=uuid.uuid4().hex)
    is_open, status = is_taking_callers(area, at), 200
    if request.method == "POST":
        # Only who could come in is counted: a mistake in the form is nobody's abuse.
        if not form.is_valid():
            status = 422 if is_open else 409
        elif not _may_come(request, area):
            status = 429
        else:
            try:
                caller = operations.arrive(area=area, actor=PATIENT, at=at, **_wanted(form))
            except operations.AreaClosed:
                is_open, status = False, 409
            except ValidationError as error:
                # The area asks for something else since the form was looked through.
                form.add_error(None, error)
                status = 422
            else:
                return _let_in(request, caller)
    context = {
        "area": area,
        "clinic": area.clinic,
        "form": form,
        "is_open": is_open,
        "too_many": status == 429,
        "opens": "" if is_open else opening_in_words(area, at),
    }
    response = render(request, "waiting_area/entry.html", context, status=status)
    if status == 429:
        response["Retry-After"] = str(rules.ARRIVALS_SECONDS)
    return response


def _wanted(form: EntryForm) -> dict[str, Any]:
    told = {name: value for name, value in form.cleaned_data.items() if name != "consent"}
    return {"purpose": "", "language": translation.get_language(), **told}


def _may_come(request: HttpRequest, area: WaitingArea) -> bool:
    """Return whether one more caller may come from this address; members of the clinic always may."""
    if request.user.is_authenticated and find_member(request.user, area.clinic.slug):
        return True
    came_from = request.META.get("REMOTE_ADDR", "")
    return is_within(f"arrivals:{came_from}", most=rules.MOST_ARRIVALS, seconds=rules.ARRIVALS_SECONDS)


def _let_in(request: HttpRequest, caller: Caller) -> HttpResponse:
    response = redirect(address("wait", caller, request))
    remember(response, caller)
    return response
