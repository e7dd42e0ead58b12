"""Settings of the clinic's calendars."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from clinic.access import Member, get_for, staff
from clinic.calendars.forms import CalendarForm, ServiceForm
from clinic.calendars.models import Calendar
from clinic.calendars.operations import (
    NameTaken,
    StaleService,
    change_calendar,
    change_service,
    create_service,
    set_online_booking,
    set_opening_hours,
    stop_service,
)
from clinic.calendars.queries import list_former_services, list_services
from clinic.lib import clock
from clinic.panels import rendered


@require_safe
@staff("settings.write")
def settings(request: HttpRequest, member: Member) -> HttpResponse:
    """List the clinic's calendars."""
    calendars = Calendar.objects.filter(clinic=member.clinic).select_related("practitioner").order_by("name")
    panels = rendered(request, "settings", member.clinic)
    return render(request, "clinic/settings.html", {"calendars": calendars, "panels": panels})


@require_http_methods(["GET", "POST"])
@staff("settings.write")
def calendar_settings(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Show and save a calendar's general settings: name, place, hours; add a service."""
    calendar = get_for(
        member, Calendar.objects.select_related("clinic", "practitioner"), pk, "settings.write"
    )
    adds_service = "add_service" in request.POST
    data = request.POST if request.method == "POST" else None
    form = CalendarForm(None if adds_service else data, calendar=calendar)
    service_form = ServiceForm(data if adds_service else None)
    chosen = service_form if adds_service else form
    if data is not None and chosen.is_valid():
        online = {} if adds_service else form.online_booking()
        wanted = dict(chosen.cleaned_data)
        try:
            with transaction.atomic():
                if adds_service:
                    create_service(calendar=calendar, actor=member.actor, at=clock.now(), **wanted)
                else:
                    week = wanted.pop("week")
                    change_calendar(calendar=calendar, actor=member.actor, at=clock.now(), **wanted)
                    set_online_booking(calendar=calendar, actor=member.actor, at=clock.now(), **online)
                    if form.has_changed_hours():
                        set_opening_hours(calendar=calendar, week=week, actor=member.actor, at=clock.now())
        except NameTaken:
            service_form.add_name_taken()
        else:
            return _saved(request, calendar)
    return render(
        request,
        "clinic/calendar_settings.html",
        {
            "calendar": calendar,
            "form": form,
            "service_form": service_form,
            "services": list_services(calendar),
            "former_services": list_former_services(calendar),
            "tabs": rendered(request, "calendar_settings", calendar),
        },
        status=422 if chosen.errors else 200,
    )


def _saved(request: HttpRequest, calendar: Calendar) -> HttpResponse:
    messages.success(request, _("Saved."))
    return redirect("clinic:calendar_settings", slug=calendar.clinic.slug, pk=calendar.pk)


@require_http_methods(["GET", "POST"])
@staff("settings.write")
def calendar_service(request: HttpRequest, member: Member, pk: int, service: int) -> HttpResponse:
    """Show one service of a calendar; change it, switch it off (*stop*) or offer it again (*again*)."""
    calendar = get_for(member, Calendar.objects.select_related("clinic"), pk, "settings.write")
    found = get_object_or_404(calendar.services, pk=service)
    form = ServiceForm(request.POST or None, service=found)
    context: dict[str, object] = {"calendar": calendar, "form": form}
    status = 200
    if request.method == "POST":
        try:
            if "stop" in request.POST:
                stop_service(service=found, actor=member.actor, at=clock.now())
                return _saved(request, calendar)
            if form.is_valid():
                again = "again" in request.POST
                wanted = form.cleaned_data
                change_service(service=found, again=again, actor=member.actor, at=clock.now(), **wanted)
                return _saved(request, calendar)
        except NameTaken:
            form.add_name_taken()
        except StaleService:
            context["problem"] = _("Somebody else changed this service meanwhile. Nothing was saved.")
            status = 409
        found = get_object_or_404(calendar.services, pk=service)
    status = 422 if form.errors and status == 200 else status
    return render(request, "clinic/calendar_service.html", {**context, "service": found}, status=status)
