"""Forms of the waiting area."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from clinic.forms import LineField
from clinic.models import Calendar
from waiting_area.models import Caller, WaitingArea
from waiting_area.notices import clean_text
from waiting_area.rules import NAME_LENGTH, NOTICE_LENGTH, PURPOSE_LENGTH

KEY = r"^[0-9a-f]{32}$"


class EntryForm(forms.Form):
    """What a caller says before they wait (W3)."""

    name = LineField(
        label=_("Your name"),
        max_length=NAME_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        error_messages={"required": _("Please enter your name.")},
    )
    purpose = LineField(
        label=_("What do you come for?"),
        help_text=_("For example the time of your appointment, or a question in a few words."),
        max_length=PURPOSE_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": _("Please say in a few words what you come for.")},
    )
    consent = forms.BooleanField(
        label=_("I agree that the clinic sees and keeps what I enter here, to answer me."),
        error_messages={
            "required": _("Without your consent we cannot let you in here. You can call us instead.")
        },
    )
    key = forms.RegexField(KEY, widget=forms.HiddenInput())


class NoticeForm(forms.Form):
    """A notice to one caller (W5)."""

    text = forms.CharField(
        label=_("Notice"),
        required=False,
        strip=False,
        widget=forms.Textarea(
            attrs={"rows": 3, "maxlength": NOTICE_LENGTH, "data-count": str(NOTICE_LENGTH)}
        ),
    )
    key = forms.RegexField(KEY, widget=forms.HiddenInput())

    def clean_text(self) -> Any:
        """Refuse what could not be sent, beside the field."""
        return clean_text(self.cleaned_data["text"])


class BroadcastForm(NoticeForm):
    """A notice to everybody displayed (W7)."""

    to = forms.CharField(widget=forms.HiddenInput())


class TransferForm(forms.Form):
    """Where a caller goes on waiting (W15)."""

    area = forms.ModelChoiceField(WaitingArea.objects.none(), label=_("Waiting area"), empty_label=None)
    calendar = forms.ModelChoiceField(
        Calendar.objects.none(), label=_("Calendar"), required=False, empty_label=_("nobody in particular")
    )

    def __init__(self, data: Any = None, *, caller: Caller) -> None:
        super().__init__(data, initial={"area": caller.area_id, "calendar": caller.calendar_id})
        choices: dict[str, Any] = {
            "area": WaitingArea.objects.filter(clinic=caller.clinic_id).order_by("-is_default", "name"),
            "calendar": Calendar.objects.filter(clinic=caller.clinic_id).order_by("name"),
        }
        for name, rows in choices.items():
            self.fields[name].queryset = rows  # type: ignore[attr-defined]
        self.fields["area"].label_from_instance = lambda area: area.name  # type: ignore[attr-defined]


class WriteForm(NoticeForm):
    """A caller's message to the clinic (W9)."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["text"].label = _("Type a message")
