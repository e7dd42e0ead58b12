"""The callers' pages: the waiting screen and what it asks for (W3, W4, W11).

No address names a caller: who asks is in a signed cookie for the area's own path, so that there is
nothing to guess (A46, A52).
"""

import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.views.decorators.http import require_POST, require_safe

from clinic.audit.operations import PATIENT
from clinic.lib import clock, phone
from clinic.lib.page_language import language_of, shown_in
from clinic.live.hub import hub
from clinic.live.page import close_stream, now, open_stream, stream_attributes
from clinic.live.subjects import Presence
from clinic.live.tokens import stream_path
from waiting_area import operations
from waiting_area.enums import Left
from waiting_area.forms.conversation import WriteForm
from waiting_area.listening import caller_subject
from waiting_area.models import Caller, WaitingArea
from waiting_area.pages import as_event, standing_of
from waiting_area.queries import list_notices, list_withdrawn

COOKIE = "caller"
SALT = "anteroom.caller"
COOKIE_AGE = 12 * 3600  # seconds: longer than anybody waits


def find_caller(request: HttpRequest, area: WaitingArea) -> Caller | None:
    """Return as whom this browser entered the area, or None if it has not.

    Who was sent to another of the clinic's areas goes on by the address they came in by (E5.8).

    Raises:
        Http404: its cookie is forged, or another clinic's (A46).
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
    rows = Caller.objects.select_related("area__clinic", "clinic")
    found = rows.filter(pk=number, clinic_id=area.clinic_id).first()
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


def door_of(caller: Caller, request: HttpRequest) -> str:
    """Return the key in the addresses of this browser's pages: of the area they came in by, wherever they are."""
    match = request.resolver_match
    return str(match.kwargs["key"]) if match else caller.area.key


def address(name: str, caller: Caller, request: HttpRequest) -> str:
    """Return one of the caller's addresses, in the language that the page was asked for."""
    language = language_of(request, "")
    url = reverse(f"waiting_area:{name}", kwargs={"key": door_of(caller, request)})
    return f"{url}?language={language}" if language else url


def remember(response: HttpResponse, caller: Caller) -> None:
    """Let this browser be the caller's, on the addresses of the area they are in."""
    response.set_cookie(
        COOKIE,
        signing.dumps(caller.pk, salt=SALT),
        max_age=COOKIE_AGE,
        path=reverse("waiting_area:entry", kwargs={"key": caller.area.key}),
        secure=settings.SECURE,
        httponly=True,
        samesite="Lax",
    )


def _phone_of(area: WaitingArea) -> dict[str, str]:
    number = area.clinic.phone
    return {"phone": phone.pretty(number) if number else "", "phone_link": number}


# --- Waiting ---------------------------------------------------------------------------------------


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
    at = clock.now()
    context: dict[str, Any] = {
        "caller": caller,
        "area": caller.area,
        "clinic": caller.clinic,
        "notices": list_notices(caller),
        "page_url": reverse("waiting_area:wait", kwargs={"key": door_of(caller, request)}),
        "resume_url": address("wait_resume", caller, request),
        "leave_url": address("wait_leave", caller, request),
        **_phone_of(caller.area),
    }
    if not caller.is_present:
        context.update(may_resume=caller.may_resume(at), how=caller.how_left)
        return render(request, "waiting_area/wait_over.html", context)
    subject = caller_subject(caller, language=translation.get_language())
    context.update(
        standing_of(caller, at=at),
        stream=stream_attributes(subject, renew=address("wait_listen", caller, request), since=since),
        state_url=address("wait_state", caller, request),
        write_url=address("wait_write", caller, request),
        form=WriteForm(initial={"key": uuid.uuid4().hex}),
    )
    response = render(request, "waiting_area/wait.html", context)
    open_stream(response, subject)
    # Without script this is the only sign of life; it is written down with the others', not by this GET.
    hub.note(Presence(subject, caller.last_number, True, at))
    return response


@require_safe
@for_caller
def wait_state(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Tell an open page how its caller stands, and the notices after the last it has (W11)."""
    at = clock.now()
    if not caller.is_present:
        return JsonResponse({"is_present": False, "may_resume": caller.may_resume(at)})
    asked = request.GET.get("after", "")
    after = int(asked) if asked.isdecimal() and len(asked) < 9 else 0
    standing = standing_of(caller, at=at)
    if standing["may_write"] and "form" in request.GET:
        # The clinic takes messages since the page was made, which has no field yet (W9).
        context = {
            "form": WriteForm(initial={"key": uuid.uuid4().hex}),
            "write_url": address("wait_write", caller, request),
        }
        standing["form"] = render_to_string("waiting_area/_write.html", context, request)
    return JsonResponse(
        {
            "is_present": True,
            "status": caller.status,
            **standing,
            "notices": [as_event(one) for one in list_notices(caller, after=after)],
            "withdrawn": list_withdrawn(caller, upto=after),
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
