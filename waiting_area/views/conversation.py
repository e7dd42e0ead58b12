"""What the clinic writes to one caller or to all displayed, and takes back (W5, W7, W8, W12)."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clinic.access import Member, get_for, staff
from clinic.audit.opening import opened
from clinic.audit.operations import record_refused
from clinic.lib import clock
from waiting_area import board, notices, rules, states
from waiting_area.forms.conversation import BroadcastForm, NoticeForm
from waiting_area.models import Broadcast, Caller, Notice
from waiting_area.queries import list_replies


def _fresh() -> dict[str, str]:
    return {"key": uuid.uuid4().hex}


@require_http_methods(["GET", "POST"])
@staff("caller.write")
def caller_notify(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Show the conversation with a caller; a POST sends a notice (W5).

    With script it stands in a drawer beside the list, without it is a page of its own. Without script, too, a
    press on a quick reply puts it into the field.
    """
    caller = get_for(member, Caller.objects.select_related("clinic", "area"), pk, "caller.write")
    at = clock.now()
    form = NoticeForm(request.POST if request.method == "POST" else None, initial=_fresh())
    replies = list_replies(member.clinic, caller.language)
    status, sent = 200, None
    if request.method == "POST" and (chosen := _with_reply(request, replies)):
        form = NoticeForm(initial={**_fresh(), "text": chosen})
    elif request.method == "POST":
        status = 422
        if form.is_valid():
            wanted = form.cleaned_data
            try:
                sent = notices.notify(
                    caller_id=caller.pk, text=wanted["text"], key=wanted["key"], actor=member.actor, at=at
                )
            except states.HasLeft:
                # What was typed stays in the field.
                status = 409
            else:
                if not request.htmx:  # type: ignore[attr-defined]
                    messages.success(request, _("The notice is sent."))
                    return redirect("waiting_area:caller_notify", slug=member.clinic.slug, pk=caller.pk)
                status, form = 200, NoticeForm(initial=_fresh())
            caller.refresh_from_db()
    board.prepare([caller], at=at)
    context: dict[str, Any] = {
        "caller": caller,
        "notices": board.list_conversation(caller, user_id=member.user.pk, at=at),
        "form": form,
        "sent": sent,
        "replies": replies,
        "now": at,
        "most": rules.NOTICE_LENGTH,
    }
    template = "waiting_area/caller_notify.html"
    with opened(request, member.actor, caller, at=at):
        part = f"{template}#talk" if request.htmx else template  # type: ignore[attr-defined]
        return render(request, part, context, status=status)


def _with_reply(request: HttpRequest, replies: list[Any]) -> str:
    """Return what was typed with the quick reply below it whose button was pressed, or nothing."""
    wanted = request.POST.get("reply", "")
    chosen = next((one.text for one in replies if str(one.pk) == wanted), "")
    typed = request.POST.get("text", "").rstrip()
    return f"{typed}\n{chosen}" if typed and chosen else chosen


@require_POST
@staff("caller.write")
def callers_notify(request: HttpRequest, member: Member) -> HttpResponse:
    """Ask for one text to everybody displayed, and send it (W7).

    The first POST brings who was displayed and nothing else; what it brings is looked up again when the text
    comes, as the clinic's own (A71).
    """
    at = clock.now()
    ids = board.ids_in(request.POST.get("to", ""), most=board.MOST_RECIPIENTS)
    asks = "text" not in request.POST
    replies = list_replies(member.clinic, member.clinic.language)
    form = BroadcastForm(None if asks else request.POST, initial={**_fresh(), "to": ",".join(map(str, ids))})
    status = 200
    recipients = Caller.objects.present().filter(clinic=member.clinic, pk__in=ids)
    if chosen := _with_reply(request, replies):
        form = BroadcastForm(initial={**_fresh(), "to": ",".join(map(str, ids)), "text": chosen})
    elif not asks:
        status = 422
        if form.is_valid():
            wanted = form.cleaned_data
            try:
                sent = notices.broadcast(
                    clinic=member.clinic, caller_ids=ids, text=wanted["text"], key=wanted["key"],
                    actor=member.actor, at=at,
                )  # fmt: skip
            except notices.NobodyHere as nobody:
                # What was typed stays in the field.
                status = 409
                if nobody.foreign:
                    record_refused(member.actor, "notice.broadcast", member.clinic, at=at)
            else:
                return _sent(request, member, sent.broadcast)
    context = {
        "recipients": list(recipients.order_by("arrived_at", "pk")),
        "gone": list(Caller.objects.filter(clinic=member.clinic, pk__in=ids, status="left").order_by("pk")),
        "form": form,
        "replies": replies,
        "most": rules.NOTICE_LENGTH,
    }
    # A page that can be opened again is the list: this one is the answer to a press on it.
    request.shown_at = reverse("waiting_area:callers", args=[member.clinic.slug])  # type: ignore[attr-defined]
    template = "waiting_area/callers_notify.html"
    part = f"{template}#ask" if request.htmx else template  # type: ignore[attr-defined]
    return render(request, part, context, status=status)


def _sent(request: HttpRequest, member: Member, broadcast: Broadcast) -> HttpResponse:
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect("waiting_area:broadcast_sent", slug=member.clinic.slug, pk=broadcast.pk)
    return render(request, "waiting_area/broadcast_sent.html#told", _outcome(member, broadcast))


def _outcome(member: Member, broadcast: Broadcast) -> dict[str, Any]:
    at = clock.now()
    reached = board.outcome_of(broadcast, user_id=member.user.pk, at=at)
    first = broadcast.notices.order_by("pk").first()
    to = [caller.pk for caller, _word in reached.rows] + [caller.pk for caller in reached.missed]
    return {
        "broadcast": broadcast,
        "text": first.text if first else "",
        "is_withdrawn": bool(first and first.withdrawn_at),
        "reached": reached,
        "form": BroadcastForm(initial={**_fresh(), "to": ",".join(map(str, to))}),
        "replies": list_replies(member.clinic, member.clinic.language),
        "now": at,
        "most": rules.NOTICE_LENGTH,
    }


@require_safe
@staff("caller.write")
def broadcast_sent(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Say whom a broadcast has reached, counting up; a further text goes to the same people (W7, W8)."""
    broadcast = get_for(member, Broadcast, pk, "caller.write")
    template = "waiting_area/broadcast_sent.html"
    part = f"{template}#told" if request.htmx else template  # type: ignore[attr-defined]
    return render(request, part, _outcome(member, broadcast))


@require_POST
@staff("caller.write")
def notice_withdraw(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Take back what this member has just sent (W12)."""
    notice = get_for(member, Notice.objects.select_related("caller"), pk, "caller.write")
    try:
        notices.withdraw(notice_id=notice.pk, actor=member.actor, at=clock.now())
    except notices.TooLate:
        text, say = _("It is too late: this notice can no longer be taken back."), messages.error
    else:
        text, say = _("The notice was taken back."), messages.success
    if not request.htmx:  # type: ignore[attr-defined]
        say(request, text)
    elif say is messages.error:
        # The press came from a part that nothing is put into: the page, made anew, says it.
        say(request, text)
        response = HttpResponse(status=204)
        response["HX-Refresh"] = "true"
        return response
    elif not notice.broadcast_id:
        return HttpResponse(status=204)  # the open conversation hears of it
    if notice.broadcast_id:
        return redirect("waiting_area:broadcast_sent", slug=member.clinic.slug, pk=notice.broadcast_id)
    return redirect("waiting_area:caller_notify", slug=member.clinic.slug, pk=notice.caller_id)
