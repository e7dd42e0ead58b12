"""Forms about public profiles and reviews."""

from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from clinic.directory.enums import ReviewState
from clinic.directory.models import Review
from clinic.directory.rules import REASON_LENGTH, TEXT_LENGTH, holds_link
from clinic.forms import LineField, ProseField
from clinic.people.models import Clinic, Practitioner

_STARS = (
    (5, _("5 stars: very satisfied")),
    (4, _("4 stars: satisfied")),
    (3, _("3 stars: neither satisfied nor dissatisfied")),
    (2, _("2 stars: dissatisfied")),
    (1, _("1 star: very dissatisfied")),
)


class _WithoutLinks(ProseField):
    def validate(self, value: str) -> None:
        """Refuse addresses: a public page is no place to lead people away from (A11)."""
        super().validate(value)
        if holds_link(value):
            raise ValidationError(_("Please write it without links and e-mail addresses."))


class ProfileForm(forms.Form):
    """A practitioner's public profile."""

    is_listed = forms.BooleanField(
        label=_("Show in the public directory"),
        help_text=_("Everybody can find and read the profile, search engines too."),
        required=False,
    )
    specialty = LineField(
        label=_("Specialty"),
        help_text=_("Patients search for it; in the language of your patients."),
        max_length=120,
        required=False,
    )
    about = ProseField(
        label=_("About"),
        help_text=_("What patients should know before they come."),
        max_length=TEXT_LENGTH,
        required=False,
        widget=forms.Textarea(attrs={"rows": 8}),
    )

    def __init__(self, data: Any = None, *, practitioner: Practitioner) -> None:
        names = ("is_listed", "specialty", "about")
        super().__init__(data, initial={name: getattr(practitioner, name) for name in names})


class ClinicProfileForm(forms.Form):
    """What the clinic's public profile says of it."""

    about = ProseField(
        label=_("About the clinic"),
        help_text=_("How to get there, what to bring, whatever concerns everybody's patients."),
        max_length=TEXT_LENGTH,
        required=False,
        widget=forms.Textarea(attrs={"rows": 8}),
    )

    def __init__(self, data: Any = None, *, clinic: Clinic) -> None:
        super().__init__(data, initial={"about": clinic.about})


class ReviewForm(forms.Form):
    """A patient's word on a practitioner."""

    stars = forms.TypedChoiceField(
        label=_("How satisfied are you?"),
        coerce=int,
        choices=_STARS,
        widget=forms.RadioSelect,
        error_messages={"required": _("Please choose one to five stars.")},
    )
    text = _WithoutLinks(
        label=_("In your own words"),
        help_text=_(
            "Everybody can read it: please write nothing about your health that should stay private."
        ),
        max_length=TEXT_LENGTH,
        required=False,
        widget=forms.Textarea(attrs={"rows": 6}),
    )

    def __init__(self, data: Any = None, *, review: Review | None) -> None:
        super().__init__(data, initial={"stars": review.stars, "text": review.text} if review else None)


class AnswerForm(forms.Form):
    """The clinic's answer under a review; empty: none, or none any more."""

    text = _WithoutLinks(
        label=_("Answer"),
        help_text=_("It stands under the review, in the clinic's name. Say nothing of a patient's health."),
        max_length=TEXT_LENGTH,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    seen = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput())

    def __init__(self, data: Any = None, *, review: Review) -> None:
        seen = review.answered_at.isoformat() if review.answered_at else ""
        super().__init__(
            data, initial={"text": review.answer, "seen": seen}, auto_id=f"answer-{review.pk}-%s"
        )

    def clean_seen(self) -> datetime | None:
        """Return when the answer that stood on the page was written."""
        text = self.cleaned_data["seen"]
        try:
            return datetime.fromisoformat(text) if text else None
        except ValueError as error:
            raise ValidationError(_("Please open the page anew.")) from error


class ReportForm(forms.Form):
    """Why an operator should look at a review."""

    reason = ProseField(
        label=_("What is wrong with it?"),
        help_text=_("Operators read it, nobody else. A bad mark alone is no reason to hide a review."),
        max_length=REASON_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Please write what is wrong with it.")},
    )

    def __init__(self, data: Any = None, *, review: Review) -> None:
        super().__init__(data, auto_id=f"report-{review.pk}-%s")


class DecisionForm(forms.Form):
    """What becomes of a review that was reported."""

    hide = forms.TypedChoiceField(choices=[("yes", ""), ("no", "")], coerce=lambda value: value == "yes")
    shown = forms.ChoiceField(choices=ReviewState.choices)
