"""The staff's list: who waits, by a filter, and what is done with one of them (W1, W2, W13)."""

import json
import math
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from clinic.access import Member, get_for, staff
from clinic.lib import clock
from clinic.models import Calendar
from waiting_area import board, calls, notices, operations, rules, states
from waiting_area.enums import Status
from waiting_area.forms.conversation import TransferForm
from waiting_area.models import Call, Caller, WaitingArea
from waiting_area.pages import opening_in_words
from waiting_area.queries import is_taking_callers, list_areas, next_change


@require_http_methods(["GET", "POST"])
@staff("caller.see")
def callers(request: HttpRequest, member: Member) -> HttpResponse:
    """List who is in the waiting area, in the order of arrival, by a filter (W1, W2).

    `rows` in the address asks for these rows alone: an open page fetches what changed. A POST filters by
    text where no script does it: names stand in no address.
    """
    at = clock.now()
    areas = list(list_areas(member.clinic))
    calendars = list(
        Calendar.objects.filter(clinic=member.clinic).select_related("practitioner").order_by("name")
    )
    chosen = board.Filter.read(request.GET, calendars, areas)
    text = request.POST.get("text", "")[: rules.NAME_LENGTH]
    only = board.ids_in(request.GET["rows"], most=board.MOST_ROWS) if "rows" in request.GET else None
    found = board.list_callers(member.clinic, chosen, at=at, only=only, text=text)
    area = next((one for one in areas if one.pk == chosen.area), areas[0] if areas else None)
    link = reverse("waiting_area:entry", kwargs={"key": area.key}) if area else ""
    counts = board.count_by_status(member.clinic, chosen, at=at)
    context: dict[str, Any] = {
        "callers": found,
        "displayed": [one.pk for one in found if one.is_present],
        "only": only,
        "chosen": chosen,
        "back": f"?{chosen.query}" if chosen.query else "",
        "statuses": [(status, status in chosen.shown, counts[status]) for status in Status],
        "counts": json.dumps(counts),
        "areas": areas,
        "area": area,
        "calendars": calendars,
        "text": text,
        "now": at,
        "link": f"{settings.PUBLIC_URL}{link}" if link else "",
    }
    if only is None:
        context |= _hours([area] if area and chosen.area else areas, at)
    template = "waiting_area/callers.html"
    return render(request, f"{template}#list" if only is not None else template, context)


def _hours(areas: list[WaitingArea], at: datetime) -> dict[str, Any]:
    """Return which of the areas take nobody new, and in how many seconds that changes by their hours (E5.9)."""
    prefetch_related_objects(areas, "hours")
    changes = [change for one in areas if (change := next_change(one, at))]
    return {
        "shut": [(one, opening_in_words(one, at)) for one in areas if not is_taking_callers(one, at)],
        # A second more: what asks a moment too early would not ask again.
        "turns_in": math.ceil((min(changes) - at).total_seconds()) + 1 if changes else None,
    }


