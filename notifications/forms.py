"""Forms of the *Communication* tab and of the switches in the booking form."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from clinic.models import Calendar
from notifications.models import CalendarSettings
from notifications.queries import switches_of_calendar
from notifications.registry import list_kinds


class SwitchesForm(forms.Form):
    """One switch for each kind; the fields are named by kind."""

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, is_on: Mapping[str, bool], prefix: str = "tell"
    ) -> None:
        super().__init__(data, prefix=prefix)
        for kind in list_kinds():
            self.fields[kind.name] = forms.BooleanField(
                label=kind.label, help_text=kind.help, required=False, initial=is_on.get(kind.name, True)
            )

    @property
    def switches(self) -> dict[str, bool]:
        """What was chosen, by kind."""
        return dict(self.cleaned_data)


class BookingSwitchesForm(SwitchesForm):
    """The switches inside the booking form (P2): asked only when the form says that it showed them."""

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, is_on: Mapping[str, bool], calendar_id: int = 0
    ) -> None:
        # What was ticked for one calendar says nothing about another one.
        shown = data is not None and data.get("tell-shown") == str(calendar_id)
        super().__init__(data if shown else None, is_on=is_on)
        self.fields["shown"] = forms.CharField(
            widget=forms.HiddenInput, initial=str(calendar_id), required=False
        )
        if data is not None and not shown:
            # An untouched form part wants what the calendar wants.
            wanted = {f"tell-{name}": "on" for name, on in is_on.items() if on}
            self.is_bound, self.data = True, {**wanted, "tell-shown": str(calendar_id)}

    def clean(self) -> dict[str, bool]:
        """Return the kinds alone."""
        return {name: value for name, value in self.cleaned_data.items() if name != "shown"}


class CommunicationForm(forms.Form):
    """Everything else of a calendar's *Communication* tab."""

    self_service = forms.BooleanField(
        label=_("Patients may confirm and cancel by themselves"),
        help_text=_("Off: messages carry the phone number instead, and the link only shows the appointment."),
        required=False,
    )
    quiet_from = forms.TimeField(
        label=_("No SMS from"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
    )
    quiet_until = forms.TimeField(
        label=_("No SMS until"),
        help_text=_(
            "An SMS waits until then, unless that is later than 2 hours before the start. Both empty: SMS at any hour."
        ),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
    )
    plain_sms = forms.BooleanField(
        label=_("Write SMS without diacritics"),
        help_text=_("Saves about half of the cost: one SMS then holds 160 characters instead of 70."),
        required=False,
    )
    chain_offers = forms.BooleanField(
        label=_("Pass on the time that is left by taking an earlier one"),
        help_text=_(
            "The next ones are then told of it, at most three times in a row and to each patient once in 24 hours."
        ),
        required=False,
    )
    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, data: Mapping[str, Any] | None, settings: CalendarSettings) -> None:
        super().__init__(
            data,
            initial={
                "self_service": settings.self_service,
                "quiet_from": settings.quiet_from,
                "quiet_until": settings.quiet_until,
                "plain_sms": settings.plain_sms,
                "chain_offers": settings.chain_offers,
                "version": settings.version,
            },
        )

    def clean(self) -> dict[str, Any]:
        """Quiet hours need both ends, or none."""
        cleaned: dict[str, Any] = self.cleaned_data
        if not self.errors and (cleaned["quiet_from"] is None) != (cleaned["quiet_until"] is None):
            empty = "quiet_from" if cleaned["quiet_from"] is None else "quiet_until"
            self.add_error(empty, _("Please fill in both times, or leave both empty."))
        return cleaned


def booking_switches(calendar: Calendar | None, data: Mapping[str, Any] | None) -> BookingSwitchesForm:
    """Return the booking form's part for a calendar (None: none chosen yet)."""
    if calendar is None:
        return BookingSwitchesForm(data, is_on={})
    return BookingSwitchesForm(data, is_on=switches_of_calendar(calendar), calendar_id=calendar.pk)
