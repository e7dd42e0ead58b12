"""What happened to a patient card, for staff: who changed what, and when (X4)."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from clinic.audit.queries import actor_name, list_history
from clinic.people.models import Patient

ACTIONS = {
    "patient.created": _("made"),
    "patient.changed": _("changed"),
    "patient.email_works": _("the e-mail address works again"),
    "patient.email_bounced": _("the e-mail address does not work"),
    "patient.exported": _("copied for the patient"),
    "patient.merged": _("another card went into this one"),
    "patient.invitation_refused": _("wants no more invitations of a kind"),
    "patient.invitation_wanted": _("agreed to invitations of a kind"),
    "patient.note_written": _("note written"),
    "patient.note_changed": _("note changed"),
    "patient.note_deleted": _("note deleted"),
}
FIELDS = {
    "name": _("Name"),
    "email": _("E-mail"),
    "phone": _("Phone"),
    "language": _("Language of messages"),
    "reference": _("Reference"),
}
CHANGES = ("patient.changed", "patient.merged")
MOST = 30


@dataclass(frozen=True, slots=True)
class Chapter:
    """One act: when, what, by whom; of changed fields, their names and what they said before."""

    at: datetime
    what: str
    who: str
    before: list[tuple[str, str]]


def list_card_story(card: Patient) -> list[Chapter]:
    """Return the last things that were done to a card, newest first."""
    entries = list_history(card).order_by("-at", "-id")[:MOST]
    return [
        Chapter(
            entry.at,
            str(ACTIONS.get(entry.action, entry.action)),
            actor_name(entry),
            _before(entry.value.old, entry.value.new)
            if entry.action in CHANGES and hasattr(entry, "value")
            else [],
        )
        for entry in entries
    ]


def _before(old: dict[str, str], new: dict[str, str]) -> list[tuple[str, str]]:
    changed = {field: value for field, value in old.items() if value != new.get(field)}
    return [(str(FIELDS[field]), value or "–") for field, value in changed.items() if field in FIELDS]
