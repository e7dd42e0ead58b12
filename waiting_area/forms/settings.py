"""What a clinic, its areas and its people set (W3, W4, W9, W10, W12)."""

from collections.abc import Iterable, Mapping
from datetime import time
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.dates import WEEKDAYS
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from clinic.calendars.rules import UnreadableHours, parse_hours, written_hours
from clinic.forms import LineField
from clinic.lib import mail_address, phone
from clinic.people.models import Clinic, Membership
from waiting_area import rules
from waiting_area.enums import Asked, Sound
from waiting_area.forms.fields import number_in
from waiting_area.models import QuickReply, WaitingArea, Watch
from waiting_area.notices import clean_text
from waiting_area.queries import hours_of, takes_guest_notices
from waiting_area.replies import clean_replies
from waiting_area.rules import NAME_LENGTH, NOTICE_LENGTH


def _languages(clinic: Clinic) -> list[tuple[str, Any]]:
    """Return the product's languages with their names, the clinic's own first."""
    ordered = sorted(settings.LANGUAGES, key=lambda one: one[0] != clinic.language)
    return [(code, capfirst(name)) for code, name in ordered]


class AddAreaForm(forms.Form):
    """One more waiting area."""

    name = LineField(label=_("Name of a further waiting area"), max_length=NAME_LENGTH)

    def __init__(self, data: Mapping[str, Any] | None) -> None:
        super().__init__(data, prefix="area")


class WaitingForm(forms.Form):
    """What holds in all of a clinic's waiting areas: guest notifications, watchers, quick replies (W9, W10, W12)."""

    guest_notices = forms.BooleanField(
        label=_("Guest notifications"),
        help_text=_(
            "Who waits or is on hold may write to you. Off: they read your notices, but the field to write in "
            "disappears from their open pages at once."
        ),
        required=False,
    )
    watchers = forms.TypedMultipleChoiceField(
        label=_("Who watches"),
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": _("This is nobody of this clinic.")},
    )

    def __init__(self, data: Mapping[str, Any] | None, *, clinic: Clinic) -> None:
        self.languages = _languages(clinic)
        members = Membership.objects.filter(clinic=clinic, user__is_active=True)
        rows = list(members.select_related("user").order_by("user__name", "pk"))
        named = Watch.objects.filter(membership__in=rows, is_named=True).values_list("pk", flat=True)
        initial: dict[str, Any] = {
            "guest_notices": takes_guest_notices(clinic),
            "watchers": list(named),
        }
        replies: dict[str, list[str]] = {language: [] for language, _name in self.languages}
        for row in QuickReply.objects.filter(clinic=clinic).order_by("position", "pk"):
            replies[row.language].append(row.text)
        initial |= {f"replies_{language}": "\n".join(texts) for language, texts in replies.items()}
        super().__init__(data, initial=initial)
        choice = self.fields["watchers"]
        assert isinstance(choice, forms.TypedMultipleChoiceField)
        choice.choices = [(row.pk, f"{row.user.name}, {row.get_role_display()}") for row in rows]
        for language, name in self.languages:
            rows_shown = min(len(replies[language]) + 3, 12)
            self.fields[f"replies_{language}"] = _words(name, language, rows=rows_shown)

    def replies_fields(self) -> list[forms.BoundField]:
        """Return one field for each language."""
        return [self[f"replies_{language}"] for language, _name in self.languages]

    def clean(self) -> dict[str, Any]:
        """Read the texts line by line; a language with one that cannot be used gets its own error."""
        cleaned: dict[str, Any] = self.cleaned_data
        replies = {}
        for language, _name in self.languages:
            field = f"replies_{language}"
            try:
                replies[language] = clean_replies(cleaned.pop(field, "").splitlines())
            except ValidationError as error:
                self.add_error(field, error)
        cleaned["replies"] = replies
        return cleaned


def _words(label: Any, language: str, *, rows: int, **attributes: object) -> forms.CharField:
    """Return a field for words in one language."""
    widget = forms.Textarea(attrs={"rows": rows, "lang": language, **attributes})
    return forms.CharField(label=label, required=False, strip=False, widget=widget)


