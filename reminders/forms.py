"""What patients fill in on their own pages."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from clinic.lib import mail_address, phone
from clinic.models import Clinic


class AddressForm(forms.Form):
    """An e-mail address or a phone number, whichever the patient gave the clinic."""

    address = forms.CharField(
        label=_("Your e-mail address or phone number"),
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "email"}),
        error_messages={"required": _("Please enter an e-mail address or a phone number.")},
    )

    def __init__(self, data: Mapping[str, Any] | None, *, clinic: Clinic) -> None:
        super().__init__(data)
        self.clinic = clinic

    def clean(self) -> dict[str, Any]:
        """Read it as the one or the other."""
        cleaned: dict[str, Any] = self.cleaned_data
        text = cleaned.get("address", "")
        if not text:
            return cleaned
        try:
            if "@" in text:
                cleaned["email"], cleaned["number"] = mail_address.normalise(text), ""
            else:
                cleaned["email"] = ""
                cleaned["number"] = phone.normalise(text, country=self.clinic.country).e164
        except (mail_address.BadAddress, phone.BadPhone):
            self.add_error(
                "address",
                ValidationError(
                    _("This is neither an e-mail address nor a phone number with all its digits.")
                ),
            )
        return cleaned
