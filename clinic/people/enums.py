"""Roles, plans, and what a role may do."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    ADMIN = "admin", _("administrator")
    PRACTITIONER = "practitioner", _("practitioner")
    ASSISTANT = "assistant", _("assistant")


class Plan(models.TextChoices):
    BASIC = "basic", _("basic")
    PREMIUM = "premium", _("premium")


class Language(models.TextChoices):
    ENGLISH = "en", "English"
    POLISH = "pl", "Polski"
    GERMAN = "de", "Deutsch"
    ROMANIAN = "ro", "Română"


class PhoneMark(models.TextChoices):
    """Doubts about a number that was accepted all the same (P13)."""

    NONE = "", ""
    UNASSIGNED = "unassigned", _("this number may not be in use")
    LANDLINE = "landline", _("a landline: it may not take SMS")


EVERYONE = frozenset(Role)
ADMINS = frozenset({Role.ADMIN})

# What each role may do. The choke point (`clinic.access`) knows no other source.
ALLOWED: dict[str, frozenset[Role]] = {
    "board.see": EVERYONE,
    "appointment.see": EVERYONE,
    "appointment.write": EVERYONE,
    "patient.see": EVERYONE,
    "patient.write": EVERYONE,
    # Somebody else's note; one's own belongs to "patient.write".
    "note.delete": ADMINS,
    "calendar.see": EVERYONE,
    "calendar.write": EVERYONE,  # absences and a date's own hours; the week itself is a setting
    "caller.see": EVERYONE,
    "caller.write": EVERYONE,
    "review.see": EVERYONE,
    "review.write": EVERYONE,
    "settings.write": ADMINS,
    "messages.see": EVERYONE,
    "messages.write": EVERYONE,
}
