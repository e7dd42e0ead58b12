"""What the clinic and its callers write to each other, and where a caller is sent (W5, W7, W9, W15)."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from clinic.models import Calendar
from waiting_area.forms.fields import KEY
from waiting_area.models import Caller, WaitingArea
from waiting_area.notices import clean_text
from waiting_area.rules import NOTICE_LENGTH


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

    def __init__(self, *args: Any, **more: Any) -> None:
        # The drawer with the form to one caller may stand on the same page.
        super().__init__(*args, **{"auto_id": "all_%s", **more})


class WriteForm(NoticeForm):
    """A caller's message to the clinic (W9)."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["text"].label = _("Type a message")


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
