"""What patients fill in on their own pages."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from clinic.lib import mail_address, phone
from clinic.models import Clinic, Patient
from clinic.people.operations import clean_contact


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


class CodeForm(forms.Form):
    """The six digits of a code."""

    code = forms.CharField(
        label=_("Code"),
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
        error_messages={"required": _("Please enter the six digits of the code.")},
    )

    def add_wrong(self) -> None:
        """Say that this code opens nothing, whatever is the matter with it."""
        self.add_error(
            "code", _("This code is not right, or not valid any more. You can have a new one sent.")
        )


class ContactForm(forms.Form):
    """A patient's own e-mail address and phone number."""

    email = forms.CharField(
        label=_("E-mail"),
        required=False,
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "email", "inputmode": "email"}),
    )
    phone = forms.CharField(
        label=_("Phone"),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "tel", "inputmode": "tel"}),
    )
    version = forms.IntegerField(min_value=1, max_value=2**31, widget=forms.HiddenInput)

    def __init__(
        self, data: Mapping[str, Any] | None, *, patient: Patient, typed: Mapping[str, str] | None = None
    ) -> None:
        """Fill it with what the card says, or with what was `typed` before the card was changed by others."""
        number = phone.pretty(patient.phone) if patient.phone else ""
        said = typed or {"email": patient.email, "phone": number}
        super().__init__(data, initial={**said, "version": patient.version})
        self.patient = patient

    def clean(self) -> dict[str, Any]:
        """Check both; one of them is needed, or nobody could reach the patient any more."""
        cleaned: dict[str, Any] = self.cleaned_data
        try:
            contact = clean_contact(
                name=self.patient.name,
                email=cleaned.get("email", ""),
                phone_number=cleaned.get("phone", ""),
                country=self.patient.clinic.country,
            )
        except ValidationError as error:
            for field, messages in error.message_dict.items():
                self.add_error(field if field in self.fields else None, messages)
            return cleaned
        number = contact["phone"]
        is_new = number and number != self.patient.phone
        if is_new and not phone.may_be_written_to(number, countries=settings.SMS_COUNTRIES):
            self.add_error(
                "phone", _("We cannot write to this number. Please enter another one, or an e-mail address.")
            )
        elif not contact["email"] and not number:
            self.add_error("email", _("Please enter an e-mail address or a phone number."))
        cleaned["contact"] = contact
        return cleaned
