"""A caller's states and the ways between them, how they left, and who wrote a notice."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Status(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    IN_CALL = "in_call", _("In a call")
    ON_HOLD = "on_hold", _("On hold")
    LEFT = "left", _("Left")


# The one table of what may follow what; `states.change` is its one reader and the one writer of a status.
TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.WAITING: frozenset({Status.IN_CALL, Status.LEFT}),
    # Back to waiting: in another area, or at the desk of another practitioner.
    Status.IN_CALL: frozenset({Status.ON_HOLD, Status.WAITING, Status.LEFT}),
    Status.ON_HOLD: frozenset({Status.IN_CALL, Status.WAITING, Status.LEFT}),
    # Who was only absent comes back to where they were; nobody is in a call with somebody who was gone.
    Status.LEFT: frozenset({Status.WAITING, Status.ON_HOLD}),
}

# In which states a caller may write, where the clinic takes their notices (W9, A49).
MAY_WRITE = frozenset({Status.WAITING, Status.ON_HOLD})


class Left(models.TextChoices):
    """How a caller left; only who was merely absent may come back as the same caller (W4)."""

    NOT = "", ""
    THEMSELVES = "themselves", _("left by themselves")
    ABSENT = "absent", _("the connection was lost")
    REMOVED = "removed", _("removed")
    ENDED = "ended", _("the call ended")
    RELEASED = "released", _("the appointment was cancelled")


class Alert(models.TextChoices):
    """Why staff should look after a caller now (W14)."""

    NONE = "", ""
    ALONE = "alone", _("Nobody is with them")
    VANISHED = "vanished", _("The connection of the person with them was lost")


class HowGone(models.TextChoices):
    """How somebody of the clinic went from a call."""

    NOT = "", ""
    LEFT = "left", "left the call"
    VANISHED = "vanished", "their browser was gone"
    ENDED = "ended", "the call ended"


class Author(models.TextChoices):
    NOBODY = "", ""
    CLINIC = "clinic", "clinic"
    CALLER = "caller", "caller"


class Asked(models.TextChoices):
    """Whether the entry asks for something (W3)."""

    NO = "no", _("not asked")
    OPTIONAL = "optional", _("asked, may stay empty")
    REQUIRED = "required", _("must be filled in")


class Sound(models.TextChoices):
    """What staff hear when somebody writes or needs them (W10)."""

    BELL = "bell", _("Bell")
    CHIME = "chime", _("Chime")
    KNOCK = "knock", _("Knock")
