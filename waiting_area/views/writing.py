"""What a caller writes to the clinic (W9, A48 to A51)."""

import re
import uuid
from contextlib import suppress

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from clinic.lib import clock
from clinic.lib.rate import is_within
from clinic.live.hub import hub
from clinic.live.subjects import Presence
from waiting_area import notices, operations, rules
from waiting_area.forms.conversation import WriteForm
from waiting_area.forms.fields import KEY
from waiting_area.listening import caller_subject
from waiting_area.models import Caller
from waiting_area.pages import as_event, why_not
from waiting_area.queries import is_sent
from waiting_area.views.waiting_screen import address, door_of, for_caller


@require_http_methods(["GET", "POST"])
@for_caller
def wait_write(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Take a message to the clinic (W9); the page's script is answered with the notice itself.

    GET shows the field on a page of its own: without script the waiting screen comes anew every half
    minute, and would take with it what somebody is typing.
    """
    at = clock.now()
    if not caller.is_present and request.method == "GET":
        return redirect(address("wait", caller, request))
    if not caller.is_present:
        # Somebody who writes is not away.
        with suppress(operations.CannotResume):
            caller = operations.resume(caller_id=caller.pk, at=at)
    if request.method == "GET":
        return _writing(request, caller, WriteForm(initial={"key": uuid.uuid4().hex}))
    form = WriteForm(request.POST)
    if int(request.META.get("CONTENT_LENGTH") or 0) > rules.MOST_BYTES:
        return _refuse(request, caller, form, 413, _too_long())
    if not caller.may_write and not is_sent(caller, str(form.data.get("key", ""))):
        return _refuse(request, caller, form, 403, why_not(caller))
    if not form.is_valid():
        return _refuse(request, caller, form, 422, *form.errors.get("text", ()))
    if not is_within(f"notices:{caller.pk}", most=rules.MOST_NOTICES, seconds=rules.NOTICES_SECONDS):
        return _refuse(request, caller, form, 429, _too_many())
    wanted = form.cleaned_data
    try:
        made = notices.write(caller_id=caller.pk, text=wanted["text"], key=wanted["key"], at=at)
    except notices.MayNotWrite:
        caller.refresh_from_db()
        return _refuse(request, caller, form, 403, why_not(caller))
    if _is_by_script(request):
        return JsonResponse({**as_event(made), "key": uuid.uuid4().hex})
    return redirect(address("wait", caller, request))


def _is_by_script(request: HttpRequest) -> bool:
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def _too_long() -> str:
    return _("This is too long: at most %(most)s characters.") % {"most": rules.NOTICE_LENGTH}


def _too_many() -> str:
    return _(
        "You have written many messages within a minute. Please try again in a minute; what you typed is "
        "still here."
    )


def _refuse(request: HttpRequest, caller: Caller, form: WriteForm, status: int, *why: str) -> HttpResponse:
    """Say beside the field why a message was not sent; what was typed stays there."""
    sentence = why[0] if why else _("Your message was not sent. Please try again.")
    if _is_by_script(request):
        response: HttpResponse = JsonResponse({"error": sentence}, status=status)
    else:
        response = _writing(request, caller, form, status=status, error=sentence)
    if status == 429:
        response["Retry-After"] = str(rules.NOTICES_SECONDS)
    return response


def _writing(
    request: HttpRequest, caller: Caller, form: WriteForm, *, status: int = 200, error: str = ""
) -> HttpResponse:
    page_url = reverse("waiting_area:wait_write", kwargs={"key": door_of(caller, request)})
    request.shown_at = page_url  # type: ignore[attr-defined]
    if error:
        key = str(form.data.get("key", ""))
        # Only a form that is none of ours lacks its key; the next press brings a good one.
        key = key if re.fullmatch(KEY, key) else uuid.uuid4().hex
        form = WriteForm({"text": str(form.data.get("text", "")), "key": key})
        form.errors["text"] = form.error_class([error] if caller.may_write else [])
    if not caller.may_write:
        status = 403
        form.fields["text"].widget.attrs["readonly"] = True
    context = {
        "caller": caller,
        "clinic": caller.clinic,
        "form": form,
        "may_write": caller.may_write,
        "may_not": why_not(caller),
        "page_url": page_url,
        "wait_url": address("wait", caller, request),
        "write_url": address("wait_write", caller, request),
    }
    if caller.is_present:
        # Without script somebody who types gives no other sign of life.
        subject = caller_subject(caller, language=translation.get_language())
        hub.note(Presence(subject, caller.seen_number, True, clock.now()))
    return render(request, "waiting_area/wait_write.html", context, status=status)
