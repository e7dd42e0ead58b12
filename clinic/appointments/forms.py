"""Forms about appointments."""

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy as _

from clinic.appointments.enums import CancelledBy, Status
from clinic.calendars.models import Calendar, Service
from clinic.calendars.queries import list_services
from clinic.forms import VersionForm
from clinic.lib.local_time import NonExistentTime, to_instant
from clinic.people.models import Clinic

NEW = "new"
# Days in which one can live; beyond them arithmetic with instants ends.
FIRST_DAY, LAST_DAY = date(1950, 1, 1), date(2149, 12, 31)
NOT_A_DATE = _("This is not a date. Write it like 2027-05-31.")


def day_field(label: Any) -> forms.DateField:
    """Return a field for a date, as the browser's own control sends it."""
    return forms.DateField(
        label=label,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": NOT_A_DATE},
        validators=[MinValueValidator(FIRST_DAY, NOT_A_DATE), MaxValueValidator(LAST_DAY, NOT_A_DATE)],
    )


def time_field(label: Any) -> forms.TimeField:
    """Return a field for a time of day."""
    return forms.TimeField(
        label=label,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "placeholder": "10:20", "autocomplete": "off"}),
        input_formats=["%H:%M", "%H.%M", "%H%M", "%H:%M:%S"],
        error_messages={"invalid": _("This is not a time of day. Write it like 10:20.")},
    )


def start_of(day: date, at_time: time, calendar: Calendar) -> datetime:
    """Return a wall time in the calendar's zone as an instant.

    Raises:
        ValidationError: the clocks skip this time on that day (E1.6).
    """
    try:
        return to_instant(datetime.combine(day, at_time), calendar.zone)
    except NonExistentTime as error:
        raise ValidationError(
            _("There is no such time on that day: the clocks go forward. Please choose another.")
        ) from error


class BookingForm(forms.Form):
    """What staff choose to book: calendar, service, day, time, and who."""

    calendar = forms.ModelChoiceField(label=_("Calendar"), queryset=Calendar.objects.none(), empty_label=None)
    service = forms.ModelChoiceField(label=_("Service"), queryset=Service.objects.none(), empty_label=None)
    day = day_field(_("Day"))
    time = time_field(_("Time"))
    patient = forms.CharField(required=False, max_length=20)
    text = forms.CharField(
        label=_("Find the patient"),
        help_text=_("Part of the name, the e-mail or the phone number."),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, data: Mapping[str, Any] | None, *, clinic: Clinic, calendar: Calendar | None) -> None:
        super().__init__(data)
        self._choice("calendar").queryset = Calendar.objects.filter(clinic=clinic).order_by("name")
        self._choice("service").queryset = list_services(calendar)

    def _choice(self, name: str) -> forms.ModelChoiceField:
        return cast(forms.ModelChoiceField, self.fields[name])

    def clean(self) -> dict[str, Any]:
        """Work out the start as an instant."""
        cleaned: dict[str, Any] = self.cleaned_data
        if cleaned.get("calendar") and cleaned.get("day") and cleaned.get("time") is not None:
            try:
                cleaned["starts_at"] = start_of(cleaned["day"], cleaned["time"], cleaned["calendar"])
            except ValidationError as error:
                self.add_error("time", error)
        return cleaned


class MoveForm(VersionForm):
    """Another time for an appointment: in its calendar, or in another one of the clinic."""

    day = day_field(_("Day"))
    time = time_field(_("Time"))
    calendar = forms.ModelChoiceField(
        label=_("Calendar"), queryset=Calendar.objects.none(), required=False, empty_label=None
    )

    def __init__(self, *args: Any, calendar: Calendar, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.own = calendar
        calendars = Calendar.objects.filter(clinic=calendar.clinic_id).select_related(
            "practitioner", "clinic"
        )
        cast(forms.ModelChoiceField, self.fields["calendar"]).queryset = calendars.order_by("name")

    def clean(self) -> dict[str, Any]:
        """Work out the start as an instant; no calendar named: the one it is in."""
        cleaned: dict[str, Any] = self.cleaned_data
        cleaned["calendar"] = cleaned.get("calendar") or self.own
        if cleaned.get("day") and cleaned.get("time") is not None:
            try:
                cleaned["starts_at"] = start_of(cleaned["day"], cleaned["time"], cleaned["calendar"])
            except ValidationError as error:
                self.add_error("time", error)
        return cleaned


class CancelForm(VersionForm):
    """Whose wish a cancellation is."""

    by = forms.ChoiceField(choices=[(CancelledBy.PATIENT, ""), (CancelledBy.CLINIC, "")])


class MarkForm(VersionForm):
    """Done, no-show, or such a mark taken back."""

    status = forms.ChoiceField(choices=[(Status.DONE, ""), (Status.NO_SHOW, ""), (Status.BOOKED, "")])
