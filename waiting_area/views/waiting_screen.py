"""The callers' pages: the waiting screen and what it asks for (W3, W4, W11).

No address names a caller: who asks is in a signed cookie for the area's own path, so that there is
nothing to guess (A46, A52).
"""

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import translation
from django.views.decorators.http import require_POST, require_safe

from clinic.audit.operations import PATIENT
from clinic.lib import clock, phone
from clinic.live.hub import hub
from clinic.live.page import close_stream, now, open_stream, stream_attributes
from clinic.live.subjects import Presence
from clinic.live.tokens import stream_path
from waiting_area import operations
from waiting_area.announcing import notice_html
from waiting_area.enums import Left
from waiting_area.listening import caller_subject
from waiting_area.models import Caller, WaitingArea
from waiting_area.queries import list_notices, place_of, usual_wait

COOKIE = "caller"
SALT = "anteroom.caller"
COOKIE_AGE = 12 * 3600  # seconds: longer than anybody waits
LANGUAGES = {code for code, _name in settings.LANGUAGES}


def language_of(request: HttpRequest, otherwise: str) -> str:
    """Return the language that the address asks for, or another."""
    wanted = request.GET.get("language", "")
    return wanted if wanted in LANGUAGES else otherwise


def shown_in(language: str, request: HttpRequest, view: Callable[[], HttpResponse]) -> HttpResponse:
    """Make a response in a language, and say so in its header."""
    with translation.override(language):
        request.LANGUAGE_CODE = translation.get_language()
        response = view()
    # The locale middleware would name the browser's language, which this page is not written in.
    response.headers.setdefault("Content-Language", language)
    return response


def find_caller(request: HttpRequest, area: WaitingArea) -> Caller | None:
    """Return as whom this browser entered the area, or None if it has not.

    Raises:
        Http404: its cookie is forged, or another area's (A46).
    """
    cookie = request.COOKIES.get(COOKIE, "")
    try:
        number = signing.loads(cookie, salt=SALT, max_age=COOKIE_AGE) if cookie else None
    except signing.SignatureExpired:
        return None
    except signing.BadSignature:
        raise Http404 from None
    if number is None:
        return None
    found = Caller.objects.select_related("area__clinic", "clinic").filter(pk=number, area=area).first()
    if found is None:
        raise Http404
    return found


def for_caller(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Open a view to the browser that entered this area; it gets the `Caller` and the page's language."""

    @wraps(view)
    def guarded(request: HttpRequest, key: str) -> HttpResponse:
        area = get_object_or_404(WaitingArea, key=key)
        caller = find_caller(request, area)
        if caller is None:
            raise Http404
        language = language_of(request, caller.language)
        return shown_in(language, request, lambda: view(request, caller))

    return guarded


def address(name: str, caller: Caller, request: HttpRequest) -> str:
    """Return one of the caller's addresses, in the language that the page was asked for."""
    language = language_of(request, "")
    url = reverse(f"waiting_area:{name}", kwargs={"key": caller.area.key})
    return f"{url}?language={language}" if language else url


def _phone_of(area: WaitingArea) -> dict[str, str]:
    number = area.clinic.phone
    return {"phone": phone.pretty(number) if number else "", "phone_link": number}


# --- Waiting ---------------------------------------------------------------------------------------


def _standing(caller: Caller) -> dict[str, Any]:
    """Return what the waiting screen shows besides the notices."""
    place = place_of(caller)
    return {"place": place, "minutes": usual_wait(caller.area, clock.now()) if place else None}


@require_safe
def wait(request: HttpRequest, key: str) -> HttpResponse:
    """Show the waiting screen: place, usual wait, the clinic's words, the conversation (W3)."""
    since = now()
    area = get_object_or_404(WaitingArea.objects.select_related("clinic"), key=key)
    caller = find_caller(request, area)
    if caller is None:
        return redirect("waiting_area:entry", key=key)
    return shown_in(language_of(request, caller.language), request, lambda: _wait(request, caller, since))


def _wait(request: HttpRequest, caller: Caller, since: int) -> HttpResponse:
    context: dict[str, Any] = {
        "caller": caller,
        "area": caller.area,
        "clinic": caller.clinic,
        "notices": list_notices(caller),
        "resume_url": address("wait_resume", caller, request),
        "leave_url": address("wait_leave", caller, request),
        **_phone_of(caller.area),
    }
    if not caller.is_present:
        context.update(may_resume=caller.may_resume(clock.now()), how=caller.how_left)
        return render(request, "waiting_area/wait_over.html", context)
    subject = caller_subject(caller, language=translation.get_language())
    context.update(
        _standing(caller),
        stream=stream_attributes(subject, renew=address("wait_listen", caller, request), since=since),
        state_url=address("wait_state", caller, request),
    )
    response = render(request, "waiting_area/wait.html", context)
    open_stream(response, subject)
    # Without script this is the only sign of life; it is written down with the others', not by this GET.
    hub.note(Presence(subject, caller.last_number, True, clock.now()))
    return response


@require_safe
@for_caller
def wait_state(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Tell an open page how its caller stands, and the notices after the last it has (W11)."""
    if not caller.is_present:
        return JsonResponse({"is_present": False, "may_resume": caller.may_resume(clock.now())})
    after = request.GET.get("after", "")
    notices = list_notices(caller, after=int(after) if after.isdecimal() and len(after) < 9 else 0)
    standing = _standing(caller)
    return JsonResponse(
        {
            "is_present": True,
            "status": caller.status,
            "place": standing["place"],
            "notices": [{"number": one.number, "html": notice_html(one)} for one in notices],
        }
    )


@require_POST
@for_caller
def wait_listen(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Give an open page its next token; who was away for a short time is back with it (W4)."""
    try:
        caller = operations.resume(caller_id=caller.pk, at=clock.now())
    except operations.CannotResume:
        return HttpResponse(status=410)
    subject = caller_subject(caller, language=translation.get_language())
    response = HttpResponse(status=204)
    response["X-Live"] = stream_path(subject)
    open_stream(response, subject)
    return response


@require_POST
@for_caller
def wait_resume(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Come back to the waiting screen after a short absence; where that is too late, it says so."""
    # Where it is too late, the page that follows says so.
    with suppress(operations.CannotResume):
        operations.resume(caller_id=caller.pk, at=clock.now())
    return redirect(address("wait", caller, request))


@require_POST
@for_caller
def wait_leave(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Leave the waiting area; the page that follows offers to come in anew."""
    operations.leave(caller_id=caller.pk, how=Left.THEMSELVES, actor=PATIENT, at=clock.now())
    response = redirect(address("wait", caller, request))
    close_stream(response, caller_subject(caller, language=caller.language))
    return response
