"""The today board, booking, and the appointment's page."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clinic.access import Member, get_for, staff
from clinic.appointments import operations
from clinic.appointments.booking_page import BookingPage
from clinic.appointments.enums import TRANSITIONS, CancelledBy, Status
from clinic.appointments.forms import CancelForm, MarkForm, MoveForm
from clinic.appointments.history import list_story
from clinic.appointments.in_place import is_in_place, say_done, show
from clinic.appointments.models import Appointment
from clinic.appointments.news import BOOKED, CANCELLED, MOVED, News, as_moved, told
from clinic.appointments.operations import NotAllowed, StaleAppointment, Taken
from clinic.appointments.queries import is_restorable, list_day, list_taken, list_unreachable
from clinic.audit.opening import opened
from clinic.calendars.models import Calendar
from clinic.calendars.queries import open_spans
from clinic.forms import VersionForm
from clinic.lib import clock, when
from clinic.lib.local_time import is_repeated
from clinic.panels import rendered

UNREACHABLE_SHOWN = 5
MARKED = {
    Status.DONE: gettext_lazy("Marked as done."),
    Status.NO_SHOW: gettext_lazy("Marked as no-show."),
    Status.BOOKED: gettext_lazy("The mark is taken back."),
}


@require_safe
@staff("board.see")
def today(request: HttpRequest, member: Member) -> HttpResponse:
    """Show what needs somebody now, then the day's appointments (screens: Today)."""
    at = clock.now()
    this_day = at.astimezone(member.clinic.zone).date()
    try:
        day = date.fromisoformat(request.GET.get("day", ""))
        before, after = day - timedelta(days=1), day + timedelta(days=1)
    except (ValueError, OverflowError):
        day, before, after = this_day, this_day - timedelta(days=1), this_day + timedelta(days=1)
    calendars = list(Calendar.objects.filter(clinic=member.clinic).order_by("name"))
    wanted = request.GET.get("calendar", "")
    chosen = next((one for one in calendars if str(one.pk) == wanted), None)
    rows = list_day(clinic=member.clinic, day=day)
    if chosen:
        rows = rows.filter(calendar=chosen)
    unreachable = list(list_unreachable(clinic=member.clinic, at=at)[: UNREACHABLE_SHOWN + 1])
    return render(
        request,
        "clinic/today.html",
        {
            "day": day,
            "is_today": day == this_day,
            "before": before,
            "after": after,
            "now": at,
            "zone": member.clinic.zone,
            "appointments": rows,
            "calendars": calendars,
            "chosen": chosen,
            "unreachable": unreachable[:UNREACHABLE_SHOWN],
            "more_unreachable": len(unreachable) > UNREACHABLE_SHOWN,
            "panels": rendered(request, "today", member.clinic),
        },
    )


@require_http_methods(["GET", "POST"])
@staff("appointment.write")
def appointment_book(request: HttpRequest, member: Member) -> HttpResponse:
    """Book an appointment: calendar, service, time and patient on one page; works without script.

    The buttons say what is meant: *refresh*, *find* and a slot only show the page anew, *book* books.
    """
    data = request.POST if request.method == "POST" else None
    page = BookingPage(member, data, request.GET.dict(), clock.now())
    status = 200
    if page.errors_shown():
        made = page.book()
        if made is not None and page.in_dialog:
            return _done(request, member, made, _("Booked."), BOOKED)
        if made is not None:
            _say_if_repeated(request, made.starts_at, made.calendar.zone)
            messages.success(request, _("Booked."))
            return _to(made)
        status = 409 if page.is_taken else 422
    template = "clinic/appointment_book.html"
    context = {"page": page, "slots": page.slots(), "parts": page.rendered_parts(request)}
    return render(
        request,
        f"{template}#booking-form" if request.htmx else template,  # type: ignore[attr-defined]
        context,
        status=status,
    )


def _repeated(start: datetime, zone: ZoneInfo) -> str:
    """Return which of two equal hours an appointment has, in words (E1.6); nothing on other days."""
    local = start.astimezone(zone)
    if local.fold or not is_repeated(local.replace(tzinfo=None), zone):
        return ""
    return _("That hour happens twice on that day. The first of the two is booked.")


def _say_if_repeated(request: HttpRequest, start: datetime, zone: ZoneInfo) -> None:
    if said := _repeated(start, zone):
        messages.info(request, said)


def _to(appointment: Appointment) -> HttpResponse:
    return redirect("clinic:appointment", slug=appointment.clinic.slug, pk=appointment.pk)


