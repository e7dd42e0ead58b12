"""A caller's states, how they left, and who wrote a notice."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Status(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    IN_CALL = "in_call", _("In a call")
    ON_HOLD = "on_hold", _("On hold")
    LEFT = "left", _("Left")


class Left(models.TextChoices):
    """How a caller left; only who was merely absent may come back as the same caller (W4)."""

    NOT = "", ""
    THEMSELVES = "themselves", "left by themselves"
    ABSENT = "absent", "the connection was lost"
    REMOVED = "removed", "removed by staff"
    ENDED = "ended", "the call ended"


class Author(models.TextChoices):
    NOBODY = "", ""
    CLINIC = "clinic", "clinic"
    CALLER = "caller", "caller"
