"""The forms of an import."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from clinic.importing.sheet import MOST_BYTES, Sheet, UnreadableSheet, read_sheet, too_large


class UploadForm(forms.Form):
    """A file to look at; nothing is imported by it."""

    file = forms.FileField(
        label=_("CSV file"),
        error_messages={"required": _("Please choose a file."), "empty": _("The file is empty.")},
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,text/csv"}),
    )

    def __init__(self, *args: Any, is_too_large: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if is_too_large:
            self.fields["file"].error_messages["required"] = too_large()

    def clean_file(self) -> Sheet:
        """Return the table that the file holds."""
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise ValidationError(too_large())
        try:
            return read_sheet(file.read())
        except UnreadableSheet as refusal:
            raise ValidationError(refusal.sentence) from refusal


class ConfirmForm(forms.Form):
    """What is to be done with a file that was looked at: exactly what was shown."""

    digest = forms.CharField(max_length=64, widget=forms.HiddenInput)
    skip_bad = forms.BooleanField(
        label=_("Import the good rows and leave the bad ones out"),
        required=False,
        error_messages={
            "required": _("There are bad rows. Tick this, or mend the file and upload it again.")
        },
    )
    notify = forms.BooleanField(
        label=_("Tell patients by e-mail and SMS"),
        help_text=_(
            "Of appointments that are still to come, and of a changed address. Otherwise nobody is told."
        ),
        required=False,
    )

    def __init__(self, *args: Any, has_bad: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["skip_bad"].required = has_bad
