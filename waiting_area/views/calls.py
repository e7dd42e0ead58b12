"""The page of a call: who is in it, hold, and leaving it (W13, W14).

Its address is the call's own key, which nobody can guess, and it opens to who is in the call only (A54).
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from clinic.access import Member, staff
from clinic.audit.opening import opened
from clinic.audit.operations import record_refused
from clinic.lib import clock
from clinic.live.page import open_stream, stream_attributes
from clinic.live.tokens import stream_path
from waiting_area import board, calls, operations, states
from waiting_area.enums import Left, Status
from waiting_area.listening import participant_subject
from waiting_area.models import Call, Caller, Participation
from waiting_area.views.dashboard import to_list


def in_call(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Open a view to the clinic's people who are in the call; it gets the call and their participation.

    Answers: another clinic's call or an unknown one 404; over, or the member is out of it, 410; never in it 403.
    """

    @wraps(view)
    def guarded(request: HttpRequest, member: Member, key: str, **kwargs: Any) -> HttpResponse:
        call = Call.objects.filter(clinic=member.clinic, key=key).first()
        if call is None:
            raise Http404
        if "pk" in kwargs and not Caller.objects.filter(clinic=member.clinic, pk=kwargs["pk"]).exists():
            raise Http404
        here = call.participations.filter(user=member.user, gone_at=None).first()
        if here is not None:
            return view(request, member, call, here, **kwargs)
        if not call.is_over and not call.participations.filter(user=member.user).exists():
            record_refused(member.actor, "call.see", member.clinic, at=clock.now())
            raise PermissionDenied
        # Whoever was in it finds the way back, if anybody is still there.
        context = {"call": call, "callers": _callers(call)}
        return render(request, "waiting_area/call_over.html", context, status=410)

    return guarded


def _callers(call: Call) -> list[Caller]:
    rows = Caller.objects.filter(call=call).select_related("area", "clinic", "calendar__practitioner")
    return list(rows.order_by("arrived_at", "pk"))


@require_safe
@staff("caller.write")
@in_call
def call(request: HttpRequest, member: Member, call: Call, here: Participation) -> HttpResponse:
    """Show a call to somebody who is in it."""
    at = clock.now()
    callers = _callers(call)
    board.prepare(callers, at=at)
    waiting = Caller.objects.present().filter(clinic=member.clinic, status=Status.WAITING)
    waiting = waiting.select_related("calendar__practitioner")
    staff_here = call.participations.filter(gone_at=None).select_related("user").order_by("joined_at", "pk")
    talks = [
        {"caller": one, "notices": board.list_conversation(one, user_id=member.user.pk, at=at)}
        for one in callers
    ]
    context: dict[str, Any] = {
        "call": call,
        "callers": callers,
        "talks": talks,
        "staff_here": list(staff_here),
        "waiting": list(waiting.order_by("arrived_at", "pk")[: board.MOST_ROWS]),
        "now": at,
    }
    subject = participant_subject(request, member, here)
    if subject is not None:
        renew = reverse("waiting_area:call_listen", args=[member.clinic.slug, call.key])
        context["stream"] = stream_attributes(subject, renew=renew, since=request.begun_at)  # type: ignore[attr-defined]
    with opened(request, member.actor, call, at=at, along=callers):
        response = render(request, "waiting_area/call.html", context)
    if subject is not None:
        open_stream(response, subject)
    return response


@require_POST
@staff("caller.write")
def call_listen(request: HttpRequest, member: Member, key: str) -> HttpResponse:
    """Give a call's open page its next token, as long as its member is in the call (R27)."""
    here = Participation.objects.filter(
        clinic=member.clinic, call__key=key, user=member.user, gone_at=None
    ).first()
    if here is None:
        return HttpResponse(status=410)
    subject = participant_subject(request, member, here)
    if subject is None:
        raise Http404
    response = HttpResponse(status=204)
    response["X-Live"] = stream_path(subject)
    open_stream(response, subject)
    return response


