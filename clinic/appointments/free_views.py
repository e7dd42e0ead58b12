"""Where the next free time is: a length or a service, whose calendar, from which day on (D3)."""

from datetime import date
from typing import Any, cast

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from clinic.access import Member, staff
from clinic.appointments.forms import day_field
from clinic.appointments.in_place import show
from clinic.appointments.next_free import list_next_free
from clinic.calendars.models import Calendar, Service
from clinic.lib import clock


class FreeForm(forms.Form):
    """What is looked for; a service says its length itself."""

    service = forms.ModelChoiceField(
        label=_("Service"),
        queryset=Service.objects.none(),
        required=False,
        empty_label=_("Any, by its length"),
    )
    minutes = forms.IntegerField(
        label=_("Length in minutes"), min_value=1, max_value=1440, required=False, initial=30
    )
    calendar = forms.ModelChoiceField(
        label=_("Calendar"), queryset=Calendar.objects.none(), required=False, empty_label=_("All calendars")
    )
    day = day_field(_("From"))

    def __init__(self, data: Any, *, calendars: list[Calendar], services: list[Service], today: date) -> None:
        super().__init__(data, initial={"day": today, "minutes": 30})
        ids = [one.pk for one in calendars]
        rows = Calendar.objects.filter(pk__in=ids).order_by("name")
        cast(forms.ModelChoiceField, self.fields["calendar"]).queryset = rows
        # One of each name and length: calendars have their own, and one is looked for in all.
        seen = {(one.name, one.minutes): one.pk for one in reversed(services)}
        offered = Service.objects.filter(pk__in=seen.values()).order_by("name", "minutes")
        cast(forms.ModelChoiceField, self.fields["service"]).queryset = offered

    def clean(self) -> dict[str, Any]:
        """Ask for a length where no service says it."""
        cleaned: dict[str, Any] = self.cleaned_data
        if not self.errors and not cleaned["service"] and not cleaned["minutes"]:
            self.add_error("minutes", _("Please choose a service, or write how long it takes."))
        return cleaned


@require_safe
@staff("calendar.see")
def calendar_free(request: HttpRequest, member: Member) -> HttpResponse:
    """Show the next ten free times for what is asked, as ways into the booking."""
    at = clock.now()
    calendars = list(
        Calendar.objects.filter(clinic=member.clinic)
        .select_related("practitioner", "clinic")
        .order_by("name")
    )
    services = list(
        Service.objects.filter(calendar__clinic=member.clinic, is_offered=True).order_by("name", "pk")
    )
    today = at.astimezone(member.clinic.zone).date()
    asked = request.GET if "day" in request.GET and "minutes" in request.GET else None
    form = FreeForm(asked, calendars=calendars, services=services, today=today)
    found = None
    if form.is_valid():
        chosen = form.cleaned_data
        wanted = [
            (calendar, *fitting)
            for calendar in calendars
            if chosen["calendar"] in (None, calendar)
            and (fitting := _fitting(services, calendar, chosen["service"], chosen["minutes"]))
        ]
        found = list_next_free(wanted=wanted, first=chosen["day"], at=at)
    context = {"form": form, "found": found}
    return show(request, "clinic/calendar_free.html", "free", context, 422 if form.errors else 200)


def _fitting(
    services: list[Service], calendar: Calendar, service: Service | None, minutes: int | None
) -> tuple[int, Service | None] | None:
    """Return the length that is needed in a calendar, and as what it is booked there; None: not offered there."""
    own = [one for one in services if one.calendar_id == calendar.pk]
    if service is not None:
        same = [one for one in own if (one.name, one.minutes) == (service.name, service.minutes)]
        return (same[0].minutes, same[0]) if same else None
    if not minutes:
        return None
    # The shortest that needs as long: what is booked is then no longer than what was found, where it can be.
    exact = [one for one in own if one.minutes == minutes]
    return minutes, exact[0] if exact else None
