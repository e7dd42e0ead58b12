"""What a patient fills in to book online, and what only a machine would (D2, A14)."""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.core import signing
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from clinic.forms import LineField
from clinic.lib import phone
from clinic.people.models import Clinic
from clinic.people.operations import NAME_LENGTH, clean_contact, has_address

SALT = "clinic.booking-form"
# Nobody reads the page and types a name in less.
TYPED_AT_LEAST = timedelta(seconds=2)
STAMP_LIVES = timedelta(hours=12)


def new_stamp(at: datetime) -> str:
    """Return this server's word on when a form was first shown; no two are the same."""
    return signing.dumps([int(at.timestamp()), secrets.token_hex(8)], salt=SALT)


class BookingForm(forms.Form):
    """A patient's name, how they are reached, and their consent."""

    name = LineField(
        label=_("Your name"),
        max_length=NAME_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        error_messages={"required": _("Please enter your name.")},
    )
    email = forms.CharField(
        label=_("E-mail"),
        required=False,
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "email", "inputmode": "email", "type": "email"}),
    )
    phone = forms.CharField(
        label=_("Phone"),
        help_text=_("An e-mail address or a phone number is enough; with both we can always reach you."),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "tel", "inputmode": "tel", "type": "tel"}),
    )
    consent = forms.BooleanField(
        label=_("I agree that the clinic keeps what I enter here and writes to me about my appointment."),
        error_messages={"required": _("Without your consent we cannot book this here. You can call us.")},
    )
    # No person sees this field; what fills in every field does.
    website = forms.CharField(
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off", "tabindex": "-1"}),
    )
    stamp = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput())

    def __init__(self, data: Mapping[str, Any] | None, *, clinic: Clinic, **more: Any) -> None:
        super().__init__(data, **more)
        self.clinic = clinic

    def asked_fields(self) -> list[forms.BoundField]:
        """Return what is asked besides the consent, in order."""
        return [self[name] for name in ("name", "email", "phone")]

    def carried(self) -> list[forms.BoundField]:
        """Return all that goes along, unseen, while another service is chosen."""
        return [self[name] for name in ("name", "email", "phone", "consent", "stamp") if self[name].value()]

    def typed(self) -> dict[str, str]:
        """Return what was typed so far; it stays while another time is chosen."""
        typed = {name: str(self[name].value() or "") for name in ("name", "email", "phone", "stamp")}
        return {**typed, "consent": "on" if self["consent"].value() else ""}

    def clean_name(self) -> str:
        """Refuse a name that others' mail programs would make a link of (A11)."""
        name: str = self.cleaned_data["name"]
        if has_address(name):
            raise ValidationError(_("Please write your name alone, without an address."))
        return name

    def clean(self) -> dict[str, Any]:
        """Check the addresses, each beside its field; one of them is needed."""
        cleaned: dict[str, Any] = self.cleaned_data
        contact = {"name": cleaned.get("name", "") or "-", "email": "", "phone": ""}
        try:
            contact = clean_contact(
                name=contact["name"],
                email=cleaned.get("email", ""),
                phone_number=cleaned.get("phone", ""),
                country=self.clinic.country,
            )
        except ValidationError as error:
            for field, messages in error.message_dict.items():
                self.add_error(field, messages)
        else:
            if contact["phone"] and not phone.may_be_written_to(
                contact["phone"], countries=settings.SMS_COUNTRIES
            ):
                self.add_error(
                    "phone",
                    _("We cannot write to this number. Please enter another one, or an e-mail address."),
                )
            elif not (contact["email"] or contact["phone"]) and not self.has_error("email"):
                self.add_error("email", _("Please enter an e-mail address or a phone number."))
        cleaned["contact"] = contact
        return cleaned

    def has_good_stamp(self) -> bool:
        """Return whether this server showed the form, not too long ago."""
        return self._shown_at() is not None

    def looks_made_by_hand(self, at: datetime) -> bool:
        """Return whether a person can have filled this in: not the hidden field, and not in no time (A14)."""
        shown_at = self._shown_at()
        if shown_at is None or self.cleaned_data.get("website"):
            return False
        return at.timestamp() - shown_at >= TYPED_AT_LEAST.total_seconds()

    def _shown_at(self) -> int | None:
        stamp = str(self["stamp"].value() or "")
        try:
            shown_at, _number = signing.loads(stamp, salt=SALT, max_age=STAMP_LIVES)
        except (signing.BadSignature, ValueError, TypeError):
            return None
        return int(shown_at)
