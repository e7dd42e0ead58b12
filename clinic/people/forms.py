"""Forms about people."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from clinic.forms import KeyField, LineField, ProseField, VersionForm
from clinic.lib import phone
from clinic.lib.local_time import zone_names
from clinic.people.enums import Language
from clinic.people.models import Clinic, Patient
from clinic.people.notes import NOTE_LENGTH
from clinic.people.operations import NAME_LENGTH, clean_contact

COUNTRIES = (("PL", _("Poland")), ("DE", _("Germany")), ("RO", _("Romania")), ("GB", _("United Kingdom")))


class PatientForm(forms.Form):
    """A patient card."""

    name = forms.CharField(
        label=_("Name"), max_length=NAME_LENGTH, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    email = forms.CharField(
        label=_("E-mail"),
        required=False,
        max_length=254,
        widget=forms.TextInput(attrs={"inputmode": "email"}),
    )
    phone = forms.CharField(
        label=_("Phone"), required=False, max_length=40, widget=forms.TextInput(attrs={"inputmode": "tel"})
    )
    language = forms.ChoiceField(label=_("Language of messages"), choices=Language.choices)

    def __init__(self, *args: Any, clinic: Clinic, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.clinic = clinic
        self.fields["language"].initial = clinic.language

    def clean(self) -> dict[str, Any]:
        """Refuse what the card could not use, beside its field (P13)."""
        cleaned: dict[str, Any] = self.cleaned_data
        try:
            clean_contact(
                name=cleaned.get("name", "") or "-",
                email=cleaned.get("email", ""),
                phone_number=cleaned.get("phone", ""),
                country=self.clinic.country,
            )
        except ValidationError as error:
            for field, messages in error.message_dict.items():
                self.add_error(field, messages)
        return cleaned


class PatientEditForm(PatientForm, VersionForm):
    """A patient card that is there already."""


class NoteForm(forms.Form):
    """A note on a card."""

    text = ProseField(
        label=_("Note"),
        help_text=_(
            "For the clinic's staff alone: patients never see it, and it is in no copy of their data."
        ),
        max_length=NOTE_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class NewNoteForm(NoteForm):
    """A note that is not written yet."""

    key = KeyField()


class MergeForm(VersionForm):
    """Which of two cards is right, for everything in which they differ."""

    other_version = forms.IntegerField(min_value=1, max_value=2**31, widget=forms.HiddenInput)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        kept: Patient,
        gone: Patient,
        fields: Sequence[str],
    ) -> None:
        initial = {"version": kept.version, "other_version": gone.version, **dict.fromkeys(fields, KEPT)}
        super().__init__(data, initial=initial)
        for name in fields:
            self.fields[name] = forms.ChoiceField(
                label=FIELD_LABELS[name],
                choices=[(KEPT, _shown(kept, name)), (GONE, _shown(gone, name))],
                widget=forms.RadioSelect,
                error_messages={"required": _("Please choose which one is right.")},
            )

    def taken(self) -> dict[str, bool]:
        """Return for each field that differs whether the card that goes is right."""
        return {name: value == GONE for name, value in self.cleaned_data.items() if name in FIELD_LABELS}


KEPT, GONE = "this", "other"
FIELD_LABELS = {
    "name": _("Name"),
    "email": _("E-mail"),
    "phone": _("Phone"),
    "language": _("Language of messages"),
    "reference": _("Reference"),
}


def _shown(card: Patient, field: str) -> str:
    if field == "phone":
        return phone.pretty(card.phone)
    return card.get_language_display() if field == "language" else str(getattr(card, field))


class FirstClinicForm(forms.Form):
    """The first page of an empty installation: the clinic, its administrator, one calendar (X8)."""

    clinic_name = LineField(label=_("Name of the clinic"), max_length=120)
    country = forms.ChoiceField(label=_("Country"), choices=COUNTRIES)
    language = forms.ChoiceField(label=_("Language"), choices=Language.choices)
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=[])
    practitioner = LineField(
        label=_("First practitioner"),
        help_text=_("As patients know them, for example Dr Maria Nowak. More can be added later."),
        max_length=120,
    )
    name = LineField(label=_("Your name"), max_length=120)
    email = forms.EmailField(label=_("Your e-mail"), help_text=_("You log in with it."))
    password = forms.CharField(
        label=_("Password"),
        help_text=_("At least 10 characters."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        strip=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zones = sorted(
            name for name in zone_names() if "/" in name and not name.startswith(("Etc/", "SystemV/"))
        )
        field = self.fields["time_zone"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [(name, name.replace("_", " ")) for name in zones]
            field.initial = "Europe/Warsaw"
