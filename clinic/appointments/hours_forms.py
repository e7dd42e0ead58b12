"""Forms for when somebody is away, and for a date's own hours (D4)."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from clinic.appointments.forms import day_field, time_field
from clinic.calendars.models import Absence, Calendar
from clinic.calendars.rules import UnreadableHours, parse_hours
from clinic.lib.local_time import NonExistentTime, edge, to_instant
from clinic.people.models import Clinic, Practitioner


def zone_of(practitioner: Practitioner) -> ZoneInfo:
    """Return the zone in which a practitioner's absences are entered: their first calendar's, or the clinic's."""
    calendar = Calendar.objects.filter(practitioner=practitioner).order_by("pk").first()
    return calendar.zone if calendar else practitioner.clinic.zone


class AbsenceForm(forms.Form):
    """From when until when somebody is away: local days, with times where they are not whole."""

    from_day = day_field(_("Away from"))
    from_time = time_field(_("Time (empty: the whole day)"))
    until_day = day_field(_("Until (empty: until further notice)"))
    until_time = time_field(_("Time (empty: the whole day)"))
    seen = forms.CharField(required=False, max_length=80, widget=forms.HiddenInput)

    def __init__(self, data: Mapping[str, Any] | None, *, absence: Absence | None = None) -> None:
        initial: dict[str, Any] = {}
        self.whose: Practitioner | None = None
        if absence is not None:
            self.whose = absence.practitioner
            initial = _written(absence, zone_of(absence.practitioner))
        super().__init__(data, initial=initial)
        for name in ("from_time", "until_day", "until_time"):
            self.fields[name].required = False

    def zone(self) -> ZoneInfo | None:
        """Return the zone in which the days are meant; None while nobody is chosen."""
        person = self.cleaned_data.get("practitioner") or self.whose
        return zone_of(person) if person else None

    def clean(self) -> dict[str, Any]:
        """Work out both ends as instants; `ends_at` None: until further notice."""
        cleaned: dict[str, Any] = self.cleaned_data
        if self.errors or (zone := self.zone()) is None:
            return cleaned
        if cleaned["until_day"] is None and cleaned["until_time"] is not None:
            self.add_error("until_day", _("Please write the day too, or leave both empty."))
            return cleaned
        for name in ("from", "until"):
            try:
                cleaned[f"{name}_at"] = _instant(
                    cleaned[f"{name}_day"], cleaned[f"{name}_time"], zone, is_end=name == "until"
                )
            except NonExistentTime:
                self.add_error(
                    f"{name}_time",
                    _("There is no such time on that day: the clocks go forward. Please choose another."),
                )
        if not self.errors and cleaned["until_at"] is not None and cleaned["until_at"] <= cleaned["from_at"]:
            self.add_error("until_day", _("The end must lie after the beginning."))
        return cleaned


class NewAbsenceForm(AbsenceForm):
    """An absence that is not entered yet: whose it is, too."""

    practitioner = forms.ModelChoiceField(
        label=_("Practitioner"), queryset=Practitioner.objects.none(), empty_label=None
    )
    field_order = ("practitioner",)

    def __init__(self, data: Mapping[str, Any] | None, *, clinic: Clinic) -> None:
        super().__init__(data)
        people = Practitioner.objects.filter(clinic=clinic).select_related("clinic").order_by("name")
        cast(forms.ModelChoiceField, self.fields["practitioner"]).queryset = people


def _instant(day: date | None, at: time | None, zone: ZoneInfo, *, is_end: bool) -> datetime | None:
    if day is None:
        return None
    if at is not None:
        return to_instant(datetime.combine(day, at), zone)
    return edge(day + timedelta(days=1) if is_end else day, time(), zone)


def _written(absence: Absence, zone: ZoneInfo) -> dict[str, Any]:
    """Return an absence as the form's fields: whole days without times."""
    start = absence.starts_at.astimezone(zone)
    values: dict[str, Any] = {
        "from_day": start.date(),
        "from_time": "" if start.time() == time() else f"{start:%H:%M}",
        "seen": seen_of(absence),
    }
    if absence.ends_at is not None:
        end = absence.ends_at.astimezone(zone)
        is_whole = end.time() == time()
        values["until_day"] = end.date() - timedelta(days=1) if is_whole else end.date()
        values["until_time"] = "" if is_whole else f"{end:%H:%M}"
    return values


def seen_of(absence: Absence) -> str:
    """Return by what a form knows whether an absence still is as it was shown."""
    return f"{absence.starts_at.timestamp()} {absence.ends_at.timestamp() if absence.ends_at else ''}"


class DayHoursForm(forms.Form):
    """A date's own hours; empty: closed."""

    day = day_field(_("Day"))
    hours = forms.CharField(
        label=_("Hours on this day"),
        help_text=_("Like 08:00–12:00, 13:00–16:00. Empty: closed on this day."),
        max_length=120,
        required=False,
    )

    def clean_hours(self) -> list[tuple[time, time]]:
        """Return the spans of local wall time."""
        try:
            return parse_hours(self.cleaned_data["hours"])
        except UnreadableHours as error:
            raise ValidationError(
                _("Write hours like 08:00–12:00, 13:00–16:00. Empty means closed.")
            ) from error