def _page(
    request: HttpRequest, member: Member, appointment: Appointment, *, status: int = 200, **more: Any
) -> HttpResponse:
    at = clock.now()
    request.shown_at = reverse("clinic:appointment", args=[member.clinic.slug, appointment.pk])  # type: ignore[attr-defined]
    local = appointment.starts_at.astimezone(appointment.calendar.zone)
    state = Status(appointment.status)
    move_form = MoveForm(
        initial={
            "day": local.date(),
            "time": f"{local:%H:%M}",
            "version": appointment.version,
            "calendar": appointment.calendar_id,
        },
        calendar=appointment.calendar,
    )
    is_card = more.pop("is_card", is_in_place(request))
    with opened(request, member.actor, appointment, at=at):
        context = {
            "appointment": appointment,
            "zone": appointment.calendar.zone,
            "move_form": move_form,
            "can_move": state == Status.BOOKED,
            "can_cancel": Status.CANCELLED in TRANSITIONS[state],
            "can_mark_done": Status.DONE in TRANSITIONS[state],
            "can_mark_no_show": Status.NO_SHOW in TRANSITIONS[state] and at >= appointment.starts_at,
            "can_unmark": Status.BOOKED in TRANSITIONS[state],
            "can_restore": is_restorable(appointment, at=at),
            "story": list_story(appointment),
        }
        if is_card:
            return render(request, "clinic/appointment_card.html", {**context, **more}, status=status)
        context["panels"] = rendered(request, "appointment", appointment)
        context["side_panels"] = rendered(request, "appointment_side", appointment)
        return render(request, "clinic/appointment.html", {**context, **more}, status=status)


