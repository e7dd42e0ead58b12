"""Absences and a date's own hours, edited from the calendar; what is booked meanwhile is listed, never cancelled
(D4, E8.4)."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from clinic.access import Member, get_for, staff
from clinic.appointments.forms import FIRST_DAY, LAST_DAY
from clinic.appointments.hours_forms import AbsenceForm, DayHoursForm, NewAbsenceForm, seen_of, zone_of
from clinic.appointments.in_place import is_in_place, say, show
from clinic.appointments.models import Appointment
from clinic.appointments.queries import list_coming
from clinic.calendars.absences import StaleAbsence, add_absence, change_absence, remove_absence
from clinic.calendars.day_hours import StaleDay, day_state, remove_day_exception, set_day_exception
from clinic.calendars.models import Absence, Calendar
from clinic.calendars.opening import Opening
from clinic.calendars.rules import written_hours
from clinic.lib import clock, when
from clinic.lib.local_time import day_span
from clinic.people.models import Practitioner

MOST_HIT = 200


def _told(start: datetime, end: datetime | None, person: Practitioner) -> str:
    """Return an absence in words; whole days without their hours."""
    zone, language = zone_of(person), get_language() or "en"
    local, last = start.astimezone(zone), end.astimezone(zone) if end else None
    if local.time() == time() and last and last.time() == time():
        return when.days(local.date(), last.date() - timedelta(days=1), language)
    first = when.full_day(local.date(), language)
    if local.time() != time():
        first = when.date_and_time(start, zone, language)
    if end is None:
        return _("from %(start)s until further notice") % {"start": first}
    return _("from %(start)s until %(end)s") % {
        "start": first,
        "end": when.date_and_time(end, zone, language),
    }


@require_http_methods(["GET", "POST"])
@staff("calendar.write")
def absences(request: HttpRequest, member: Member) -> HttpResponse:
    """List present and coming absences; enter one."""
    at = clock.now()
    form = NewAbsenceForm(request.POST if request.method == "POST" else None, clinic=member.clinic)
    if form.is_valid():
        wanted = form.cleaned_data
        made = add_absence(
            practitioner=wanted["practitioner"],
            starts_at=wanted["from_at"],
            ends_at=wanted["until_at"],
            actor=member.actor,
            at=at,
        )
        messages.success(request, _("The absence is entered."))
        return redirect("clinic:absence", slug=member.clinic.slug, pk=made.pk)
    rows = Absence.objects.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=at), clinic=member.clinic)
    listed = [
        (row, _told(row.starts_at, row.ends_at, row.practitioner))
        for row in rows.select_related("practitioner__clinic").order_by("starts_at", "pk")
    ]
    context = {"form": form, "absences": listed}
    return show(request, "clinic/absences.html", "absences", context, 422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@staff("calendar.write")
def absence(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Show an absence and the appointments that lie in it; change it, end it now (*end*), or *remove* it."""
    rows = Absence.objects.select_related("practitioner__clinic")
    found = get_for(member, rows, pk, "calendar.write")
    at, status, problem = clock.now(), 200, ""
    form = AbsenceForm(request.POST if request.method == "POST" else None, absence=found)
    if request.method == "POST":
        try:
            if request.POST.get("seen", "") != seen_of(found):
                raise StaleAbsence
            if "remove" in request.POST:
                remove_absence(absence=found, actor=member.actor, at=at)
                messages.success(request, _("The absence is removed."))
                return redirect("clinic:absences", slug=member.clinic.slug)
            if "end" in request.POST and found.starts_at < at:
                change_absence(
                    absence=found, starts_at=found.starts_at, ends_at=at, actor=member.actor, at=at
                )
                messages.success(request, _("The absence ends now."))
                return redirect("clinic:absences", slug=member.clinic.slug)
            if form.is_valid():
                wanted = form.cleaned_data
                change_absence(
                    absence=found,
                    starts_at=wanted["from_at"],
                    ends_at=wanted["until_at"],
                    actor=member.actor,
                    at=at,
                )
                messages.success(request, _("Saved."))
                return redirect("clinic:absence", slug=member.clinic.slug, pk=pk)
            status = 422
        except StaleAbsence:
            problem, status = (
                _(
                    "Somebody else changed this absence meanwhile. Nothing was saved; this is how it stands now."
                ),
                409,
            )
            found = get_for(member, rows, pk, "calendar.write")
    hit = list_coming(
        clinic=member.clinic,
        practitioner_id=found.practitioner_id,
        span=(found.starts_at, found.ends_at),
        at=at,
    )
    appointments = list(hit[: MOST_HIT + 1])
    context = {
        "absence": found,
        "told": _told(found.starts_at, found.ends_at, found.practitioner),
        "seen": seen_of(found),
        "form": form,
        "problem": problem,
        "can_end": found.starts_at < at and (found.ends_at is None or found.ends_at > at),
        "hit": appointments[:MOST_HIT],
        "is_cut": len(appointments) > MOST_HIT,
    }
    return show(request, "clinic/absence.html", "absence", context, status)


