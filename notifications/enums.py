"""The ways a message can take, and how somebody says what they want."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Channel(models.TextChoices):
    EMAIL = "email", _("E-mail")
    SMS = "sms", _("SMS")
    PUSH = "push", _("App")


class ToldBy(models.TextChoices):
    """How it became known whether a patient wants an invitation (P16)."""

    LINK = "link", _("by the patient, on their page")
    ONE_CLICK = "one_click", _("by the patient, in their mail program")
    STAFF = "staff", _("the patient told the clinic")
