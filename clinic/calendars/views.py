"""Settings of the clinic's calendars."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from clinic.access import Member, get_for, staff
from clinic.calendars.forms import CalendarForm, ServiceForm
from clinic.calendars.models import Calendar
from clinic.calendars.operations import change_calendar, create_service, set_opening_hours
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
    service_form = ServiceForm(data if adds_service else None, calendar=calendar)
    chosen = service_form if adds_service else form
    if data is not None and chosen.is_valid():
        with transaction.atomic():
            wanted = dict(chosen.cleaned_data)
            if adds_service:
                create_service(calendar=calendar, actor=member.actor, at=clock.now(), **wanted)
            else:
                week = wanted.pop("week")
                change_calendar(calendar=calendar, actor=member.actor, at=clock.now(), **wanted)
                if form.has_changed_hours():
                    set_opening_hours(calendar=calendar, week=week, actor=member.actor, at=clock.now())
        messages.success(request, _("Saved."))
        return redirect("clinic:calendar_settings", slug=member.clinic.slug, pk=pk)
    return render(
        request,
        "clinic/calendar_settings.html",
        {
            "calendar": calendar,
            "form": form,
            "service_form": service_form,
            "services": calendar.services.order_by("name"),
            "tabs": rendered(request, "calendar_settings", calendar),
        },
        status=422 if chosen.errors else 200,
    )