@require_POST
@staff("caller.write")
@in_call
def call_leave(request: HttpRequest, member: Member, call: Call, here: Participation) -> HttpResponse:
    """Leave a call; whoever would leave callers alone is asked what becomes of them (W14)."""
    wanted = request.POST.get("rest", "")
    rest = calls.Rest(wanted) if wanted in {str(one) for one in calls.Rest} else None
    try:
        calls.leave_call(call=call, actor=member.actor, rest=rest, at=clock.now())
    except calls.NotHeld as warning:
        context = {"call": call, "callers": warning.callers}
        request.shown_at = reverse("waiting_area:call", args=[member.clinic.slug, call.key])  # type: ignore[attr-defined]
        template = "waiting_area/call_leave.html"
        return render(request, f"{template}#ask" if request.htmx else template, context, status=409)  # type: ignore[attr-defined]
    except calls.NotInCall:
        messages.info(request, _("You had left this call already."))
    else:
        messages.success(request, _("You have left the call."))
    return to_list(request, member)


@require_POST
@staff("caller.write")
@in_call
def call_end(request: HttpRequest, member: Member, call: Call, here: Participation) -> HttpResponse:
    """End a call for everybody in it (W14)."""
    try:
        calls.end_call(call=call, actor=member.actor, at=clock.now())
    except (calls.CallOver, calls.NotInCall):
        messages.info(request, _("The call had ended already."))
    else:
        messages.success(request, _("The call has ended."))
    return redirect("waiting_area:callers", slug=member.clinic.slug)


def _act(
    request: HttpRequest, member: Member, call: Call, pk: int, act: Callable[[Caller], object]
) -> HttpResponse:
    """Do something with a caller on the page of a call, and go back to it."""
    caller = Caller.objects.get(clinic=member.clinic, pk=pk)
    try:
        act(caller)
    except states.HasLeft:
        messages.info(request, _("%(name)s had left already.") % {"name": caller.name})
    except (states.WrongState, calls.NotInCall, calls.CallOver, calls.InAnotherCall):
        messages.info(request, _("Somebody else was quicker: nothing was changed."))
    return redirect("waiting_area:call", slug=member.clinic.slug, key=call.key)


@require_POST
@staff("caller.write")
@in_call
def call_hold(request: HttpRequest, member: Member, call: Call, here: Participation, pk: int) -> HttpResponse:
    """Put one caller of the call on hold (W13)."""

    def act(caller: Caller) -> None:
        if caller.call_id != call.pk:
            raise calls.NotInCall
        calls.hold(caller_id=caller.pk, actor=member.actor, at=clock.now())

    return _act(request, member, call, pk, act)


@require_POST
@staff("caller.write")
@in_call
def call_bring(
    request: HttpRequest, member: Member, call: Call, here: Participation, pk: int
) -> HttpResponse:
    """Take a caller of the call off hold (W13); who waits is looked at before they are brought in."""

    def act(caller: Caller) -> None:
        if not caller.is_present:
            raise states.HasLeft
        if caller.call_id != call.pk:
            raise calls.NotInCall
        seen = request.POST.get("was", "")
        calls.join(
            caller_id=caller.pk, actor=member.actor, into=call, at=clock.now(),
            was=Status(seen) if seen in Status.values else None,
        )  # fmt: skip

    return _act(request, member, call, pk, act)


@require_POST
@staff("caller.write")
@in_call
def call_part(request: HttpRequest, member: Member, call: Call, here: Participation, pk: int) -> HttpResponse:
    """Say goodbye to one caller of the call; the others stay (W14)."""

    def act(caller: Caller) -> None:
        if caller.call_id != call.pk:
            raise calls.NotInCall
        operations.leave(caller_id=caller.pk, how=Left.ENDED, actor=member.actor, at=clock.now())

    return _act(request, member, call, pk, act)