@require_safe
@staff("appointment.see")
def appointment(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Show an appointment: when, who, what the patient is told and why, and who did what."""
    found = get_for(member, Appointment.objects.whole(), pk, "appointment.see")
    return _page(request, member, found)


@require_safe
@staff("appointment.see")
def appointment_card(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Show an appointment in a dialog over the calendar, with what can be done to it; the page to who has no script."""
    found = get_for(member, Appointment.objects.whole(), pk, "appointment.see")
    if not request.htmx:  # type: ignore[attr-defined]
        return _to(found)
    return _page(request, member, found, is_card=True)


def _change(
    request: HttpRequest,
    member: Member,
    found: Appointment,
    act: Callable[[], object],
    is_so: Callable[[Appointment], bool],
    done: str,
    *,
    what: str = "",
    **typed: Any,
) -> HttpResponse:
    """Do one change and show the page; whatever stands in the way is said on the true state (409).

    In a dialog the dialog closes, and a toast tells what the patient is told of `what` (a word of `news`).
    `is_so` tells whether an appointment stands as this change leaves it: then a second press of the same
    form is no clash (G4). `typed` are forms that the page shows again as they were sent.
    """
    try:
        act()
    except StaleAppointment:
        problem = _(
            "Somebody else changed this appointment meanwhile. Nothing was done; this is how it stands now."
        )
    except NotAllowed:
        problem = _("This is not possible any more. This is how the appointment stands now.")
    else:
        return _done(request, member, found, done, what)
    fresh = get_for(member, Appointment.objects.whole(), found.pk, "appointment.see")
    if is_so(fresh):
        if is_in_place(request):
            return say_done(request, fresh, _("This was done already."))
        messages.info(request, _("This was done already."))
        return _to(fresh)
    return _page(request, member, fresh, status=409, problem=problem, shows_latest=True, **typed)


def _done(
    request: HttpRequest, member: Member, found: Appointment, done: str, what: str = ""
) -> HttpResponse:
    if not is_in_place(request):
        messages.success(request, done)
        return _to(found)
    fresh = get_for(member, Appointment.objects.whole(), found.pk, "appointment.see")
    news = News(what, fresh, clock.now()) if what else None
    return say_done(request, fresh, done, news=news, note=_repeated(fresh.starts_at, fresh.calendar.zone))


@require_POST
@staff("appointment.write")
def appointment_move(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Give an appointment another time, in its calendar or another; *ask* only shows what would follow."""
    found = get_for(member, Appointment.objects.whole(), pk, "appointment.write")
    form = MoveForm(request.POST, calendar=found.calendar)
    if not form.is_valid():
        return _page(request, member, found, status=422, move_form=form)

    start, target = form.cleaned_data["starts_at"], form.cleaned_data["calendar"]
    zone, at = target.zone, clock.now()

    def act() -> None:
        operations.move(
            appointment_id=pk,
            starts_at=start,
            calendar=target,
            version=form.cleaned_data["version"],
            actor=member.actor,
            at=at,
        )
        if not is_in_place(request):
            _say_if_repeated(request, start, zone)

    try:
        if start < at:
            form.add_error("time", _("This time has passed. Please choose a later one."))
            return _page(request, member, found, status=422, move_form=form)
        if "ask" in request.POST and found.is_active and found.version == form.cleaned_data["version"]:
            return _ask_move(request, member, found, form)
        return _change(
            request,
            member,
            found,
            _refused if "ask" in request.POST else act,
            lambda fresh: fresh.is_active and (fresh.starts_at, fresh.calendar_id) == (start, target.pk),
            _("New time: %(when)s.") % {"when": when.date_and_time(start, zone, get_language() or "en")},
            what=MOVED,
            move_form=form,
        )
    except Taken:
        form.add_error("time", _("This time is taken. The appointment is unchanged."))
        return _page(request, member, found, status=409, move_form=form)


def _refused() -> None:
    """Stand for an act whose question came too late: nothing is done, the true state is shown."""
    raise StaleAppointment


def _ask_move(request: HttpRequest, member: Member, found: Appointment, form: MoveForm) -> HttpResponse:
    """Show from where to where, and what the patient would be told; raise `Taken` where it is not free."""
    at, target = clock.now(), form.cleaned_data["calendar"]
    moved = as_moved(found, calendar=target, starts_at=form.cleaned_data["starts_at"], at=at)
    start, end = moved.starts_at, moved.ends_at
    if list_taken(calendar_id=target.pk, start=start, end=end, at=at, but_appointment=found.pk):
        raise Taken
    request.shown_at = reverse("clinic:appointment", args=[member.clinic.slug, found.pk])  # type: ignore[attr-defined]
    opens = open_spans(calendar=target, first=form.cleaned_data["day"], days=1)
    context = {
        "appointment": found,
        "moved": moved,
        "zone": found.calendar.zone,
        "new_zone": target.zone,
        "is_outside_hours": not any(first <= start and end <= last for first, last in opens),
        "note": _repeated(moved.starts_at, target.zone),
        "is_unchanged": (moved.starts_at, target.pk) == (found.starts_at, found.calendar_id),
        "told": told(request, News(MOVED, moved, at)),
        "wanted": {
            "day": form.cleaned_data["day"].isoformat(),
            "time": f"{form.cleaned_data['time']:%H:%M}",
            "calendar": target.pk,
            "version": found.version,
        },
    }
    return show(request, "clinic/appointment_move.html", "move", context)


@require_POST
@staff("appointment.write")
def appointment_cancel(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Cancel an appointment, at the patient's wish or the clinic's."""
    found = get_for(member, Appointment.objects.whole(), pk, "appointment.write")
    form = CancelForm(request.POST)
    if not form.is_valid():
        return _page(request, member, found, status=422, problem=_("Please say whose wish it is."))

    def act() -> None:
        operations.cancel(
            appointment_id=pk,
            by=CancelledBy(form.cleaned_data["by"]),
            version=form.cleaned_data["version"],
            actor=member.actor,
            at=clock.now(),
        )

    return _change(
        request,
        member,
        found,
        act,
        lambda fresh: fresh.status == Status.CANCELLED and fresh.cancelled_by == form.cleaned_data["by"],
        _("Cancelled. The time is free again."),
        what=CANCELLED,
    )


@require_POST
@staff("appointment.write")
def appointment_restore(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Take a cancellation back, within its seconds (D3)."""
    found = get_for(member, Appointment.objects.whole(), pk, "appointment.write")
    form = VersionForm(request.POST)
    if not form.is_valid():
        return _page(request, member, found, status=422)

    def act() -> None:
        operations.restore(
            appointment_id=pk, version=form.cleaned_data["version"], actor=member.actor, at=clock.now()
        )

    try:
        return _change(
            request,
            member,
            found,
            act,
            lambda fresh: fresh.is_active,
            _("The appointment stands again. Nobody was told of the cancellation."),
        )
    except Taken:
        problem = _("This time was just given to somebody else. The appointment stays cancelled.")
        fresh = get_for(member, Appointment.objects.whole(), pk, "appointment.see")
        return _page(request, member, fresh, status=409, problem=problem)


@require_POST
@staff("appointment.write")
def appointment_mark(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Mark an appointment done or no-show, or take the mark back."""
    found = get_for(member, Appointment.objects.whole(), pk, "appointment.write")
    form = MarkForm(request.POST)
    if not form.is_valid():
        return _page(request, member, found, status=422, problem=_("Please choose done or no-show."))
    wanted = Status(form.cleaned_data["status"])

    def act() -> None:
        operations.mark(
            appointment_id=pk,
            status=wanted,
            version=form.cleaned_data["version"],
            actor=member.actor,
            at=clock.now(),
        )

    return _change(request, member, found, act, lambda fresh: fresh.status == wanted, str(MARKED[wanted]))