def _day_of(text: str, fallback: date) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return fallback
    return day if FIRST_DAY <= day < LAST_DAY else fallback


@require_http_methods(["GET", "POST"])
@staff("calendar.write")
def calendar_hours(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Let other hours hold on one date of a calendar, or the *usual* ones again; list what is booked outside them."""
    calendar = get_for(
        member, Calendar.objects.select_related("clinic", "practitioner"), pk, "calendar.write"
    )
    at = clock.now()
    data = request.POST if request.method == "POST" else None
    source = data if data is not None else request.GET
    day = _day_of(source.get("day", ""), at.astimezone(calendar.zone).date())
    opening = Opening([calendar], day, 1).on(calendar, day)
    form = DayHoursForm(data, initial={"day": day, "hours": written_hours(opening.hours)})
    problem, status = "", 422 if form.errors else 200
    if data is not None:
        change: dict[str, Any] = {
            "calendar": calendar,
            "seen": data.get("seen"),
            "actor": member.actor,
            "at": at,
        }
        try:
            if "usual" in data and "day" not in form.errors:
                day = form.cleaned_data["day"]
                remove_day_exception(day=day, **change)
                return _saved_day(request, calendar, day, _("The usual hours hold again on this day."))
            if form.is_valid():
                set_day_exception(**form.cleaned_data, **change)
                return _saved_day(request, calendar, form.cleaned_data["day"], _("Saved."))
        except StaleDay:
            opening, status = Opening([calendar], day, 1).on(calendar, day), 409
            problem = _(
                "Somebody else changed this day's hours meanwhile. Nothing was saved; they are now: %(hours)s."
            ) % {"hours": written_hours(opening.hours) or _("closed")}
    context = {
        "calendar": calendar,
        "day": day,
        "is_exception": opening.is_exception,
        "seen": day_state(calendar, day),
        "problem": problem,
        "form": form,
        "outside": _outside(calendar, day, opening.spans, at=at),
        "to_calendar": f"{reverse('clinic:calendar', args=[member.clinic.slug])}?day={day.isoformat()}",
    }
    return show(request, "clinic/calendar_hours.html", "hours", context, status)


def _outside(
    calendar: Calendar, day: date, spans: tuple[tuple[datetime, datetime], ...], *, at: datetime
) -> list[Appointment]:
    """Return a date's coming appointments that do not lie in its hours."""
    rows = list_coming(
        clinic=calendar.clinic,
        practitioner_id=calendar.practitioner_id,
        span=day_span(day, calendar.zone),
        at=at,
    )
    return [
        row
        for row in rows.filter(calendar=calendar)[:MOST_HIT]
        if not any(opens <= row.starts_at and row.ends_at <= closes for opens, closes in spans)
    ]


def _saved_day(request: HttpRequest, calendar: Calendar, day: date, text: str) -> HttpResponse:
    opening = Opening([calendar], day, 1).on(calendar, day)
    left = len(_outside(calendar, day, opening.spans, at=clock.now()))
    if not left and is_in_place(request):
        return say(request, text)
    messages.success(request, text)
    address = reverse("clinic:calendar_hours", args=[calendar.clinic.slug, calendar.pk])
    return redirect(f"{address}?day={day.isoformat()}")
