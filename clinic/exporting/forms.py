"""The form of an export."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

LONGEST = timedelta(days=5 * 366)


class SpanForm(forms.Form):
    """From which day to which appointments are exported."""

    first = forms.DateField(
        label=_("From"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    last = forms.DateField(label=_("To"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))

    def clean(self) -> dict[str, Any]:
        """Refuse what is no span, beside its field."""
        cleaned: dict[str, Any] = self.cleaned_data
        first, last = cleaned.get("first"), cleaned.get("last")
        for name, day in (("first", first), ("last", last)):
            if day and not 1970 <= day.year <= 2100:
                self.add_error(name, _("This year cannot be meant."))
        if isinstance(first, date) and isinstance(last, date):
            if last < first:
                self.add_error("last", _("This day comes before the first."))
            elif last - first > LONGEST:
                self.add_error("last", _("At most five years at once."))
        return cleaned
