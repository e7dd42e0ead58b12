"""The form of a calendar's addresses."""

from django import forms
from django.utils.translation import gettext_lazy as _

from clinic.feeds.operations import BUSY, INITIALS
from clinic.forms import KeyField


class FeedForm(forms.Form):
    """A new address."""

    key = KeyField()

    shows = forms.ChoiceField(
        label=_("What it shows of patients"),
        choices=[(BUSY, _("Nothing: each appointment says “Busy”")), (INITIALS, _("Initials"))],
        initial=BUSY,
        widget=forms.RadioSelect,
        help_text=_(
            "Whoever has the address reads this without logging in, and so does the company behind their"
            " calendar program. With initials, patients may be recognised there."
        ),
    )