def _whole(label: Any, help_text: Any, span: tuple[int, int], *, required: bool = True) -> forms.IntegerField:
    """Return a field for a whole number within a span."""
    least, most = span
    return forms.IntegerField(
        label=label, help_text=help_text, min_value=least, max_value=most, required=required
    )


# Whether an area goes its own way with guest notifications.
AS_THE_CLINIC, ON, OFF = "clinic", "on", "off"
_OWN = {AS_THE_CLINIC: None, ON: True, OFF: False}


class AreaForm(forms.Form):
    """One waiting area's settings and weekly hours; one *Save* for all of it (W3, W4, W9, W12)."""

    name = LineField(label=pgettext_lazy("of a waiting area", "Name"), max_length=NAME_LENGTH)
    is_open = forms.BooleanField(
        label=pgettext_lazy("of a waiting area", "Open"),
        help_text=_("Off: nobody new comes in, whatever the hours say. Who is inside stays."),
        required=False,
    )
    asks_purpose = forms.ChoiceField(label=_("What they come for"), choices=Asked.choices)
    asks_phone = forms.ChoiceField(label=_("Phone number"), choices=Asked.choices)
    asks_calendar = forms.ChoiceField(label=_("Whom they come to see"), choices=Asked.choices)
    shows_place = forms.BooleanField(
        label=_("Show them their place"),
        help_text=_("Their page says how many are before them, and about how long others waited today."),
        required=False,
    )
    confirms_name = forms.BooleanField(
        label=_("Confirm the name before joining"),
        help_text=_("Before the camera is on, staff confirm whom they are about to see."),
        required=False,
    )
    own_guest_notices = forms.ChoiceField(label=_("Guest notifications"))
    grace_seconds = _whole(
        _("Patience with a lost connection (seconds)"),
        _("So long they keep their place after the connection has been lost for 45 seconds."),
        rules.GRACE_RANGE,
    )
    resume_minutes = _whole(
        _("Time to come back (minutes)"),
        _("So long who was disconnected comes back to the same place, with everything that was written."),
        rules.RESUME_RANGE,
    )
    keep_days = _whole(
        _("Kept for (days)"),
        _("So long after they have left, they and what was written are kept; then all of it is deleted."),
        rules.KEEP_RANGE,
    )
    long_wait_minutes = _whole(
        _("After how many minutes"), _("Empty: no message."), rules.LONG_WAIT_RANGE, required=False
    )
    alert_email = forms.CharField(
        label=_("E-mail"),
        max_length=254,
        required=False,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    alert_phone = forms.CharField(
        label=_("Phone for an SMS"),
        max_length=40,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "tel"}),
    )

    def __init__(self, data: Mapping[str, Any] | None, *, area: WaitingArea) -> None:
        self.area, self.languages = area, _languages(area.clinic)
        week = hours_of(area)
        names = (
            "name", "is_open", "asks_purpose", "asks_phone", "asks_calendar", "shows_place", "confirms_name",
            "grace_seconds", "resume_minutes", "keep_days", "long_wait_minutes", "alert_email",
        )  # fmt: skip
        initial: dict[str, Any] = {name: getattr(area, name) for name in names}
        own = {value: name for name, value in _OWN.items()}[area.own_guest_notices]
        initial |= {
            "own_guest_notices": own,
            "alert_phone": phone.pretty(area.alert_phone) if area.alert_phone else "",
        }
        initial |= {f"hours_{weekday}": written_hours(week.get(weekday, [])) for weekday in WEEKDAYS}
        initial |= {
            f"welcome_{language}": area.welcomes.get(language, "") for language, _name in self.languages
        }
        super().__init__(data, initial=initial)
        for weekday, day in WEEKDAYS.items():
            self.fields[f"hours_{weekday}"] = forms.CharField(label=day, max_length=120, required=False)
        most = {"maxlength": NOTICE_LENGTH, "data-count": str(NOTICE_LENGTH)}
        for language, name in self.languages:
            self.fields[f"welcome_{language}"] = _words(name, language, rows=3, **most)
        as_clinic = _("As the clinic: on") if takes_guest_notices(area.clinic) else _("As the clinic: off")
        choice = self.fields["own_guest_notices"]
        assert isinstance(choice, forms.ChoiceField)
        choice.choices = [
            (AS_THE_CLINIC, as_clinic),
            (ON, pgettext_lazy("guest notifications", "On")),
            (OFF, pgettext_lazy("guest notifications", "Off")),
        ]

    def hours_fields(self) -> list[forms.BoundField]:
        """Return the seven fields of the week."""
        return [self[f"hours_{weekday}"] for weekday in WEEKDAYS]

    def welcome_fields(self) -> list[forms.BoundField]:
        """Return one field for each language."""
        return [self[f"welcome_{language}"] for language, _name in self.languages]

    def clean_name(self) -> str:
        """Refuse a name that another area of the clinic has."""
        name: str = self.cleaned_data["name"]
        others = WaitingArea.objects.filter(clinic=self.area.clinic, name=name).exclude(pk=self.area.pk)
        if others.exists():
            raise ValidationError(_("Another waiting area has this name."))
        return name

    def clean_own_guest_notices(self) -> bool | None:
        """Return the area's own switch; None: as the clinic's."""
        return _OWN[self.cleaned_data["own_guest_notices"]]

    def clean_alert_email(self) -> str:
        """Return the address in the form that is kept."""
        text: str = self.cleaned_data["alert_email"].strip()
        if not text:
            return ""
        try:
            return mail_address.normalise(text)
        except mail_address.BadAddress as error:
            raise ValidationError(_("This is not an e-mail address.")) from error

    def clean_alert_phone(self) -> str:
        """Return the number in E.164."""
        return number_in(self.cleaned_data["alert_phone"], self.area.clinic)

    def clean(self) -> dict[str, Any]:
        """Read the week and the texts; what cannot be read gets its own error."""
        cleaned: dict[str, Any] = self.cleaned_data
        cleaned["hours"] = self._week(WEEKDAYS)
        welcomes: dict[str, str] = {}
        for language, _name in self.languages:
            field = f"welcome_{language}"
            text = cleaned.pop(field, "")
            try:
                welcomes |= {language: clean_text(text)} if text.strip() else {}
            except ValidationError as error:
                self.add_error(field, error)
        cleaned["welcomes"] = welcomes
        if cleaned.get("long_wait_minutes") and not (
            {"alert_email", "alert_phone"} & set(self.errors)
            or cleaned.get("alert_email")
            or cleaned.get("alert_phone")
        ):
            self.add_error(
                "alert_email", _("Please write an e-mail address or a phone number that the message goes to.")
            )
        return cleaned

    def _week(self, weekdays: Iterable[int]) -> dict[int, list[tuple[time, time]]]:
        week = {}
        for weekday in weekdays:
            field = f"hours_{weekday}"
            try:
                spans = parse_hours(self.cleaned_data.pop(field, ""), may_end_at_midnight=True)
            except UnreadableHours:
                self.add_error(field, _("Write hours like 08:00–12:00, 13:00–16:00. Empty means closed."))
                continue
            if spans:
                week[weekday] = spans
        return week


class WatchForm(forms.Form):
    """How a member hears of the waiting area (W10)."""

    sound = forms.ChoiceField(label=_("Sound"), choices=Sound.choices, widget=forms.RadioSelect)
    volume = forms.IntegerField(
        label=_("Volume"),
        min_value=0,
        max_value=100,
        widget=forms.NumberInput(attrs={"type": "range", "min": 0, "max": 100, "step": 5}),
    )
    is_muted = forms.BooleanField(
        label=_("No sound"),
        help_text=_("The counts and marks on your pages stay."),
        required=False,
    )
    notifies = forms.BooleanField(
        label=_("Notifications of the browser"),
        help_text=_(
            "They appear while a page of Anteroom is open, also behind other windows. They name nobody."
        ),
        required=False,
    )

    def __init__(self, data: Mapping[str, Any] | None, *, watch: Watch) -> None:
        names = ("sound", "volume", "is_muted", "notifies")
        super().__init__(data, initial={name: getattr(watch, name) for name in names})
