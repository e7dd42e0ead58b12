"""What a patient wants to be invited to: by the link in each invitation, or by the mail program's own button (P16)."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from clinic.audit.operations import PATIENT
from clinic.lib import clock
from clinic.lib.page_language import language_of
from messaging import link_session
from messaging.enums import Purpose
from messaging.links import LinkGone, find_by_token
from notifications.enums import ToldBy
from notifications.invitations import opt_out
from notifications.registry import list_invitations
from reminders.choices import Choices, choose, find_choices, list_choices

for_patient = link_session.for_patient(Purpose.CHOICES, find_choices)
PAGE = "reminders:patient_choices"


@require_safe
def choices_link(request: HttpRequest, token: str) -> HttpResponse:
    """Take the token out of the address and go on to the page; a GET or HEAD changes nothing (A19)."""
    return link_session.take_token(request, token, purpose=Purpose.CHOICES, page=PAGE)


# A mail program has no cookie and no page of ours: the token is what it shows (RFC 8058).
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str, kind: str) -> HttpResponse:
    """Refuse one kind for a mail program that presses its button; whoever opens the address sees the page."""
    if kind not in {one.name for one in list_invitations()}:
        raise Http404
    if request.method != "POST":
        return link_session.take_token(request, token, purpose=Purpose.CHOICES, page=PAGE)
    if request.POST.get("List-Unsubscribe") != "One-Click":
        return HttpResponse(status=400)
    try:
        link = find_by_token(token, purpose=Purpose.CHOICES, at=clock.now())
    except LinkGone:
        return HttpResponse(status=410)
    choices = find_choices(link.object_id) if link else None
    if choices is None:
        raise Http404
    opt_out(patient=choices.patient, kind=kind, told_by=ToldBy.ONE_CLICK, actor=PATIENT, at=clock.now())
    return HttpResponse(status=200, content_type="text/plain; charset=utf-8")


@require_http_methods(["GET", "HEAD", "POST"])
@for_patient
def patient_choices(request: HttpRequest, key: str, choices: Choices) -> HttpResponse:
    """Show what the patient is invited to; a POST writes down what they ticked, or that they want nothing."""
    here = reverse(PAGE, kwargs={"key": key})
    if request.method == "POST":
        wanted = set() if "none" in request.POST else set(request.POST.getlist("wanted"))
        choose(patient=choices.patient, wanted=wanted, at=clock.now())
        language = language_of(request, "")
        return redirect(f"{here}?saved=1{f'&language={language}' if language else ''}")
    request.shown_at = here  # type: ignore[attr-defined]
    found = list_choices(choices.patient)
    context = {
        "clinic": choices.patient.clinic,
        "key": key,
        "choices": found,
        "wants_some": any(one.is_wanted for one in found),
        "is_saved": "saved" in request.GET,
    }
    return render(request, "reminders/patient_choices.html", context)