@require_POST
@staff("caller.write")
def caller_remove(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Remove a caller; their page says so, and they cannot come back as the same one (W4)."""
    caller = get_for(member, Caller, pk, "caller.write")
    try:
        was_here = operations.remove(caller_id=caller.pk, actor=member.actor, at=clock.now())
    except states.Attended as attended:
        _say_attended(request, attended)
    else:
        if was_here:
            messages.success(request, _("%(name)s was removed.") % {"name": caller.name})
        else:
            _say_left(request, caller)
    return to_list(request, member)


@require_POST
@staff("caller.write")
def caller_tick_off(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Mark what a caller asked as answered, without a word to them (W6)."""
    caller = get_for(member, Caller, pk, "caller.write")
    notices.tick_off(caller_id=caller.pk, actor=member.actor, at=clock.now())
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponse(status=204)  # the open conversation hears of it
    messages.success(request, _("Marked as answered."))
    return to_list(request, member)


@require_POST
@staff("caller.write")
def caller_hold(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Put a caller on hold with whom nobody is (W14)."""
    caller = get_for(member, Caller, pk, "caller.write")
    try:
        calls.hold(caller_id=caller.pk, actor=member.actor, at=clock.now())
    except (calls.NotInCall, states.WrongState):
        messages.info(request, _("Somebody else was quicker: nothing was changed."))
    else:
        messages.success(request, _("%(name)s is on hold.") % {"name": caller.name})
    return to_list(request, member)


@require_http_methods(["GET", "POST"])
@staff("caller.write")
def caller_transfer(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Send a caller to another waiting area or practitioner of the clinic (W15, E5.8)."""
    caller = get_for(member, Caller, pk, "caller.write")
    form = TransferForm(request.POST or None, caller=caller)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                operations.transfer(
                    caller_id=caller.pk, area=form.cleaned_data["area"],
                    calendar=form.cleaned_data["calendar"], actor=member.actor, at=clock.now(),
                )  # fmt: skip
            except states.HasLeft:
                _say_left(request, caller)
            except states.Attended as attended:
                _say_attended(request, attended)
            else:
                messages.success(request, _("%(name)s was transferred.") % {"name": caller.name})
            return to_list(request, member)
    template = "waiting_area/caller_transfer.html"
    part = f"{template}#ask" if request.htmx else template  # type: ignore[attr-defined]
    context = {"caller": caller, "form": form, "query": request.GET.urlencode()}
    return render(request, part, context, status=status)


@require_http_methods(["GET", "POST"])
@staff("caller.write")
def caller_join(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Join a caller, after a look at whether it is the right one where the area asks for that (W13, W14).

    A GET, and a press on a row that has become old, ask first; so does bringing somebody into one's own call
    (`into`: its key).
    """
    caller = get_for(member, Caller.objects.select_related("area", "clinic"), pk, "caller.write")
    wanted = request.POST.get("into") or request.GET.get("into", "")
    into = Call.objects.filter(clinic=member.clinic, key=wanted).first() if wanted else None
    status, problem = 200, ""
    if request.method == "POST":
        is_sure = "sure" in request.POST
        seen = request.POST.get("was", "")
        if (caller.area.confirms_name or into) and not is_sure:
            status = 409
        else:
            try:
                call = calls.join(
                    caller_id=caller.pk, actor=member.actor, at=clock.now(),
                    was=Status(seen) if seen in Status.values else None, into=into,
                )  # fmt: skip
            except states.HasLeft:
                _say_left(request, caller)
                return to_list(request, member)
            except states.WrongState:
                status, problem = 409, "changed"
            except calls.InAnotherCall as error:
                messages.error(request, _("You are still in this call. Leave it before you join another."))
                return redirect("waiting_area:call", slug=member.clinic.slug, key=error.call.key)
            except (calls.CallOver, calls.NotInCall):
                status, problem, into = 409, "changed", None
            else:
                return redirect("waiting_area:call", slug=member.clinic.slug, key=call.key)
        caller.refresh_from_db()
    if not caller.is_present:
        _say_left(request, caller)
        return to_list(request, member)
    board.prepare([caller], at=clock.now())
    context = {"caller": caller, "problem": problem, "into": into}
    return render(request, "waiting_area/caller_join.html", context, status=status)


def _say_attended(request: HttpRequest, attended: states.Attended) -> None:
    names = ", ".join(attended.names)
    text = _("Nothing was changed: %(names)s is in a call with them. Only who is in the call can do this.")
    messages.error(request, text % {"names": names})


def _say_left(request: HttpRequest, caller: Caller) -> None:
    messages.info(request, _("%(name)s had left already.") % {"name": caller.name})


def to_list(request: HttpRequest, member: Member) -> HttpResponse:
    """Go back to the list as it was filtered (W2); a dialog on it lets the browser do so."""
    areas = WaitingArea.objects.filter(clinic=member.clinic)
    chosen = board.Filter.read(request.GET, Calendar.objects.filter(clinic=member.clinic), areas)
    url = reverse("waiting_area:callers", args=[member.clinic.slug])
    url = f"{url}?{chosen.query}" if chosen.query else url
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect(url)
    response = HttpResponse(status=204)
    response["HX-Redirect"] = url
    return response
