"""How forms look everywhere."""

import re
import uuid
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.renderers import TemplatesSetting
from django.utils.translation import gettext as _

from clinic.lib.text import has_control_characters


class Renderer(TemplatesSetting):
    """Fields are drawn by one template: label, help, control, error."""

    field_template_name = "clinic/_field.html"


class VersionForm(forms.Form):
    """What a change carries by which a second person must not be overrun: the version that the page showed."""

    version = forms.IntegerField(min_value=1, max_value=2**31, widget=forms.HiddenInput)


def new_key() -> str:
    """Return what tells the presses of one form from those of another."""
    return uuid.uuid4().hex


class KeyField(forms.CharField):
    """A form's `new_key`, carried by it; nothing where it is none of ours: then every press counts."""

    widget = forms.HiddenInput

    def __init__(self, **more: Any) -> None:
        super().__init__(required=False, **more)

    def to_python(self, value: Any) -> str:
        """Return the key, or nothing."""
        text: str = super().to_python(value) or ""
        return text if re.fullmatch("[0-9a-f]{32}", text) else ""


class LineField(forms.CharField):
    """One line of text that others will read: in messages, in lists, in headers."""

    def to_python(self, value: Any) -> str:
        """Return the text with single spaces."""
        return " ".join((super().to_python(value) or "").split())

    def validate(self, value: str) -> None:
        """Refuse control characters and marks that turn the direction of the text."""
        super().validate(value)
        if has_control_characters(value):
            raise ValidationError(_("This name holds characters that cannot be written."))


class ProseField(forms.CharField):
    """Text of several lines that others will read."""

    widget = forms.Textarea

    def to_python(self, value: Any) -> str:
        """Return the text with one sort of line break, and none around it."""
        lines = (super().to_python(value) or "").replace("\r\n", "\n").replace("\r", "\n").split("\n")
        return "\n".join(line.rstrip() for line in lines).strip()

    def validate(self, value: str) -> None:
        """Refuse control characters and marks that turn the direction of the text."""
        super().validate(value)
        if has_control_characters(value.replace("\n", "").replace("\t", "")):
            raise ValidationError(_("This text holds characters that cannot be written."))
