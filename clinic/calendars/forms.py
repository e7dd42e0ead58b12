"""Forms about calendars."""

from collections.abc import Mapping
from datetime import time
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from clinic.calendars.models import Calendar, Service
from clinic.calendars.rules import UnreadableHours, parse_hours, written_hours
from clinic.forms import LineField
from clinic.lib import phone


class CalendarForm(forms.Form):
    """A calendar's general settings and its weekly hours; one *Save* for all of it."""

    name = LineField(label=pgettext_lazy("of a calendar", "Name"), max_length=120)
    address = LineField(label=_("Address"), max_length=200, required=False)
    city = LineField(label=_("City"), max_length=80, required=False)
    phone = forms.CharField(
        label=_("Phone"),
        help_text=_("Patients read it in messages and on their page."),
        max_length=40,
        required=False,
    )
    change_until_hours = forms.IntegerField(
        label=_("Patients may move and cancel until (hours before the start)"),
        help_text=_("0: until the start."),
        min_value=0,
        max_value=720,
    )
    books_online = forms.BooleanField(
        label=_("Patients may book here by themselves"),
        help_text=_("Without an account, on this practitioner's page. It is in the calendar at once."),
        required=False,
    )
    online_notice_hours = forms.IntegerField(
        label=_("At the latest (hours before the start)"),
        help_text=_("0: until the start."),
        min_value=0,
        max_value=720,
    )
    online_horizon_days = forms.IntegerField(
        label=_("How many days ahead"),
        help_text=_("0: today only."),
        min_value=0,
        max_value=730,
    )

    ONLINE = ("books_online", "online_notice_hours", "online_horizon_days")

    def __init__(self, data: Mapping[str, Any] | None, *, calendar: Calendar) -> None:
        self.calendar = calendar
        week: dict[int, list[tuple[time, time]]] = {}
        for row in calendar.opening_hours.all():
            week.setdefault(row.weekday, []).append((row.opens, row.closes))
        initial: dict[str, Any] = {
            "name": calendar.name,
            "address": calendar.address,
            "city": calendar.city,
            "phone": phone.pretty(calendar.phone) if calendar.phone else "",
            "change_until_hours": calendar.change_until_hours,
            **{name: getattr(calendar, name) for name in self.ONLINE},
        }
        initial |= {f"hours_{weekday}": written_hours(week.get(weekday, [])) for weekday in WEEKDAYS}
        super().__init__(data, initial=initial)
        for weekday, name in WEEKDAYS.items():
            self.fields[f"hours_{weekday}"] = forms.CharField(label=name, max_length=120, required=False)

    def online_booking(self) -> dict[str, Any]:
        """Take what concerns online booking out of the cleaned data."""
        return {name: self.cleaned_data.pop(name) for name in self.ONLINE}

    def hours_fields(self) -> list[forms.BoundField]:
        """Return the seven fields of the week."""
        return [self[f"hours_{weekday}"] for weekday in WEEKDAYS]

    def has_changed_hours(self) -> bool:
        """Return whether any day of the week was written anew."""
        return any(field.startswith("hours_") for field in self.changed_data)

    def clean_name(self) -> str:
        """Refuse a name that another calendar of the clinic has."""
        name: str = self.cleaned_data["name"]
        others = Calendar.objects.filter(clinic=self.calendar.clinic, name=name).exclude(pk=self.calendar.pk)
        if others.exists():
            raise ValidationError(_("Another calendar has this name."))
        return name

    def clean_phone(self) -> str:
        """Return the number in E.164."""
        text: str = self.cleaned_data["phone"].strip()
        if not text:
            return ""
        try:
            return phone.normalise(text, country=self.calendar.clinic.country).e164
        except phone.BadPhone as error:
            raise ValidationError(
                _("This is not a phone number. Write it with its country code, like +48 22 555 01 23.")
            ) from error

    def clean(self) -> dict[str, Any]:
        """Read the week; a day that cannot be read gets its own error."""
        cleaned: dict[str, Any] = self.cleaned_data
        week = {}
        for weekday in WEEKDAYS:
            field = f"hours_{weekday}"
            try:
                week[weekday] = parse_hours(cleaned.pop(field, ""))
            except UnreadableHours:
                self.add_error(field, _("Write hours like 08:00–12:00, 13:00–16:00. Empty means closed."))
        cleaned["week"] = week
        return cleaned


class ServiceForm(forms.Form):
    """A service of a calendar."""

    name = LineField(label=_("Service"), max_length=120)
    minutes = forms.IntegerField(label=_("Length in minutes"), min_value=1, max_value=1440)
    price = forms.DecimalField(label=_("Price"), min_value=0, max_digits=9, decimal_places=2, required=False)
    is_online = forms.BooleanField(label=_("Patients may book it online"), required=False, initial=True)

    def __init__(self, data: Mapping[str, Any] | None, *, service: Service | None = None) -> None:
        names = ("name", "minutes", "price", "is_online")
        initial = {name: getattr(service, name) for name in names} if service else None
        super().__init__(data, prefix="service", initial=initial)

    def add_name_taken(self) -> None:
        """Say beside the name that the calendar has such a service already."""
        self.add_error("name", _("This calendar has a service of this name."))
