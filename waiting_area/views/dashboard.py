"""The staff's pages: who waits, and the conversation with one caller (W1, W5, W6)."""

import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clinic.access import Member, get_for, staff
from clinic.audit.opening import opened
from clinic.lib import clock
from waiting_area import notices, operations, rules, states
from waiting_area.forms import NoticeForm
from waiting_area.models import Caller
from waiting_area.queries import default_area, list_notices, list_present


@require_safe
@staff("caller.see")
def callers(request: HttpRequest, member: Member) -> HttpResponse:
    """List who is in the waiting area, in the order of arrival (W1)."""
    at = clock.now()
    rows = list(list_present(member.clinic))
    for row in rows:
        row.hours, row.minutes = rules.in_words(at - row.since)  # type: ignore[attr-defined]
        row.is_long = at - row.since >= rules.LONG  # type: ignore[attr-defined]
    area = default_area(member.clinic)
    link = reverse("waiting_area:entry", kwargs={"key": area.key}) if area else ""
    context = {"callers": rows, "now": at, "link": f"{settings.PUBLIC_URL}{link}" if link else ""}
    return render(request, "waiting_area/callers.html", context)


@require_http_methods(["GET", "POST"])
@staff("caller.write")
def caller_notify(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Show the conversation with a caller; a POST sends a notice (W5).

    With script it stands in a dialog on the dashboard, without it is a page of its own.
    """
    caller = get_for(member, Caller.objects.select_related("clinic"), pk, "caller.write")
    at = clock.now()
    form = NoticeForm(request.POST if request.method == "POST" else None, initial={"key": uuid.uuid4().hex})
    status, sent = 200, None
    if request.method == "POST":
        status = 422
        if form.is_valid():
            wanted = form.cleaned_data
            try:
                sent = notices.notify(
                    caller_id=caller.pk, text=wanted["text"], key=wanted["key"], actor=member.actor, at=at
                )
            except states.HasLeft:
                # What was typed stays in the field.
                caller.refresh_from_db()
                status = 409
            else:
                if not request.htmx:  # type: ignore[attr-defined]
                    messages.success(request, _("The notice is sent."))
                    return redirect("waiting_area:caller_notify", slug=member.clinic.slug, pk=caller.pk)
                caller.refresh_from_db()
                status, form = 200, NoticeForm(initial={"key": uuid.uuid4().hex})
    context: dict[str, Any] = {
        "caller": caller,
        "notices": list_notices(caller),
        "form": form,
        "sent": sent,
        "most": rules.NOTICE_LENGTH,
    }
    template = "waiting_area/caller_notify.html"
    with opened(request, member.actor, caller, at=at):
        part = f"{template}#talk" if request.htmx else template  # type: ignore[attr-defined]
        return render(request, part, context, status=status)


@require_POST
@staff("caller.write")
def caller_remove(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Remove a caller; their page says so, and they cannot come back as the same one (W4)."""
    caller = get_for(member, Caller, pk, "caller.write")
    if operations.remove(caller_id=caller.pk, actor=member.actor, at=clock.now()):
        messages.success(request, _("%(name)s was removed.") % {"name": caller.name})
    else:
        messages.info(request, _("%(name)s had left already.") % {"name": caller.name})
    return redirect("waiting_area:callers", slug=member.clinic.slug)
