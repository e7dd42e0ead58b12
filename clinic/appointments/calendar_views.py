"""The staff calendar: a day or a week of one calendar or all, its print, and where the next free time is (D3)."""

from datetime import timedelta

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from clinic.access import Member, staff
from clinic.appointments.agenda import Agenda
from clinic.appointments.wanted import DAY, WEEK, Wanted, read_wanted
from clinic.calendars.models import Calendar
from clinic.lib import clock, when
from clinic.lib.prepared import Prepared


def _calendars(*, clinic: int) -> QuerySet[Calendar]:
    return Calendar.objects.filter(clinic=clinic).select_related("practitioner").order_by("name")


_list_calendars = Prepared(_calendars)


def _agenda(request: HttpRequest, member: Member) -> Agenda:
    at = clock.now()
    calendars = _list_calendars(clinic=member.clinic.pk)
    today = at.astimezone(member.clinic.zone).date()
    wanted = read_wanted(request.GET, calendars, today=today)
    return Agenda(member.clinic, calendars, wanted, at, get_language() or "en", member.user.pk)


@require_safe
@staff("calendar.see")
def calendar(request: HttpRequest, member: Member) -> HttpResponse:
    """Show a day or a week of one calendar or of all side by side."""
    agenda = _agenda(request, member)
    wanted, today = agenda.wanted, agenda.at.astimezone(member.clinic.zone).date()
    step = timedelta(days=wanted.days)
    agenda.write()
    return render(
        request,
        "clinic/calendar.html",
        {
            "agenda": agenda,
            "wanted": wanted,
            "title": _title(agenda),
            "before": wanted.query(day=wanted.day - step),
            "after": wanted.query(day=wanted.day + step),
            "to_today": wanted.query(day=today),
            "shows_today": wanted.first <= today < wanted.first + step,
            "views": [(view, wanted.query(view=view), view == wanted.view) for view in (DAY, WEEK)],
            "to_all": wanted.query(ids=(), is_all=True),
            "choices": _choices(agenda),
            "here_query": wanted.query(),
        },
    )


def _title(agenda: Agenda) -> str:
    wanted, language = agenda.wanted, agenda.language
    if wanted.view == DAY:
        return when.day_name(wanted.day, language)
    return when.days(agenda.days[0], agenda.days[-1], language)


def _choices(agenda: Agenda) -> list[tuple[Calendar, str, bool]]:
    """Return each calendar, where its chip leads, and whether it is shown.

    A week shows the one that is pressed; a day puts it beside the others, or takes it away.
    """
    wanted, shown = agenda.wanted, [one.pk for one in agenda.shown]
    found = []
    for one in agenda.calendars:
        is_on = one.pk in shown
        ids: tuple[int, ...] = (one.pk,)
        if wanted.view == DAY and not agenda.shows_all:
            others = [other.pk for other in agenda.calendars if other.pk in shown and other.pk != one.pk]
            ids = tuple(others if is_on else [*others, one.pk])
        found.append((one, wanted.query(ids=ids, is_all=False), is_on))
    return found


@require_safe
@staff("calendar.see")
def calendar_print(request: HttpRequest, member: Member) -> HttpResponse:
    """Show a day as a list for paper: time, name, service, phone, marks."""
    agenda = _agenda(request, member)
    agenda.wanted = Wanted(DAY, agenda.wanted.day, agenda.wanted.ids, agenda.wanted.is_all)
    return render(request, "clinic/calendar_print.html", {"agenda": agenda, "day": agenda.wanted.day})
