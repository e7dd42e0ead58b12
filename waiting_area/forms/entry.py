"""What a caller says before they wait (W3)."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from clinic.forms import LineField
from clinic.models import Calendar
from waiting_area.enums import Asked
from waiting_area.forms.fields import KEY, number_in
from waiting_area.models import WaitingArea
from waiting_area.rules import NAME_LENGTH, PURPOSE_LENGTH


class CalendarChoice(forms.ModelChoiceField):
    """One of the clinic's calendars, as patients know it: whom they come to see, and where."""

    def label_from_instance(self, obj: Any) -> str:
        """Return practitioner and place."""
        return f"{obj.practitioner.name}, {obj.place}" if obj.place else str(obj.practitioner.name)


class EntryForm(forms.Form):
    """What a caller says before they wait: what their area asks for, and nothing else (W3)."""

    name = LineField(
        label=_("Your name"),
        max_length=NAME_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        error_messages={"required": _("Please enter your name.")},
    )
    calendar = CalendarChoice(
        Calendar.objects.none(),
        label=_("Whom do you come to see?"),
        error_messages={
            "required": _("Please choose whom you come to see."),
            "invalid_choice": _("Please choose whom you come to see."),
        },
    )
    purpose = LineField(
        label=_("What do you come for?"),
        help_text=_("For example the time of your appointment, or a question in a few words."),
        max_length=PURPOSE_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": _("Please say in a few words what you come for.")},
    )
    phone = forms.CharField(
        label=_("Your phone number"),
        help_text=_("So that we can call you if the connection is lost."),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "tel", "inputmode": "tel"}),
        error_messages={"required": _("Please enter your phone number.")},
    )
    consent = forms.BooleanField(
        label=_("I agree that the clinic sees and keeps what I enter here, to answer me."),
        error_messages={
            "required": _("Without your consent we cannot let you in here. You can call us instead.")
        },
    )
    key = forms.RegexField(KEY, widget=forms.HiddenInput())

    def __init__(self, data: Mapping[str, Any] | None, *, area: WaitingArea, key: str) -> None:
        super().__init__(data, initial={"key": key})
        self.area = area
        asked = {"calendar": area.asks_calendar, "purpose": area.asks_purpose, "phone": area.asks_phone}
        calendars = Calendar.objects.filter(clinic=area.clinic).select_related("practitioner")
        if asked["calendar"] != Asked.NO and not calendars.exists():
            asked["calendar"] = Asked.NO
        for name, how in asked.items():
            if how == Asked.NO:
                del self.fields[name]
                continue
            field = self.fields[name]
            field.required = how == Asked.REQUIRED
            if how == Asked.OPTIONAL:
                field.label = _("%(label)s (you may leave this empty)") % {"label": field.label}
        if asked["calendar"] != Asked.NO:
            choice = self.fields["calendar"]
            assert isinstance(choice, CalendarChoice)
            choice.empty_label = _("Please choose") if choice.required else _("I do not know")
            choice.queryset = calendars.order_by("practitioner__name", "name", "pk")

    def clean_phone(self) -> str:
        """Refuse what is no number in the clinic's country or elsewhere."""
        text: str = self.cleaned_data["phone"].strip()
        return number_in(text, self.area.clinic)

    def asked_fields(self) -> list[forms.BoundField]:
        """Return what is asked besides the consent, in order."""
        return [self[name] for name in self.fields if name not in {"consent", "key"}]
